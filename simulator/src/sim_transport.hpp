// sim_transport.hpp: a transport over a simulated socket.
//
// The counterpart of asyncio's _SelectorSocketTransport, function by function: what the socket does not take is
// buffered, a poll that finds the socket writable sends more, one that finds it readable calls the protocol.
//
//     write() ──► socket.send() ──► rest into buffer_ ──► pause_writing()
//     poll: writable ──► write_ready() ──► resume_writing() ──► closing and empty: connection_lost(null)
//     poll: readable ──► read_ready() ──► data_received(), eof_received(), or fatal_error()
//
//   T1  connection_lost() is called once; from the moment it is due, lost_ says so.
//   T2  The socket owns its transport until then, and the transport its protocol.
//   T3  On a dead loop every function does nothing: stacks that unwind close their connections (W3).
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorTransport, _SelectorSocketTransport. Rules: S253 to S277.
#pragma once

#include "stream_socket.hpp"

#include <asyncio/contextvars.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/server.hpp>
#include <asyncio/transports.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace asyncio::sim {

class SimEventLoop;

/// A stream connection of a host.
class SimTransport final : public FlowControlMixin<Transport>, public SocketUser {
 public:
  SimTransport(SimEventLoop& loop, Ref<StreamSocket> socket, Server server);
  ~SimTransport() override;

  /// Makes a transport, and has the loop call connection_made(), begin to read, and complete `made`, in this order
  /// (S254).
  ///
  /// \param server  whose connection this is; null for one that was asked for from here
  /// \throws RuntimeError  where the server is closed
  static std::shared_ptr<SimTransport> start(SimEventLoop& loop, Ref<StreamSocket> socket,
                                             std::shared_ptr<BaseProtocol> protocol, Server server, Future<void> made);

  bool is_closing() const override { return closing_; }
  void close() override;
  void abort() override;
  bool is_reading() const override { return !closing_ && !paused_; }
  void pause_reading() override;
  void resume_reading() override;
  void write(std::string_view data) override;
  void write_eof() override;
  bool can_write_eof() const override { return true; }
  std::size_t get_write_buffer_size() const override { return buffer_.size() - sent_; }

  void socket_ready() override;
  void let_go() noexcept override;

 private:
  std::shared_ptr<SimTransport> self() { return std::dynamic_pointer_cast<SimTransport>(shared_from_this()); }
  Ref<HandleState> handle(void (SimTransport::*what)());
  void begin(std::shared_ptr<BaseProtocol> protocol, const Future<void>& made);
  void start_reading();
  void poll_again();
  bool wants_to_read() const noexcept { return started_ && !closing_ && !paused_ && !eof_seen_; }

  void read_ready();
  void receive();
  void on_eof();
  void write_ready();
  void fatal_error(const char* message);
  void force_close(std::exception_ptr error);
  void lose_soon(std::exception_ptr error);
  void call_connection_lost(const std::exception_ptr& error);
  bool dead() const noexcept;
  std::exception_ptr broken() const;

  SimEventLoop& loop_;
  const Ref<StreamSocket> socket_;
  Server server_;          // null once the connection is lost
  const Context context_;  // of its callbacks
  std::string buffer_;     // what the socket has not taken yet, from sent_ on
  std::size_t sent_ = 0;
  bool started_ = false;  // reading has begun
  bool paused_ = false;   // by pause_reading()
  bool closing_ = false;
  bool lost_ = false;  // connection_lost() was called or is queued (T1)
  bool eof_written_ = false;
  bool eof_seen_ = false;     // the other side has ended, and the protocol wants to go on writing
  bool reset_ = false;        // the socket is closed with a reset
  bool read_queued_ = false;  // the handle is on the ready queue
  bool write_queued_ = false;
};

}  // namespace asyncio::sim
