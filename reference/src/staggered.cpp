// staggered.cpp: one task begins the attempts, one after the other, and waits for each.
#include "staggered.hpp"

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/tasks.hpp>

#include <memory>
#include <utility>

namespace asyncio {
namespace {

/// What the attempts and the one who begins them share.
struct Race {
  StaggeredRace result;
  std::vector<Task<void>> tasks;
  Future<void> go_on;  // done when it is time to begin the next attempt, or to stop
  std::size_t latest = 0;

  void tell() const {
    if (!go_on.done()) go_on.set_result();
  }
  void cancel_all_but(std::size_t index) const {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      if (i != index) tasks[i].cancel();
    }
  }
};

void run_attempt(Race& race, std::size_t index, const std::function<void()>& attempt) {
  try {
    attempt();  // suspends
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    race.result.exceptions[index] = error;
    if (index == race.latest) race.tell();  // only the newest one is being waited for
    if (!holds<std::exception>(error)) throw;
    return;
  }
  if (race.result.winner) return;
  race.result.winner = index;
  race.cancel_all_but(index);
  race.tell();
}

/// Waits for every attempt, whatever happens meanwhile: they use what lies on the stack of the caller.
///
/// \return  the cancellation that came meanwhile; null where none did
std::exception_ptr wait_for_all(const Race& race) {
  std::exception_ptr cancelled;
  for (const Task<void>& task : race.tasks) {
    while (!task.done()) {
      const Future<void> ended = get_running_loop().create_future<void>();
      task.add_done_callback([ended](const AnyFuture&) {
        if (!ended.done()) ended.set_result();
      });
      try {
        await(ended);  // suspends
      } catch (const CancelledError&) {
        cancelled = std::current_exception();
        for (const Task<void>& pending : race.tasks) pending.cancel();
      }
    }
    if (!task.cancelled()) task.exception();  // looked at: it is in the result
  }
  return cancelled;
}

}  // namespace

StaggeredRace staggered_race(std::vector<std::function<void()>> attempts, std::optional<Duration> delay) {
  AbstractEventLoop& loop = get_running_loop();
  const auto race = std::make_shared<Race>();
  race->result.exceptions.reserve(attempts.size());
  std::exception_ptr cancelled;
  for (std::size_t i = 0; i < attempts.size() && !race->result.winner && !cancelled; ++i) {
    race->latest = i;
    race->go_on = loop.create_future<void>();
    race->result.exceptions.emplace_back();
    race->tasks.push_back(
        loop.create_task([race, i, attempt = std::move(attempts[i])] { run_attempt(*race, i, attempt); }));
    TimerHandle timer;
    if (delay) timer = loop.call_later(*delay, [race] { race->tell(); });
    try {
      await(race->go_on);  // suspends
    } catch (const CancelledError&) {
      cancelled = std::current_exception();
      race->cancel_all_but(race->tasks.size());
    }
    if (timer) timer.cancel();
  }
  if (const std::exception_ptr later = wait_for_all(*race)) cancelled = later;  // suspends
  if (cancelled) std::rethrow_exception(cancelled);
  return std::move(race->result);
}

}  // namespace asyncio
