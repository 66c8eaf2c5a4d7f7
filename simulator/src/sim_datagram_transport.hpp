// sim_datagram_transport.hpp: a datagram endpoint over a simulated socket.
//
// The states of an endpoint are in asyncio/datagram_transport.hpp, and are the same on a real loop; this class has the
// socket of a world. What is sent is gone at once, so nothing ever waits, and a protocol is never paused.
//
//   M3  The socket owns its transport until connection_lost(), and the transport its protocol.
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorDatagramTransport. Rules: S284 to S290.
#pragma once

#include "datagram_socket.hpp"

#include <asyncio/contextvars.hpp>
#include <asyncio/datagram_transport.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/loop_options.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace asyncio::sim {

/// A datagram endpoint of a host.
class SimDatagramTransport final : public BaseDatagramTransport, public SocketUser {
 public:
  SimDatagramTransport(SimEventLoop& loop, Ref<DatagramSocket> socket, const std::optional<Address>& remote);
  ~SimDatagramTransport() override;

  /// Makes an endpoint that owns the socket, and begins it.
  static std::shared_ptr<SimDatagramTransport> start(SimEventLoop& loop, Ref<DatagramSocket> socket,
                                                     std::shared_ptr<BaseProtocol> protocol,
                                                     const std::optional<Address>& remote, Future<void> made);

  void socket_ready() override;
  void let_go() noexcept override { BaseDatagramTransport::let_go(); }

 protected:
  bool send(std::string_view data, const Address* to) override;
  void watch_reading(bool watch) override;
  void watch_writing(bool) override {}  // nothing ever waits
  void close_socket() override;
  bool dead() const noexcept override;

 private:
  std::shared_ptr<SimDatagramTransport> self();
  void handle_read();

  SimEventLoop& loop_;
  const Ref<DatagramSocket> socket_;
  bool reading_ = false;
  std::optional<Context> reading_context_;  // what its protocol hears of datagrams in; there once it reads (S16)
  bool read_queued_ = false;                // the handle is on the ready queue
};

}  // namespace asyncio::sim
