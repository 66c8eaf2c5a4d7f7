// endpoint.hpp: what the programs of this folder agree on: how an address is written, and what a buffer holds.
//
//     echo_epoll level tcp 4000        echo_orrery streams unix /tmp/echo        echo_load … udp 4000
//
// Every server listens on the loopback only, switches Nagle's algorithm off (asyncio does), takes no signal for a
// peer that is gone, and reads up to READ_BYTES at once: what asyncio reads, and what we read.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace echo {

inline constexpr std::size_t READ_BYTES = 256 * 1024;
inline constexpr int BACKLOG = 1024;  // a thousand clients come at once

/// Ends the program with what the system said of `call`.
[[noreturn]] inline void fail(const char* call) {
  std::perror(call);
  std::exit(1);
}

/// The result of a system call, where that has not failed.
inline int checked(int result, const char* call) {
  if (result < 0) fail(call);
  return result;
}

/// An address as the command line has it.
struct Endpoint {
  std::string_view transport;  // "tcp", "unix", "udp"
  std::string_view where;      // a port, or a path

  bool datagrams() const { return transport == "udp"; }
  bool local() const { return transport == "unix"; }
  unsigned short port() const { return static_cast<unsigned short>(std::atoi(where.data())); }

  /// A non-blocking socket of its kind, without Nagle's algorithm.
  int socket() const {
    const int family = local() ? AF_UNIX : AF_INET;
    const int kind = datagrams() ? SOCK_DGRAM : SOCK_STREAM;
    return checked(::socket(family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
  }

  /// Calls bind() or connect(), whatever `call` is, with the address.
  template <class Call>
  int with_address(Call call, int fd) const {
    if (local()) {
      sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
      where.copy(address.sun_path, sizeof address.sun_path - 1);
      return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return call(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  /// A socket that is bound, and listens where it is a stream's.
  int listen() const {
    const int fd = socket();
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (local()) ::unlink(where.data());
    checked(with_address(::bind, fd), "bind");
    if (!datagrams()) checked(::listen(fd, BACKLOG), "listen");
    return fd;
  }

  void set_nodelay(int fd) const {
    const int on = 1;
    if (transport == "tcp") setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
};

/// The two last arguments of a server, which stand behind its style.
inline Endpoint endpoint_of(int argc, char** argv) {
  if (argc == 4) return {argv[2], argv[3]};
  std::fprintf(stderr, "usage: %s STYLE tcp|unix|udp PORT|PATH\n", argv[0]);
  std::exit(2);
}

}  // namespace echo
