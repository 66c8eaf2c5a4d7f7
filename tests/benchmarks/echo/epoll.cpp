// epoll.cpp: an echo server on bare system calls, the floor that all others are measured against.
//
//     readable ──► recv ──► send ──► all sent: go on reading
//                             └────► not all: keep the rest, stop reading, ask for writable ──► send …
//
// `level` changes its interest by epoll_ctl() when a write comes up short and when the rest is sent. `edge` has asked
// for both once and for all, and has to read until nothing is left. Neither allocates while it runs, except for a rest.
#include "endpoint.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>

#include <sys/epoll.h>

namespace {

using echo::checked;

std::array<char, echo::READ_BYTES> buffer;  // shared: what was read is sent, or copied, at once

struct Connection {
  int fd;
  bool readable = false;  // there may be something to read
  std::string rest = {};  // not sent yet; nothing is read meanwhile
};

class Server {
 public:
  Server(echo::Endpoint endpoint, bool edge) : endpoint_(endpoint), edge_(edge), listener_(endpoint.listen()) {
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN, nullptr);
  }

  [[noreturn]] void run() {
    for (;;) {
      std::array<epoll_event, 128> found;
      const int count = checked(epoll_wait(epoll_, found.data(), found.size(), -1), "epoll_wait");
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = found[static_cast<std::size_t>(i)];
        if (!event.data.ptr) {
          endpoint_.datagrams() ? answer_datagrams() : accept_all();
        } else {
          ready(*static_cast<Connection*>(event.data.ptr), event.events);
        }
      }
    }
  }

 private:
  void watch(int operation, int fd, std::uint32_t events, Connection* connection) {
    epoll_event event{.events = events, .data = {.ptr = connection}};
    checked(epoll_ctl(epoll_, operation, fd, &event), "epoll_ctl");
  }

  void accept_all() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
      endpoint_.set_nodelay(fd);
      watch(EPOLL_CTL_ADD, fd, edge_ ? EPOLLIN | EPOLLOUT | EPOLLET : EPOLLIN, new Connection{.fd = fd});
    }
  }

  void ready(Connection& connection, std::uint32_t events) {
    if (events & ~std::uint32_t{EPOLLOUT}) connection.readable = true;
    bool open = connection.rest.empty() || send_rest(connection);
    while (open && connection.readable && connection.rest.empty()) open = read_and_send(connection);
  }

  /// \return  whether the connection is open
  bool read_and_send(Connection& connection) {
    const ssize_t count = recv(connection.fd, buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EAGAIN) return !(connection.readable = false);
    if (count <= 0) return drop(connection);
    // Less than was asked for was all there was. By level, what is left is reported again.
    connection.readable = edge_ && static_cast<std::size_t>(count) == buffer.size();

    const ssize_t sent = send(connection.fd, buffer.data(), static_cast<std::size_t>(count), MSG_NOSIGNAL);
    if (sent == count) return true;
    if (sent < 0 && errno != EAGAIN) return drop(connection);
    connection.rest.assign(buffer.data() + (sent < 0 ? 0 : sent), buffer.data() + count);
    if (!edge_) watch(EPOLL_CTL_MOD, connection.fd, EPOLLOUT, &connection);
    return true;
  }

  /// \return  whether the connection is open
  bool send_rest(Connection& connection) {
    const ssize_t sent = send(connection.fd, connection.rest.data(), connection.rest.size(), MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || drop(connection);
    connection.rest.erase(0, static_cast<std::size_t>(sent));
    if (connection.rest.empty() && !edge_) watch(EPOLL_CTL_MOD, connection.fd, EPOLLIN, &connection);
    return true;
  }

  /// \return  false: it is closed
  bool drop(Connection& connection) {
    ::close(connection.fd);
    delete &connection;
    return false;
  }

  void answer_datagrams() {
    for (;;) {
      sockaddr_in from;
      socklen_t length = sizeof from;
      const ssize_t count =
          recvfrom(listener_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (count < 0) return;
      sendto(listener_, buffer.data(), static_cast<std::size_t>(count), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }

  const echo::Endpoint endpoint_;
  const bool edge_;
  const int epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const int listener_;
};

}  // namespace

int main(int argc, char** argv) {
  const echo::Endpoint endpoint = echo::endpoint_of(argc, argv);
  Server(endpoint, std::string_view(argv[1]) == "edge").run();
}
