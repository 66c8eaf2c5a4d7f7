// a1_withdraw_twice.cpp: the bank that paid the same coins again.
//
// Origin: Flexcoin closed down and Poloniex lost 12 % of its bitcoins, both in March 2014, because a customer who asked
// several times at once was paid several times.
//
// The bank asks its ledger for the balance, compares, and writes back what is left. Between the question and the
// writing it waits for the network, and while it waits it serves the next customer:
//
//     for alice:   get ──► 10, enough                        ──► set 3 ──► paid
//     for bob:              get ──► 10, enough ──► set 3 ──► paid
//
// No thread is involved. A suspension between a test and what relies on it is enough, and in this program each
// ask() is one. Four variants, which differ inside withdraw() and nowhere else:
//
//     buggy                     test, then act
//     lock_too_short            a lock around the reading, free again before the writing: no better
//     fixed_lock                a lock around both
//     fixed_conditional_write   the ledger itself refuses a write that is based on an old balance
//
// Pages: a1_withdraw_twice.md.
#include "museum/line_protocol.hpp"

#include <asyncio/sim/sim.hpp>

#include <memory>
#include <mutex>
#include <sstream>
#include <string>

namespace {

namespace sim = asyncio::sim;
using museum::Connection;
using namespace std::chrono_literals;

constexpr int DEPOSIT = 10;
constexpr int AMOUNT = 7;

enum class Guard { none, lock_around_the_reading, lock, conditional_write };

/// Takes AMOUNT off the balance, where there is as much.
///
/// \return whether the customer is to be paid
/// \suspends for each word with the ledger
bool withdraw(asyncio::Lock& account, Guard guard) {
  const Connection ledger = Connection::to("ledger");  // suspends
  std::unique_lock guarded(account, std::defer_lock);
  if (guard == Guard::lock || guard == Guard::lock_around_the_reading) guarded.lock();  // suspends

  const std::string balance = ledger.ask("get");  // suspends; what it gives is of the past already
  if (guard == Guard::lock_around_the_reading) guarded.unlock();
  if (std::stoi(balance) < AMOUNT) return false;

  const std::string rest = std::to_string(std::stoi(balance) - AMOUNT);
  if (guard == Guard::conditional_write) return ledger.ask("set_if " + rest + " " + balance) == "ok";  // suspends
  return ledger.ask("set " + rest) == "ok";                                                            // suspends
}

/// One number on a host of its own: "get", "set REST", "set_if REST BALANCE".
void keep_ledger() {
  std::string balance = std::to_string(DEPOSIT);
  museum::serve("ledger", [&balance](const std::string& question) -> std::string {
    std::istringstream words(question);
    std::string verb, rest, expected;
    words >> verb >> rest >> expected;
    if (verb == "get") return balance;
    if (verb == "set_if" && expected != balance) return "changed";
    balance = rest;
    return "ok";
  });
}

void bank(sim::World& world, Guard guard) {
  world.network().set_default({.latency = {1ms, 100ms}});
  const auto paid = std::make_shared<int>(0);

  world.host("ledger", keep_ledger);
  world.host("bank", [=] {
    asyncio::Lock account;
    museum::serve("bank", [=, &account](const std::string&) -> std::string {
      if (!withdraw(account, guard)) return "sorry";  // suspends
      *paid += AMOUNT;
      return "paid";
    });
  });

  // They come one after the other, with time enough for each on a fast network.
  asyncio::Duration arrival = 0ms;
  for (const char* customer : {"alice", "bob", "carol"}) {
    world.client(customer, [=] {
      asyncio::sleep(arrival);
      Connection::to("bank").ask("withdraw");  // suspends
    });
    arrival += 400ms;
  }

  world.finally([=] {
    sim::require(*paid <= DEPOSIT,
                 "the account held " + std::to_string(DEPOSIT) + " and the bank paid out " + std::to_string(*paid));
  });
}

void a1_withdraw_twice_buggy(sim::World& world) { bank(world, Guard::none); }
void a1_withdraw_twice_lock_too_short(sim::World& world) { bank(world, Guard::lock_around_the_reading); }
void a1_withdraw_twice_fixed_lock(sim::World& world) { bank(world, Guard::lock); }
void a1_withdraw_twice_fixed_conditional_write(sim::World& world) { bank(world, Guard::conditional_write); }

}  // namespace

ORRERY_SCENARIO(a1_withdraw_twice_buggy, "a bank tests the balance, waits, and pays the same coins twice (2014)")
ORRERY_SCENARIO(a1_withdraw_twice_lock_too_short, "wrong fix: a lock around the reading only")
ORRERY_SCENARIO(a1_withdraw_twice_fixed_lock, "fixed: one lock around test and write")
ORRERY_SCENARIO(a1_withdraw_twice_fixed_conditional_write, "fixed: the ledger refuses a write based on an old balance")
