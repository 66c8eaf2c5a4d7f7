// museum_test.cpp: what every exhibit has to show: the broken program fails soon, its failure comes back and shrinks
// to the choices that matter, and the repaired program never fails.
#include "tests/museum/exhibits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>

namespace {

namespace sim = asyncio::sim;
using testing::HasSubstr;

/// With sanitizers an execution takes many times as long, and the point of those builds is another one.
std::uint64_t executions_of_a_fixed_program() { return std::getenv("ORRERY_QUICK") != nullptr ? 300 : 10'000; }

std::string name_of(const testing::TestParamInfo<std::string_view>& info) { return std::string(info.param); }
std::string name_of_broken(const testing::TestParamInfo<museum::Broken>& info) {
  return std::string(info.param.scenario);
}

/// Says how fast an exhibit was gone through: for people, and for the XML report.
class Stopwatch {
 public:
  void report(std::uint64_t executions) const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(executions) / std::max(passed.count(), 1e-9));
    std::cout << executions << " executions, " << rate << " a second\n";
    testing::Test::RecordProperty("executions_a_second", std::to_string(rate));
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// ---- Broken programs ----

class BrokenExhibit : public testing::TestWithParam<museum::Broken> {
 protected:
  const museum::Broken& expected = GetParam();
  const sim::Scenario scenario = museum::scenario_named(expected.scenario);

  /// The first failure; the test ends where there is none.
  sim::RunResult find() const {
    const Stopwatch stopwatch;
    const sim::ExploreResult found = sim::explore(scenario, {.executions = expected.within});
    stopwatch.report(found.executions);
    if (!found.failing) throw std::runtime_error("no failure in " + std::to_string(found.executions) + " executions");
    return *found.failing;
  }
};

TEST_P(BrokenExhibit, FailsSoonAndSaysWhatTheUserHasLost) {
  const sim::RunResult failing = find();

  EXPECT_THAT(failing.failure->message, HasSubstr(std::string(expected.loss)));
}

TEST_P(BrokenExhibit, FailsInTheSameWayWhenReplayed) {
  const sim::RunResult failing = find();

  const sim::RunResult again = sim::replay(scenario, failing.token);

  EXPECT_EQ(again.trace_hash, failing.trace_hash);
  EXPECT_EQ(again.failure->message, failing.failure->message);
}

TEST_P(BrokenExhibit, ShrinksToTheChoicesThatDecide) {
  const sim::RunResult failing = find();

  const sim::RunResult small =
      sim::shrink(scenario, failing, {.budget = asyncio::Duration::zero()});  // the same on a slow machine
  const std::vector<sim::Deviation> deviations = sim::deviations(scenario, small);

  ASSERT_TRUE(small.failure);
  EXPECT_EQ(sim::replay(scenario, small.token).trace_hash, small.trace_hash);
  EXPECT_LE(deviations.size(), expected.deviations);
  const auto decides = [&](const sim::Deviation& deviation) {
    std::cout << "choice " << deviation.index << " (" << deviation.choice.label << "): way " << deviation.choice.picked
              << " of " << deviation.choice.ways << '\n';
    return deviation.choice.label.find(expected.deciding) != std::string::npos;
  };
  EXPECT_GT(std::ranges::count_if(deviations, decides), 0) << "no label names: " << expected.deciding;
}

INSTANTIATE_TEST_SUITE_P(Museum, BrokenExhibit, testing::ValuesIn(museum::broken_exhibits()), name_of_broken);

// ---- Fixed programs ----

class FixedExhibit : public testing::TestWithParam<std::string_view> {
 protected:
  void explore_all(sim::ReadyOrder ready) const {
    const Stopwatch stopwatch;
    const sim::ExploreResult result =
        sim::explore(museum::scenario_named(GetParam()), {
                                                             .executions = executions_of_a_fixed_program(),
                                                             .run = {.ready = ready},
                                                         });
    stopwatch.report(result.executions);
    EXPECT_FALSE(result.failing) << result.failing->failure->message << '\n' << result.failing->token;
  }
};

TEST_P(FixedExhibit, HoldsInTheOrderOfAsyncio) { explore_all(sim::ReadyOrder::fifo); }

TEST_P(FixedExhibit, HoldsInAnyOrder) { explore_all(sim::ReadyOrder::any); }

INSTANTIATE_TEST_SUITE_P(Museum, FixedExhibit, testing::ValuesIn(museum::fixed_exhibits()), name_of);

}  // namespace
