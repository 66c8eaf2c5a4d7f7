// replay_test.cpp: tokens that fit, and tokens that no longer do.
#include <asyncio/sim/sim.hpp>

#include "simulator/src/token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace asyncio::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A scenario of so many choices, each among so many ways.
Scenario choices(std::size_t count, std::size_t ways, const std::string& seen = "") {
  return [=](World& world) {
    world.client("client", [] {});
    for (std::size_t i = 0; i != count; ++i) world.choose(ways, "choice");
    if (!seen.empty()) observe("seen", seen);
  };
}

std::string token(std::vector<SparseChoice> deviations, std::optional<std::uint64_t> hash = {}) {
  return Token{.deviations = std::move(deviations), .hash_prefix = hash}.text();
}

/// What replay() complains of; empty where it does not.
std::string complaint(const Scenario& scenario, const std::string& token) {
  try {
    replay(scenario, token);
  } catch (const StaleTape& stale) {
    return stale.what();
  }
  return "";
}

TEST(Replay, BringsAnExecutionBackWithItsTrace) {
  for (const char* strategy : {"random", "fifo", "pct:2"}) {
    const RunOptions options{.seed = 42, .strategy = strategy_by_name(strategy), .ready = ReadyOrder::any};
    const RunResult first = run(choices(10, 3), options);
    const RunResult again = replay(choices(10, 3), "some.name@" + first.token);
    EXPECT_EQ(again.trace_hash, first.trace_hash);
    EXPECT_EQ(again.tape, first.tape);
    EXPECT_EQ(again.token, first.token);
    EXPECT_FALSE(again.trace.events.empty());
  }
}

TEST(Replay, TakesWayZeroWhereTheTapeSaysNothing) {
  const RunResult result = replay(choices(10, 3), token({{2, 3, 2}, {5, 3, 1}}));
  for (std::size_t i = 0; i != 10; ++i) EXPECT_EQ(result.tape[i].picked, i == 2 ? 2u : i == 5 ? 1u : 0u);
  EXPECT_EQ(replay(choices(10, 3), result.token).trace_hash, result.trace_hash);
}

TEST(Replay, NamesTheChoiceThatHasOtherWays) {
  EXPECT_THAT(complaint(choices(10, 3), token({{2, 3, 2}, {5, 2, 1}})),
              AllOf(HasSubstr("choice 5 (user: choice): 2 ways on the tape, 3 in the program."),
                    HasSubstr("Was a clock, address or thread read outside the world?")));
}

TEST(Replay, NamesTheChoiceThatIsNotReached) {
  EXPECT_THAT(complaint(choices(10, 3), token({{12, 3, 2}})),
              HasSubstr("choice 12: on the tape it picks way 2 of 3, but the program ends after 10 choices."));
  EXPECT_THAT(complaint(choices(0, 3), token({{18446744073709551615u, 3, 2}})), HasSubstr("ends after 0 choices"));
}

TEST(Replay, NoticesAnotherTraceOfTheSameChoices) {
  const std::string seeded = run(choices(10, 3, "before")).token;
  EXPECT_EQ(complaint(choices(10, 3, "before"), seeded), "");
  EXPECT_THAT(complaint(choices(10, 3, "after"), seeded), HasSubstr("the trace differs"));

  const std::string sparse = replay(choices(10, 3, "before"), token({{2, 3, 2}})).token;
  EXPECT_THAT(complaint(choices(10, 3, "after"), sparse),
              HasSubstr("after choice 2 (user: choice), the last on the tape"));
}

TEST(Replay, NoticesAScenarioThatMakesMoreOrFewerChoices) {
  const std::string seeded = run(choices(10, 3)).token;
  EXPECT_NE(complaint(choices(9, 3), seeded), "");
  EXPECT_NE(complaint(choices(11, 3), seeded), "");
}

TEST(Replay, RefusesWhatIsNoToken) {
  EXPECT_THROW(replay(choices(1, 2), "not a token"), MalformedToken);
  EXPECT_THROW(replay(choices(1, 2), ""), MalformedToken);
}

}  // namespace
}  // namespace asyncio::sim
