// bank.cpp: a scenario. A bank, two customers who each pay in 100, and a network between them.
//
// There is no main() here: orrery::sim_main brings one, with the command line. It calls deposits() afresh for every
// execution, and each execution is a world of its own.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <memory>
#include <string>

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

namespace {

// [bank]
struct Bank {
  int balance = 0;

  void deposit(int amount) {
    const int seen = balance;
    asyncio::sleep(5ms);  // the disk takes its time
    balance = seen + amount;
  }

  /// Serves one customer: a line with an amount in, a line out.
  void serve(asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    deposit(std::stoi(reader.readline()));
    writer.write("thank you\n");
    writer.drain();
    writer.close();
  }
};
// [bank]

// [customer]
void pay_in_100() {
  auto [reader, writer] = asyncio::open_connection("bank", 80);
  writer.write("100\n");
  reader.readline();
  writer.close();
}
// [customer]

// [deposits]
void deposits(sim::World& world) {
  const auto bank = std::make_shared<Bank>();
  world.network().set_default({.latency = {1ms, 20ms}});

  world.host("bank", [=] {
    const auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter writer) { bank->serve(reader, writer); }, "bank", 80);
    server->serve_forever();
  });
  world.client("alice", [] {
    asyncio::sleep(10ms);  // the bank opens first
    pay_in_100();
  });
  world.client("bob", [] {
    asyncio::sleep(30ms);
    pay_in_100();
  });
  world.finally([=] {
    sim::require(bank->balance == 200, "200 were paid in, and the balance is " + std::to_string(bank->balance));
  });
}
// [deposits]

}  // namespace

ORRERY_SCENARIO(deposits, "two customers pay in 100 each, and one deposit may be lost")
