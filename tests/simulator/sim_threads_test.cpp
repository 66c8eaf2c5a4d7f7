// sim_threads_test.cpp: executors in a world, where no thread runs. Rules: semantics.md S162 to S166.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace asyncio::sim {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;

/// What `client` leaves behind in all executions of a search, each of them once.
std::set<std::string> outcomes(std::function<void(std::string&)> client, std::uint64_t executions = 200) {
  std::set<std::string> seen;
  explore(
      [&](World& world) {
        const auto outcome = std::make_shared<std::string>();
        world.client("main", [=] { client(*outcome); });
        world.finally([=, &seen] { seen.insert(*outcome); });
      },
      {.executions = executions});
  return seen;
}

SIM_TEST(AJobInAWorld, RunsInNoThreadAndTakesVirtualTime) {
  world.client("main", [] {
    const auto here = std::this_thread::get_id();
    const TimePoint before = get_running_loop().time();
    EXPECT_EQ(to_thread([] { return std::this_thread::get_id(); }), here);
    EXPECT_GT(get_running_loop().time(), before);
  });
}

// It is no task: as in a thread, there is no loop to wait in.
SIM_TEST(AJobInAWorld, RunsOutsideEveryLoop) {
  world.client("main", [] {
    to_thread([] {
      EXPECT_FALSE(get_running_loop_or_null());
      EXPECT_FALSE(Coroutine::inside());
    });
  });
}

SIM_TEST(AJobInAWorld, ThrowsWhatItsFunctionThrows) {
  world.client("main", [] { EXPECT_THROW(to_thread([] { throw std::logic_error("job"); }), std::logic_error); });
}

ContextVar<int> number("sim_threads_number", 0);

// S162.
SIM_TEST(AJobInAWorld, RunsInACopyOfTheContextWhereToThreadStartedIt) {
  world.client("main", [] {
    number.set(3);
    EXPECT_EQ(to_thread([] { return number.get(); }), 3);
    EXPECT_EQ(await(get_running_loop().run_in_executor(nullptr, [] { return number.get(); })), 0);
  });
}

// Which of two jobs ends first is a choice.
TEST(TwoJobsInAWorld, EndInEitherOrder) {
  EXPECT_EQ(outcomes([](std::string& outcome) {
              await(gather([&] { to_thread([&] { outcome += "a"; }); }, [&] { to_thread([&] { outcome += "b"; }); }));
            }),
            (std::set<std::string>{"ab", "ba"}));
}

// One worker keeps the order, as on a real machine.
TEST(TwoJobsInAWorld, KeepTheirOrderInAPoolOfOneWorker) {
  EXPECT_EQ(outcomes([](std::string& outcome) {
              const auto pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
              auto& loop = get_running_loop();
              await(gather(std::vector{loop.run_in_executor(pool, [&] { outcome += "a"; }),
                                       loop.run_in_executor(pool, [&] { outcome += "b"; })}));
            }),
            (std::set<std::string>{"ab"}));
}

// S165: a job can be cancelled before it begins, and runs to its end after that; both happen.
TEST(ACancelledJobInAWorld, HasRunOrNot) {
  EXPECT_EQ(outcomes([](std::string& outcome) {
              const auto future = get_running_loop().run_in_executor(nullptr, [&] { outcome += "ran"; });
              sleep(1ms);
              future.cancel();
              sleep(1h);
            }),
            (std::set<std::string>{"", "ran"}));
}

// The choice has a label, and the trace shows where the job began and ran.
TEST(AJobInAWorld, IsSeenInTheTrace) {
  const RunResult result = run([](World& world) { world.client("alice", [] { to_thread([] {}); }); }, {.trace = true});
  EXPECT_THAT(result.tape, Contains(Field(&Choice::label, "thread: alice")));
  EXPECT_THAT(result.trace.events, Contains(Field(&TraceEvent::kind, EventKind::job_begin)));
  EXPECT_THAT(result.trace.events, Contains(Field(&TraceEvent::kind, EventKind::job_end)));
}

TEST(AJobInAWorld, GivesTheSameTraceForTheSameToken) {
  const auto scenario = [](World& world) {
    world.client("main", [] {
      std::vector<Task<void>> tasks;
      for (int i = 0; i < 5; ++i) tasks.push_back(create_task([] { to_thread([] {}); }));
      await(gather(std::move(tasks)));
    });
  };
  const RunResult first = run(scenario, {.seed = 7});
  EXPECT_EQ(replay(scenario, first.token).trace_hash, first.trace_hash);
}

// A check that fails in a job fails the execution, through whoever waits for the job.
TEST(AJobInAWorld, MayFailTheExecution) {
  const RunResult result =
      run([](World& world) { world.client("main", [] { to_thread([] { require(false, "seen in a job"); }); }); });
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind, FailureKind::check);
  EXPECT_THAT(result.failure->message, HasSubstr("seen in a job"));
}

// A host that crashes takes its threads with it.
TEST(AJobOfACrashedHost, NeverRuns) {
  bool ran = false;
  const RunResult result = run([&](World& world) {
    world.host("server", [&] { to_thread([&] { ran = true; }); });
    world.at(10us, [&] { world.crash("server"); });
    world.client("main", [] { sleep(1h); });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_FALSE(ran);
}

TEST(AJobOfAPausedHost, StandsStill) {
  Duration ran_at{};
  run([&](World& world) {
    world.client("main", [&] { to_thread([&] { ran_at = world.now().time_since_epoch(); }); });
    world.at(10us, [&] { world.pause("main"); });
    world.at(1h, [&] { world.resume("main"); });
  });
  EXPECT_GE(ran_at, 1h);
}

// S227: the end of a client waits for the default executor, as run() does.
TEST(AJobThatNobodyWaitsFor, HasRunWhenItsClientHasEnded) {
  bool ran = false;
  run([&](World& world) {
    world.client("main", [&] { get_running_loop().run_in_executor(nullptr, [&] { ran = true; }); });
  });
  EXPECT_TRUE(ran);
}

// S166: with a timeout of virtual time.
SIM_TEST(ShutdownInAWorld, WaitsForTheJobsOfTheDefaultExecutor) {
  world.client("main", [] {
    bool ran = false;
    get_running_loop().run_in_executor(nullptr, [&] { ran = true; });
    get_running_loop().shutdown_default_executor();
    EXPECT_TRUE(ran);
    EXPECT_THROW(to_thread([] {}), RuntimeError);
  });
}

// To shut a pool down blocks until its jobs have ended; in a world that takes no time.
SIM_TEST(ShutdownInAWorld, OfAPoolRunsItsJobsToTheirEnd) {
  world.client("main", [] {
    int ran = 0;
    auto pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
    for (int i = 0; i < 3; ++i) get_running_loop().run_in_executor(pool, [&] { ++ran; });
    pool.reset();
    EXPECT_EQ(ran, 3);
  });
}

SIM_TEST(ShutdownInAWorld, CancelsWhatHasNotBegunWhereAsked) {
  world.client("main", [] {
    const auto pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
    const auto first = get_running_loop().run_in_executor(pool, [] { return 1; });
    const auto second = get_running_loop().run_in_executor(pool, [] { return 2; });
    pool->shutdown({.wait = false, .cancel_futures = true});
    EXPECT_EQ(await(first), 1);
    EXPECT_THROW(await(second), CancelledError);
    EXPECT_THROW(get_running_loop().run_in_executor(pool, [] {}), RuntimeError);
  });
}

// There is no thread that could wait for another one.
SIM_TEST(WrapFutureInAWorld, RefusesWhatIsNotReady) {
  world.client("main", [] {
    auto& loop = get_running_loop();
    auto soon = run_coroutine_threadsafe([] { return 5; }, loop);
    sleep(1s);
    EXPECT_EQ(await(wrap_future(std::move(soon))), 5);
    auto never = run_coroutine_threadsafe([] { sleep(1h); }, loop);
    EXPECT_THROW(await(wrap_future(std::move(never))), RuntimeError);
  });
}

// S40, S227: the end of a client closes its generators, as run() does.
TEST(AnAsyncGeneratorThatIsLeft, IsClosedWhenItsClientEnds) {
  bool closed = false;
  const RunResult result = run([&](World& world) {
    const auto generator = std::make_shared<AsyncGenerator<int>>([&](auto& yield) {
      try {
        yield(1);
      } catch (const CoroutineExit&) {
        sleep(1s);
        closed = true;
        throw;
      }
    });
    world.client("main", [=] { generator->anext(); });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace asyncio::sim
