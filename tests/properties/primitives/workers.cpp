// workers.cpp: the shape that all properties of primitives share.
#include "workers.hpp"

#include <memory>

using namespace std::chrono_literals;

namespace asyncio::properties {

namespace {

constexpr std::size_t MOST_CANCELLATIONS = 4;

std::size_t choose(std::size_t ways, const char* label) { return sim::World::current().choose(ways, label); }

void work(Worker& worker, const std::function<void(Worker&)>& round) {
  for (std::size_t i = 0; i < worker.rounds; ++i) {
    try {
      round(worker);
    } catch (const CancelledError&) {
      sim::require(worker.doomed, "a worker got a CancelledError, and nobody had cancelled it");
      worker.doomed = false;
      worker.cancellations = 0;
      while (current_task().uncancel() > 0) continue;
      if (!worker.goes_on) return;
    }
  }
}

void sabotage(const std::vector<std::unique_ptr<Worker>>& workers, const std::vector<Task<void>>& tasks) {
  const std::size_t times = choose(MOST_CANCELLATIONS + 1, "how many are cancelled");
  for (std::size_t i = 0; i < times; ++i) {
    linger("when the next is cancelled");
    const std::size_t victim = choose(tasks.size(), "who is cancelled");
    if (!tasks[victim].cancel()) continue;
    workers[victim]->doomed = true;  // W1
    ++workers[victim]->cancellations;
  }
}

}  // namespace

void linger(const char* label) {
  const std::size_t way = choose(5, label);
  if (way == 1) sleep(0s);              // suspends
  if (way > 1) sleep((way - 1) * 1ms);  // suspends
}

void disturbed_workers(const std::function<void(Worker&)>& round) {
  std::vector<std::unique_ptr<Worker>> workers;
  const std::size_t count = 2 + choose(3, "how many workers");
  for (std::size_t i = 0; i < count; ++i) {
    workers.push_back(std::make_unique<Worker>(Worker{.number = i,
                                                      .rounds = 1 + choose(3, "how many rounds"),
                                                      .goes_on = choose(2, "whether it goes on when cancelled") == 0}));
  }
  std::vector<Task<void>> tasks;
  for (std::size_t i = 0; i < count; ++i) {
    Worker& worker = *workers[i];
    tasks.push_back(create_task([&worker, &round] { work(worker, round); }, {.name = "worker" + std::to_string(i)}));
  }
  sabotage(workers, tasks);  // suspends
  for (const auto& task : tasks) {
    try {
      await(task);  // suspends
    } catch (const CancelledError&) {
      // Cancelled before its first step, or between two rounds.
    }
  }
}

void Line::served(const Worker& worker) {
  for (const Worker* const before : waiting_) {
    if (before == &worker) break;
    sim::require(before->doomed, "worker" + std::to_string(worker.number) + " overtook worker" +
                                     std::to_string(before->number) + ", which had asked before it");
  }
  leave(worker);
}

}  // namespace asyncio::properties
