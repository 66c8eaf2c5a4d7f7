// sockets.hpp: addresses and socket handles, as far as a program sees them.
//
// An Address is a value: a host and a port, or a path of a UNIX socket. A Socket is a shared handle of a
// descriptor that is closed when the last handle goes. What a descriptor is, its loop decides: on a real
// loop a number of the operating system, elsewhere whatever that loop handed out.
#pragma once

#include <memory>
#include <string>

namespace asyncio {

/// Where a socket is: host and port, or a path in the file system.
class Address {
 public:
  /// No address.
  Address() = default;
  /// \param host  a name or a literal IPv4 or IPv6 address; empty for all interfaces
  /// \param port  0 to 65535; 0 lets the loop choose
  /// \throws std::invalid_argument  where the port is out of range
  Address(std::string host, int port);
  /// The address of a UNIX socket; a leading zero byte makes it abstract.
  static Address unix_path(std::string path);

  /// The host; empty for a UNIX socket.
  const std::string& host() const noexcept { return host_; }
  /// The port; 0 for a UNIX socket.
  int port() const noexcept { return port_; }
  /// The path of a UNIX socket; else empty.
  const std::string& path() const noexcept { return path_; }
  /// "host:port", "[::1]:80" or the path.
  std::string to_string() const;

  /// Equal where host, port and path are.
  friend bool operator==(const Address&, const Address&) = default;

 private:
  std::string host_;
  int port_ = 0;
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
};

/// A shared handle of an open socket; the last one closes it.
class Socket {
 public:
  /// No socket: converts to false.
  Socket() = default;
  /// For those who write loops.
  explicit Socket(std::shared_ptr<SocketState> state) noexcept : state_(std::move(state)) {}

  /// The descriptor's number; -1 where there is none or it is closed.
  int fileno() const noexcept { return state_ ? state_->fileno() : -1; }
  /// The address on this side.
  Address getsockname() const { return state_ ? state_->getsockname() : Address{}; }
  /// The address on the other side.
  Address getpeername() const { return state_ ? state_->getpeername() : Address{}; }
  /// Closes the descriptor for all handles; again is harmless.
  void close() const noexcept {
    if (state_) state_->close();
  }

  /// Whether this is a socket, open or closed.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Equal where both are the same socket.
  friend bool operator==(const Socket&, const Socket&) = default;

 private:
  std::shared_ptr<SocketState> state_;
};

}  // namespace asyncio
