// a9_lock_without_fence.cpp: two holders of one lease.
//
// Origin: Martin Kleppmann on distributed locks (2016); Jepsen on etcd 3.4.3 (2020): locks cannot give mutual exclusion
// in an asynchronous network; etcd #10811 (2019).
//
// Whoever wants to add one to a counter first takes a lease, which ends by itself, so that a holder that died does not
// block everybody. But a holder may also stand still, and wake up with a lease that ended long ago:
//
//     alice   lease 1, reads 0 … stands still …                      writes 1
//     bob                          lease 2, reads 0, writes 1
//
// The lock service has done nothing wrong. Each grant carries a number larger than the one before, and the storage can
// use it as a fence. Three variants, which differ in one line of the storage:
//
//     buggy            the storage does not look at the number
//     fence_on_writes  as it is usually told: refuse a write whose number is smaller than that of an earlier write. Not
//                      enough: between bob's reading and bob's first writing nothing stops alice
//     fixed            reads raise the fence as well
//
// Page: a9_lock_without_fence.md.
#include "museum/line_protocol.hpp"

#include <asyncio/sim/sim.hpp>

#include <memory>
#include <sstream>
#include <string>

namespace {

namespace sim = asyncio::sim;
using museum::Connection;
using namespace std::chrono_literals;

enum class Fence { none, on_writes, on_reads_and_writes };

constexpr asyncio::Duration LEASE = 150ms;
const std::string CLIENTS[] = {"alice", "bob", "carol"};

/// The lock service: "acquire" gives the number of a lease, or "busy"; "release LEASE" ends it early.
void grant_leases() {
  int lease = 0;
  asyncio::TimePoint ends{};
  museum::serve("lock", [&](const std::string& question) -> std::string {
    const asyncio::TimePoint now = asyncio::get_running_loop().time();
    if (question == "acquire") {
      if (now < ends) return "busy";
      ends = now + LEASE;
      return std::to_string(++lease);
    }
    if (question == "release " + std::to_string(lease)) ends = now;
    return "ok";
  });
}

/// The storage: "read LEASE", "write LEASE VALUE"; the answer is "too late" where the fence is above the lease.
void keep_counter(int& counter, Fence fence) {
  int highest_lease = 0;
  museum::serve("storage", [&](const std::string& question) -> std::string {
    std::istringstream words(question);
    std::string verb;
    int lease = 0;
    words >> verb >> lease;
    if (fence == Fence::on_reads_and_writes || (fence == Fence::on_writes && verb == "write")) {
      if (lease < highest_lease) return "too late";
      highest_lease = lease;
    }
    if (verb == "read") return std::to_string(counter);
    words >> counter;
    return "ok";
  });
}

/// A machine that stands still: a collection of garbage, a slow disk, a neighbour on the same processor.
struct StandsStill {
  std::string who;             // empty: nobody
  asyncio::Duration how_long;  // longer than a lease lasts
};

/// Where a client stands still, if it is the one who does: between reading and writing. \suspends for that long
void maybe_stand_still(const std::string& client, const StandsStill& pause) {
  if (client != pause.who) return;
  sim::World& world = sim::World::current();
  world.at(world.now().time_since_epoch() + pause.how_long, [&world, client] { world.resume(client); });
  world.pause(client);  // suspends
}

/// Adds one to the counter, with as many leases as it takes. \suspends until that is done
void increment(const std::string& client, const StandsStill& pause) {
  const Connection lock = Connection::to("lock");        // suspends
  const Connection storage = Connection::to("storage");  // suspends
  for (;; asyncio::sleep(20ms)) {
    const std::string lease = lock.ask("acquire");  // suspends
    if (lease == "busy") continue;
    const std::string seen = storage.ask("read " + lease);  // suspends
    if (seen == "too late") continue;
    maybe_stand_still(client, pause);  // suspends
    if (storage.ask("write " + lease + " " + std::to_string(std::stoi(seen) + 1)) == "too late") continue;
    lock.ask("release " + lease);
    return;
  }
}

void counter_service(sim::World& world, Fence fence) {
  world.network().set_default({.latency = {1ms, 20ms}});
  const auto counter = std::make_shared<int>(0);

  const std::size_t who = world.choose(4, "who stands still: nobody, alice, bob, carol");
  const StandsStill pause = {.who = who == 0 ? "" : CLIENTS[who - 1],
                             .how_long = LEASE + 10ms * (3 + world.choose(16, "for how long, in 10 ms"))};

  world.host("lock", grant_leases);
  world.host("storage", [=] { keep_counter(*counter, fence); });
  for (const std::string& client : CLIENTS) {
    world.client(client, [=] { increment(client, pause); });
  }

  world.finally([=] {
    sim::require(*counter == 3, "3 increments were confirmed, and the counter says " + std::to_string(*counter));
  });
}

void a9_lock_without_fence_buggy(sim::World& world) { counter_service(world, Fence::none); }
void a9_lock_without_fence_fence_on_writes(sim::World& world) { counter_service(world, Fence::on_writes); }
void a9_lock_without_fence_fixed(sim::World& world) { counter_service(world, Fence::on_reads_and_writes); }

}  // namespace

ORRERY_SCENARIO(a9_lock_without_fence_buggy, "a lease ends while its holder stands still: two write (Kleppmann, 2016)")
ORRERY_SCENARIO(a9_lock_without_fence_fence_on_writes,
                "half a fix: the storage checks the lease's number on writes only")
ORRERY_SCENARIO(a9_lock_without_fence_fixed, "fixed: it checks on reads as well")
