// sim.hpp: everything of the simulator.
#pragma once

#include <asyncio/sim/choices.hpp>
#include <asyncio/sim/failure.hpp>
#include <asyncio/sim/inspect.hpp>
#include <asyncio/sim/network.hpp>
#include <asyncio/sim/run.hpp>
#include <asyncio/sim/scenario.hpp>
#include <asyncio/sim/shared.hpp>
#include <asyncio/sim/strategy.hpp>
#include <asyncio/sim/trace.hpp>
#include <asyncio/sim/world.hpp>
