// rapidcheck.hpp: scenarios inside properties.
//
//     rc::check("no update is lost", [](std::vector<int> deposits) {
//       asyncio::sim::rc_explore([=](asyncio::sim::World& world) { bank(world, deposits); });
//     });
//
// rapidcheck draws the data and a first seed, the simulator the choices of each execution. When one fails,
// the property fails, and rapidcheck shrinks the data; the report has the token of an execution that
// fails with the smallest data. RC_PARAMS brings the data back, the token the execution.
#pragma once

#include <asyncio/sim/sim_test.hpp>

#include <rapidcheck.h>

#include <cstdint>
#include <string>
#include <utility>

namespace asyncio::sim {

/// Explores a scenario inside a property, which fails where an execution does.
///
/// \param scenario  builds the world
/// \param options   `run.seed` is added to the seed that rapidcheck draws
inline void rc_explore(const Scenario& scenario, ExploreOptions options = {.executions = 10}) {
  // Not shrunk: another seed is another execution, not a smaller one.
  options.run.seed += *rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
  const std::string report = explore_and_report(scenario, options);
  if (!report.empty()) RC_FAIL(report);
}

}  // namespace asyncio::sim
