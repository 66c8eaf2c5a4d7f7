// selector_channel.hpp: what the transports of SelectorEventLoop have in common.
//
// A channel is the socket of one transport, as the loop knows it: its descriptor belongs to the transport from
// open() to close() (E3), and so long the loop owns the transport.
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorTransport. Rules: S274, S277, S279, S280.
#pragma once

#include "open_transports.hpp"

#include <asyncio/selector_events.hpp>
#include <asyncio/transports.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>

namespace asyncio {

/// The socket of one transport.
class SelectorChannel {
 public:
  using Direction = SelectorEventLoop::Direction;

  /// Makes the socket non-blocking.
  ///
  /// \throws RuntimeError       where another transport has it
  /// \throws std::system_error  where it is closed
  SelectorChannel(SelectorEventLoop& loop, Socket socket);
  SelectorChannel(const SelectorChannel&) = delete;
  SelectorChannel& operator=(const SelectorChannel&) = delete;
  ~SelectorChannel();

  /// Hands the transport to the loop. \param kind  its class, for messages
  void open(std::shared_ptr<OpenTransport> transport, const char* kind);
  /// Takes it back, and closes the socket. May destroy the transport. Again is harmless.
  void close(OpenTransport& transport) noexcept;
  /// The loop is closed: closes the socket, and forgets the loop.
  void loop_closed() noexcept;

  int fileno() const noexcept { return fileno_; }
  const Socket& socket() const noexcept { return socket_; }
  Socket view() const;
  /// The address on this side; nothing where the system does not say.
  std::optional<Address> sockname() const;
  std::optional<Address> peername() const;

  void watch(Direction direction, Callback callback, Context context);
  void unwatch(Direction direction);
  /// Where to read into; the loop's, and another transport's in the next moment.
  std::span<char> read_buffer() noexcept { return {loop_->read_buffer_.get(), READ_BUFFER_BYTES}; }

 private:
  static constexpr std::size_t READ_BUFFER_BYTES = 256 * 1024;  // asyncio's max_size (S258)

  void release() noexcept;

  SelectorEventLoop* loop_;  // null once closed
  const Socket socket_;
  int fileno_;
};

}  // namespace asyncio
