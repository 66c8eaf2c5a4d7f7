// system_socket.hpp: sockets of the operating system, and its addresses.
//
// Everything here is one system call with its error turned into an exception; nothing waits. All sockets that
// are opened here are non-blocking, and no child process inherits them.
//
//   V1  A descriptor is closed exactly once, whoever asks for it and however often.
#pragma once

#include <asyncio/sockets.hpp>

#include <sys/socket.h>

namespace asyncio {

/// Throws what errno says. \param call  names the system call, for the message
[[noreturn]] void throw_errno(const char* call);

/// An address in the form that system calls take.
struct SystemAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

/// \param family  of the socket that it is for: AF_INET, AF_INET6, AF_UNIX
/// \throws std::invalid_argument  where a path is too long, or `family` has no such addresses
/// \throws std::system_error      where the host is a name that does not resolve. Names are looked up right here, as
///                                Python's socket module does: who must not wait resolves them before
SystemAddress to_system(const Address& address, int family);
/// \return  an empty one where the family is none of the three, or the socket has no name
Address from_system(const SystemAddress& address);

/// A descriptor of the operating system.
class SystemSocket final : public SocketState {
 public:
  /// Takes the descriptor over.
  explicit SystemSocket(int descriptor) noexcept : descriptor_(descriptor) {}
  SystemSocket(const SystemSocket&) = delete;
  SystemSocket& operator=(const SystemSocket&) = delete;
  ~SystemSocket() override { SystemSocket::close(); }

  int fileno() const noexcept override { return descriptor_; }
  Address getsockname() const override;
  Address getpeername() const override;
  void close() noexcept override;  // V1
  int getsockopt(int level, int option) const override;
  void setsockopt(int level, int option, int value) const override;
  void shutdown(int how) const override;

 private:
  int descriptor_;
};

/// A look at a descriptor that somebody else owns.
class SystemView {
 public:
  explicit SystemView(int descriptor) noexcept : descriptor_(descriptor) {}
  /// AF_INET, AF_INET6, AF_UNIX. \throws std::system_error  where it is no socket
  int family() const { return option(SO_DOMAIN); }
  /// SOCK_STREAM, SOCK_DGRAM. \throws as family()
  int type() const { return option(SO_TYPE); }
  /// \throws as family()
  int proto() const { return option(SO_PROTOCOL); }
  /// What went wrong since the last question, as errno; 0 for nothing. \throws as family()
  int take_error() const { return option(SO_ERROR); }

 private:
  int option(int name) const;
  int descriptor_;
};

/// What a program may see of the socket of a transport or a server: all but close() (asyncio's TransportSocket).
Socket view_of(const Socket& socket);

/// \throws std::system_error  where the system has no such family, or no descriptors left
Socket open_socket(int family, int type, int proto);
/// \throws std::system_error  where `descriptor` is none
void set_nonblocking(int descriptor);
/// \throws std::system_error
void bind_socket(const Socket& socket, const SystemAddress& address);
/// Sends small writes at once: for every TCP connection (S278). Does nothing for other sockets.
void set_nodelay(const Socket& socket) noexcept;
/// Removes the file of a UNIX socket that was left behind; a file of another kind stays.
void remove_stale_socket_file(const std::string& path) noexcept;
/// Whether a path names a file: not empty, and not abstract.
bool is_in_file_system(const std::string& path) noexcept;

}  // namespace asyncio
