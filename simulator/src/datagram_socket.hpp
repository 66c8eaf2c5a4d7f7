// datagram_socket.hpp: a bound datagram socket, as the kernel of its host keeps it, and what travels between two.
//
// It follows UDP as far as a program can tell. Nothing is promised: a datagram may be lost, come twice, or be
// overtaken, as the Link says; nobody answers for it. Only a connected socket hears that nobody is bound where it
// sends to, and only when that news has come back.
//
//     sendto() ─► lost? twice? ─► Datagram ── latency ──► bound there? ─► inbox ─► poll: readable
//                                                              │ no, and the sender is connected
//                           a poll: an error ◄── latency ── PortUnreachable
//
//   U1  What one socket sends to one host arrives in the order in which it was sent, unless the link reorders it.
//   U2  What arrives at a port that nobody is bound to, at a host that is down, through a partition, or at an inbox
//       that is full, is gone. A host that is paused has an inbox like any other.
//   U3  A connected socket receives from its peer and from nobody else.
#pragma once

#include "io_source.hpp"
#include "sim_network.hpp"
#include "stream_socket.hpp"

#include <asyncio/sockets.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace asyncio::sim {

class SimEventLoop;
class SimHost;

/// A port of a host, as the network knows it.
struct Endpoint {
  SimHost* host;
  int port;
  bool loopback;  ///< reached from the host itself, under a loopback address
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// A datagram socket; bound from the beginning.
class DatagramSocket final : public IoSource {
 public:
  /// \param may_broadcast  whether it may send to 255.255.255.255
  DatagramSocket(SimNetwork& network, SimEventLoop& loop, Address address, bool may_broadcast);
  ~DatagramSocket() override;

  // ---- For its user ----

  /// From now on it sends to this address only, and hears from there only (U3).
  ///
  /// \throws std::system_error  where no host has that name
  void connect(const Address& to);
  bool connected() const noexcept { return peer_.has_value(); }
  /// Who is told; null for nobody. The socket keeps its user alive.
  void set_user(std::shared_ptr<SocketUser> user) noexcept;
  /// Sends a datagram; `to` is not looked at where the socket is connected.
  ///
  /// \throws std::system_error  EDESTADDRREQ, EACCES, EINVAL, EMSGSIZE; ENXIO where no host has that name
  void send(std::string_view data, const Address* to);
  /// Whether receive() or take_error() would find something.
  bool readable() const noexcept { return error_ != 0 || !inbox_.empty(); }
  /// The errno of what is known about an earlier datagram, and forgets it; 0 where nothing is.
  int take_error() noexcept { return std::exchange(error_, 0); }
  /// Takes the datagram that arrived first, and its sender; nothing where none has.
  std::optional<std::pair<std::string, Address>> receive();
  /// Frees the port. What is on its way to here is not wanted.
  void close();
  /// Has the next poll find this socket.
  void poll();

  /// What it is bound to; its host may be that of all interfaces.
  const Address& address() const noexcept { return address_; }
  /// The address that it sends under, as far as that is known: that of the host, where it depends on the receiver.
  Address local_address() const;
  SimHost& host() const noexcept;

  // ---- For the network ----

  /// Somebody's datagram has arrived.
  void arrived(const Endpoint& from, std::string data);
  /// What it sent to `target` found nobody there.
  void unreachable(const Endpoint& target);
  void queue_handles() override;
  std::uint64_t io_id() const noexcept override;
  /// Lets go of its user.
  void let_go() noexcept;

 private:
  friend class Datagram;
  friend class PortUnreachable;

  Endpoint resolve(const Address& address) const;
  Endpoint endpoint_towards(const Endpoint& to) const;
  void broadcast(std::string_view data, int port);
  void send_to(const Endpoint& to, std::string_view data);
  void record(EventKind kind, const Path& path, std::string_view data);

  SimNetwork& network_;
  SimEventLoop& loop_;
  const Address address_;
  const bool may_broadcast_;
  const std::uint64_t number_;
  std::optional<Endpoint> peer_;                     // U3
  std::map<std::uint32_t, TimePoint> last_arrival_;  // by the number of the host that it was sent to (U1)
  std::shared_ptr<SocketUser> user_;
  std::deque<std::pair<std::string, Address>> inbox_;
  std::size_t inbox_bytes_ = 0;
  int error_ = 0;
  bool closed_ = false;
};

}  // namespace asyncio::sim
