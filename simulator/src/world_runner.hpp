// world_runner.hpp: the door between an execution and the world that it runs.
#pragma once

#include <asyncio/sim/world.hpp>

namespace asyncio::sim {

class Execution;

/// Builds the world of a scenario, runs it to its end, and unwinds what is left of it.
///
/// A failure of the execution is kept in it; an exception that `scenario` throws while it builds the world
/// passes through, other than CheckFailed.
void run_world(Execution& execution, const Scenario& scenario);

}  // namespace asyncio::sim
