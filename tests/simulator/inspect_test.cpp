// inspect_test.cpp: the tasks of a world at any step of an execution.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// alice waits for her worker, who sleeps; bob waits for nobody.
void two_hosts(World& world) {
  world.client("alice", [] {
    const auto worker = create_task([] { asyncio::sleep(10ms); }, {.name = "worker"});
    await(worker);
    asyncio::sleep(10ms);
  });
  world.client("bob", [] { asyncio::sleep(30ms); });
}

std::string token_of(const Scenario& scenario) { return run(scenario).token; }

TEST(Inspect, ShowsWhoWaitsForWhom) {
  const Inspection seen = inspect(two_hosts, token_of(two_hosts), 3);

  EXPECT_EQ(seen.step, 3u);
  ASSERT_THAT(seen.hosts, SizeIs(2));
  EXPECT_EQ(seen.hosts[0].host, "alice");
  ASSERT_THAT(seen.hosts[0].tasks, SizeIs(2));
  EXPECT_EQ(seen.hosts[0].tasks[1].task_name, "worker");
  EXPECT_THAT(seen.hosts[0].tasks[1].awaited_by, ElementsAre(0));
  EXPECT_THAT(seen.hosts[1].tasks, SizeIs(1));
}

// Every step can be looked at, and the execution is the same each time.
TEST(Inspect, ChangesNothingOfTheExecution) {
  const RunResult plain = run(two_hosts);
  ASSERT_GT(plain.steps, 3u);
  for (std::size_t step = 0; step <= plain.steps; ++step) {
    const Inspection seen = inspect(two_hosts, plain.token, step);
    EXPECT_EQ(seen.step, step);
    EXPECT_EQ(seen.result.trace_hash, plain.trace_hash);
  }
}

// nobody_else_may_go(): a host that is alone takes several steps in one turn; each of them can be looked at.
TEST(Inspect, StopsInTheMiddleOfARowOfSteps) {
  const Scenario alone = [](World& world) {
    world.client("alice", [] {
      for (int i = 0; i < 20; ++i) asyncio::sleep(0s);
    });
  };
  const RunResult plain = run(alone, {.ready = ReadyOrder::any});
  for (std::size_t step = 0; step <= plain.steps; ++step) {
    EXPECT_EQ(inspect(alone, plain.token, step).step, step);
    EXPECT_EQ(inspect(alone, plain.token, step).result.trace_hash, plain.trace_hash);
  }
}

TEST(Inspect, LooksAfterTheLastStepWhereNoneIsNamed) {
  const Scenario stuck = [](World& world) {
    world.client("alice", [] { await(get_running_loop().create_future<void>()); });
  };
  const Inspection seen = inspect(stuck, token_of(stuck));

  EXPECT_EQ(seen.step, seen.result.steps);
  EXPECT_EQ(seen.result.failure->kind, FailureKind::deadlock);
  ASSERT_THAT(seen.hosts.at(0).tasks, SizeIs(1));
  EXPECT_EQ(seen.hosts[0].tasks[0].waits_for, "<Future pending>");
}

TEST(Inspect, RefusesAStepThatThereIsNot) {
  const RunResult plain = run(two_hosts);
  EXPECT_THROW(inspect(two_hosts, plain.token, plain.steps + 1), std::out_of_range);
}

TEST(Inspect, ShowsNoTasksOfAHostThatHasCrashed) {
  const Scenario crashing = [](World& world) {
    world.host("server", [] { asyncio::sleep(1h); });
    world.client("alice", [] { asyncio::sleep(10ms); });
    world.at(5ms, [&world] { world.crash("server"); });
  };
  const Inspection seen = inspect(crashing, token_of(crashing));

  EXPECT_FALSE(seen.hosts.at(0).running);
  EXPECT_THAT(seen.hosts.at(0).tasks, IsEmpty());
}

}  // namespace
}  // namespace asyncio::sim
