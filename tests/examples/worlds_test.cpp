// worlds_test.cpp: the examples in many worlds: the right ones hold in all of them, the broken ones fail soon.
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>

namespace {

namespace sim = asyncio::sim;

sim::Scenario scenario_named(std::string_view name) {
  const auto found = std::ranges::find(sim::scenarios(), name, &sim::RegisteredScenario::name);
  if (found == sim::scenarios().end()) throw std::out_of_range("no scenario " + std::string(name));
  return found->scenario;
}

// ---- Those that hold ----

class AnExample : public testing::TestWithParam<std::string_view> {
 protected:
  /// With sanitizers a tenth: an execution takes many times as long there.
  static sim::ExploreResult explore(std::uint64_t executions, sim::RunOptions options) {
    if (std::getenv("ORRERY_QUICK") != nullptr) executions /= 10;
    const sim::ExploreResult result =
        sim::explore(scenario_named(GetParam()), {.executions = executions, .run = std::move(options)});
    EXPECT_FALSE(result.failing) << result.failing->failure->message << '\n' << result.failing->token;
    EXPECT_GT(result.distinct_traces, result.executions * 3 / 4) << "many worlds were the same: too little happens";
    return result;
  }
};

TEST_P(AnExample, HoldsInTheOrderOfAsyncio) { explore(250, {}); }
TEST_P(AnExample, HoldsInAnyOrder) { explore(100, {.ready = sim::ReadyOrder::any}); }
TEST_P(AnExample, HoldsWhereFewStepsAreLate) { explore(100, {.strategy = sim::pct(3)}); }

INSTANTIATE_TEST_SUITE_P(Worlds, AnExample,
                         testing::Values("chat_room", "chat_one_name", "chat_slow_reader", "counter_three_nodes",
                                         "http_answers", "http_rude", "http_shutdown"),
                         [](const auto& info) { return std::string(info.param); });

TEST(TheSleeper, IsDroppedInSomeWorlds) {
  const sim::ExploreResult result = sim::explore(scenario_named("chat_slow_reader"), {.executions = 50});
  EXPECT_GT(result.sometimes.at("the sleeper was dropped"), 10u);
}

// ---- Those that do not ----

struct Broken {
  std::string_view scenario;
  std::string_view loss;
  friend void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.scenario; }
};

class ABrokenExample : public testing::TestWithParam<Broken> {};

TEST_P(ABrokenExample, FailsSoonAndComesBack) {
  const sim::Scenario scenario = scenario_named(GetParam().scenario);
  const sim::ExploreResult found = sim::explore(scenario, {.executions = 100});
  ASSERT_TRUE(found.failing);
  EXPECT_THAT(found.failing->failure->message, testing::HasSubstr(std::string(GetParam().loss)));
  EXPECT_EQ(sim::replay(scenario, found.failing->token).trace_hash, found.failing->trace_hash);
}

INSTANTIATE_TEST_SUITE_P(Worlds, ABrokenExample,
                         testing::Values(Broken{"chat_slow_reader_waited_for", "nothing will ever happen any more"},
                                         Broken{"chat_slow_reader_buffered", "the room keeps at most 16 KiB"},
                                         Broken{"counter_acknowledged_alone", "were added and acknowledged"}),
                         [](const auto& info) { return std::string(info.param.scenario); });

}  // namespace
