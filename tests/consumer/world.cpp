// The smallest world: one client that sleeps for an hour, which takes no time.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <chrono>

using namespace std::chrono_literals;

namespace {

void long_sleep(asyncio::sim::World& world) {
  world.client("sleeper", [] { asyncio::sleep(1h); });
}

}  // namespace

ORRERY_SCENARIO(long_sleep, "a client sleeps for an hour")
