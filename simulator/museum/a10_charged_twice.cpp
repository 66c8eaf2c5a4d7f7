// a10_charged_twice.cpp: the two generals at the till.
//
// Origin: Jepsen on jetcd 0.8.2 (2024): the client repeats requests that may have been carried out. The same shape:
// aiohttp #10790 (2025), Kudu-568, fluss-rust #389.
//
// A shop asks the bank to charge a customer. The bank does, and its answer is lost or merely late. The shop's time is
// over, so it asks again, and the bank does it again:
//
//     shop   charge hat ──────────────────►  bank   charges
//            (time is over)    ◄─────────────────── receipt, late
//            charge hat ──────────────────►         charges
//
// From where the shop stands, "not done" and "done, but not heard of" look the same, whatever it does. Three variants:
//
//     buggy           waits 100 ms
//     longer_timeout  waits 5 s: the same, with a bank or a network that is slow for longer than that
//     fixed           each order carries a key; what the bank did for a key, it does not do again but remembers
//
// Page: a10_charged_twice.md.
#include "museum/line_protocol.hpp"

#include <asyncio/sim/sim.hpp>

#include <map>
#include <memory>
#include <string>

namespace {

namespace sim = asyncio::sim;
using museum::Connection;
using namespace std::chrono_literals;

const std::string ORDERS[] = {"hat", "coat", "scarf"};

struct Till {
  asyncio::Duration timeout = 100ms;  // how long the shop waits for a receipt
  bool keys = false;                  // whether the bank remembers what it did for an order
};

/// The bank: "charge ORDER" gives a receipt. Here the order is its own key.
void charge(std::map<std::string, int>& charges, bool keys) {
  museum::serve("bank", [&charges, keys](const std::string& question) {
    const std::string order = question.substr(question.find(' ') + 1);
    if (!keys || charges[order] == 0) ++charges[order];
    return "receipt for " + order;
  });
}

/// The shop: has an order charged, asking until there is a receipt. \suspends until then
void sell(const std::string& order, asyncio::Duration timeout) {
  for (;;) {
    try {
      asyncio::wait_for([&] { return Connection::to("bank").ask("charge " + order); }, timeout);  // suspends
      return;
    } catch (const asyncio::TimeoutError&) {
      // Was it done? Nobody here can know.
    }
  }
}

void shop(sim::World& world, Till till) {
  world.network().set_default({.latency = {1ms, 30ms}});
  const auto charges = std::make_shared<std::map<std::string, int>>();

  world.host("bank", [=] { charge(*charges, till.keys); });
  world.client("shop", [=] {
    for (const std::string& order : ORDERS) sell(order, till.timeout);
  });

  // In some worlds the network is away for a while.
  if (world.chance(0.25, "the network is away for 10 s")) {
    const asyncio::Duration from = world.choose(20, "when the network goes away, in 20 ms") * 20ms;
    world.at(from, [&world] { world.network().partition("shop", "bank"); });
    world.at(from + 10s, [&world] { world.network().repair("shop", "bank"); });
  }

  world.finally([=] {
    for (const std::string& order : ORDERS) {
      const int times = (*charges)[order];
      sim::require(times == 1,
                   "the customer bought one " + order + " and was charged " + std::to_string(times) + " times");
    }
  });
}

void a10_charged_twice_buggy(sim::World& world) { shop(world, {}); }
void a10_charged_twice_longer_timeout(sim::World& world) { shop(world, {.timeout = 5s}); }
void a10_charged_twice_fixed(sim::World& world) { shop(world, {.keys = true}); }

}  // namespace

ORRERY_SCENARIO(a10_charged_twice_buggy,
                "the receipt is late, the shop asks again, the bank charges again (jetcd, 2024)")
ORRERY_SCENARIO(a10_charged_twice_longer_timeout, "wrong fix: wait longer before asking again")
ORRERY_SCENARIO(a10_charged_twice_fixed, "fixed: an idempotency key, which the bank remembers")
