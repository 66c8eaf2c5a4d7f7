// A solution of the exercise of chapter 11.
//
// What has to be one piece is everything from the reading to the writing that relies on it, with the suspension between
// them. A lock that is let go in the middle protects nothing. For a balance in memory there is an even simpler cure: do
// not carry a value across a suspension. `asyncio::sleep(...); balance += amount;` needs no lock at all, since nothing
// else runs between the reading and the writing inside `+=`. The lock is right where both ends are on the disk.
#pragma once

#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <memory>
#include <mutex>
#include <string>

struct Bank {
  int balance = 0;
  asyncio::Lock lock;

  void deposit(int amount) {
    const std::scoped_lock guard(lock);
    const int seen = balance;
    asyncio::sleep(std::chrono::milliseconds(5));  // the disk takes its time
    balance = seen + amount;
  }
};

/// A world with the bank and three customers, who come 10 ms after each other.
inline void deposits(asyncio::sim::World& world) {
  const auto bank = std::make_shared<Bank>();
  world.network().set_default({.latency = {std::chrono::milliseconds(1), std::chrono::milliseconds(20)}});

  world.host("bank", [=] {
    const auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
          bank->deposit(std::stoi(reader.readline()));
          writer.write("thank you\n");
          writer.drain();
          writer.close();
        },
        "bank", 80);
    server->serve_forever();
  });
  int comes_after = 10;  // ms
  for (const char* customer : {"alice", "bob", "carol"}) {
    world.client(customer, [delay = std::chrono::milliseconds(comes_after)] {
      asyncio::sleep(delay);
      auto [reader, writer] = asyncio::open_connection("bank", 80);
      writer.write("100\n");
      reader.readline();
      writer.close();
    });
    comes_after += 10;
  }
  world.finally([=] {
    asyncio::sim::require(bank->balance == 300,
                          "300 were paid in, and the balance is " + std::to_string(bank->balance));
  });
}
