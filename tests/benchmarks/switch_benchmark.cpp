// switch_benchmark.cpp: what it costs to leave a stack and come back.
//
// Three ways side by side, one round trip each (two switches): the assembly alone, Boost's fiber class
// over it, and our coroutine over it. The last benchmarks show what the extras are made of: the same
// round trip where the floating-point flags of the two sides differ, a whole life from start to end, and
// a step among so many coroutines that their stacks do not fit into a cache.
//
// Wall clock on a shared machine says little, ratios between neighbours in one run say more: each result
// carries `ratio`, its time over that of the bare switch, which is measured anew just before it.
#include <asyncio/coroutine.hpp>

#include <boost/context/detail/fcontext.hpp>
#include <boost/context/fiber.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cfenv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace context = boost::context::detail;
using asyncio::Coroutine;

/// A bare fiber that jumps back for ever.
class BareFiber {
 public:
  BareFiber()
      : stack_(new char[STACK_BYTES]), there_(context::make_fcontext(stack_.get() + STACK_BYTES, STACK_BYTES, loop)) {}
  void round_trip() { there_ = context::jump_fcontext(there_, nullptr).fctx; }

 private:
  static constexpr std::size_t STACK_BYTES = 64 * 1024;
  static void loop(context::transfer_t back) {
    for (;;) back = context::jump_fcontext(back.fctx, nullptr);
  }

  std::unique_ptr<char[]> stack_;
  context::fcontext_t there_;
};

double bare_round_trip_ns() {
  constexpr int rounds = 200'000;
  BareFiber fiber;
  fiber.round_trip();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i != rounds; ++i) fiber.round_trip();
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count() / rounds;
}

/// Runs `round_trip` as the benchmark, and reports it beside the bare switch of the same moment.
template <class F>
void measure(benchmark::State& state, F round_trip) {
  const double bare_ns = bare_round_trip_ns();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) round_trip();
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  const double each_ns = spent.count() / static_cast<double>(state.iterations());
  state.counters["bare_ns"] = bare_ns;
  state.counters["over_bare_ns"] = each_ns - bare_ns;
  state.counters["ratio"] = each_ns / bare_ns;
}

void BareFcontext(benchmark::State& state) {
  BareFiber fiber;
  measure(state, [&] { fiber.round_trip(); });
}
BENCHMARK(BareFcontext);

void BoostFiber(benchmark::State& state) {
  boost::context::fiber there([](boost::context::fiber&& back) {
    for (;;) back = std::move(back).resume();
    return std::move(back);
  });
  measure(state, [&] { there = std::move(there).resume(); });
}
BENCHMARK(BoostFiber);

[[noreturn]] void suspend_for_ever() {
  for (;;) Coroutine::suspend();
}

void CoroutineSendAndSuspend(benchmark::State& state) {
  const Coroutine coroutine([] { suspend_for_ever(); });
  measure(state, [&] { benchmark::DoNotOptimize(coroutine.send()); });
}
BENCHMARK(CoroutineSendAndSuspend);

// The fair neighbour of a coroutine: nobody can inline a switch into all of a program. One call on each
// side puts one return behind each jump, which the processor predicts by the wrong stack's calls.
class BareFiberBehindCalls {
 public:
  BareFiberBehindCalls() : stack_(new char[STACK_BYTES]) {
    there_ = context::make_fcontext(stack_.get() + STACK_BYTES, STACK_BYTES, loop);
    there_ = context::jump_fcontext(there_, this).fctx;
  }
  [[gnu::noinline]] void send() {
    there_ = context::jump_fcontext(there_, nullptr).fctx;
    benchmark::ClobberMemory();
  }

 private:
  static constexpr std::size_t STACK_BYTES = 64 * 1024;
  [[gnu::noinline]] void suspend() {
    back_ = context::jump_fcontext(back_, nullptr).fctx;
    benchmark::ClobberMemory();
  }
  static void loop(context::transfer_t back) {
    auto* const self = static_cast<BareFiberBehindCalls*>(back.data);
    self->back_ = back.fctx;
    for (;;) self->suspend();
  }

  std::unique_ptr<char[]> stack_;
  context::fcontext_t there_;
  context::fcontext_t back_ = nullptr;
};

void BareFcontextBehindCalls(benchmark::State& state) {
  BareFiberBehindCalls fiber;
  measure(state, [&] { fiber.send(); });
}
BENCHMARK(BareFcontextBehindCalls);

// Why every thread sets the inexact flag before its first fiber (fiber_switch.hpp): here a fiber is made
// first, and one side computes afterwards. Not every processor minds.
void BareFcontextWhoseFlagsDiffer(benchmark::State& state) {
  std::fenv_t before;
  std::feholdexcept(&before);  // clears the flags
  BareFiber fiber;
  volatile double seconds = 1.0;
  seconds = seconds / 3.0;
  measure(state, [&] { fiber.round_trip(); });
  std::fesetenv(&before);
}
BENCHMARK(BareFcontextWhoseFlagsDiffer);

// The trap from a user's view: the loop computes with doubles, the coroutine does not.
void CoroutineWhoseResumerComputesDoubles(benchmark::State& state) {
  const Coroutine coroutine([] { suspend_for_ever(); });
  volatile double seconds = 1.0;
  measure(state, [&] {
    seconds = seconds / 3.0 + 1.0;
    benchmark::DoNotOptimize(coroutine.send());
  });
}
BENCHMARK(CoroutineWhoseResumerComputesDoubles);

void CoroutineFromStartToEnd(benchmark::State& state) {
  measure(state, [] { benchmark::DoNotOptimize(Coroutine([] {}).send()); });
}
BENCHMARK(CoroutineFromStartToEnd);

std::vector<Coroutine> suspended_coroutines(std::int64_t count) {
  std::vector<Coroutine> all;
  for (std::int64_t i = 0; i != count; ++i) all.emplace_back([] { suspend_for_ever(); }).send();
  return all;
}

void send_round_robin(benchmark::State& state, const std::vector<Coroutine>& all) {
  std::size_t next = 0;
  measure(state, [&] {
    benchmark::DoNotOptimize(all[next].send());
    if (++next == all.size()) next = 0;
  });
}

// As a loop runs tasks that all do the same. The stacks are at equal distances, and the processor foresees
// the next one.
void CoroutineAmongManyInOrder(benchmark::State& state) {
  send_round_robin(state, suspended_coroutines(state.range(0)));
}
BENCHMARK(CoroutineAmongManyInOrder)->Arg(2)->Arg(100)->Arg(1'000)->Arg(10'000)->Arg(100'000);

// Where it cannot.
void CoroutineAmongManyShuffled(benchmark::State& state) {
  std::vector<Coroutine> all = suspended_coroutines(state.range(0));
  std::shuffle(all.begin(), all.end(), std::minstd_rand(1));
  send_round_robin(state, all);
}
BENCHMARK(CoroutineAmongManyShuffled)->Arg(1'000)->Arg(10'000)->Arg(100'000);

/// A line of /proc/self/status, in KiB.
double status_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (double kib = 0; word == key + ":" && status >> kib) return kib;
  }
  return 0;
}

[[gnu::noinline]] void suspend_under_a_frame_of_400_bytes() {
  volatile char frame[400] = {};
  Coroutine::suspend();
  frame[1] = frame[0];
}

// docs/decisions/0002: what a coroutine that waits keeps in memory. Only the counters matter; run it
// alone (--benchmark_filter=Parked), so that all stacks are new.
void ParkedCoroutines(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    std::vector<Coroutine> all;
    all.reserve(count);
    const double resident = status_kib("VmRSS"), tables = status_kib("VmPTE");
    for (std::size_t i = 0; i != count; ++i) all.emplace_back(suspend_under_a_frame_of_400_bytes).send();
    state.counters["bytes_each"] = (status_kib("VmRSS") - resident) * 1024 / static_cast<double>(count);
    state.counters["page_table_bytes_each"] = (status_kib("VmPTE") - tables) * 1024 / static_cast<double>(count);
    state.counters["unguarded"] = static_cast<double>(asyncio::stack_statistics().unguarded);
  }
}
BENCHMARK(ParkedCoroutines)->Arg(100'000)->Iterations(1);

}  // namespace

BENCHMARK_MAIN();
