// selector_server_test.cpp: TCP servers on real sockets. Rules: semantics.md S240 to S251.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>

#include <sys/resource.h>
#include <sys/stat.h>

#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::shared_ptr<BaseProtocol> recording() { return std::make_shared<RecordingProtocol>(); }

void echo(StreamReader reader, StreamWriter writer) {
  try {
    for (std::string line; !(line = reader.readline()).empty();) writer.write(line);
  } catch (const std::system_error&) {  // the client is gone
  }
  writer.close();
}

/// Asks an echo server for a line.
std::string ask(const std::string& host, int port) {
  auto [reader, writer] = open_connection(host, port);
  writer.write("hello\n");
  const std::string line = reader.readline();
  writer.close();
  writer.wait_closed();
  return line;
}

class ARealServer : public OnARealLoop {};
using AServerThatAccepts = ARealServer;
using AServerOnSeveralInterfaces = ARealServer;
using ManyConnections = ARealServer;

// S241: dual stack is two sockets, and IPv4 is not taken by the one for IPv6.
TEST_F(AServerOnSeveralInterfaces, ServesEachOfThem) {
  run([] {
    const std::vector<std::string> hosts = loopback_hosts();
    const auto first = start_server(echo, hosts.back(), 0);
    const auto others = start_server(echo, {}, port_of(first), {.hosts = {"127.0.0.2", "127.0.0.3"}});
    EXPECT_EQ(others->sockets().size(), 2u);

    EXPECT_EQ(ask(hosts.back(), port_of(first)), "hello\n");
    EXPECT_EQ(ask("127.0.0.2", port_of(first)), "hello\n");
    EXPECT_EQ(ask("127.0.0.3", port_of(first)), "hello\n");
    first->close();
    others->close();
  });
}

// S240, S242: no host is every interface, each with a port of its own.
TEST_F(AServerOnSeveralInterfaces, ServesAllWhereNoneIsNamed) {
  run([] {
    const auto server = start_server(echo, {}, 0);
    for (const Socket& socket : server->sockets()) {
      const Address address = socket.getsockname();
      const std::string host = address.host() == "::" ? "::1" : "127.0.0.1";
      if (std::ranges::count(loopback_hosts(), host) == 0) continue;  // "::" may be there where "::1" is not
      EXPECT_EQ(ask(host, address.port()), "hello\n");
    }
    server->close();
  });
}

// S240.
TEST_F(AServerOnSeveralInterfaces, BindsEachAddressOnce) {
  run([] {
    const auto server = start_server(echo, {}, 0, {.hosts = {"127.0.0.1", "127.0.0.1"}});
    EXPECT_EQ(server->sockets().size(), 1u);
    server->close();
  });
}

// S241.
TEST_F(ARealServer, SaysWhichAddressIsInUse) {
  run([] {
    const auto first = start_server(echo, "127.0.0.1", 0);
    const std::string address = first->sockets().front().getsockname().to_string();
    try {
      start_server(echo, "127.0.0.1", port_of(first));
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code(), std::errc::address_in_use);
      EXPECT_THAT(error.what(), StartsWith("error while attempting to bind on address " + address));
    }
    first->close();
  });
}

// S241.
TEST_F(ARealServer, SharesAPortWhereBothWantTo) {
  run([] {
    const auto first = start_server(echo, "127.0.0.1", 0, {.reuse_port = true});
    const auto second = start_server(echo, "127.0.0.1", port_of(first), {.reuse_port = true});
    EXPECT_EQ(ask("127.0.0.1", port_of(first)), "hello\n");
    first->close();
    second->close();
  });
}

// S241, bpo-30945: an address that the machine has not is left out; with none left it is an error.
TEST_F(ARealServer, SaysThatNoAddressCanBeHad) {
  run([] {
    testing::internal::CaptureStderr();
    const std::string said = text_of<std::system_error>([] { start_server(echo, "192.0.2.1", 7); });
    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("192.0.2.1:7"));
    EXPECT_THAT(said, StartsWith("could not bind on any address out of [192.0.2.1:7]"));
  });
}

// S243.
TEST_F(ARealServer, DoesNotListenBeforeItServes) {
  run([] {
    const auto server = start_server(echo, "127.0.0.1", 0, {.start_serving = false});
    EXPECT_FALSE(server->is_serving());
    EXPECT_EQ(errno_of([&] { ask("127.0.0.1", port_of(server)); }), ECONNREFUSED);

    server->start_serving();

    EXPECT_EQ(ask("127.0.0.1", port_of(server)), "hello\n");
    server->close();
  });
}

// What a server owns is given back, and the loop does not keep it: the fixture counts.
TEST_F(ARealServer, IsClosedWhereItCannotListen) {
  run([] {
    const Socket connected = open_socket(AF_INET, SOCK_STREAM, 0);
    const auto other = start_server(echo, "127.0.0.1", 0);
    get_running_loop().sock_connect(connected, other->sockets().front().getsockname());

    EXPECT_EQ(errno_of([&] { start_server(echo, {}, {}, {.sock = connected}); }), EINVAL);

    EXPECT_EQ(connected.fileno(), -1);
    other->close();
  });
}

// S240: a socket that was bound elsewhere.
TEST_F(ARealServer, TakesASocket) {
  run([] {
    const Socket socket = open_socket(AF_INET, SOCK_STREAM, 0);
    bind_socket(socket, to_system({"127.0.0.1", 0}, AF_INET));
    const int port = socket.getsockname().port();
    const auto server = start_server(echo, {}, {}, {.sock = socket});

    EXPECT_EQ(ask("127.0.0.1", port), "hello\n");
    server->close();
    EXPECT_EQ(socket.fileno(), -1);
  });
}

// S247, S248.
TEST_F(ARealServer, LetsItsConnectionsGoOnWhenItCloses) {
  run([] {
    const auto server = start_server(echo, "127.0.0.1", 0);
    auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
    writer.write("one\n");
    EXPECT_EQ(reader.readline(), "one\n");

    server->close();
    EXPECT_THAT(server->sockets(), IsEmpty());
    writer.write("two\n");
    EXPECT_EQ(reader.readline(), "two\n");

    writer.close();
    server->wait_closed();
  });
}

// S250.
TEST_F(ARealServer, ClosesAndAbortsItsClients) {
  run([] {
    for (const bool abort : {false, true}) {
      const auto server = start_server(echo, "127.0.0.1", 0);
      auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
      writer.write("one\n");
      reader.readline();

      server->close();
      abort ? server->abort_clients() : server->close_clients();

      EXPECT_EQ(reader.read(), "");
      server->wait_closed();
      writer.close();
    }
  });
}

// S245, gh-140947: each connection has a copy of the context of the server.
TEST_F(AServerThatAccepts, GivesEachConnectionACopyOfItsContext) {
  static ContextVar<int> visits("visits", 0);
  run([] {
    visits.set(10);
    std::vector<int> seen;
    const auto server = start_server(
        [&](StreamReader reader, StreamWriter writer) {
          visits.set(visits.get() + 1);
          seen.push_back(visits.get());
          echo(reader, writer);
        },
        "127.0.0.1", 0);
    visits.set(20);

    ask("127.0.0.1", port_of(server));
    ask("127.0.0.1", port_of(server));

    EXPECT_THAT(seen, ElementsAre(11, 11));
    server->close();
  });
}

// S246: silently, and in debug mode with a report.
TEST_F(AServerThatAccepts, DropsAConnectionWhoseFactoryThrows) {
  for (const bool debug : {false, true}) {
    reports.clear();
    run([debug] {
      auto& loop = get_running_loop();
      loop.set_debug(debug);
      const auto failing = []() -> std::shared_ptr<BaseProtocol> { throw std::out_of_range("no protocol"); };
      const auto server = loop.create_server(failing, {.host = "127.0.0.1", .port = 0});
      auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
      EXPECT_EQ(reader.read(), "");
      writer.close();
      server->close();
    });
    EXPECT_EQ(reports.size(), debug ? 1u : 0u);
  }
  EXPECT_THAT(reports, ElementsAre("Error on transport creation for incoming connection out_of_range: no protocol"));
}

/// A loop whose clock a test can move: a pause of one second is over when the test says so.
class LoopWithAMovableClock : public SelectorEventLoop {
 public:
  TimePoint time() const override { return SelectorEventLoop::time() + ahead; }
  Duration ahead{};
};

/// Takes all descriptors of the process but so many.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t left) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    ::close(next);
    const rlimit few{.rlim_cur = static_cast<rlim_t>(next) + left, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { give_back(); }
  void give_back() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// S244, bpo-27906: reported once, not tried again for a second, and then it goes on.
TEST_F(AServerThatAccepts, PausesWhenTheDescriptorsRunOut) {
  LoopWithAMovableClock loop;
  std::vector<std::string> told;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) {
    told.push_back(context.message + " " + describe(context.exception));
  });
  loop.run_until_complete([&] {
    const auto server = start_server(echo, "127.0.0.1", 0);
    const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);
    FewDescriptors few(0);
    loop.sock_connect(client, server->sockets().front().getsockname());
    while (told.empty()) sleep(0s);
    for (int i = 0; i < 100; ++i) sleep(0s);
    EXPECT_EQ(told.size(), 1u);

    few.give_back();
    loop.ahead = 1s;
    loop.sock_sendall(client, "hello\n");
    EXPECT_EQ(loop.sock_recv(client, 100), "hello\n");
    client.close();
    server->close();
    server->wait_closed();
  });
  loop.close();
  EXPECT_THAT(told, ElementsAre("socket.accept() out of system resource system_error: accept: Too many open files"));
}

// S244: and where it is closed meanwhile, it stays closed.
TEST_F(AServerThatAccepts, MayBeClosedInThatPause) {
  LoopWithAMovableClock loop;
  int reports = 0;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext&) { ++reports; });
  loop.run_until_complete([&] {
    const auto server = start_server(echo, "127.0.0.1", 0);
    const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);
    {
      FewDescriptors few(0);
      loop.sock_connect(client, server->sockets().front().getsockname());
      while (reports == 0) sleep(0s);
    }
    server->close();
    loop.ahead = 1s;
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  loop.close();
  EXPECT_EQ(reports, 1);
}

// S244: more wait than one event takes.
TEST_F(AServerThatAccepts, TakesAllThatWait) {
  run([] {
    int served = 0;
    const auto server = start_server([&](StreamReader, StreamWriter) { ++served; }, "127.0.0.1", 0, {.backlog = 1});
    std::vector<Socket> clients;
    for (int i = 0; i < 2; ++i) {
      clients.push_back(open_socket(AF_INET, SOCK_STREAM, 0));
      get_running_loop().sock_connect(clients.back(), server->sockets().front().getsockname());
    }
    while (served < 2) sleep(0s);
    server->close();
  });
}

// Many -----------------------------------------------------------------------------------------------------

// Not one descriptor is lost: the fixture counts.
TEST_F(ManyConnections, ComeAndGo) {
  run([] {
    const auto server = start_server(echo, "127.0.0.1", 0);
    const std::size_t before = open_descriptors();
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(ask("127.0.0.1", port_of(server)), "hello\n");
    while (open_descriptors() > before) sleep(0s);
    server->close();
    server->wait_closed();
  });
}

// Peers that vanish at every moment: before they are accepted, before they are read, in the middle of an answer.
TEST_F(ManyConnections, MayBeResetAtAnyMoment) {
  run([this] {
    auto& loop = get_running_loop();
    const std::string answer(1 << 20, 'x');
    const auto server = start_server(
        [&](StreamReader reader, StreamWriter writer) {
          try {
            while (!reader.read(100).empty()) {
              writer.write(answer);
              writer.drain();
            }
          } catch (const std::system_error&) {  // reset
          }
          writer.close();
        },
        "127.0.0.1", 0);
    for (int i = 0; i < 100; ++i) {
      const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);
      client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096);
      const linger reset{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(client.fileno(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      loop.sock_connect(client, server->sockets().front().getsockname());
      for (int turn = 0; turn < i % 5; ++turn) sleep(0s);
      if (i % 2) loop.sock_sendall(client, "more");
      for (int turn = 0; turn < i % 7; ++turn) sleep(0s);
      client.close();
    }
    EXPECT_EQ(loop.get_debug() ? 0u : reports.size(), 0u);
    server->close();
    server->wait_closed();
  });
}

// S267: one slow reader, and everybody else is served.
TEST_F(ManyConnections, AreNotHeldUpByASlowReader) {
  run([] {
    auto& loop = get_running_loop();
    std::size_t largest = 0;
    const auto server = start_server(
        [&](StreamReader reader, StreamWriter writer) {
          if (reader.readline() != "much\n") return writer.write("little\n");
          for (int i = 0; i < 256; ++i) {
            writer.write(std::string(1 << 16, 'x'));
            largest = std::max(largest, writer.transport()->get_write_buffer_size());
            writer.drain();
          }
        },
        "127.0.0.1", 0);
    const Socket slow = open_socket(AF_INET, SOCK_STREAM, 0);
    loop.sock_connect(slow, server->sockets().front().getsockname());
    loop.sock_sendall(slow, "much\n");
    while (largest <= 1 << 16) sleep(0s);

    for (int i = 0; i < 20; ++i) EXPECT_EQ(ask("127.0.0.1", port_of(server)), "little\n");
    std::size_t received = 0;
    while (const std::size_t count = loop.sock_recv(slow, 1 << 16).size()) received += count;

    EXPECT_EQ(received, std::size_t{256} << 16);
    EXPECT_LE(largest, 2u << 16);  // the high mark, and the one write that crossed it
    server->close();
  });
}

}  // namespace
}  // namespace asyncio
