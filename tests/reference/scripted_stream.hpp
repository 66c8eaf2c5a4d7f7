// scripted_stream.hpp: a stream connection that has begun, over a socket that does what the test says.
#pragma once

#include <asyncio/stream_transport.hpp>

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "tests/reference/scripted_transport.hpp"

namespace asyncio {

/// A connection that has begun.
class AStream : public testing::Test {
 protected:
  AStream() { begin(); }
  ~AStream() override {
    loop.close();
    transport->set_protocol(nullptr);
  }
  void begin(std::shared_ptr<BaseProtocol> other = nullptr) {
    transport = std::make_shared<ScriptedTransport>(loop, nullptr);
    transport->begin(other ? other : protocol, {});
    loop.turn();
    protocol->told.clear();
  }
  /// Has the socket be readable once for each thing that arrives.
  void arrive(std::deque<std::string> what) {
    transport->arrives = std::move(what);
    while (!transport->arrives.empty() && transport->watches_read) transport->read_ready();
  }
  /// A buffer with `size` bytes that the socket does not take.
  void fill(std::size_t size) {
    transport->room = 0;
    transport->write(std::string(size, 'x'));
  }
  /// The socket takes as much now, and says so.
  void make_room(std::size_t size) {
    transport->room = size;
    transport->write_ready();
  }

  ScriptedLoop loop;
  std::shared_ptr<NotingProtocol> protocol = std::make_shared<NotingProtocol>();
  std::shared_ptr<ScriptedTransport> transport;
};

}  // namespace asyncio
