// network_test.cpp: connections between hosts: what arrives, when, and what happens when something breaks.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

asyncio::Duration now() { return sim::World::current().now() - asyncio::TimePoint{}; }

/// Has something happen after a time, seen from the calling host.
template <class What>
void after(asyncio::Duration delay, What what) {
  asyncio::get_running_loop().call_later(delay, [what] { what(sim::World::current()); });
}

/// The errno that `what` throws; 0 where it throws none.
template <class What>
int error_of(What what) {
  try {
    what();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

/// A host that sends every line back.
void echo_server(sim::World& world, const std::string& name = "server") {
  world.host(name, [name] {
    auto server = asyncio::start_server(
        [](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
          try {
            for (std::string line; !(line = reader.readline()).empty();) writer.write(line);
          } catch (const std::system_error&) {
            return;  // the client has crashed
          }
          writer.close();
        },
        name, 7);
    server->serve_forever();
  });
}

std::string ask(const asyncio::StreamReader& reader, const asyncio::StreamWriter& writer, const std::string& line) {
  writer.write(line + "\n");
  return reader.readline();
}

// Tests that look at exact times run the plain execution only: in others a step may take any time.

SIM_TEST(Network, CarriesBytesThereAndBack) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
    EXPECT_EQ(ask(reader, writer, "again"), "again\n");
    writer.close();
    writer.wait_closed();
  });
}

SIM_TEST(Network, TakesARoundTripToConnect, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {5ms, 5ms}});
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    EXPECT_EQ(now(), 1010ms);
    ask(reader, writer, "hello");
    EXPECT_EQ(now(), 1020ms);
  });
}

SIM_TEST(Network, StaysWithinTheLatencyOfItsLink, {.executions = 1, .strategy = sim::fifo()}) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    for (int i = 0; i < 5; ++i) {
      const auto before = now();
      ask(reader, writer, "x");
      EXPECT_GE(now() - before, 4ms);
    }
  });
  world.network().set_path("alice", "server", {.latency = {3ms, 8ms}});
  world.network().set_path("server", "alice", {.latency = {1ms, 2ms}});
}

TEST(Network, ChoosesLatenciesAmongAtMost64Steps) {
  const auto result = sim::run(
      [](sim::World& world) {
        echo_server(world);
        world.client("alice", [] {
          asyncio::sleep(1s);
          auto [reader, writer] = asyncio::open_connection("server", 7);
          ask(reader, writer, "x");
        });
      },
      {.trace = true});
  std::size_t latencies = 0;
  for (const sim::Choice& choice : result.tape) {
    if (choice.kind != sim::ChoiceKind::latency) continue;
    ++latencies;
    EXPECT_EQ(choice.ways, 64u);
    EXPECT_TRUE(choice.label == "latency: alice to server" || choice.label == "latency: server to alice");
  }
  EXPECT_GE(latencies, 4u);
}

SIM_TEST(Network, KeepsTheOrderOfAConnection) {
  auto received = std::make_shared<std::string>();
  world.host("server", [=] {
    auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter) { *received = reader.read(-1); }, "server", 7);
    server->serve_forever();
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    for (char c = 'a'; c <= 'j'; ++c) writer.write(std::string(1, c));
    writer.write_eof();
    EXPECT_EQ(reader.read(-1), "");
  });
  world.finally([=] { EXPECT_EQ(*received, "abcdefghij"); });
}

TEST(Network, LetsTwoConnectionsOvertakeEachOther) {
  std::set<std::string> seen;
  sim::explore(
      [&](sim::World& world) {
        auto order = std::make_shared<std::string>();
        world.host("server", [=] {
          auto server = asyncio::start_server(
              [=](asyncio::StreamReader reader, asyncio::StreamWriter) { *order += reader.read(1); }, "server", 7);
          server->serve_forever();
        });
        world.client("alice", [] {
          asyncio::sleep(1s);
          auto a = asyncio::open_connection("server", 7);
          auto b = asyncio::open_connection("server", 7);
          a.writer.write("a");
          b.writer.write("b");
          asyncio::sleep(1s);
        });
        world.finally([=, &seen] { seen.insert(*order); });
      },
      {.executions = 100});
  EXPECT_EQ(seen, (std::set<std::string>{"ab", "ba"}));
}

SIM_TEST(Network, RefusesAConnectionThatNobodyListensFor, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {5ms, 5ms}});
  world.host("server", [] { asyncio::sleep(1h); });
  world.client("alice", [] {
    EXPECT_EQ(error_of([] { asyncio::open_connection("server", 7); }), ECONNREFUSED);
    EXPECT_EQ(now(), 10ms);
  });
}

SIM_TEST(Network, RefusesAConnectionToACrashedHost) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    sim::World::current().crash("server");
    EXPECT_EQ(error_of([] { asyncio::open_connection("server", 7); }), ECONNREFUSED);
  });
}

SIM_TEST(Network, DoesNotKnowHostsThatAreNotThere) {
  world.client("alice", [] {
    try {
      asyncio::open_connection("nowhere", 7);
      ADD_FAILURE() << "connected to nowhere";
    } catch (const std::system_error& error) {
      EXPECT_NE(std::string(error.what()).find("'nowhere'"), std::string::npos);
    }
  });
}

SIM_TEST(Network, BindsOwnAddressesOnly) {
  world.host("server", [] { asyncio::sleep(1h); });
  world.client("alice", [] {
    EXPECT_EQ(error_of([] { asyncio::open_connection("server", 7, {.local_addr = asyncio::Address("server", 9)}); }),
              EADDRNOTAVAIL);
    EXPECT_EQ(error_of([] { asyncio::start_server([](auto, auto) {}, "server", 7); }), EADDRNOTAVAIL);
  });
}

SIM_TEST(Network, ReachesTheOwnHostWithoutDelay, {.executions = 1, .strategy = sim::fifo()}) {
  echo_server(world, "alice");
  world.client("bob", [] { asyncio::sleep(1s); });
  world.client("carol", [] {
    auto server = asyncio::start_server(
        [](asyncio::StreamReader reader, asyncio::StreamWriter writer) { writer.write(reader.readline()); },
        "127.0.0.1", 7);
    for (const char* name : {"localhost", "127.0.0.1"}) {
      auto [reader, writer] = asyncio::open_connection(name, 7);
      EXPECT_EQ(ask(reader, writer, "hi"), "hi\n");
    }
    EXPECT_EQ(error_of([] { asyncio::open_connection("carol", 7); }), ECONNREFUSED);
    EXPECT_EQ(now(), 0s);
    server->close();
  });
}

SIM_TEST(Network, OccupiesAPortOnce) {
  const auto nobody = [](asyncio::StreamReader, asyncio::StreamWriter) {};
  world.client("alice", [=] {
    auto first = asyncio::start_server(nobody, "alice", 7);
    EXPECT_EQ(error_of([=] { asyncio::start_server(nobody, "alice", 7); }), EADDRINUSE);
    EXPECT_EQ(error_of([=] { asyncio::start_server(nobody, "bob", 7); }), EADDRNOTAVAIL);
    first->close();
    auto second = asyncio::start_server(nobody, "alice", 7);
    EXPECT_EQ(second->sockets().at(0).getsockname(), asyncio::Address("alice", 7));
    auto any = asyncio::start_server(nobody, "alice", 0);
    EXPECT_GE(any->sockets().at(0).getsockname().port(), 49152);
  });
  world.host("bob", [] {});
}

SIM_TEST(Network, TellsBothSidesTheirAddresses) {
  world.host("server", [] {
    auto server = asyncio::start_server(
        [](asyncio::StreamReader, asyncio::StreamWriter writer) {
          EXPECT_EQ(writer.get_extra_info<asyncio::Address>("peername").host(), "alice");
          EXPECT_EQ(writer.get_extra_info<asyncio::Address>("sockname"), asyncio::Address("server", 7));
        },
        "server", 7);
    server->serve_forever();
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    EXPECT_EQ(writer.get_extra_info<asyncio::Address>("peername"), asyncio::Address("server", 7));
    EXPECT_EQ(writer.get_extra_info<asyncio::Address>("sockname").host(), "alice");
    EXPECT_GE(writer.get_extra_info<asyncio::Socket>("socket").fileno(), 3);
    reader.read(-1);
  });
}

SIM_TEST(Partition, KeepsWhatIsSentUntilItIsRepaired) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    sim::World::current().network().partition("alice", "server");
    after(60s, [](sim::World& world) { world.network().repair("alice", "server"); });
    EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
    EXPECT_GE(now(), 60s);
  });
}

SIM_TEST(Partition, StopsWhatIsOnItsWay, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {10ms, 10ms}});
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(980ms);
    auto [reader, writer] = asyncio::open_connection("server", 7);  // done after one second
    EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
    EXPECT_EQ(now(), 10s + 20ms);
  });
  world.at(1005ms, [&world] { world.network().partition_oneway("alice", "server"); });
  world.at(10s, [&world] { world.network().repair_all(); });
}

SIM_TEST(Partition, HasAConnectWait) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    sim::World::current().network().partition("alice", "server");
    after(60s, [](sim::World& world) { world.network().repair_all(); });
    asyncio::open_connection("server", 7);
    EXPECT_GE(now(), 60s);
  });
}

SIM_TEST(Partition, OnewayLeavesTheOtherDirection, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {1ms, 1ms}});
  auto heard = std::make_shared<asyncio::Duration>();
  world.host("server", [=] {
    auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
          reader.readline();
          *heard = now();
          writer.write("yes\n");
        },
        "server", 7);
    server->serve_forever();
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    sim::World::current().network().partition_oneway("server", "alice");
    EXPECT_EQ(ask(reader, writer, "hello"), "yes\n");
  });
  world.at(60s, [&world] { world.network().repair("server", "alice"); });
  world.finally([=] { EXPECT_LT(*heard, 2s); });
}

SIM_TEST(Hold, KeepsMessagesInFlightUntilRelease) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    sim::World::current().network().hold("alice", "server");
    after(60s, [](sim::World& world) { world.network().release("alice", "server"); });
    EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
    EXPECT_GE(now(), 60s);
  });
}

TEST(Loss, DelaysAStreamAndLosesNothing) {
  int delayed = 0;
  const auto result = sim::explore(
      [&](sim::World& world) {
        world.network().set_default({.latency = {1ms, 1ms}, .loss = 0.3});
        echo_server(world);
        world.client("alice", [&] {
          asyncio::sleep(1s);
          auto [reader, writer] = asyncio::open_connection("server", 7);
          const auto before = now();
          EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
          if (now() - before >= 200ms) ++delayed;
        });
      },
      {.executions = 100});
  EXPECT_FALSE(result.failing);
  EXPECT_GT(delayed, 20);
  EXPECT_LT(delayed, 80);
}

SIM_TEST(Bandwidth, DelaysManyBytes, {.executions = 1, .strategy = sim::fifo()}) {
  world.network().set_default({.latency = {1ms, 1ms}, .bandwidth = 1000});
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    const auto before = now();
    ask(reader, writer, std::string(499, 'x'));
    EXPECT_EQ(now() - before, 1002ms);  // half a second and a millisecond, each way
  });
}

SIM_TEST(Network, RefusesTermsOutOfTheirRange) {
  EXPECT_THROW(world.network().set_default({.latency = {2ms, 1ms}}), std::invalid_argument);
  EXPECT_THROW(world.network().set_default({.loss = 2}), std::invalid_argument);
  EXPECT_THROW(world.network().set_default({.bandwidth = 0}), std::invalid_argument);
  EXPECT_THROW(world.network().partition("nobody", "nowhere"), std::invalid_argument);
}

SIM_TEST(CrashOfAPeer, ResetsItsConnections) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    ask(reader, writer, "hello");
    sim::World::current().crash("server");
    EXPECT_EQ(error_of([&, reader = reader] { reader.readline(); }), ECONNRESET);
  });
}

SIM_TEST(CrashOfAPeer, IsNotNoticedThroughAPartition) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    sim::World::current().network().partition("alice", "server");
    sim::World::current().crash("server");
    after(60s, [](sim::World& world) { world.network().repair_all(); });
    EXPECT_EQ(error_of([&, reader = reader] { reader.readline(); }), ECONNRESET);
    EXPECT_GE(now(), 60s);
  });
}

SIM_TEST(EndOfAClient, EndsItsConnections, {.executions = 1, .strategy = sim::fifo()}) {
  auto lines = std::make_shared<std::vector<std::string>>();
  world.host("server", [=] {
    auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter) {
          for (;;) {
            lines->push_back(reader.readline());
            if (lines->back().empty()) return;
          }
        },
        "server", 7);
    server->serve_forever();
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    static_cast<void>(asyncio::open_connection("server", 7).writer.write("last words\n"));
  });
  world.client("bob", [] { asyncio::sleep(1min); });
  world.finally([=] { EXPECT_EQ(*lines, (std::vector<std::string>{"last words\n", ""})); });
}

SIM_TEST(PausedHost, HearsNothingUntilItIsResumed) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    sim::World::current().pause("server");
    after(60s, [](sim::World& world) { world.resume("server"); });
    EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
    EXPECT_GE(now(), 60s);
  });
}

SIM_TEST(RestartedHost, CanBeConnectedToAgain) {
  echo_server(world);
  world.client("alice", [] {
    for (int i = 0; i < 2; ++i) {
      asyncio::sleep(1s);
      auto [reader, writer] = asyncio::open_connection("server", 7);
      EXPECT_EQ(ask(reader, writer, "hello"), "hello\n");
      sim::World::current().restart("server");
    }
  });
}

// S267, S337.
SIM_TEST(SlowReader, MakesAWriterWait, {.executions = 1, .strategy = sim::fifo()}) {
  auto read = std::make_shared<std::size_t>(0);
  world.host("server", [=] {
    auto server = asyncio::start_server(
        [=](asyncio::StreamReader reader, asyncio::StreamWriter) {
          asyncio::sleep(1min);
          for (std::string data; !(data = reader.read(100'000)).empty();) *read += data.size();
        },
        "server", 7);
    server->serve_forever();
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    writer.write(std::string(1'000'000, 'x'));
    EXPECT_GE(writer.transport()->get_write_buffer_size(), 1'000'000u - 64 * 1024u);
    writer.drain();
    EXPECT_GE(now(), 1min);
    writer.close();
    writer.wait_closed();
    asyncio::sleep(10s);
  });
  world.finally([=] { EXPECT_EQ(*read, 1'000'000u); });
}

// S247 to S249.
SIM_TEST(Server, EndsItsConnectionsWhenServeForeverIsCancelled, {.executions = 1, .strategy = sim::fifo()}) {
  auto ended = std::make_shared<bool>(false);
  world.host("server", [=] {
    auto server = asyncio::start_server([](asyncio::StreamReader reader, asyncio::StreamWriter) { reader.read(-1); },
                                        "server", 7);
    auto serving = asyncio::create_task([=] { server->serve_forever(); });
    asyncio::sleep(10s);
    serving.cancel();
    EXPECT_THROW(asyncio::await(serving), asyncio::CancelledError);
    *ended = true;
  });
  world.client("alice", [] {
    asyncio::sleep(1s);
    auto [reader, writer] = asyncio::open_connection("server", 7);
    EXPECT_EQ(reader.read(-1), "");
    asyncio::sleep(1min);
  });
  world.finally([=] { EXPECT_TRUE(*ended); });
}

// S257: whoever gives up connecting leaves nothing behind.
SIM_TEST(Network, CanBeToldToStopConnecting) {
  echo_server(world);
  world.client("alice", [] {
    asyncio::sleep(1s);
    sim::World::current().network().partition("alice", "server");
    EXPECT_THROW(asyncio::wait_for([] { asyncio::open_connection("server", 7); }, 5s), asyncio::TimeoutError);
    sim::World::current().network().repair_all();
    asyncio::sleep(10s);
  });
}

TEST(Network, GivesTheSameTraceForTheSameSeed) {
  const sim::Scenario scenario = [](sim::World& world) {
    echo_server(world);
    for (const char* name : {"alice", "bob"}) {
      world.client(name, [] {
        asyncio::sleep(1s);
        auto [reader, writer] = asyncio::open_connection("server", 7);
        for (int i = 0; i < 3; ++i) ask(reader, writer, "hello");
      });
    }
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_EQ(sim::run(scenario, {.seed = seed}).trace_hash, sim::run(scenario, {.seed = seed}).trace_hash);
  }
}

}  // namespace
