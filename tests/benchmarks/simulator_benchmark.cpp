// simulator_benchmark.cpp: how fast worlds are made, run and searched.
//
// The first is the one to watch: three tasks that increment a shared number three times each, every read and every
// write a point where another task may go first. It is what the search for interleavings costs.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <benchmark/benchmark.h>

#include <memory>
#include <string>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

void lost_update(sim::World& world) {
  auto count = std::make_shared<sim::Shared<int>>(0, "count");
  world.client("c", [=] {
    const auto increment = [=] {
      for (int i = 0; i < 3; ++i) count->write(count->read() + 1);
    };
    auto a = asyncio::create_task(increment);
    auto b = asyncio::create_task(increment);
    auto c = asyncio::create_task(increment);
    asyncio::await(a);
    asyncio::await(b);
    asyncio::await(c);
  });
}

/// One exploration an iteration: an item is an execution.
void explore(benchmark::State& state, const sim::Scenario& scenario, sim::ReadyOrder ready) {
  constexpr std::uint64_t EXECUTIONS = 10'000;
  std::uint64_t seed = 0;
  for (auto _ : state) {
    const auto result = sim::explore(scenario, {.executions = EXECUTIONS, .run = {.seed = seed, .ready = ready}});
    if (result.failing) state.SkipWithError(result.failing->failure->message.c_str());
    seed += EXECUTIONS;
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(EXECUTIONS));
}

void BM_LostUpdateUnderAny(benchmark::State& state) { explore(state, lost_update, sim::ReadyOrder::any); }
BENCHMARK(BM_LostUpdateUnderAny)->Unit(benchmark::kMillisecond);

void BM_LostUpdateUnderFifo(benchmark::State& state) { explore(state, lost_update, sim::ReadyOrder::fifo); }
BENCHMARK(BM_LostUpdateUnderFifo)->Unit(benchmark::kMillisecond);

/// A world that is made, finds nothing to do, and is dropped. One choice, or explore() would stop after one execution.
void BM_EmptyWorld(benchmark::State& state) {
  explore(state, [](sim::World& world) { world.choose(1'000'000, "something"); }, sim::ReadyOrder::fifo);
}
BENCHMARK(BM_EmptyWorld)->Unit(benchmark::kMillisecond);

/// Messages to and fro over one connection: an item is a message.
void BM_Messages(benchmark::State& state) {
  constexpr int ROUNDS = 2'000;
  std::uint64_t seed = 0;
  for (auto _ : state) {
    const auto result = sim::run(
        [](sim::World& world) {
          world.host("server", [] {
            asyncio::start_server(
                [](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
                  for (std::string line; !(line = reader.readline()).empty();) writer.write(line);
                  writer.close();
                },
                "server", 7)
                ->serve_forever();
          });
          world.client("client", [] {
            asyncio::sleep(1s);
            auto [reader, writer] = asyncio::open_connection("server", 7);
            for (int i = 0; i < ROUNDS; ++i) {
              writer.write("ping\n");
              reader.readline();
            }
          });
        },
        {.seed = ++seed});
    if (result.failure) state.SkipWithError(result.failure->message.c_str());
  }
  state.SetItemsProcessed(state.iterations() * 2 * ROUNDS);
}
BENCHMARK(BM_Messages)->Unit(benchmark::kMillisecond);

}  // namespace
