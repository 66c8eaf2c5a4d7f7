// sockets.hpp: addresses and socket handles, as far as a program sees them.
//
// An Address is a value: a host and a port, or a path of a UNIX socket. A Socket is a shared handle of a
// descriptor that is closed when the last handle goes. What a descriptor is, its loop decides: on a real
// loop a number of the operating system, elsewhere whatever that loop handed out.
//
//     Socket ──► SocketState ──┬── a descriptor of the operating system: Socket::from_descriptor()
//                              ├── the view of one that a transport or a server owns: close() does nothing
//                              └── what another loop makes of it
//
// Source: CPython Lib/asyncio/trsock.py, TransportSocket; Modules/socketmodule.c for addresses. Rules: S277.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace asyncio {

/// Where a socket is: host and port, or a path in the file system.
class Address {
 public:
  /// No address.
  Address() = default;
  /// \param host      a name or a literal IPv4 or IPv6 address; empty for all interfaces
  /// \param port      0 to 65535; 0 lets the loop choose
  /// \param flowinfo  of IPv6: the flow label, 0 to 2^20 - 1
  /// \param scope_id  of IPv6: the number of the interface that a link-local address belongs to; 0: none
  /// \throws std::invalid_argument  where the port or the flow label is out of range
  Address(std::string host, int port, std::uint32_t flowinfo = 0, std::uint32_t scope_id = 0);
  /// The address of a UNIX socket; a leading zero byte makes it abstract.
  static Address unix_path(std::string path);

  /// The host; empty for a UNIX socket.
  const std::string& host() const& noexcept { return host_; }
  /// \overload
  std::string host() && { return std::move(host_); }  // `const auto& host = socket.getsockname().host();` may stand
  /// The port; 0 for a UNIX socket.
  int port() const noexcept { return port_; }
  /// The flow label of IPv6; else 0.
  std::uint32_t flowinfo() const noexcept { return flowinfo_; }
  /// The interface of a link-local IPv6 address; else 0.
  std::uint32_t scope_id() const noexcept { return scope_id_; }
  /// The path of a UNIX socket; else empty.
  const std::string& path() const& noexcept { return path_; }
  /// \overload
  std::string path() && { return std::move(path_); }
  /// "host:port", "[::1]:80", "[fe80::1%2]:80", the path, or "@name" for an abstract one.
  std::string to_string() const;

  /// Equal where host, port and path are.
  friend bool operator==(const Address&, const Address&) = default;
  /// Some order, so that a map can have addresses for keys, as a Python dict can.
  friend auto operator<=>(const Address&, const Address&) = default;

 private:
  std::string host_;
  int port_ = 0;
  std::uint32_t flowinfo_ = 0;
  std::uint32_t scope_id_ = 0;
  std::string path_;
};

/// What a loop keeps of an open descriptor; see Socket.
class SocketState {
 public:
  virtual ~SocketState() = default;
  /// The descriptor's number; -1 once closed.
  virtual int fileno() const noexcept = 0;
  /// The address on this side.
  virtual Address getsockname() const = 0;
  /// The address on the other side.
  ///
  /// \throws std::system_error  ENOTCONN where there is none
  virtual Address getpeername() const = 0;
  /// Closes the descriptor; again is harmless.
  virtual void close() noexcept = 0;
  /// See Socket::getsockopt().
  virtual int getsockopt(int level, int option) const;
  /// See Socket::setsockopt().
  virtual void setsockopt(int level, int option, int value) const;
  /// See Socket::shutdown().
  virtual void shutdown(int how) const;
};

/// A shared handle of an open socket; the last one closes it.
class Socket {
 public:
  /// No socket: converts to false.
  Socket() = default;
  /// For those who write loops.
  explicit Socket(std::shared_ptr<SocketState> state) noexcept : state_(std::move(state)) {}
  /// Takes over a descriptor of the operating system, as Python's `socket.socket(fileno=…)` does.
  ///
  /// \throws std::system_error  EBADF, ENOTSOCK where it is no socket; it is then still the caller's
  static Socket from_descriptor(int descriptor);

  /// The descriptor's number; -1 where there is none or it is closed.
  int fileno() const noexcept { return state_ ? state_->fileno() : -1; }
  /// The address on this side.
  Address getsockname() const { return state_ ? state_->getsockname() : Address{}; }
  /// The address on the other side.
  ///
  /// \throws std::system_error  ENOTCONN where there is none
  Address getpeername() const { return state_ ? state_->getpeername() : Address{}; }
  /// Closes the descriptor for all handles; again is harmless. What a transport or a server gives out is a
  /// view of its socket: closing that does nothing (S277).
  void close() const noexcept {
    if (state_) state_->close();
  }

  /// What kind of address it has.
  ///
  /// \return  AF_INET, AF_INET6, AF_UNIX
  /// \throws std::system_error    EBADF where it is closed
  /// \throws NotImplementedError  where its loop has no such thing
  int family() const;
  /// What it carries. Throws as family() does.
  ///
  /// \return  SOCK_STREAM, SOCK_DGRAM
  int type() const;
  /// The number of its protocol, such as IPPROTO_TCP. Throws as family() does.
  int proto() const;
  /// The value of an option whose type is int.
  ///
  /// \param level   SOL_SOCKET, IPPROTO_TCP, …
  /// \param option  SO_RCVBUF, TCP_NODELAY, …
  /// \throws std::system_error    where there is no such option, or the socket is closed
  /// \throws NotImplementedError  where its loop has no options
  int getsockopt(int level, int option) const;
  /// Sets an option whose type is int. Throws as getsockopt() does.
  ///
  /// \param level   SOL_SOCKET, IPPROTO_TCP, …
  /// \param option  SO_RCVBUF, TCP_NODELAY, …
  /// \param value   its new value
  void setsockopt(int level, int option, int value) const;
  /// Ends one direction or both: SHUT_RD, SHUT_WR, SHUT_RDWR. Throws as getsockopt() does.
  void shutdown(int how) const;

  /// Whether this is a socket, open or closed.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Equal where both are the same socket.
  friend bool operator==(const Socket&, const Socket&) = default;

 private:
  SocketState& state() const;
  std::shared_ptr<SocketState> state_;
};

/// The category of the errors of getaddrinfo() and getnameinfo(): their values are EAI_NONAME and its sisters
/// (Python's socket.gaierror).
const std::error_category& gaierror_category() noexcept;

}  // namespace asyncio
