// scenario_test.cpp: the list of scenarios.
#include <asyncio/sim/scenario.hpp>

#include <asyncio/exceptions.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

void zebra(asyncio::sim::World&) {}
void ant(asyncio::sim::World&) {}

}  // namespace

ORRERY_SCENARIO(zebra, "registered first")
ORRERY_SCENARIO(ant, "registered second")

namespace asyncio::sim {
namespace {

TEST(Scenarios, AreListedByName) {
  std::vector<std::string> names;
  for (const RegisteredScenario& scenario : scenarios()) names.push_back(scenario.name);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_THAT(names, testing::IsSupersetOf({"ant", "zebra"}));
}

TEST(Scenarios, SayWhereTheyCameFrom) {
  const auto is_ant = [](const RegisteredScenario& scenario) { return scenario.name == "ant"; };
  const auto found = std::find_if(scenarios().begin(), scenarios().end(), is_ant);
  ASSERT_NE(found, scenarios().end());
  EXPECT_EQ(found->summary, "registered second");
  EXPECT_THAT(found->file, testing::EndsWith("scenario_test.cpp"));
}

// In a process of its own: the list cannot be mended.
TEST(Scenarios, OfTheSameNameAreAnError) {
  const auto twice = [] {
    const ScenarioRegistration again("ant", "another", ant);
    try {
      scenarios();
    } catch (const RuntimeError& error) {
      std::fputs(error.what(), stderr);
      std::exit(3);
    }
  };
  EXPECT_EXIT(twice(), testing::ExitedWithCode(3), "two scenarios are called ant");
}

}  // namespace
}  // namespace asyncio::sim
