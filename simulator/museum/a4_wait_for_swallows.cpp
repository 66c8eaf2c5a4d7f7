// a4_wait_for_swallows.cpp: the task that would not stop.
//
// Origin: CPython gh-86296 (2020; bpo-42130), open until 3.12; Tribler #7570 (2023) tells what it cost.
//
// The repair of exhibit A3: where a cancellation arrives when the inner task is done already, hand out its result. The
// connection is no longer lost. Instead the cancellation is. cancel() has said yes, and the task goes on as if nothing
// had been:
//
//     inner task:   ends
//     main:               worker.cancel() is true
//     worker:                                       gets the result, begins the next round
//
// Two programs. In the first a worker does six rounds and is expected to end cancelled. In the second it would work for
// ever, and a service that waits for its end at shutdown hangs: now and then, at exit, as people reported it.
#include "museum/a3_a4_old_wait_for.hpp"

#include <asyncio/sim/sim.hpp>

namespace {

namespace sim = asyncio::sim;
using museum::Python;
using namespace std::chrono_literals;

/// One round of work, of drawn length. \suspends for that long
void work() { asyncio::sleep(5ms * (1 + sim::World::current().choose(4, "work, in 5 ms"))); }

/// One round as the worker does it: with a time limit, and without complaint where it was exceeded. \suspends for it
void round_with_limit(Python python) {
  try {
    museum::wait_for(python, 1s, work);  // suspends
  } catch (const asyncio::TimeoutError&) {
  }
}

/// Six rounds, and a main that cancels somewhere between them.
void six_rounds(sim::World& world, Python python) {
  world.client("app", [&world, python] {
    const auto worker = asyncio::create_task(
        [python] {
          for (int round = 0; round < 6; ++round) round_with_limit(python);  // suspends
        },
        {.name = "worker"});

    asyncio::sleep(5ms * world.choose(16, "time until the cancellation, in 5 ms"));
    const bool accepted = worker.cancel();
    asyncio::wait<asyncio::AnyFuture>({worker});
    sim::require(!accepted || worker.cancelled(), "the worker was told to stop, and worked on to the end of its list");
  });
}

/// Rounds without end, and a shutdown that waits for them.
void rounds_for_ever(sim::World& world, Python python) {
  world.client("app", [&world, python] {
    bool told = false;
    const auto worker = asyncio::create_task(
        [&told, python] {
          for (int rounds_since_told = 0;; rounds_since_told += told) {
            // The symptom is a service that hangs at its end. A hundred rounds are taken for "for ever".
            sim::require(rounds_since_told < 100, "the service was told to shut down, and does not");
            round_with_limit(python);  // suspends
          }
        },
        {.name = "worker"});

    asyncio::sleep(5ms * world.choose(16, "time until the shutdown, in 5 ms"));
    told = worker.cancel();
    asyncio::wait<asyncio::AnyFuture>({worker});
  });
}

void a4_wait_for_swallows_buggy(sim::World& world) { six_rounds(world, Python::v3_8); }
void a4_wait_for_swallows_python_3_7(sim::World& world) { six_rounds(world, Python::v3_7); }
void a4_wait_for_swallows_fixed(sim::World& world) { six_rounds(world, Python::v3_12); }
void a4_wait_for_swallows_shutdown_buggy(sim::World& world) { rounds_for_ever(world, Python::v3_8); }
void a4_wait_for_swallows_shutdown_fixed(sim::World& world) { rounds_for_ever(world, Python::v3_12); }

}  // namespace

ORRERY_SCENARIO(a4_wait_for_swallows_buggy, "wait_for() of Python 3.8 to 3.11 forgets a cancellation (2020)")
ORRERY_SCENARIO(a4_wait_for_swallows_python_3_7, "the same with 3.7: stops when told to, but see a3_wait_for_leaks")
ORRERY_SCENARIO(a4_wait_for_swallows_fixed, "fixed: the design of 3.12, this project's own wait_for()")
ORRERY_SCENARIO(a4_wait_for_swallows_shutdown_buggy,
                "the same bug in a worker without end: the service does not shut down")
ORRERY_SCENARIO(a4_wait_for_swallows_shutdown_fixed, "fixed: it shuts down")
