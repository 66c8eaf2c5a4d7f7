// shrink_test.cpp: S1 to S3 are in shrink.cpp.
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <stdexcept>
#include <string>

namespace asyncio::sim {
namespace {

using testing::HasSubstr;

/// Thirty messages; fails where the third is slow and the twentieth slower than that.
void two_slow_messages(World& world) {
  world.client("client", [] {});
  std::size_t delay[30];
  for (int i = 0; i != 30; ++i) delay[i] = world.choose(40, "message " + std::to_string(i));
  require(delay[3] < 7 || delay[20] <= delay[3], "too slow: " + std::to_string(delay[3]));
}

/// The same with messages that are alike, and one that is sent only when another is slow.
void messages_that_come_and_go(World& world) {
  world.client("client", [] {});
  std::size_t slow = 0;
  for (int i = 0; i != 30; ++i) {
    const bool again = world.choose(2, "send again") == 1;
    if (again) world.choose(10, "how");
    slow += world.choose(8, "latency") == 7;
  }
  require(slow < 3, "three were slow");
}

RunResult found(const Scenario& scenario) { return explore(scenario, {.executions = 5000}).failing.value(); }

void expect_replays(const Scenario& scenario, const RunResult& small) {
  const RunResult again = replay(scenario, small.token);
  EXPECT_EQ(again.trace_hash, small.trace_hash);
  EXPECT_EQ(again.failure->message, small.failure->message);
}

TEST(Shrink, LeavesWhatMattersAndMakesItSmall) {
  const RunResult failing = found(two_slow_messages), small = shrink(two_slow_messages, failing);

  const auto deviating = deviations(two_slow_messages, small);
  ASSERT_EQ(deviating.size(), 2u);
  EXPECT_EQ(deviating[0].index, 3u);
  EXPECT_EQ(deviating[0].choice.label, "user: message 3");
  EXPECT_EQ(deviating[0].choice.picked, 7u);
  EXPECT_EQ(deviating[1].index, 20u);
  EXPECT_EQ(deviating[1].choice.picked, 8u);
  EXPECT_EQ(small.tape.size(), 21u);  // ends with its last deviation
  EXPECT_EQ(small.failure->message, "too slow: 7");
  expect_replays(two_slow_messages, small);
}

TEST(Shrink, FindsDeviationsAgainWhenOthersAreTakenAway) {
  const RunResult failing = found(messages_that_come_and_go), small = shrink(messages_that_come_and_go, failing);
  const auto deviating = deviations(messages_that_come_and_go, small);
  ASSERT_EQ(deviating.size(), 3u);
  for (const Deviation& deviation : deviating) EXPECT_EQ(deviation.choice.label, "user: latency");
  EXPECT_LE(small.tape.size(), failing.tape.size());
  expect_replays(messages_that_come_and_go, small);
}

TEST(Shrink, FindsOneDeviationThatDoesWhatTwoDid) {
  const auto shortcut = [](World& world) {
    world.client("client", [] {});
    const bool a = world.choose(2, "a") == 1, b = world.choose(2, "b") == 1, c = world.choose(2, "c") == 1;
    require(!(a && c) && !(b && !c), "either way");
  };
  RunResult failing;  // the one with a and c
  for (std::uint64_t seed = 0; failing.tape.empty(); ++seed) {
    RunResult result = run(shortcut, {.seed = seed});
    if (result.tape[0].picked == 1 && result.tape[1].picked == 0 && result.tape[2].picked == 1) failing = result;
  }
  const auto deviating = deviations(shortcut, shrink(shortcut, failing));
  ASSERT_EQ(deviating.size(), 1u);
  EXPECT_EQ(deviating[0].choice.label, "user: b");
}

// S1
TEST(Shrink, KeepsTheMessage) {
  const auto two_bugs = [](World& world) {
    world.client("client", [] {});
    const bool a = world.choose(2, "a") == 1, b = world.choose(2, "b") == 1;
    if (a && b) fail("both");
    if (a) fail("only a");
  };
  RunResult failing = run(two_bugs);
  for (std::uint64_t seed = 1; !failing.failure || failing.failure->message != "both"; ++seed) {
    failing = run(two_bugs, {.seed = seed});
  }
  EXPECT_EQ(shrink(two_bugs, failing, {.executions = 1}).failure->message, "both");
}

TEST(Shrink, GivesAnEmptyTapeWhereThePlainExecutionFails) {
  const auto always = [](World& world) {
    world.client("client", [] {});
    for (int i = 0; i != 10; ++i) world.choose(3, "any");
    fail("always");
  };
  const RunResult small = shrink(always, run(always, {.seed = 5}));
  EXPECT_TRUE(small.tape.empty());
  expect_replays(always, small);
}

TEST(Shrink, KeepsTheOptionsOfTheExecution) {
  const RunOptions options{.ready = ReadyOrder::any, .step_limit = 77};
  const ExploreResult found = explore(two_slow_messages, {.executions = 5000, .run = options});
  const RunResult small = shrink(two_slow_messages, found.failing.value());
  EXPECT_THAT(small.token, HasSubstr("-any-"));
  EXPECT_THAT(small.token, HasSubstr("-n77-"));
}

TEST(Shrink, EndsWhenItsExecutionsAreUsedUp) {
  const RunResult failing = found(two_slow_messages);
  const RunResult small = shrink(two_slow_messages, failing, {.executions = 0});
  EXPECT_EQ(small.trace_hash, failing.trace_hash);
  expect_replays(two_slow_messages, small);
}

TEST(Shrink, RefusesAnExecutionThatDidNotFail) {
  EXPECT_THROW(shrink(two_slow_messages, run(two_slow_messages)), std::invalid_argument);
}

TEST(Shrink, NoticesAScenarioThatHasChanged) {
  const RunResult failing = found(two_slow_messages);
  try {
    shrink(messages_that_come_and_go, failing);
    FAIL();
  } catch (const StaleTape& stale) {
    EXPECT_THAT(stale.what(), HasSubstr("choice 0 (user: send again): 40 ways on the tape, 2 in the program"));
  }
}

}  // namespace
}  // namespace asyncio::sim
