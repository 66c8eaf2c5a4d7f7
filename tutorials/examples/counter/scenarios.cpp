// scenarios.cpp: the counter in worlds: three nodes, three clients, and whatever can happen to nodes and networks.
//
// Nodes crash and come back with nothing but their disk, twice in a world; links between nodes, and from clients to
// nodes, break and are repaired; messages are late and lost. In all of that:
//
//     - a read gives at least what was acknowledged before it began, and never less than a read before it;
//     - when everything is whole again, all nodes are equal, and the counter is what was added: no more, no less.
#include "tutorials/examples/counter/counter.hpp"

#include <asyncio/sim/sim.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

constexpr int PORT = 7100;
const std::vector<std::string> NODES = {"a", "b", "c"};
const std::vector<std::string> CLIENTS = {"alice", "bob", "carol"};
const std::string FAITHFUL = "carol";     // knows one node only
constexpr int ADDITIONS = 4;              // of each client
constexpr asyncio::Duration WHOLE = 10s;  // from then on nothing breaks any more

/// The disk of a node: outlives its crashes, because it belongs to the world.
class Disk final : public counter::Storage {
 public:
  counter::Totals load() override { return totals_; }
  void save(const counter::Totals& totals) override { totals_ = totals; }

 private:
  counter::Totals totals_;
};

/// What the clients know together. No node sees it.
struct Tally {
  std::uint64_t acknowledged = 0;
  std::uint64_t highest_read = 0;
  std::size_t clients_done = 0;
  std::vector<std::shared_ptr<counter::Node>> nodes = {nullptr, nullptr, nullptr};  // as they run now
};

std::vector<counter::NodeAddress> all_but(const std::string& name) {
  std::vector<counter::NodeAddress> others;
  for (const std::string& node : NODES) {
    if (node != name) others.push_back({.host = node, .port = PORT});
  }
  return others;
}

/// Adds 1, 2, 3, 4, and looks at the counter in between.
void use_the_counter(const std::string& name, Tally& tally) {
  auto nodes = all_but("");
  std::ranges::rotate(nodes, nodes.begin() + static_cast<std::ptrdiff_t>(name.size() % nodes.size()));
  if (name == FAITHFUL) nodes.resize(1);  // asks the same node again, after whatever has become of it
  counter::Client client(name, nodes);
  for (int amount = 1; amount <= ADDITIONS; ++amount) {
    client.add(static_cast<std::uint64_t>(amount));  // suspends
    tally.acknowledged += static_cast<std::uint64_t>(amount);
    asyncio::sleep(100ms);  // suspends

    const std::uint64_t acknowledged = tally.acknowledged;
    const std::uint64_t seen_before = tally.highest_read;
    const std::uint64_t value = client.value();  // suspends
    sim::require(value >= acknowledged, std::to_string(acknowledged) + " were added and acknowledged, and " + name +
                                            " reads " + std::to_string(value));
    sim::require(value >= seen_before, "the counter went back, from " + std::to_string(seen_before) + " to " +
                                           std::to_string(value) + ", as " + name + " sees it");
    tally.highest_read = std::max(tally.highest_read, value);
  }
  ++tally.clients_done;
}

/// Waits for the clients, and then for the nodes to agree.
void wait_for_agreement(const Tally& tally) {
  while (tally.clients_done < CLIENTS.size() || asyncio::get_running_loop().time() < asyncio::TimePoint() + WHOLE) {
    asyncio::sleep(1s);  // suspends
  }
  const auto agree = [&] {
    return std::ranges::all_of(tally.nodes,
                               [&](const auto& node) { return node->totals() == tally.nodes[0]->totals(); });
  };
  for (int seconds = 0; !agree(); ++seconds) {
    sim::require(seconds < 100, "the network has been whole for 100 s, and the nodes do not agree");
    asyncio::sleep(1s);  // suspends
  }
  for (const std::string& name : CLIENTS) {
    const std::uint64_t expected = ADDITIONS * (ADDITIONS + 1) / 2;
    const auto& totals = tally.nodes[0]->totals();
    const std::uint64_t counted = totals.contains(name) ? totals.at(name) : 0;
    sim::require(counted == expected, name + " has added " + std::to_string(expected) + ", and the nodes agree on " +
                                          std::to_string(counted));
  }
}

/// What breaks, and when it is repaired.
void break_things(sim::World& world) {
  const auto some_time = [&](const char* label) { return world.choose(80, label) * 100ms; };
  for (int crash = 0; crash < 2; ++crash) {
    const std::string node = NODES[world.choose(NODES.size(), "which node crashes")];
    const asyncio::Duration when = some_time("when it crashes, in 100 ms");
    world.at(when, [&world, node] { world.crash(node); });
    world.at(when + 2s, [&world, node] { world.restart(node); });
  }
  if (world.chance(0.5, "a node is cut off from the others")) {
    const std::string node = NODES[world.choose(NODES.size(), "which node")];
    world.at(some_time("when it is cut off, in 100 ms"), [&world, node] {
      for (const auto& other : all_but(node)) world.network().partition(node, other.host);
    });
  }
  if (world.chance(0.5, "a client is cut off from a node")) {
    const std::string client = CLIENTS[world.choose(CLIENTS.size(), "which client")];
    const std::string node = NODES[world.choose(NODES.size(), "from which node")];
    world.at(some_time("when it is cut off, in 100 ms"), [=, &world] { world.network().partition(client, node); });
  }
  world.at(WHOLE, [&world] { world.network().repair_all(); });
}

void three_nodes(sim::World& world, counter::Acknowledge acknowledge) {
  world.network().set_default({.latency = {1ms, 50ms}, .loss = 0.02});
  const auto tally = std::make_shared<Tally>();
  for (std::size_t i = 0; i < NODES.size(); ++i) {
    const auto disk = std::make_shared<Disk>();
    world.host(NODES[i], [=] {
      const auto node =
          std::make_shared<counter::Node>(all_but(NODES[i]), disk, counter::NodeOptions{.acknowledge = acknowledge});
      tally->nodes[i] = node;
      node->serve(NODES[i], PORT);  // suspends for ever
    });
  }
  for (const std::string& name : CLIENTS) {
    world.client(name, [=] { use_the_counter(name, *tally); });
  }
  world.client("judge", [=] { wait_for_agreement(*tally); });
  break_things(world);
}

void counter_three_nodes(sim::World& world) { three_nodes(world, counter::Acknowledge::by_majority); }
void counter_acknowledged_alone(sim::World& world) { three_nodes(world, counter::Acknowledge::alone); }

}  // namespace

ORRERY_SCENARIO(counter_three_nodes, "nodes crash, links break: what was acknowledged is counted, once, by all")
ORRERY_SCENARIO(counter_acknowledged_alone, "broken: a node says ok before another one has it, and crashes")
