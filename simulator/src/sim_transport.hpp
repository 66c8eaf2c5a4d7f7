// sim_transport.hpp: a stream transport over a simulated socket.
//
// The states of a stream are in asyncio/stream_transport.hpp, and are the same on a real loop; this class has the
// socket of a world:
//
//     watch_reading(true) ──► something there? ──► socket_->poll() ──► socket_ready() ──► a handle: read_ready()
//     the window opens ──────────────────────────► socket_->poll() ──► socket_ready() ──► a handle: write_ready()
//
//   M1  The socket owns its transport until connection_lost(), and the transport its protocol.
//   M2  On a dead loop every function does nothing: stacks that unwind close their connections (W3).
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorTransport, _SelectorSocketTransport. Rules: S253 to S277.
#pragma once

#include "stream_socket.hpp"

#include <asyncio/futures.hpp>
#include <asyncio/loop_options.hpp>
#include <asyncio/server.hpp>
#include <asyncio/stream_transport.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asyncio::sim {

class SimEventLoop;

/// A stream connection of a host.
class SimTransport final : public BaseStreamTransport, public SocketUser {
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

  /// The same, with TLS on top where `security` has a context.
  ///
  /// \return  the transport that the program is to have
  static std::shared_ptr<Transport> start(SimEventLoop& loop, Ref<StreamSocket> socket,
                                          std::shared_ptr<BaseProtocol> protocol, Server server, Future<void> made,
                                          const TransportSecurity& security);

  void socket_ready() override;
  void let_go() noexcept override;

 protected:
  std::optional<std::string_view> receive(std::size_t at_most) override;
  std::optional<std::size_t> receive_into(std::span<char> place) override;
  std::size_t send(std::span<const std::string_view> pieces) override;
  void send_eof() override { socket_->send_eof(); }
  void watch_reading(bool watch) override;
  void watch_writing(bool) override {}  // the window tells when there is room
  void close_socket(bool aborted) override;
  bool dead() const noexcept override;

 private:
  std::shared_ptr<SimTransport> self() { return std::dynamic_pointer_cast<SimTransport>(shared_from_this()); }
  Ref<HandleState> handle(void (SimTransport::*what)());
  void handle_read();
  void handle_write();
  void throw_if_broken() const;

  SimEventLoop& loop_;
  const Ref<StreamSocket> socket_;
  std::string received_;      // until the protocol was told
  bool read_queued_ = false;  // the handle is on the ready queue
  bool write_queued_ = false;
};

}  // namespace asyncio::sim
