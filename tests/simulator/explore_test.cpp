// explore_test.cpp: run() and explore(). E1 and E2 are in explore.cpp.
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio::sim {
namespace {

using testing::HasSubstr;

/// Fails where two dice show a six: one execution in 36.
void two_sixes(World& world) {
  world.client("player", [] {});
  const std::size_t first = world.choose(6, "first die"), second = world.choose(6, "second die");
  sometimes(first == 5, "a six");
  sometimes(first == 7, "a seven");
  require(first + second != 10, "two sixes");
}

void one_die(World& world) {
  world.client("player", [] {});
  world.choose(6, "die");
}

TEST(Run, GivesTheSameForTheSameSeed) {
  const RunResult first = run(two_sixes, {.seed = 3}), second = run(two_sixes, {.seed = 3});
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.tape, second.tape);
  EXPECT_EQ(first.token, second.token);
}

// X2
TEST(Run, GivesTheSameWithATrace) {
  const RunResult without = run(two_sixes, {.seed = 3}), with = run(two_sixes, {.seed = 3, .trace = true});
  EXPECT_EQ(without.trace_hash, with.trace_hash);
  EXPECT_TRUE(without.trace.events.empty());
  EXPECT_FALSE(with.trace.events.empty());
  EXPECT_EQ(without.tape[0].label, "");
  EXPECT_EQ(with.tape[0].label, "user: first die");
}

TEST(Run, PassesOnWhatTheScenarioThrowsWhileItBuildsTheWorld) {
  EXPECT_THROW(run([](World&) { throw std::logic_error("no"); }), std::logic_error);
  EXPECT_THROW(run(Scenario()), std::invalid_argument);
  EXPECT_FALSE(run(one_die).failure);
}

TEST(Run, IsRefusedInsideAnExecution) {
  EXPECT_THROW(run([](World&) { run(one_die); }), RuntimeError);
}

TEST(Explore, BeginsWithTheSeedItWasGiven) {
  const ExploreResult found = explore(two_sixes, {.executions = 1000});
  ASSERT_TRUE(found.failing);
  const std::uint64_t seed = found.executions - 1;
  EXPECT_EQ(run(two_sixes, {.seed = seed}).token, found.failing->token);

  const ExploreResult from_there = explore(two_sixes, {.executions = 10, .run = {.seed = seed}});
  EXPECT_EQ(from_there.executions, 1u);
  EXPECT_EQ(from_there.failing->token, found.failing->token);
}

TEST(Explore, CountsBehavioursUpToTheFirstFailure) {
  const ExploreResult found = explore(one_die, {.executions = 200});
  EXPECT_FALSE(found.failing);
  EXPECT_EQ(found.executions, 200u);
  EXPECT_EQ(found.distinct_traces, 6u);
  EXPECT_FALSE(found.exhausted);
}

// E1
TEST(Explore, FindsTheSameWithAnyNumberOfJobs) {
  const ExploreResult alone = explore(two_sixes, {.executions = 5000});
  for (const unsigned jobs : {2u, 3u, 8u}) {
    const ExploreResult together = explore(two_sixes, {.executions = 5000, .jobs = jobs});
    EXPECT_EQ(together.executions, alone.executions);
    EXPECT_EQ(together.distinct_traces, alone.distinct_traces);
    EXPECT_EQ(together.sometimes, alone.sometimes);
    EXPECT_EQ(together.failing->token, alone.failing->token);
  }
  EXPECT_EQ(explore(one_die, {.executions = 5000, .jobs = 4}).executions, 5000u);
  EXPECT_THROW(explore(one_die, {.jobs = 0}), std::invalid_argument);
}

TEST(Explore, CountsLabelsThatNeverHeld) {
  const ExploreResult found = explore(two_sixes, {.executions = 20});
  EXPECT_GT(found.sometimes.at("a six"), 0u);
  EXPECT_EQ(found.sometimes.at("a seven"), 0u);
}

TEST(Explore, EndsAfterOneExecutionWhereThereIsNoChoice) {
  const ExploreResult found = explore([](World& world) { world.client("only", [] {}); }, {.executions = 1000});
  EXPECT_EQ(found.executions, 1u);
  EXPECT_TRUE(found.exhausted);
}

TEST(Explore, TellsWhatItIsAboutToRun) {
  std::vector<std::string> tokens;
  explore(one_die, {.executions = 3, .run = {.seed = 7}, .about_to_run = [&](const std::string& token) {
                      tokens.push_back(token);
                    }});
  ASSERT_EQ(tokens.size(), 3u);
  EXPECT_EQ(replay(one_die, tokens[2]).tape, run(one_die, {.seed = 9}).tape);
}

TEST(Explore, TellsHowFarItIsAndStopsWhenToldTo) {
  Progress last;
  explore(one_die, {.executions = 50, .progress = [&](const Progress& progress) { return last = progress, true; }});
  EXPECT_EQ(last.executions, 50u);
  EXPECT_EQ(last.distinct_traces, 6u);
  EXPECT_LT(last.last_new, 50u);

  const ExploreResult stopped =
      explore(one_die, {.executions = 1'000'000'000, .jobs = 2, .progress = [](const Progress&) { return false; }});
  EXPECT_LT(stopped.executions, 1'000'000'000u);
}

TEST(Explore, EndsWhenItsBudgetIsSpent) {
  const ExploreResult found = explore(one_die, {.executions = 1'000'000'000, .budget = std::chrono::milliseconds(20)});
  EXPECT_GT(found.executions, 0u);
  EXPECT_LT(found.executions, 1'000'000'000u);
}

TEST(Explore, PassesOnWhatTheScenarioThrows) {
  const auto throws = [](World& world) {
    if (world.choose(100, "luck") == 0) throw std::logic_error("built badly");
  };
  EXPECT_THROW(explore(throws, {.executions = 5000, .jobs = 3}), std::logic_error);
}

TEST(Explore, DoesNotBelieveAFailureThatDoesNotHappenTwice) {
  const auto runs = std::make_shared<int>(0);
  const auto leaks = [runs](World& world) {
    world.client("leak", [] {});
    world.choose(2, "same");
    world.choose(++*runs % 2 == 0 ? 2 : 3, "leaking");
    fail("every time");
  };
  const ExploreResult found = explore(leaks, {.executions = 10});
  ASSERT_TRUE(found.failing);
  EXPECT_EQ(found.failing->failure->kind, FailureKind::nondeterminism);
  EXPECT_THAT(found.failing->failure->message,
              HasSubstr("choice 1 (user: leaking): 3 ways the first time, 2 the second."));
  EXPECT_THAT(found.failing->failure->message, HasSubstr("every time"));
  EXPECT_THROW(shrink(leaks, *found.failing), StaleTape);
}

TEST(Explore, NoticesTracesThatDifferThoughTheChoicesDoNot) {
  const auto runs = std::make_shared<int>(0);
  const auto leaks = [runs](World& world) {
    world.client("leak", [] {});
    world.choose(2, "before");
    observe("run", std::to_string(++*runs));
    world.choose(2, "after");
    fail("every time");
  };
  const ExploreResult found = explore(leaks, {.executions = 10});
  EXPECT_EQ(found.failing->failure->kind, FailureKind::nondeterminism);
  EXPECT_THAT(found.failing->failure->message, HasSubstr("differ before choice 1 (user: after)"));
}

TEST(ANewStrategy, NeedsNoEntryInAnyList) {
  struct Highest final : StrategyState {
    void begin(std::uint64_t) override {}
    std::uint32_t pick(const ChoicePoint& point) override { return point.ways - 1; }
  };
  const Strategy highest("highest way", [](const StrategyHints&) { return std::make_unique<Highest>(); });
  const RunResult result = run(two_sixes, {.strategy = highest});
  EXPECT_TRUE(result.failure);
  EXPECT_EQ(replay(two_sixes, result.token).trace_hash, result.trace_hash);
}

}  // namespace
}  // namespace asyncio::sim
