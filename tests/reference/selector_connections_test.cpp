// selector_connections_test.cpp: connections over the loopback interface. Rules: semantics.md S228 to S239, S252,
// S274 to S279.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::shared_ptr<RecordingProtocol> recording() { return std::make_shared<RecordingProtocol>(); }

/// A server that remembers the protocols of its clients.
struct TestServer {
  explicit TestServer(ServerOptions options = {.host = "127.0.0.1", .port = 0})
      : protocols(std::make_shared<std::vector<std::shared_ptr<RecordingProtocol>>>()),
        server(get_running_loop().create_server(
            [protocols = protocols] {
              protocols->push_back(recording());
              return protocols->back();
            },
            std::move(options))) {}
  ~TestServer() { server->close(); }
  Address address() const { return server->sockets().front().getsockname(); }
  int port() const { return address().port(); }
  /// The protocol of the first client.
  RecordingProtocol& client() const { return *protocols->front(); }
  void wait_for_clients(std::size_t count) const {
    while (protocols->size() < count || !protocols->back()->transport) sleep(Duration::zero());
  }

  std::shared_ptr<std::vector<std::shared_ptr<RecordingProtocol>>> protocols;
  Server server;
};

/// A port of the loopback interface on which nobody listens, for as long as this lives.
struct ClosedPort {
  ClosedPort() : socket(open_socket(AF_INET, SOCK_STREAM, 0)) {
    bind_socket(socket, to_system({"127.0.0.1", 0}, AF_INET));
  }
  int port() const { return socket.getsockname().port(); }
  Socket socket;
};

class AConnection : public OnARealLoop {};
using ARefusedConnection = AConnection;
using HappyEyeballs = AConnection;
using ConnectionOptionsOnARealLoop = AConnection;
using AnAcceptedSocket = AConnection;
using TheEndOfARealConnection = AConnection;

// S237, S238, S253.
TEST_F(AConnection, CarriesBytesBothWays) {
  run([] {
    const TestServer server;
    auto [transport, protocol] =
        get_running_loop().create_connection(recording, {.host = "127.0.0.1", .port = server.port()});
    EXPECT_THAT(protocol->told, ElementsAre("made"));

    transport->write("question");
    server.wait_for_clients(1);
    EXPECT_EQ(server.client().wait_for_data(), "question");
    server.client().transport->write("answer");
    EXPECT_EQ(protocol->wait_for_data(), "answer");

    transport->close();
    await(server.client().lost);
    EXPECT_THAT(server.client().told, ElementsAre("made", "eof", "lost"));
  });
}

TEST_F(ARefusedConnection, HasAFactoryThatGivesNoProtocol) {
  run([] {
    const TestServer server;
    EXPECT_THROW(get_running_loop().create_connection([] { return std::shared_ptr<Protocol>(); },
                                                      {.host = "127.0.0.1", .port = server.port()}),
                 std::invalid_argument);
    server.wait_for_clients(1);
    await(server.client().lost);
  });
}

// A lambda that counts, for example, or owns something.
TEST_F(AConnection, TakesAFactoryThatChangesAndCannotBeCopied) {
  run([] {
    const TestServer server;
    auto [transport, protocol] = get_running_loop().create_connection(
        [made = std::make_unique<int>(0)]() mutable {
          ++*made;
          return recording();
        },
        {.host = "127.0.0.1", .port = server.port()});
    EXPECT_THAT(protocol->told, ElementsAre("made"));
    transport->abort();
    sleep(Duration::zero());
  });
}

// S277, S278.
TEST_F(AConnection, KnowsItsAddressesAndItsSocket) {
  run([] {
    const TestServer server;
    auto [transport, protocol] =
        get_running_loop().create_connection(recording, {.host = "127.0.0.1", .port = server.port()});
    server.wait_for_clients(1);
    const auto& other = server.client().transport;

    EXPECT_EQ(transport->get_extra_info<Address>("peername"), server.address());
    EXPECT_EQ(transport->get_extra_info<Address>("sockname"), other->get_extra_info<Address>("peername"));
    const auto socket = transport->get_extra_info<Socket>("socket");
    EXPECT_NE(socket.getsockopt(IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_NE(other->get_extra_info<Socket>("socket").getsockopt(IPPROTO_TCP, TCP_NODELAY), 0);
    socket.close();  // only a view
    transport->write("still there");
    EXPECT_EQ(server.client().wait_for_data(), "still there");
    transport->close();
  });
}

// S231, S235.
TEST_F(AConnection, ComesFromItsLocalAddress) {
  run([] {
    const TestServer server;
    auto [transport, protocol] = get_running_loop().create_connection(
        recording, {.host = "127.0.0.1", .port = server.port(), .local_addr = Address("127.0.0.2", 0)});

    EXPECT_EQ(transport->get_extra_info<Address>("sockname").host(), "127.0.0.2");
    transport->close();
  });
}

TEST_F(AConnection, GoesOverBothFamilies) {
  run([] {
    for (const std::string& host : loopback_hosts()) {
      const TestServer server({.host = host, .port = 0});
      auto [transport, protocol] =
          get_running_loop().create_connection(recording, {.host = host, .port = server.port()});

      EXPECT_EQ(transport->get_extra_info<Address>("peername"), Address(host, server.port()));
      transport->close();
    }
  });
}

// S239: the context of the caller, copied; gh-140947.
TEST_F(AConnection, RunsItsCallbacksInACopyOfTheCallersContext) {
  static ContextVar<int> number("number", 0);
  struct Noting : RecordingProtocol {
    void data_received(std::string_view data) override {
      seen = number.get();
      RecordingProtocol::data_received(data);
    }
    int seen = -1;
  };
  run([] {
    const auto pair = SocketPair::make();
    number.set(7);
    auto [transport, protocol] =
        get_running_loop().create_connection([] { return std::make_shared<Noting>(); }, {.sock = pair.theirs});
    number.set(8);
    pair.write("x");
    protocol->wait_for_data();

    EXPECT_EQ(protocol->seen, 7);
    transport->close();
  });
}

// Refused --------------------------------------------------------------------------------------------------

// S236: a single error is raised as it is.
TEST_F(ARefusedConnection, SaysWhereNobodyListens) {
  run([] {
    const ClosedPort closed;
    try {
      get_running_loop().create_connection(recording, {.host = "127.0.0.1", .port = closed.port()});
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::connection_refused);
      EXPECT_THAT(error.what(), StartsWith("Connect call failed 127.0.0.1:"));
    }
  });
}

// S236.
TEST_F(ARefusedConnection, GivesEveryErrorWhereTheyAreAskedFor) {
  run([] {
    const ClosedPort closed;
    try {
      get_running_loop().create_connection(recording, {.host = "127.0.0.1", .port = closed.port(), .all_errors = true});
      FAIL();
    } catch (const ExceptionGroup& group) {
      EXPECT_EQ(group.message(), "create_connection failed");
      ASSERT_EQ(group.exceptions().size(), 1u);
      EXPECT_TRUE(holds<std::system_error>(group.exceptions().front()));
    }
  });
}

// S235: the last of the errors of bind.
TEST_F(ARefusedConnection, SaysWhichLocalAddressItCannotHave) {
  run([] {
    const TestServer server;
    const auto connect = [&](const char* local) {
      get_running_loop().create_connection(
          recording, {.host = "127.0.0.1", .port = server.port(), .local_addr = Address(local, 0)});
    };
    EXPECT_EQ(errno_of([&] { connect("192.0.2.1"); }), EADDRNOTAVAIL);
    EXPECT_THAT(text_of<std::system_error>([&] { connect("::1"); }),
                StartsWith("no matching local address with family="));
  });
}

// S237, gh-153133: the socket does not leak.
TEST_F(ARefusedConnection, ClosesTheSocketWhereTheFactoryThrows) {
  run([] {
    const auto pair = SocketPair::make();
    const auto failing = []() -> std::shared_ptr<RecordingProtocol> { throw std::out_of_range("no protocol"); };

    EXPECT_THROW(get_running_loop().create_connection(failing, {.sock = pair.theirs}), std::out_of_range);

    EXPECT_EQ(pair.theirs.fileno(), -1);
  });
}

// S237.
TEST_F(ARefusedConnection, IsClosedWhereTheCallerIsCancelled) {
  run([] {
    const auto pair = SocketPair::make();
    auto task = create_task([&] { get_running_loop().create_connection(recording, {.sock = pair.theirs}); });
    sleep(Duration::zero());
    task.cancel();
    EXPECT_THROW(await(task), CancelledError);
    for (int i = 0; i < 3; ++i) sleep(Duration::zero());

    EXPECT_EQ(pair.theirs.fileno(), -1);
  });
}

// S235: in the middle of connecting, to a server whose queue is full.
TEST_F(ARefusedConnection, LeavesNothingBehindWhenItIsCancelledWhileConnecting) {
  run([] {
    const Socket server = open_socket(AF_INET, SOCK_STREAM, 0);
    bind_socket(server, to_system({"127.0.0.1", 0}, AF_INET));
    ::listen(server.fileno(), 0);
    const SystemAddress to = to_system(server.getsockname(), AF_INET);
    std::vector<Socket> waiting;
    for (int i = 0; i < 4; ++i) {
      waiting.push_back(open_socket(AF_INET, SOCK_STREAM, 0));
      ::connect(waiting.back().fileno(), to.get(), to.size);
    }
    const std::size_t descriptors = open_descriptors();
    const Address address = server.getsockname();
    auto task = create_task(
        [&] { get_running_loop().create_connection(recording, {.host = address.host(), .port = address.port()}); });
    sleep(Duration::zero());
    EXPECT_EQ(open_descriptors(), descriptors + 1);

    task.cancel();
    EXPECT_THROW(await(task), CancelledError);

    EXPECT_EQ(open_descriptors(), descriptors);
  });
}

TEST_F(ARefusedConnection, HasAHostThatDoesNotResolve) {
  run([] {
    const auto connect = [] {
      get_running_loop().create_connection(recording, {.host = std::string(70, 'x') + ".invalid", .port = 80});
    };
    EXPECT_THAT(text_of<std::system_error>(connect), HasSubstr("getaddrinfo"));
  });
}

// Happy Eyeballs -------------------------------------------------------------------------------------------

/// A loop whose resolver says what a test wants.
class ResolvingLoop : public SelectorEventLoop {
 public:
  std::vector<AddressInfo> getaddrinfo(std::string host, std::string, AddressInfoOptions options) override {
    asked.push_back(host);
    std::vector<AddressInfo> found;
    for (const Address& address : answers) {
      const int family = address.host().find(':') != std::string::npos ? AF_INET6 : AF_INET;
      found.push_back({.family = family, .type = options.type, .proto = 0, .canonical_name = {}, .address = address});
    }
    return found;
  }
  std::vector<Address> answers;
  std::vector<std::string> asked;
};

/// Runs on a ResolvingLoop.
void run_resolving(const std::function<void(ResolvingLoop&)>& body) {
  ResolvingLoop loop;
  loop.run_until_complete([&] { body(loop); });
  loop.close();
}

// S233: the next one where one fails.
TEST_F(HappyEyeballs, AreNotNeededToTryOneAfterTheOther) {
  run_resolving([](ResolvingLoop& loop) {
    const TestServer server;
    const ClosedPort closed;
    loop.answers = {{"127.0.0.1", closed.port()}, server.address()};

    auto [transport, protocol] = loop.create_connection(recording, {.host = "two", .port = 1});

    EXPECT_EQ(transport->get_extra_info<Address>("peername"), server.address());
    EXPECT_THAT(loop.asked, ElementsAre("two"));
    transport->close();
    await(protocol->lost);
  });
}

// S234: a network that does not answer costs one delay. Closed ports answer at once.
TEST_F(HappyEyeballs, FindTheOneThatAnswers) {
  run_resolving([](ResolvingLoop& loop) {
    const TestServer server;
    const ClosedPort closed;
    loop.answers = {{"127.0.0.1", closed.port()}, {"::1", closed.port()}, server.address(), server.address()};

    auto [transport, protocol] =
        loop.create_connection(recording, {.host = "four", .port = 1, .happy_eyeballs_delay = 1h});

    EXPECT_EQ(transport->get_extra_info<Address>("peername"), server.address());
    transport->close();
    await(protocol->lost);
  });
}

// S234: all at once; exactly one connection is left over.
TEST_F(HappyEyeballs, CloseTheConnectionsThatCameTooLate) {
  run_resolving([](ResolvingLoop& loop) {
    const TestServer server;
    loop.answers = std::vector<Address>(8, server.address());

    auto [transport, protocol] =
        loop.create_connection(recording, {.host = "eight", .port = 1, .happy_eyeballs_delay = 0s});
    transport->close();
    await(protocol->lost);
    while (!server.protocols->empty() && server.protocols->back()->transport) sleep(Duration::zero());
  });
}

// S236.
TEST_F(HappyEyeballs, JoinTheTextsWhereNobodyAnswers) {
  run_resolving([](ResolvingLoop& loop) {
    const ClosedPort closed, other;
    loop.answers = {{"127.0.0.1", closed.port()}, {"127.0.0.1", other.port()}};
    for (const std::optional<Duration> delay : {std::optional<Duration>{}, std::optional<Duration>{1ms}}) {
      const auto connect = [&] {
        loop.create_connection(recording, {.host = "two", .port = 1, .happy_eyeballs_delay = delay});
      };
      EXPECT_THAT(text_of<std::system_error>(connect),
                  StartsWith("Multiple exceptions: Connect call failed " + loop.answers[0].to_string() +
                             ": Connection refused, Connect call failed " + loop.answers[1].to_string()));
    }
  });
}

// S236: equal texts count once.
TEST_F(HappyEyeballs, SayTheSameThingOnce) {
  run_resolving([](ResolvingLoop& loop) {
    const ClosedPort closed;
    loop.answers = {{"127.0.0.1", closed.port()}, {"127.0.0.1", closed.port()}};
    EXPECT_THAT(text_of<std::system_error>([&] { loop.create_connection(recording, {.host = "two", .port = 1}); }),
                StartsWith("Connect call failed"));
  });
}

// Options --------------------------------------------------------------------------------------------------

// S228: the text is CPython's.
TEST_F(ConnectionOptionsOnARealLoop, WantAStreamSocket) {
  run([] {
    const auto pair = SocketPair::make(SOCK_DGRAM);
    const auto connect = [&] { get_running_loop().create_connection(recording, {.sock = pair.theirs}); };
    EXPECT_THAT(text_of<std::invalid_argument>(connect), StartsWith("A Stream Socket was expected, got <socket fd="));
    const auto accept = [&] { get_running_loop().connect_accepted_socket(recording, pair.theirs); };
    EXPECT_THAT(text_of<std::invalid_argument>(accept), StartsWith("A Stream Socket was expected, got <socket fd="));
  });
}

// S252.
TEST_F(AnAcceptedSocket, GetsATransport) {
  run([] {
    const auto pair = SocketPair::make();
    auto [transport, protocol] = get_running_loop().connect_accepted_socket(recording, pair.theirs);

    transport->write("served");
    EXPECT_EQ(pair.read(), "served");
    transport->close();
    await(protocol->lost);
  });
}

// The end --------------------------------------------------------------------------------------------------

// S260: a peer that resets is not reported.
TEST_F(TheEndOfARealConnection, HasTheErrorOfAReset) {
  run([this] {
    const TestServer server;
    auto [transport, protocol] =
        get_running_loop().create_connection(recording, {.host = "127.0.0.1", .port = server.port()});
    server.wait_for_clients(1);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(server.client().transport->get_extra_info<Socket>("socket").fileno(), SOL_SOCKET, SO_LINGER, &at_once,
                 sizeof at_once);

    server.client().transport->abort();
    await(protocol->lost);

    EXPECT_THAT(protocol->told, ElementsAre("made", HasSubstr("Connection reset by peer")));
    EXPECT_THAT(reports, IsEmpty());
  });
}

// S261, S270: each side ends by itself.
TEST_F(TheEndOfARealConnection, ComesFromBothSides) {
  run([] {
    const TestServer server;
    auto [transport, protocol] =
        get_running_loop().create_connection(recording, {.host = "127.0.0.1", .port = server.port()});
    server.wait_for_clients(1);
    server.client().keep_open = true;

    transport->write("all I have");
    transport->write_eof();
    while (server.client().told.size() < 2) sleep(Duration::zero());  // made, eof
    server.client().transport->write("still listening");
    server.client().transport->close();
    await(protocol->lost);

    EXPECT_EQ(protocol->text, "still listening");
    EXPECT_THAT(protocol->told, ElementsAre("made", "eof", "lost"));
  });
}

// S266, S267: a slow reader holds up what is written to it, and not memory or other connections.
TEST_F(TheEndOfARealConnection, WaitsForASlowReader) {
  run([] {
    const auto pair = SocketPair::make();
    auto [transport, protocol] = get_running_loop().create_connection(recording, {.sock = pair.theirs});
    const std::string chunk(1 << 16, 'x');
    std::size_t written = 0;
    while (protocol->told.back() != "pause") {
      transport->write(chunk);
      written += chunk.size();
    }
    EXPECT_LE(transport->get_write_buffer_size(), (64u << 10) + chunk.size());

    transport->close();
    std::size_t received = 0;
    while (const std::size_t count = get_running_loop().sock_recv(pair.ours, 1 << 18).size()) received += count;

    EXPECT_EQ(received, written);
    await(protocol->lost);
    EXPECT_THAT(protocol->told, ElementsAre("made", "pause", "resume", "lost"));
  });
}

// S38, S279: nothing is called, and nothing is kept.
TEST_F(TheEndOfARealConnection, MayBeTheEndOfItsLoop) {
  const auto pair = SocketPair::make();
  std::weak_ptr<RecordingProtocol> watched;
  {
    SelectorEventLoop loop;
    loop.run_until_complete([&] {
      auto [transport, protocol] = loop.create_connection(recording, {.sock = pair.theirs});
      transport->pause_reading();
      watched = protocol;
    });
    EXPECT_FALSE(watched.expired());  // the loop owns it
    loop.close();
  }

  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(pair.read(), "");
}

// A transport that is kept longer than its loop does nothing any more.
TEST_F(TheEndOfARealConnection, LeavesATransportThatDoesNothing) {
  const auto pair = SocketPair::make();
  std::shared_ptr<Transport> kept;
  {
    SelectorEventLoop loop;
    loop.run_until_complete([&] { kept = loop.create_connection(recording, {.sock = pair.theirs}).first; });
    loop.close();
  }

  kept->write("x");
  kept->writelines({"x"});
  kept->write_eof();
  kept->pause_reading();
  kept->resume_reading();
  kept->abort();
  kept->close();

  EXPECT_TRUE(kept->is_closing());
}

}  // namespace
}  // namespace asyncio
