// strategies_test.cpp: what each strategy promises, counted over fixed seeds.
#include <asyncio/sim/strategy.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio::sim {
namespace {

using testing::HasSubstr;

TEST(RandomStrategy, PicksEachWayAsOftenAsTheOthers) {
  const auto strategy = asyncio::sim::random().make({});
  std::array<int, 7> counts{};
  for (std::uint64_t seed = 0; seed != 7000; ++seed) {
    strategy->begin(seed);
    for (int i = 0; i != 10; ++i) ++counts[strategy->pick({.ways = 7})];
  }
  // 10,000 each; the standard deviation is 93, and seeds that follow each other must not show.
  for (const int count : counts) EXPECT_NEAR(count, 10'000, 400);
}

TEST(RandomStrategy, RespectsOdds) {
  const auto strategy = asyncio::sim::random().make({});
  std::array<int, 3> counts{};
  strategy->begin(7);
  for (int i = 0; i != 65536; ++i) ++counts[strategy->pick({.ways = 3, .odds = 6554})];  // one in ten
  EXPECT_NEAR(counts[0], 58'982, 400);
  EXPECT_NEAR(counts[1], counts[2], 300);

  for (int i = 0; i != 1000; ++i) EXPECT_NE(strategy->pick({.ways = 2, .odds = 65536}), 0u);
}

TEST(AnyStrategy, AnswersTheSameForTheSameSeed) {
  const std::vector<std::uint64_t> candidates = {11, 12, 13};
  for (const char* name : {"random", "fifo", "pct:1", "pct:3"}) {
    const auto first = strategy_by_name(name).make({.choices = 50}),
               second = strategy_by_name(name).make({.choices = 50});
    for (std::uint64_t seed : {0, 1, 1}) {
      first->begin(seed);
      second->begin(seed);
      for (int i = 0; i != 50; ++i) {
        const ChoicePoint point{.kind = ChoiceKind::ready, .ways = 3, .candidates = candidates};
        EXPECT_EQ(first->pick(point), second->pick(point)) << name;
      }
    }
  }
}

TEST(FifoStrategy, AlwaysTakesThePlainWay) {
  const auto strategy = fifo().make({});
  for (int i = 0; i != 100; ++i) EXPECT_EQ(strategy->pick({.ways = 5, .odds = 65536}), 0u);
}

/// Tasks of ten steps each, where a strategy says who goes next; gives the order in which they went.
std::vector<std::size_t> run_tasks(StrategyState& strategy, std::size_t tasks) {
  std::vector<std::size_t> left(tasks, 10), order;
  while (order.size() != tasks * 10) {
    std::vector<std::uint64_t> candidates;
    for (std::size_t task = 0; task != tasks; ++task) {
      if (left[task] != 0) candidates.push_back(task);
    }
    const auto ways = static_cast<std::uint32_t>(candidates.size());
    const std::uint32_t way =
        ways == 1 ? 0 : strategy.pick({.kind = ChoiceKind::ready, .ways = ways, .candidates = candidates});
    --left[candidates[way]];
    order.push_back(candidates[way]);
  }
  return order;
}

/// How many of `seeds` executions have the bug.
template <class Bug>
int count(const Strategy& strategy, std::size_t tasks, int seeds, Bug bug) {
  const auto state = strategy.make({.choices = tasks * 10});
  int found = 0;
  for (int seed = 0; seed != seeds; ++seed) {
    state->begin(static_cast<std::uint64_t>(seed));
    found += bug(run_tasks(*state, tasks));
  }
  return found;
}

/// The fewest hits in so many executions that a strategy may have which finds a bug one time in `odds`: four
/// standard deviations below what is expected.
int fewest(int seeds, int odds) {
  const double expected = static_cast<double>(seeds) / odds;
  return static_cast<int>(expected - 4 * std::sqrt(expected));
}

// Depth 1: one task comes after everything else.
TEST(PctStrategy, FindsABugOfDepthOneWithItsProbability) {
  const auto third_is_last = [](const std::vector<std::size_t>& order) {
    return std::find(order.begin(), order.end(), 3) - order.begin() == 30;
  };
  EXPECT_GE(count(pct(1), 4, 4000, third_is_last), fewest(4000, 4));  // 1/n
  EXPECT_LE(count(asyncio::sim::random(), 4, 4000, third_is_last), 1);
}

// Depth 2: task 0 stops exactly after its fifth step, and task 1 does all it has to do meanwhile.
TEST(PctStrategy, FindsABugOfDepthTwoWithItsProbability) {
  const auto gap = [](const std::vector<std::size_t>& order) {
    std::size_t steps_of_0 = 0, inside = 0;
    for (const std::size_t task : order) {
      steps_of_0 += task == 0;
      inside += task == 1 && steps_of_0 == 5;
    }
    return inside == 10;
  };
  const int seeds = 20'000;
  EXPECT_GE(count(pct(2), 2, seeds, gap), fewest(seeds, 2 * 20));  // 1/(n k)
  EXPECT_LE(count(asyncio::sim::random(), 2, seeds, gap), seeds / 500);
}

// Depth 3: task 0 stops after its third step, task 1 after its sixth. It is then 0 that goes on: who falls
// second must be able to fall deeper than who fell first.
TEST(PctStrategy, FindsABugOfDepthThreeWithItsProbability) {
  const auto two_gaps = [](const std::vector<std::size_t>& order) {
    std::vector<std::size_t> expected(3, 0);
    expected.insert(expected.end(), 6, 1);
    expected.insert(expected.end(), 7, 0);
    return std::equal(expected.begin(), expected.end(), order.begin());
  };
  const int seeds = 50'000;
  EXPECT_GE(count(pct(3), 2, seeds, two_gaps), fewest(seeds, 2 * 20 * 20));  // 1/(n k^2)
}

TEST(PctStrategy, TreatsOtherChoicesAsRandomDoes) {
  const auto strategy = pct(2).make({.choices = 10});
  std::array<int, 2> counts{};
  strategy->begin(1);
  for (int i = 0; i != 10'000; ++i) ++counts[strategy->pick({.kind = ChoiceKind::latency, .ways = 2})];
  EXPECT_NEAR(counts[0], 5000, 250);
}

TEST(StrategyByName, FindsTheStrategiesThatThereAre) {
  EXPECT_EQ(strategy_by_name("random").name(), "random");
  EXPECT_EQ(strategy_by_name("fifo").name(), "fifo");
  EXPECT_EQ(strategy_by_name("pct:3").name(), "pct:3");
  EXPECT_FALSE(strategy_by_name("pct:1").needs_hints());
  EXPECT_TRUE(strategy_by_name("pct:2").needs_hints());
}

TEST(StrategyByName, RefusesWhatThereIsNot) {
  for (const char* name :
       {"", "rnd", "pct", "pct:", "pct:0", "pct:x", "pct:-1", "pct:2x", "pct:99999999999", "pct:4000000000"}) {
    EXPECT_THROW(strategy_by_name(name), std::invalid_argument) << name;
  }
  try {
    strategy_by_name("rnd");
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("there is random, fifo, pct:N"));
  }
}

}  // namespace
}  // namespace asyncio::sim
