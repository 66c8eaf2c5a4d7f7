// scenarios.cpp: scenarios that end in each way in which one can end.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace {

using namespace std::chrono_literals;
using asyncio::sim::World;

/// For tests that do something to the process once a scenario runs.
void say(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

void passes(World& world) {
  for (const char* name : {"alice", "bob"}) {
    world.client(name, [] { asyncio::sleep(20ms); });
  }
}

void fails_sometimes(World& world) {
  world.client("alice", [&world] {
    asyncio::sleep(20ms);
    world.choose(8, "what does not matter");
    if (world.choose(4, "how the coin falls") == 3) asyncio::sim::fail("the coin fell on its edge");
  });
}

void fails_in_two_ways(World& world) {
  world.client("alice", [&world] {
    const std::size_t way = world.choose(4, "which way");
    if (way == 2) asyncio::sim::fail("the first way");
    if (way == 3) asyncio::sim::fail("the second way");
  });
}

void fails_in_plain_order(World& world) {
  world.client("alice", [] { asyncio::sim::fail("always"); });
}

void deadlocks(World& world) {
  world.client("alice", [] { asyncio::await(asyncio::get_running_loop().create_future<int>()); });
}

void takes_too_many_steps(World& world) {
  world.client("alice", [] {
    while (true) asyncio::sleep(0s);
  });
}

void takes_too_long(World& world) {
  world.client("alice", [] { asyncio::sleep(48h); });
}

void throws_while_building(World&) { throw std::runtime_error("no such planet"); }

void lets_an_exception_escape(World& world) {
  world.client("alice", [] { throw std::runtime_error("overboard"); });
}

// Takes its choices from outside the world: the second execution of a seed is another one.
void lies(World& world) {
  static int executions = 0;
  world.client("alice", [&world, ways = std::size_t(2 + executions++)] {
    world.choose(ways, "more every time");
    asyncio::sim::fail("found something");
  });
}

void segfaults(World& world) {
  world.client("alice", [&world] {
    if (world.choose(4, "whether to crash") == 3) std::raise(SIGSEGV);
  });
}

void aborts(World& world) {
  world.client("alice", [] { std::abort(); });
}

void never_returns(World& world) {
  world.client("alice", [] {
    say("never_returns has begun");
    for (volatile bool for_ever = true; for_ever;) {
    }
  });
}

void is_slow(World& world) {
  say("is_slow has begun");
  std::this_thread::sleep_for(20ms);
  world.client("alice", [&world] { world.choose(1000, "anything"); });
}

void prints(World& world) {
  world.client("alice", [] { std::puts("a line of the scenario"); });
}

void never_sees_it(World& world) {
  world.client("alice", [&world] { asyncio::sim::sometimes(world.choose(2, "any") == 2, "a third way of two"); });
}

}  // namespace

ORRERY_SCENARIO(passes, "two clients sleep for the same time")
ORRERY_SCENARIO(fails_sometimes, "a coin falls on its edge, once in four times")
ORRERY_SCENARIO(fails_in_two_ways, "two failures that are different")
ORRERY_SCENARIO(fails_in_plain_order, "a failure that needs no luck")
ORRERY_SCENARIO(deadlocks, "waits for a future that nobody holds")
ORRERY_SCENARIO(takes_too_many_steps, "runs, and no time passes")
ORRERY_SCENARIO(takes_too_long, "sleeps for longer than the time limit")
ORRERY_SCENARIO(throws_while_building, "throws before there is a world")
ORRERY_SCENARIO(lets_an_exception_escape, "its main throws")
ORRERY_SCENARIO(lies, "is another program each time")
ORRERY_SCENARIO(segfaults, "dies by SIGSEGV, once in four times")
ORRERY_SCENARIO(aborts, "dies by SIGABRT")
ORRERY_SCENARIO(never_returns, "a callback that loops for ever")
ORRERY_SCENARIO(is_slow, "takes 20 ms of real time")
ORRERY_SCENARIO(prints, "writes to standard output")
ORRERY_SCENARIO(never_sees_it, "sometimes() that never is")
