// selector_datagram_transport.hpp: datagrams over a socket of the operating system.
//
// A datagram is sent at once, unless others wait already or the system has no room; then it waits in a queue, and
// the queue is emptied when the socket is writable. An error of the network belongs to one datagram and not to
// the endpoint: the protocol's error_received() hears of it, and the endpoint stays open.
//
//   D1  The socket is watched for writing exactly while the queue has something in it.
//   D2  connection_lost() is called once; from the moment it is due, lost_ says so.
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorDatagramTransport. Rules: S286 to S290.
#pragma once

#include "open_transports.hpp"
#include "selector_channel.hpp"
#include "system_socket.hpp"

#include <asyncio/futures.hpp>
#include <asyncio/transports.hpp>

#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio {

/// A datagram endpoint of SelectorEventLoop.
class SelectorDatagramTransport final : public FlowControlMixin<DatagramTransport>, public OpenTransport {
 public:
  /// \param remote  the only address to send to; empty: each datagram has its own
  SelectorDatagramTransport(SelectorEventLoop& loop, Socket socket, std::optional<Address> remote);
  ~SelectorDatagramTransport() override;

  /// Makes an endpoint that owns the socket, and has the loop call connection_made(), begin to read, and complete
  /// `made`, in this order.
  static std::shared_ptr<SelectorDatagramTransport> start(SelectorEventLoop& loop, Socket socket,
                                                          std::shared_ptr<BaseProtocol> protocol,
                                                          std::optional<Address> remote, Future<void> made);

  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  bool is_closing() const override { return closing_; }
  void close() override;
  void abort() override;
  void sendto(std::string_view data, const std::optional<Address>& address = {}) override;
  std::size_t get_write_buffer_size() const override { return queued_bytes_; }

  void loop_closed() noexcept override;

 private:
  struct Datagram {
    std::string data;
    std::optional<SystemAddress> to;
  };

  std::shared_ptr<SelectorDatagramTransport> self();
  void start_reading();
  void read_ready();
  void write_ready();
  bool send(std::string_view data, const std::optional<SystemAddress>& to);
  void error_received(const std::exception_ptr& error);
  void force_close(std::exception_ptr error);
  void lose_soon(std::exception_ptr error);
  void call_connection_lost(const std::exception_ptr& error);

  SelectorEventLoop& loop_;
  SelectorChannel channel_;
  const Context context_;
  const std::optional<Address> remote_;
  int family_;
  bool connected_;                                 // the system knows whom to send to
  DatagramProtocol* datagram_protocol_ = nullptr;  // the protocol, where it is of this kind
  std::deque<Datagram> queue_;
  std::size_t queued_bytes_ = 0;  // 8 for each datagram, and what is in it (S288)
  int lost_sends_ = 0;            // how often sendto() was called after the end; decides when to warn
  bool closing_ = false;
  bool lost_ = false;  // D2
};

}  // namespace asyncio
