// The exercise of chapter 11: the bank, after a colleague has repaired it. Three customers pay in now.
#pragma once

#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <memory>
#include <mutex>
#include <string>

struct Bank {
  int balance = 0;
  asyncio::Lock lock;

  // TODO(ch11): "I have put a lock around it, and the test passes now."
  void deposit(int amount) {
    std::unique_lock guard(lock);
    const int seen = balance;
    guard.unlock();
    asyncio::sleep(std::chrono::milliseconds(5));  // the disk takes its time
    guard.lock();
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
