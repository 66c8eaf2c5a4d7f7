// selector_socket_transport.hpp: a stream transport over a socket of the operating system.
//
// The states of a stream are in stream_transport.hpp; this class has the system calls.
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorSocketTransport. Rules: S254, S258, S277 to S279.
#pragma once

#include "open_transports.hpp"
#include "selector_channel.hpp"

#include <asyncio/stream_transport.hpp>

#include <memory>
#include <optional>

namespace asyncio {

/// A stream connection of SelectorEventLoop.
class SelectorSocketTransport final : public BaseStreamTransport, public OpenTransport {
 public:
  /// \param peername  where it is known; the system is asked otherwise
  SelectorSocketTransport(SelectorEventLoop& loop, Socket socket, Server server, std::optional<Address> peername);
  ~SelectorSocketTransport() override;

  /// Makes a transport that owns the socket, and begins (S254).
  ///
  /// \throws RuntimeError       where the server is closed
  /// \throws std::system_error  where the socket is closed; the socket is closed then, too
  static std::shared_ptr<SelectorSocketTransport> start(SelectorEventLoop& loop, Socket socket,
                                                        std::shared_ptr<BaseProtocol> protocol, Future<void> made,
                                                        Server server = nullptr, std::optional<Address> peername = {});

  /// The same, with TLS on top where `security` has a context: asyncio's `_make_ssl_transport`.
  ///
  /// \return  the transport that the program is to have
  static std::shared_ptr<Transport> start(SelectorEventLoop& loop, Socket socket,
                                          std::shared_ptr<BaseProtocol> protocol, Future<void> made,
                                          const TransportSecurity& security, Server server = nullptr,
                                          std::optional<Address> peername = {});

  void loop_closed() noexcept override;
  /// The descriptor of its socket.
  int fileno() const noexcept { return channel_.fileno(); }

 protected:
  std::optional<std::string_view> receive(std::size_t at_most) override;
  std::optional<std::size_t> receive_into(std::span<char> place) override;
  std::size_t send(std::span<const std::string_view> pieces) override;
  void send_eof() override;
  void watch_reading(bool watch) override;
  void watch_writing(bool watch) override;
  void close_socket(bool aborted) override;

 private:
  std::size_t send_all(std::span<const std::string_view> pieces) const;

  SelectorChannel channel_;
};

}  // namespace asyncio
