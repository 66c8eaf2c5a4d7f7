// tls_world_test.cpp: TLS between the hosts of a world, the same bytes in each execution.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/reference/tls_certificates.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const Issued& server_certificate() {
  static const Issued issued = test_authority().issue({.name = "server", .hosts = {"DNS:server"}});
  return issued;
}

void echo_over_tls(sim::World& world) {
  world.host("server", [] {
    const auto echo = [](StreamReader reader, StreamWriter writer) {
      for (std::string line; !(line = reader.readline()).empty();) writer.write(line);
      writer.close();
    };
    start_server(echo, "server", 443, {.ssl = server_context(server_certificate())})->serve_forever();
  });
  world.client("client", [] {
    sleep(1s);  // until the server listens
    auto [reader, writer] = open_connection("server", 443, {.ssl = client_context()});
    EXPECT_EQ(writer.get_extra_info<std::shared_ptr<SSLObject>>("ssl_object")->version(), "TLSv1.3");
    writer.write("hello\n");
    EXPECT_EQ(reader.readline(), "hello\n");
    writer.close();
    writer.wait_closed();
  });
}

SIM_TEST(TlsInAWorld, CarriesBytes, {.executions = 1, .strategy = sim::fifo()}) { echo_over_tls(world); }

// X2
TEST(TheTlsOfAWorld, SendsTheSameBytesInEachExecution) {
  const auto plain = [] { return sim::run(echo_over_tls, {.strategy = sim::fifo()}); };
  const auto first = plain();
  const auto second = plain();  // with what the first has left behind
  std::uint64_t elsewhere = 0;
  std::thread([&] { elsewhere = plain().trace_hash; }).join();  // with nothing
  EXPECT_FALSE(first.failure);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.trace_hash, elsewhere);
}

// X2: the keys too, not only the sizes that a trace shows.
TEST(TheTlsOfAWorld, EncryptsTheSameTextToTheSameBytes) {
  const auto greeting = [](const char* host) {
    std::string bytes;
    sim::run([&](sim::World& world) {
      world.client(host, [&] {
        SSLObject client(client_context(), false, "server");
        client.do_handshake();
        bytes = client.take_outgoing();
      });
    });
    return bytes;
  };
  EXPECT_EQ(greeting("a"), greeting("a"));
  EXPECT_NE(greeting("a"), greeting("b"));
}

// Whatever the order of events, the bytes are right, or the connection says that it has failed: a step that takes more
// than a minute, which is one of the choices, ends a handshake.
SIM_TEST(TlsInAWorld, IsRightOrFails, {.executions = 30}) {
  world.host("server", [] {
    start_server(
        [](auto reader, auto writer) {
          writer.write(reader.readline());
          writer.close();
        },
        "server", 443, {.ssl = server_context(server_certificate())})
        ->serve_forever();
  });
  world.client("client", [] {
    sleep(1s);
    try {
      auto [reader, writer] = open_connection("server", 443, {.ssl = client_context()});
      writer.write("hello\n");
      EXPECT_THAT(reader.read(), testing::AnyOf("hello\n", ""));
      writer.close();
      writer.wait_closed();
    } catch (const std::runtime_error&) {  // of the system, of TLS, or TimeoutError
    }
  });
}

// X2: both ways round, and each says what to do.
TEST(TheTlsOfAWorld, IsNotThatOfTheRealWorld) {
  const auto from_outside = client_context();
  std::string refused;
  std::shared_ptr<SSLContext> from_inside;
  sim::run([&](sim::World& world) {
    world.client("client", [&] {
      from_inside = client_context();
      const auto server = start_server([](auto, auto) {}, "client", 1);
      try {
        open_connection("client", 1, {.ssl = from_outside});
      } catch (const RuntimeError& error) {
        refused = error.what();
      }
    });
  });
  EXPECT_THAT(refused, HasSubstr("this SSLContext was made outside of the world"));
  EXPECT_TRUE(from_inside->reproducible());
  EXPECT_FALSE(from_outside->reproducible());
  asyncio::run([&] {
    const auto server = start_server([](auto, auto) {}, "127.0.0.1", 0);
    const int port = server->sockets().front().getsockname().port();
    EXPECT_THROW(open_connection("127.0.0.1", port, {.ssl = from_inside, .server_hostname = "h"}), RuntimeError);
  });
}

// A handshake is limited in virtual time: a server that is cut off costs the test nothing.
TEST(TheTlsOfAWorld, GivesUpAHandshakeAfterAMinute) {
  const auto result = sim::run(
      [](sim::World& world) {
        world.host("silent", [] { start_server([](auto, auto) { sleep(1h); }, "silent", 443)->serve_forever(); });
        world.client("client", [] {
          sleep(1s);
          const TimePoint begun = get_running_loop().time();
          EXPECT_THROW(open_connection("silent", 443, {.ssl = client_context()}), std::system_error);
          EXPECT_GE(get_running_loop().time() - begun, 60s);
          EXPECT_LT(get_running_loop().time() - begun, 62s);
        });
      },
      {.strategy = sim::fifo()});
  EXPECT_FALSE(result.failure);
}

}  // namespace
}  // namespace asyncio
