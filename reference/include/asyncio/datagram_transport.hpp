// datagram_transport.hpp: the states of a datagram endpoint, whatever its socket is.
//
// As with streams (stream_transport.hpp), what an endpoint does is the same on every loop, and only its socket
// differs: a loop derives a class that supplies it.
//
//     sendto() ──► send() ── no room ──► queue ──► pause_writing()
//     socket writable ──► write_ready() ──► resume_writing() ──► closing and empty: connection_lost(null)
//     socket readable ──► received(), or error_received()
//
// A datagram is sent at once, unless others wait already or the system has no room; then it waits in a queue. An
// error of the network belongs to one datagram and not to the endpoint: the protocol's error_received() hears of it,
// and the endpoint stays open.
//
//   D1  The socket is watched for writing exactly while the queue has something in it.
//   D2  connection_lost() is called once; from the moment it is due, lost_ says so.
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorDatagramTransport. Rules: S286 to S290.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/transports.hpp>

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio {

/// A datagram endpoint without its socket. For those who write loops.
class BaseDatagramTransport : public FlowControlMixin<DatagramTransport> {
 public:
  /// \param loop    whose callbacks it schedules; must outlive the endpoint
  /// \param remote  the only address to send to; empty: each datagram has its own
  BaseDatagramTransport(AbstractEventLoop& loop, std::optional<Address> remote);
  ~BaseDatagramTransport() override;

  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  bool is_closing() const override { return closing_; }
  void close() override;
  void abort() override;
  void sendto(std::string_view data, const std::optional<Address>& address = {}) override;
  std::size_t get_write_buffer_size() const override { return queued_bytes_; }

  /// Has the loop call connection_made(), begin to read, and complete `made`, in this order. To be called once.
  ///
  /// \param protocol  a DatagramProtocol; one of another kind hears only of the beginning and the end
  /// \param made      is completed then, unless it is done already
  void begin(std::shared_ptr<BaseProtocol> protocol, Future<void> made);

 protected:
  // ---- What the class for a kind of socket must supply ----

  /// Sends a datagram without waiting.
  ///
  /// \param data  all of it
  /// \param to    null where neither the endpoint nor the caller has named an address
  /// \return      false where there is no room now
  /// \throws std::system_error  where it cannot be sent; that is the datagram's end, not the endpoint's
  virtual bool send(std::string_view data, const Address* to) = 0;
  /// Begins to call received() for each datagram that comes, or ends that: `watch`.
  ///
  /// \throws std::system_error  where the system cannot watch it; the endpoint is lost then
  virtual void watch_reading(bool watch) = 0;
  /// Begins to call write_ready() when the socket is writable, or ends that: `watch` (D1). Throws as watch_reading().
  virtual void watch_writing(bool watch) = 0;
  /// The endpoint is over: gives the socket back, and ends the loop's ownership.
  virtual void close_socket() = 0;
  /// Whether the loop is dead, and nothing that happens here may have an effect any more.
  virtual bool dead() const noexcept { return false; }

  // ---- What it can build on ----

  /// Tells the protocol of a datagram. The endpoint has to outlive the call, whatever the protocol does in it.
  ///
  /// \param data  all of it; read during the call
  /// \param from  who has sent it
  void received(std::string_view data, const Address& from);
  /// Tells the protocol of an error that concerns a datagram, and not the endpoint (S287).
  void error_received(const std::exception_ptr& error);
  /// To be called when the socket is writable.
  void write_ready();
  /// Whether connection_lost() was called or is queued (D2).
  bool lost() const noexcept { return lost_; }
  /// The loop ends before the endpoint: drops the protocol, and does nothing from now on.
  void let_go() noexcept;

 private:
  struct Datagram {
    std::string data;
    std::optional<Address> to;
  };

  std::shared_ptr<BaseDatagramTransport> self();
  void start_reading();
  bool send_or_tell(std::string_view data, const Address* to);
  void drop_queue() noexcept;
  void force_close(std::exception_ptr error);
  void lose_soon(std::exception_ptr error);
  void call_connection_lost(const std::exception_ptr& error);

  AbstractEventLoop& loop_;
  const std::optional<Address> remote_;
  DatagramProtocol* datagram_protocol_ = nullptr;  // the protocol, where it is of this kind
  std::deque<Datagram> queue_;
  std::size_t queued_bytes_ = 0;  // 8 for each datagram, and what is in it (S288)
  int lost_sends_ = 0;            // how often sendto() was called after the end; decides when to warn
  bool closing_ = false;
  bool lost_ = false;  // D2
};

}  // namespace asyncio
