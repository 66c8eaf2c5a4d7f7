// breakfast_world.cpp: breakfast in a world, with the orrery command line: its trace is what the tasks did.
#include "breakfast.hpp"

#include <asyncio/sim/sim.hpp>

namespace {

void one_kitchen(asyncio::sim::World& world) { world.client("kitchen", breakfast::kitchen); }

}  // namespace

ORRERY_SCENARIO(one_kitchen, "tea, toast and eggs on one loop")
