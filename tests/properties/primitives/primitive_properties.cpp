// primitive_properties.cpp: every scenario of this folder is a property.
//
// rapidcheck draws where the search begins, how choices are made and which ready order the loop has; the program and
// its schedule follow from the choices. The token of a failure is for this very program, which is the command line as
// well: `properties_tests replay SCENARIO@TOKEN`, and shrink, and trace.
#include <asyncio/sim/run.hpp>
#include <asyncio/sim/scenario.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cerrno>
#include <string>

namespace asyncio::properties {
namespace {

/// What is wrong with an execution, and the command that brings the smallest one like it back.
std::string report(const sim::RegisteredScenario& property, const sim::RunResult& failing) {
  const sim::RunResult small = sim::shrink(property.scenario, failing);
  return small.failure->message + "\n  replay: " + program_invocation_name + " replay " + property.name + "@" +
         small.token;
}

class Primitive : public testing::TestWithParam<std::size_t> {};  // the number of a registered scenario

TEST_P(Primitive, KeepsItsPromises) {
  const sim::RegisteredScenario& property = sim::scenarios()[GetParam()];

  const bool holds = rc::check(property.summary, [&] {
    const auto strategy = *rc::gen::element<std::string>("random", "random", "pct:2", "pct:4");
    const auto ready = *rc::gen::element(sim::ReadyOrder::fifo, sim::ReadyOrder::any);
    // Not shrunk: another seed is another execution, not a smaller one. The simulator shrinks.
    const auto seed = *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());

    const auto found = sim::explore(
        property.scenario,
        {.executions = 30, .run = {.seed = seed, .strategy = sim::strategy_by_name(strategy), .ready = ready}});

    if (found.failing) RC_FAIL(report(property, *found.failing));
  });

  EXPECT_TRUE(holds);
}

INSTANTIATE_TEST_SUITE_P(Each, Primitive, testing::Range<std::size_t>(0, sim::scenarios().size()),
                         [](const auto& info) { return sim::scenarios()[info.param].name; });

}  // namespace
}  // namespace asyncio::properties
