// selector_sockets.cpp: sockets by hand: sock_recv() and its sisters.
//
// All of them are one loop: try; where that would block, wait until the descriptor is ready; try again. So
// nothing has been taken from the socket while a task waits, and cancelling it loses nothing.
//
//     try ── done ──► return
//      ▲ └── would block ──► wait_until_ready(): a watch, and a future that it completes
//      └─────────────────────────────┘
//
// In asyncio the callback of the watch does the work itself, and a cancellation that comes between it and the
// task loses what it has read.
//
// Source: CPython Lib/asyncio/selector_events.py, sock_recv to sock_accept. Rules: S280 to S283.
#include <asyncio/executor.hpp>
#include <asyncio/selector_events.hpp>

#include "resolver.hpp"
#include "system_socket.hpp"

#include <cerrno>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

namespace asyncio {
namespace {

bool must_wait(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

/// Repeats a system call that a signal interrupts.
template <class Call>
ssize_t without_interruption(Call call) {
  ssize_t result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

}  // namespace

/// A watch that ends with its scope, unless somebody has replaced it meanwhile.
class SelectorEventLoop::WatchScope {
 public:
  WatchScope(SelectorEventLoop& loop, int fd, Direction direction, Callback callback)
      : loop_(loop), fd_(fd), direction_(direction) {
    handle_ = loop.watch(fd, direction, std::move(callback), copy_context());
  }
  WatchScope(const WatchScope&) = delete;
  WatchScope& operator=(const WatchScope&) = delete;
  ~WatchScope() {
    if (loop_.watches(fd_, direction_, handle_)) loop_.unwatch(fd_, direction_);
  }

 private:
  SelectorEventLoop& loop_;
  const int fd_;
  const Direction direction_;
  Handle handle_;
};

void SelectorEventLoop::wait_until_ready(int fd, Direction direction) {
  check_no_transport(fd);
  const Future<void> ready = create_future<void>();
  const WatchScope scope(*this, fd, direction, [this, fd, direction, ready] {
    unwatch(fd, direction);  // one call is enough: a watch that stayed would be called until the task has run
    if (!ready.done()) ready.set_result();
  });
  await(ready);  // suspends
}

void SelectorEventLoop::check_nonblocking(int fd) const {
  if (!get_debug()) return;
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && (flags & O_NONBLOCK) == 0) throw std::invalid_argument("the socket must be non-blocking");
}

// Each call has MSG_DONTWAIT: a socket that blocks after all would stop the whole loop.

std::size_t SelectorEventLoop::sock_recv_into(int fd, std::span<char> buffer) {
  check_nonblocking(fd);
  if (buffer.empty()) return 0;  // as Python's recv(0): nothing is there already
  for (;;) {
    const ssize_t count = without_interruption([&] { return ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT); });
    if (count >= 0) return static_cast<std::size_t>(count);
    if (!must_wait(errno)) throw_errno("recv");
    wait_until_ready(fd, Direction::read);  // suspends
  }
}

std::string SelectorEventLoop::sock_recv(int fd, std::size_t size) {
  std::string data(size, '\0');
  data.resize(sock_recv_into(fd, data));  // suspends
  return data;
}

std::pair<std::size_t, Address> SelectorEventLoop::sock_recvfrom_into(int fd, std::span<char> buffer) {
  check_nonblocking(fd);
  for (;;) {
    SystemAddress from;
    const ssize_t count = without_interruption(
        [&] { return ::recvfrom(fd, buffer.data(), buffer.size(), MSG_DONTWAIT, from.get(), &from.size); });
    if (count >= 0) return {static_cast<std::size_t>(count), from_system(from)};
    if (!must_wait(errno)) throw_errno("recvfrom");
    wait_until_ready(fd, Direction::read);  // suspends
  }
}

std::pair<std::string, Address> SelectorEventLoop::sock_recvfrom(int fd, std::size_t size) {
  std::string data(size, '\0');
  auto [count, from] = sock_recvfrom_into(fd, data);  // suspends
  data.resize(count);
  return {std::move(data), std::move(from)};
}

void SelectorEventLoop::sock_sendall(int fd, std::string_view data) {
  check_nonblocking(fd);
  for (;;) {  // once for empty data too: that may be a datagram
    const ssize_t count =
        without_interruption([&] { return ::send(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (count >= 0) {
      data.remove_prefix(static_cast<std::size_t>(count));
      if (data.empty()) return;
      continue;
    }
    if (!must_wait(errno)) throw_errno("send");
    wait_until_ready(fd, Direction::write);  // suspends
  }
}

std::size_t SelectorEventLoop::sock_sendto(int fd, std::string_view data, Address address) {
  check_nonblocking(fd);
  const SystemAddress to = to_system(address, SystemView(fd).family());
  for (;;) {
    const ssize_t count = without_interruption(
        [&] { return ::sendto(fd, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL, to.get(), to.size); });
    if (count >= 0) return static_cast<std::size_t>(count);
    if (!must_wait(errno)) throw_errno("sendto");
    wait_until_ready(fd, Direction::write);  // suspends
  }
}

void SelectorEventLoop::sock_connect(int fd, Address address) {
  check_nonblocking(fd);
  set_nonblocking(fd);
  const SystemView socket(fd);
  const int family = socket.family();
  if (family == AF_INET || family == AF_INET6) {  // S282
    address = ensure_resolved(address, {.family = family, .type = socket.type(), .proto = socket.proto()})
                  .front()
                  .address;  // suspends
  }
  const SystemAddress to = to_system(address, family);
  if (::connect(fd, to.get(), to.size) == 0) return;
  // Interrupted, a connection is made all the same (connect(2)). EAGAIN is another thing: the queue of a UNIX server
  // is full, nothing is under way, and nobody would tell us when there is room.
  if (errno != EINPROGRESS && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "Connect call failed " + address.to_string());
  }
  wait_until_ready(fd, Direction::write);  // suspends
  if (const int error = socket.take_error(); error != 0) {
    throw std::system_error(error, std::generic_category(), "Connect call failed " + address.to_string());
  }
}

std::pair<int, Address> SelectorEventLoop::sock_accept(int fd) {
  check_nonblocking(fd);
  set_nonblocking(fd);
  for (;;) {
    SystemAddress from;
    const ssize_t accepted = without_interruption(
        [&] { return ::accept4(fd, from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC); });  // S283
    if (accepted >= 0) return {static_cast<int>(accepted), from_system(from)};
    if (!must_wait(errno)) throw_errno("accept");
    wait_until_ready(fd, Direction::read);  // suspends
  }
}

// ---- Names ----

// The resolver of the C library waits where it is called: so not here.

std::vector<AddressInfo> SelectorEventLoop::getaddrinfo(std::string host, std::string port,
                                                        AddressInfoOptions options) {
  return await(run_in_executor(nullptr, [host, port, options] { return lookup_addresses(host, port, options); }));
}

std::pair<std::string, std::string> SelectorEventLoop::getnameinfo(Address address, int flags) {
  return await(run_in_executor(nullptr, [address, flags] { return lookup_names(address, flags); }));
}

/// The addresses of a host and port: at once for a literal, else from getaddrinfo().
std::vector<AddressInfo> SelectorEventLoop::ensure_resolved(const Address& address, AddressInfoOptions options) {
  if (auto literal = ipaddr_info(address, options)) return {*std::move(literal)};
  auto found = getaddrinfo(address.host(), std::to_string(address.port()), options);  // suspends
  if (found.empty())
    throw std::system_error(EADDRNOTAVAIL, std::generic_category(), "getaddrinfo() returned empty list");
  return found;
}

}  // namespace asyncio
