// selector_datagram_transport.hpp: datagrams over a socket of the operating system.
//
// The states of an endpoint are in asyncio/datagram_transport.hpp; this class has the socket.
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorDatagramTransport. Rules: S286 to S290.
#pragma once

#include "open_transports.hpp"
#include "selector_channel.hpp"
#include "system_socket.hpp"

#include <asyncio/datagram_transport.hpp>
#include <asyncio/futures.hpp>

#include <memory>
#include <optional>
#include <string_view>

namespace asyncio {

/// A datagram endpoint of SelectorEventLoop.
class SelectorDatagramTransport final : public BaseDatagramTransport, public OpenTransport {
 public:
  /// \param remote  the only address to send to; empty: each datagram has its own
  SelectorDatagramTransport(SelectorEventLoop& loop, Socket socket, std::optional<Address> remote);
  ~SelectorDatagramTransport() override;

  /// Makes an endpoint that owns the socket, and begins it.
  static std::shared_ptr<SelectorDatagramTransport> start(SelectorEventLoop& loop, Socket socket,
                                                          std::shared_ptr<BaseProtocol> protocol,
                                                          std::optional<Address> remote, Future<void> made);

  void loop_closed() noexcept override;

 protected:
  bool send(std::string_view data, const Address* to) override;
  void watch_reading(bool watch) override;
  void watch_writing(bool watch) override;
  void close_socket() override { channel_.close(*this); }

 private:
  void read_ready();
  SystemAddress system_address(const Address& address) const;

  SelectorChannel channel_;
  const int family_;
  bool connected_;  // the system knows whom to send to
  // Whom the last datagram came from, as the program has it and as the system has it: most datagrams are answered.
  std::optional<Address> sender_;
  SystemAddress system_sender_;
};

}  // namespace asyncio
