// datagrams_test.cpp: datagrams between hosts: which arrive, when, in which order, and who hears that they did not.
//
// Rules: semantics.md S284 to S290; U1 to U3 of simulator/src/datagram_socket.hpp.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

using asyncio::Address;
using Transport = std::shared_ptr<asyncio::DatagramTransport>;

asyncio::Duration now() { return sim::World::current().now() - asyncio::TimePoint{}; }

/// Writes down what it is told, and may answer.
class Peer : public asyncio::DatagramProtocol {
 public:
  void connection_made(std::shared_ptr<asyncio::BaseTransport> made) override {
    transport_ = std::dynamic_pointer_cast<asyncio::DatagramTransport>(made);
  }
  void datagram_received(std::string_view data, const Address& from) override {
    senders.push_back(from);
    heard.put_nowait(std::string(data));
    if (answers) transport_->sendto("re: " + std::string(data), from);
  }
  void error_received(std::exception_ptr error) override {
    try {
      std::rethrow_exception(error);
    } catch (const std::system_error& what) {
      errors.put_nowait(what.code().value());
    }
  }
  void connection_lost(std::exception_ptr) override {
    transport_.reset();
    lost = true;
  }

  bool answers = false;
  bool lost = false;
  std::vector<Address> senders;
  asyncio::Queue<std::string> heard;
  asyncio::Queue<int> errors;

 private:
  Transport transport_;
};

std::pair<Transport, std::shared_ptr<Peer>> open_endpoint(asyncio::DatagramOptions options, bool answers = false) {
  return asyncio::get_running_loop().create_datagram_endpoint(
      [answers] {
        auto peer = std::make_shared<Peer>();
        peer->answers = answers;
        return peer;
      },
      std::move(options));
}

/// Waits until all that is on its way is heard. A step of another host may take until the next thing that happens: so
/// many things happen.
void settle() {
  for (int i = 0; i < 30; ++i) asyncio::sleep(50ms);
}

/// A host that answers every datagram to port 7.
void answering_server(sim::World& world, const std::string& name = "server") {
  world.host(name, [name] {
    const auto endpoint = open_endpoint({.local_addr = Address(name, 7)}, true);
    asyncio::sleep(1h);
  });
}

/// A host "server" that writes down in `received`, letter by letter, what comes to port 7.
void listening_server(sim::World& world, const std::shared_ptr<std::string>& received) {
  world.host("server", [received] {
    const auto [transport, peer] = open_endpoint({.local_addr = Address("server", 7)});
    while (true) *received += peer->heard.get();
  });
}

/// A client "alice" that sends each letter as a datagram to the server.
void sending_client(sim::World& world, const std::string& letters) {
  world.client("alice", [letters] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    for (const char letter : letters) transport->sendto(std::string(1, letter));
    settle();
  });
}

/// What the server may hear of "abc" over a link: all of it that is found in so many executions.
std::set<std::string> heard_of_abc(const sim::Link& link, std::size_t executions) {
  std::set<std::string> seen;
  sim::explore(
      [&](sim::World& world) {
        const auto received = std::make_shared<std::string>();
        world.network().set_default(link);
        listening_server(world, received);
        sending_client(world, "abc");
        world.finally([received, &seen] { seen.insert(*received); });
      },
      {.executions = executions});
  return seen;
}

// ---- There and back ----

SIM_TEST(Datagrams, GoThereAndBack) {
  answering_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    transport->sendto("hello");
    EXPECT_EQ(peer->heard.get(), "re: hello");
    transport->sendto("");
    EXPECT_EQ(peer->heard.get(), "re: ");
    EXPECT_EQ(peer->senders.back(), Address("server", 7));
  });
}

SIM_TEST(Datagrams, TakeTheLatencyOfTheirLink, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {5ms, 5ms}});
  answering_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    EXPECT_EQ(now(), 1000ms);  // nothing is sent to connect
    transport->sendto("hello");
    peer->heard.get();
    EXPECT_EQ(now(), 1010ms);
  });
}

SIM_TEST(Datagrams, GoToWhomeverTheyNameWhereNobodyIsConnected) {
  answering_server(world, "bob");
  answering_server(world, "carol");
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.local_addr = Address("alice", 9)});
    for (const char* name : {"bob", "carol"}) {
      transport->sendto("x", Address(name, 7));
      EXPECT_EQ(peer->heard.get(), "re: x");
      EXPECT_EQ(peer->senders.back(), Address(name, 7));
    }
    EXPECT_EQ(transport->get_extra_info<Address>("sockname"), Address("alice", 9));
    EXPECT_EQ(transport->get_extra_info("peername", Address("nobody", 0)).host(), "nobody");
  });
}

SIM_TEST(Datagrams, ReachTheOwnHostWithoutDelay, {.executions = 1, .strategy = sim::fifo()}) {
  world.client("alice", [] {
    const auto server = open_endpoint({.local_addr = Address("127.0.0.1", 7)}, true);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("localhost", 7)});
    transport->sendto("x");
    EXPECT_EQ(peer->heard.get(), "re: x");
    EXPECT_EQ(server.second->senders.back().host(), "127.0.0.1");
    EXPECT_EQ(now(), 0ms);
  });
}

SIM_TEST(Datagrams, ReachEverybodyByBroadcast) {
  answering_server(world, "bob");
  answering_server(world, "carol");
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.local_addr = Address("0.0.0.0", 0), .allow_broadcast = true});
    transport->sendto("who is there", Address("255.255.255.255", 7));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(peer->heard.get(), "re: who is there");
    EXPECT_NE(peer->senders[0], peer->senders[1]);
  });
}

// ---- What a link does to them ----

// U1
TEST(Datagrams, KeepTheirOrderOnAPlainLink) { EXPECT_EQ(heard_of_abc({}, 100), std::set<std::string>{"abc"}); }

TEST(Datagrams, AreOvertakenWhereTheLinkReorders) {
  const auto seen = heard_of_abc({.reorder = 0.5}, 500);
  EXPECT_EQ(seen, (std::set<std::string>{"abc", "acb", "bac", "bca", "cab", "cba"}));
}

TEST(Datagrams, AreLostWhereTheLinkLoses) {
  const auto seen = heard_of_abc({.loss = 0.5}, 300);
  EXPECT_EQ(seen, (std::set<std::string>{"", "a", "b", "c", "ab", "ac", "bc", "abc"}));
}

TEST(Datagrams, ComeTwiceWhereTheLinkDuplicates) {
  const auto seen = heard_of_abc({.duplicate = 0.5}, 300);
  EXPECT_TRUE(seen.contains("abc"));
  EXPECT_TRUE(seen.contains("aabbcc"));
  EXPECT_TRUE(seen.contains("abbc"));
}

TEST(Datagrams, OfTwoSocketsMayOvertakeEachOther) {
  std::set<std::string> seen;
  sim::explore(
      [&](sim::World& world) {
        const auto received = std::make_shared<std::string>();
        listening_server(world, received);
        world.client("alice", [] {
          asyncio::sleep(1s);
          for (const char* letter : {"a", "b"})
            open_endpoint({.remote_addr = Address("server", 7)}).first->sendto(letter);
          settle();
        });
        world.finally([received, &seen] { seen.insert(*received); });
      },
      {.executions = 100});
  EXPECT_EQ(seen, (std::set<std::string>{"ab", "ba"}));
}

SIM_TEST(Datagrams, WaitForTheBandwidth, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {1ms, 1ms}, .bandwidth = 1000});
  answering_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    transport->sendto(std::string(96, 'x'));
    EXPECT_EQ(peer->heard.get().size(), 100u);
    EXPECT_EQ(now(), 1000ms + 97ms + 101ms);
  });
}

SIM_TEST(Datagrams, AreLostInAPartition) {
  const auto received = std::make_shared<std::string>();
  listening_server(world, received);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    sim::Network& network = sim::World::current().network();
    transport->sendto("a");
    network.partition("alice", "server");  // "a" is still on its way
    transport->sendto("b");
    settle();
    network.repair("alice", "server");
    transport->sendto("c");
    settle();
  });
  world.finally([received] { EXPECT_EQ(*received, "c"); });
}

SIM_TEST(Datagrams, WaitWhereTheirPathIsHeld) {
  const auto received = std::make_shared<std::string>();
  listening_server(world, received);
  world.client("alice", [received] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    sim::Network& network = sim::World::current().network();
    network.hold("alice", "server");
    for (const char* letter : {"a", "b"}) transport->sendto(letter);
    asyncio::sleep(1s);
    EXPECT_EQ(*received, "");
    network.release("alice", "server");
    settle();
    EXPECT_EQ(*received, "ab");
  });
}

// ---- Nobody there ----

SIM_TEST(Datagrams, ThatFindNobodyAreHeardOfByAConnectedSender) {
  world.host("server", [] { asyncio::sleep(1h); });
  world.client("alice", [] {
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    transport->sendto("x");
    EXPECT_EQ(peer->errors.get(), ECONNREFUSED);  // S287: and the endpoint stays open
    EXPECT_FALSE(transport->is_closing());
    transport->sendto("y");
    EXPECT_EQ(peer->errors.get(), ECONNREFUSED);
  });
}

SIM_TEST(Datagrams, ThatFindNobodyAreGoneForOthers) {
  world.host("server", [] { asyncio::sleep(1h); });
  world.client("alice", [] {
    const auto [transport, peer] = open_endpoint({.local_addr = Address("alice", 9)});
    transport->sendto("x", Address("server", 7));
    asyncio::sleep(1s);
    EXPECT_TRUE(peer->errors.empty());
  });
}

SIM_TEST(Datagrams, ToACrashedHostAreGone) {
  answering_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    sim::World::current().crash("server");
    transport->sendto("x");
    asyncio::sleep(1s);
    EXPECT_TRUE(peer->errors.empty());
    sim::World::current().restart("server");
    asyncio::sleep(1s);
    transport->sendto("y");
    EXPECT_EQ(peer->heard.get(), "re: y");
  });
}

SIM_TEST(Datagrams, WaitInTheInboxOfAHostThatStandsStill) {
  answering_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    sim::World::current().pause("server");
    for (const char* text : {"x", "y"}) transport->sendto(text);
    asyncio::sleep(10s);
    EXPECT_TRUE(peer->heard.empty());
    sim::World::current().resume("server");
    EXPECT_EQ(peer->heard.get(), "re: x");
    EXPECT_EQ(peer->heard.get(), "re: y");
  });
}

SIM_TEST(Datagrams, AreThrownAwayWhereTheInboxIsFull) {
  const auto received = std::make_shared<std::string>();
  listening_server(world, received);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    sim::World::current().pause("server");
    for (int i = 0; i < 5; ++i) transport->sendto(std::string(60'000, 'x'));
    asyncio::sleep(1s);
    sim::World::current().resume("server");
    settle();
  });
  world.finally([received] { EXPECT_EQ(received->size(), 180'000u); });  // U2: 208 KiB are room for three
}

SIM_TEST(Datagrams, TakeRoomInTheInboxEvenWhereTheyAreEmpty) {
  const auto count = std::make_shared<std::size_t>(0);
  world.host("server", [count] {
    const auto [transport, peer] = open_endpoint({.local_addr = Address("server", 7)});
    for (;; ++*count) peer->heard.get();
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    sim::World::current().pause("server");
    for (int i = 0; i < 300; ++i) transport->sendto("");
    asyncio::sleep(1s);
    sim::World::current().resume("server");
    for (int i = 0; i < 300; ++i) asyncio::sleep(10ms);
  });
  world.finally([count] { EXPECT_EQ(*count, 277u); });  // 208 KiB by 768 bytes
}

// U3
SIM_TEST(Datagrams, ComeOnlyFromThePeerWhereOneIsConnected) {
  answering_server(world);
  world.host("mallory", [] {
    const auto [transport, peer] = open_endpoint({.local_addr = Address("mallory", 7)});
    asyncio::sleep(2s);
    transport->sendto("I am the server", Address("alice", 9));
    asyncio::sleep(1h);
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] =
        open_endpoint({.local_addr = Address("alice", 9), .remote_addr = Address("server", 7)});
    asyncio::sleep(2s);
    transport->sendto("x");
    EXPECT_EQ(peer->heard.get(), "re: x");
    EXPECT_TRUE(peer->heard.empty());
  });
}

// ---- What is refused ----

SIM_TEST(Datagrams, SayWhatIsWrongWithAnAddress) {
  world.client("alice", [] {
    const auto [transport, peer] = open_endpoint({.local_addr = Address("127.0.0.1", 9)});
    transport->sendto("x");
    EXPECT_EQ(peer->errors.get_nowait(), EDESTADDRREQ);
    transport->sendto("x", Address("nowhere", 7));
    EXPECT_EQ(peer->errors.get_nowait(), ENXIO);
    transport->sendto("x", Address("255.255.255.255", 7));
    EXPECT_EQ(peer->errors.get_nowait(), EACCES);
    transport->sendto("x", Address("zoe", 7));
    EXPECT_EQ(peer->errors.get_nowait(), EINVAL);
    transport->sendto(std::string(65'508, 'x'), Address("127.0.0.1", 7));
    EXPECT_EQ(peer->errors.get_nowait(), EMSGSIZE);
  });
  world.client("zoe", [] {});
}

SIM_TEST(Datagrams, AreNotBroadcastFromALoopbackAddress) {
  world.client("alice", [] {
    const auto local = open_endpoint({.local_addr = Address("0.0.0.0", 7)});
    const auto [transport, peer] = open_endpoint({.local_addr = Address("127.0.0.1", 9), .allow_broadcast = true});
    transport->sendto("x", Address("255.255.255.255", 7));
    EXPECT_EQ(peer->errors.get_nowait(), EINVAL);
    asyncio::sleep(1s);
    EXPECT_TRUE(local.second->heard.empty());  // not even the hosts before the one that it cannot reach
  });
  answering_server(world, "bob");
}

SIM_TEST(Datagrams, GoToNobodyButThePeer) {
  world.client("alice", [] {
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("alice", 7)});
    EXPECT_THROW(transport->sendto("x", Address("alice", 8)), std::invalid_argument);  // S286
  });
}

SIM_TEST(Datagrams, BindAPortOnce) {
  world.client("alice", [] {
    const auto first = open_endpoint({.local_addr = Address("alice", 7)});
    try {
      open_endpoint({.local_addr = Address("alice", 7)});
      ADD_FAILURE() << "bound twice";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EADDRINUSE);
    }
    first.first->close();
    asyncio::sleep(0s);
    open_endpoint({.local_addr = Address("alice", 7)});
    EXPECT_THROW(open_endpoint({.family = 0}), std::invalid_argument);
  });
}

// S284: whoever is cancelled while the endpoint is being made leaves no port behind.
SIM_TEST(Datagrams, LeaveNoPortBehindWhereTheirMakerIsCancelled) {
  world.client("alice", [] {
    const auto maker = asyncio::create_task([] { open_endpoint({.local_addr = Address("alice", 7)}); });
    asyncio::sleep(0s);
    maker.cancel();
    asyncio::await(asyncio::gather(asyncio::return_exceptions, std::vector{maker}));
    settle();
    const auto endpoint = open_endpoint({.local_addr = Address("alice", 7)});
    EXPECT_EQ(endpoint.first->get_extra_info<Address>("sockname"), Address("alice", 7));
  });
}

SIM_TEST(Datagrams, EndWithTheirEndpoint) {
  answering_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    const auto [transport, peer] = open_endpoint({.remote_addr = Address("server", 7)});
    transport->sendto("x");
    transport->close();
    EXPECT_TRUE(transport->is_closing());
    EXPECT_FALSE(peer->lost);
    asyncio::sleep(0s);
    EXPECT_TRUE(peer->lost);  // S290
    asyncio::sleep(1s);
    EXPECT_TRUE(peer->heard.empty());
    transport->sendto("y");  // and nothing happens
  });
}

}  // namespace
