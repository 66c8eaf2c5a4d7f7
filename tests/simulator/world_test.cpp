// world_test.cpp: what world.hpp promises of hosts, time, checks and the end of an execution.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using testing::HasSubstr;

namespace sim = asyncio::sim;

namespace {

sim::Failure failure_of(const sim::Scenario& scenario, sim::RunOptions options = {}) {
  const sim::RunResult result = sim::run(scenario, std::move(options));
  EXPECT_TRUE(result.failure.has_value());
  return result.failure.value_or(sim::Failure{});
}

TEST(World, TakesNoRealTimeForVirtualTime) {
  const auto result = sim::run([](sim::World& world) { world.client("sleeper", [] { asyncio::sleep(5h); }); });

  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.virtual_time, 5h);
}

SIM_TEST(World, StartsItsClockAtZero) {
  world.client("c", [] {
    EXPECT_EQ(sim::World::current().now(), asyncio::TimePoint{});
    asyncio::sleep(3s);
    EXPECT_EQ(sim::World::current().now() - asyncio::TimePoint{}, 3s);
    EXPECT_EQ(asyncio::get_running_loop().time(), sim::World::current().now());
  });
}

// W1.
SIM_TEST(World, StandsStillDuringACallback) {
  world.client("a", [] {
    const auto before = asyncio::get_running_loop().time();
    for (int i = 0; i < 1000; ++i) asyncio::get_running_loop().call_soon([] {});
    EXPECT_EQ(asyncio::get_running_loop().time(), before);
  });
  world.client("b", [] { asyncio::sleep(1ms); });
}

TEST(World, GivesTheSameTraceForTheSameSeed) {
  const sim::Scenario scenario = [](sim::World& world) {
    for (const char* name : {"a", "b"}) {
      world.client(name, [] {
        for (int i = 0; i < 5; ++i) asyncio::sleep(asyncio::get_running_loop().random().below(3) * 1ms);
      });
    }
  };
  const auto first = sim::run(scenario, {.seed = 7});
  sim::run(scenario, {.seed = 8});

  EXPECT_EQ(sim::run(scenario, {.seed = 7}).trace_hash, first.trace_hash);
  EXPECT_NE(sim::run(scenario, {.seed = 8}).trace_hash, first.trace_hash);
}

TEST(World, HasTheSameTraceWhetherItIsKeptOrNot) {
  const sim::Scenario scenario = [](sim::World& world) {
    world.client("a", [] { asyncio::sleep(1ms); });
    world.client("b", [] { asyncio::sleep(1ms); });
  };
  EXPECT_EQ(sim::run(scenario, {.seed = 3, .trace = true}).trace_hash, sim::run(scenario, {.seed = 3}).trace_hash);
}

TEST(World, RefusesNamesThatAreTakenOrEmpty) {
  sim::run([](sim::World& world) {
    world.host("a", [] {});
    EXPECT_THROW(world.client("a", [] {}), std::invalid_argument);
    EXPECT_THROW(world.host("", [] {}), std::invalid_argument);
    EXPECT_THROW(world.crash("nobody"), std::invalid_argument);
  });
}

TEST(World, PassesOnWhatTheScenarioThrowsWhileItBuilds) {
  EXPECT_THROW(sim::run([](sim::World&) { throw std::out_of_range("built badly"); }), std::out_of_range);
}

TEST(World, IsCurrentDuringAnExecutionOnly) {
  EXPECT_THROW(sim::World::current(), asyncio::RuntimeError);
  sim::run([](sim::World& world) { world.client("c", [&world] { EXPECT_EQ(&sim::World::current(), &world); }); });
  EXPECT_THROW(sim::World::current(), asyncio::RuntimeError);
}

TEST(World, EndsWhenEveryClientHasReturnedWhateverItsHostsDo) {
  const auto result = sim::run([](sim::World& world) {
    world.host("server", [] {
      for (;;) asyncio::sleep(1s);
    });
    world.client("short", [] { asyncio::sleep(1s); });
    world.client("long", [] { asyncio::sleep(10s); });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.virtual_time, 10s);
}

TEST(World, WithoutClientsEndsWhenNothingMoreCanHappen) {
  bool checked = false;
  const auto result = sim::run([&](sim::World& world) {
    world.host("server", [] { asyncio::sleep(7s); });
    world.finally([&] { checked = true; });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(checked);
  EXPECT_EQ(result.virtual_time, 7s);
}

TEST(World, WithoutAnyHostEndsAfterItsLastAt) {
  const auto result = sim::run([](sim::World& world) { world.at(2s, [] {}); });
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.virtual_time, 2s);
}

SIM_TEST(World, CancelsWhatAClientsMainLeavesRunning, {.executions = 1, .strategy = sim::fifo()}) {
  auto cancelled = std::make_shared<bool>(false);
  world.client("c", [=] {
    auto task = asyncio::create_task([=] {
      try {
        asyncio::sleep(1h);
      } catch (const asyncio::CancelledError&) {
        *cancelled = true;
        throw;
      }
    });
    asyncio::sleep(1ms);
  });
  world.finally([=] { EXPECT_TRUE(*cancelled); });
}

TEST(World, NamesATaskThatCannotBeEnded) {
  const auto failure = failure_of([](sim::World& world) {
    world.client("c", [] {
      auto task = asyncio::create_task(
          [] {
            for (;;) {
              try {
                asyncio::sleep(1h);
              } catch (const asyncio::CancelledError&) {
              }
            }
          },
          {.name = "stubborn"});
      asyncio::sleep(1ms);
    });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::leaked_task);
  EXPECT_THAT(failure.message, HasSubstr("stubborn"));
  EXPECT_THAT(failure.message, HasSubstr("world_test.cpp:"));
}

// Cancelling the one cancels the other, and so on: asyncio.run() ends with a RecursionError there.
TEST(World, ReportsTasksThatWaitForEachOtherWhenMainEnds) {
  const auto failure = failure_of([](sim::World& world) {
    world.client("alice", [] {
      static asyncio::Task<void> one, other;
      one = asyncio::create_task([] { asyncio::await(other); });
      other = asyncio::create_task([] { asyncio::await(one); });
      asyncio::sleep(1s);
      one = other = {};
    });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::exception);
  EXPECT_THAT(failure.message, HasSubstr("cancelling what main has left failed: RuntimeError"));
  EXPECT_THAT(failure.message, HasSubstr("waits for itself"));
  EXPECT_EQ(failure.where, "host alice");
}

TEST(World, ReportsWhatEscapesFromMain) {
  for (const bool client : {true, false}) {
    const auto failure = failure_of([client](sim::World& world) {
      const auto main = [] { throw std::runtime_error("no disk"); };
      client ? world.client("alice", main) : world.host("alice", main);
      world.client("other", [] { asyncio::sleep(1s); });
    });
    EXPECT_EQ(failure.kind, sim::FailureKind::exception);
    EXPECT_THAT(failure.message, HasSubstr("runtime_error: no disk"));
    EXPECT_EQ(failure.where, "host alice");
  }
}

TEST(World, ReportsAnExceptionThatNobodyRetrieved) {
  const auto failure = failure_of([](sim::World& world) {
    world.client("c", [] {
      asyncio::create_task([] { throw std::runtime_error("unheard"); });
      asyncio::sleep(1s);
    });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::exception);
  EXPECT_THAT(failure.message, HasSubstr("Task exception was never retrieved"));
  EXPECT_THAT(failure.message, HasSubstr("unheard"));
}

TEST(World, LeavesErrorsToTheProgramsOwnHandler) {
  int heard = 0;
  const auto result = sim::run([&](sim::World& world) {
    world.client("c", [&] {
      asyncio::get_running_loop().set_exception_handler([&](auto&, const auto&) { ++heard; });
      asyncio::get_running_loop().call_soon([] { throw std::runtime_error("x"); });
      asyncio::sleep(1ms);
    });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(heard, 1);
}

TEST(World, RemembersACheckEvenWhereSomethingCatchesIt) {
  const auto failure = failure_of([](sim::World& world) {
    world.client("bank", [] {
      try {
        sim::require(false, "money is gone");
      } catch (const sim::CheckFailed&) {
      }
    });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::check);
  EXPECT_EQ(failure.message, "money is gone");
  EXPECT_EQ(failure.where, "host bank, task Task-1");
}

TEST(World, DescribesADeadlock) {
  const auto failure = failure_of([](sim::World& world) {
    world.client("alice", [] {
      asyncio::Event never;
      auto helper = asyncio::create_task([&] { never.wait(); }, {.name = "helper"});
      asyncio::await(helper);
    });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::deadlock);
  EXPECT_THAT(failure.message, HasSubstr("alice: Task-1 (its main) waits for <Task pending name='helper'>"));
  EXPECT_THAT(failure.message, HasSubstr("helper made at world_test.cpp:"));
  EXPECT_THAT(failure.message, testing::Not(HasSubstr("0x")));
}

TEST(World, StopsAtItsTimeLimit) {
  const auto failure = failure_of(
      [](sim::World& world) {
        world.client("c", [] {
          for (;;) asyncio::sleep(1min);
        });
      },
      {.time_limit = 1h});
  EXPECT_EQ(failure.kind, sim::FailureKind::time_limit);
  EXPECT_THAT(failure.message, HasSubstr("3600 s"));
}

TEST(World, StopsAtItsStepLimit) {
  const auto failure = failure_of(
      [](sim::World& world) {
        world.client("c", [] {
          for (;;) asyncio::sleep(0s);
        });
      },
      {.step_limit = 100});
  EXPECT_EQ(failure.kind, sim::FailureKind::step_limit);
  EXPECT_THAT(failure.message, HasSubstr("without any time passing"));
}

TEST(World, RunsAtOutsideEveryHostAtItsTime) {
  std::vector<std::string> seen;
  sim::run([&](sim::World& world) {
    for (const auto when : {2s, 1s}) {
      world.at(when, [&] {
        EXPECT_EQ(asyncio::get_running_loop_or_null(), nullptr);
        seen.push_back(std::to_string(sim::World::current().now().time_since_epoch() / 1s));
      });
    }
    EXPECT_THROW(world.at(-1s, [] {}), std::invalid_argument);
    world.client("c", [] { asyncio::sleep(3s); });
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"1", "2"}));
}

TEST(World, FailsWhereAnAtThrows) {
  const auto failure = failure_of([](sim::World& world) {
    world.at(1s, [] { throw std::logic_error("bad nemesis"); });
    world.client("c", [] { asyncio::sleep(2s); });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::exception);
  EXPECT_THAT(failure.message, HasSubstr("bad nemesis"));
}

TEST(World, ChecksInvariantsAfterEveryStep) {
  const auto failure = failure_of([](sim::World& world) {
    auto balance = std::make_shared<int>(1);
    world.client("c", [=] {
      asyncio::sleep(1s);
      *balance = -1;
      asyncio::sleep(0s);
      *balance = 1;
    });
    world.invariant("never in debt", [=] { return *balance >= 0; });
  });
  EXPECT_EQ(failure.kind, sim::FailureKind::invariant);
  EXPECT_THAT(failure.message, HasSubstr("never in debt"));
}

TEST(World, WantsWhatIsToHoldEventually) {
  for (const int reached : {0, 1}) {
    const auto result = sim::run([reached](sim::World& world) {
      auto leader = std::make_shared<int>(0);
      world.client("c", [=] {
        *leader = reached;
        asyncio::sleep(1s);
        *leader = 0;
      });
      world.eventually("a leader", [=] { return *leader == 1; });
    });
    EXPECT_EQ(result.failure.has_value(), reached == 0);
  }
}

TEST(World, NeverLetsAFailureOfFinallyEscape) {
  const auto check = failure_of([](sim::World& world) { world.finally([] { sim::fail("lost"); }); });
  EXPECT_EQ(check.kind, sim::FailureKind::check);
  const auto error = failure_of([](sim::World& world) { world.finally([] { throw std::runtime_error("oops"); }); });
  EXPECT_EQ(error.kind, sim::FailureKind::exception);
}

TEST(World, ChoosesNothingWhereThereIsNothingToChoose) {
  const auto result = sim::run([](sim::World& world) {
    EXPECT_TRUE(world.chance(1, "certain"));
    EXPECT_FALSE(world.chance(0, "never"));
    EXPECT_EQ(world.choose(1, "one"), 0u);
    EXPECT_THROW(world.choose(0, "none"), std::invalid_argument);
    EXPECT_THROW(world.chance(1.5, "much"), std::invalid_argument);
  });
  EXPECT_TRUE(result.tape.empty());
}

TEST(World, WritesWhatTheScenarioChoosesToTheTape) {
  const auto result = sim::run(
      [](sim::World& world) {
        world.chance(0.25, "rain");
        world.choose(5, "finger");
        world.random().below(6);
      },
      {.trace = true});

  ASSERT_EQ(result.tape.size(), 3u);
  EXPECT_EQ(result.tape[0].label, "user: rain");
  EXPECT_EQ(result.tape[1].ways, 5u);
  EXPECT_EQ(result.tape[2].kind, sim::ChoiceKind::random);
}

// W2: each host has a loop and task numbers of its own.
SIM_TEST(World, GivesEachHostALoopOfItsOwn) {
  auto loops = std::make_shared<std::vector<asyncio::AbstractEventLoop*>>();
  for (const char* name : {"a", "b"}) {
    world.client(name, [=] {
      loops->push_back(&asyncio::get_running_loop());
      EXPECT_EQ(asyncio::current_task().get_name(), "Task-1");
      EXPECT_EQ(asyncio::create_task([] {}).get_name(), "Task-2");
    });
  }
  world.finally([=] {
    ASSERT_EQ(loops->size(), 2u);
    EXPECT_NE(loops->at(0), loops->at(1));
  });
}

}  // namespace
