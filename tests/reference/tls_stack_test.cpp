// tls_stack_test.cpp: how much of a fiber's stack OpenSSL takes.
//
// The loop decrypts on its own stack, but write() and close() of a task run on the task's, and so may a context be made
// there and an SSLObject be used. The stack below the test's frame is painted, and looked at afterwards.
#include <gtest/gtest.h>

#include <asyncio/asyncio.hpp>

#include <cstddef>
#include <cstring>

#include "reference/src/fiber_switch.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {
namespace {

constexpr std::size_t PAINTED = STACK_BYTES * 3 / 4;
constexpr unsigned char PAINT = 0xA5;

/// Paints the stack below, calls `act`, and says how many bytes of it were used.
template <class Act>
[[gnu::noinline]] std::size_t stack_of(Act act) {
  volatile unsigned char* const top = static_cast<unsigned char*>(__builtin_frame_address(0)) - 2048;
  for (std::size_t i = 1; i <= PAINTED; ++i) top[-static_cast<std::ptrdiff_t>(i)] = PAINT;
  act();
  std::size_t untouched = 0;
  while (untouched < PAINTED &&
         top[static_cast<std::ptrdiff_t>(untouched) - static_cast<std::ptrdiff_t>(PAINTED)] == PAINT) {
    ++untouched;
  }
  return PAINTED - untouched;
}

void whole_connection() {
  SSLObject client(client_context(), false, "localhost");
  SSLObject server(server_context(), true);
  for (bool done = false; !done; server.feed(client.take_outgoing())) {
    const bool there = client.do_handshake();
    server.feed(client.take_outgoing());
    done = server.do_handshake() && there;
    client.feed(server.take_outgoing());
  }
  std::string text(16'000, 'x');
  client.write(text);
  server.feed(client.take_outgoing());
  EXPECT_EQ(server.read(text), 16'000U);
  client.unwrap();
}

TEST(OpenSslOnAFiber, FitsOnTheStackOfATask) {
  if (ADDRESS_SANITIZER || THREAD_SANITIZER) GTEST_SKIP() << "a sanitizer would take the painting for a mistake";
  localhost();  // the test's own work with certificates is not the question
  run([] {
    const std::size_t first = stack_of(whole_connection);
    const std::size_t again = stack_of(whole_connection);
    testing::Test::RecordProperty("bytes", std::to_string(first));
    EXPECT_GT(again, 2'000U);
    EXPECT_LT(first, STACK_BYTES / 4) << "of " << STACK_BYTES;
    std::printf("a TLS connection, contexts and all, takes %zu bytes of a stack of %zu\n", first, STACK_BYTES);
  });
}

}  // namespace
}  // namespace asyncio
