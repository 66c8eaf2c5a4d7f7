// loop_benchmark.cpp: what the loop costs, as times to be divided by those of switch_benchmark.cpp.
//
// Each figure is the time of one operation. Absolute figures mean little on a shared machine: read the ratio
// to BareSwitch of the same run.
#include <asyncio/asyncio.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace std::chrono_literals;

// Two tasks take turns: each sleep(0) is one step through the ready queue.
void SleepZeroThroughTheLoop(benchmark::State& state) {
  asyncio::run([&] {
    bool stop = false;
    auto other = asyncio::create_task([&] {
      while (!stop) asyncio::sleep(0s);
    });
    for (auto _ : state) asyncio::sleep(0s);
    stop = true;
    asyncio::await(other);
  });
  state.SetItemsProcessed(state.iterations() * 2);  // one step of each task
}
BENCHMARK(SleepZeroThroughTheLoop);

void SpawnAndJoinInBatchesOf1000(benchmark::State& state) {
  constexpr int BATCH = 1000;
  asyncio::run([&] {
    std::vector<asyncio::Task<void>> tasks;
    for (auto _ : state) {
      for (int i = 0; i < BATCH; ++i) tasks.push_back(asyncio::create_task([] {}));
      for (const auto& task : tasks) asyncio::await(task);
      tasks.clear();
    }
  });
  state.SetItemsProcessed(state.iterations() * BATCH);
}
BENCHMARK(SpawnAndJoinInBatchesOf1000);

void FutureRoundTrip(benchmark::State& state) {
  asyncio::run([&] {
    auto& loop = asyncio::get_running_loop();
    for (auto _ : state) {
      auto future = loop.create_future<int>();
      loop.call_soon([future] { future.set_result(1); });
      benchmark::DoNotOptimize(asyncio::await(future));
    }
  });
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(FutureRoundTrip);

void CallSoonInBatchesOf1000(benchmark::State& state) {
  constexpr int BATCH = 1000;
  asyncio::run([&] {
    auto& loop = asyncio::get_running_loop();
    for (auto _ : state) {
      for (int i = 0; i < BATCH; ++i) loop.call_soon([] {});
      asyncio::sleep(0s);
    }
  });
  state.SetItemsProcessed(state.iterations() * BATCH);
}
BENCHMARK(CallSoonInBatchesOf1000);

void TimerAddAndCancel(benchmark::State& state) {
  asyncio::run([&] {
    auto& loop = asyncio::get_running_loop();
    for (auto _ : state) {
      for (int i = 0; i < 1000; ++i) loop.call_later(1h, [] {}).cancel();
      asyncio::sleep(0s);
    }
  });
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(TimerAddAndCancel);

}  // namespace
