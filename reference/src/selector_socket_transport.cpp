// selector_socket_transport.cpp: recv, send, sendmsg and shutdown.
//
// A call that would block or was interrupted has done nothing: epoll is level-triggered, and reports the socket
// again (S258).
#include "selector_socket_transport.hpp"

#include "system_socket.hpp"

#include <asyncio/sslproto.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <tuple>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

namespace asyncio {
namespace {

constexpr std::size_t MAX_GATHERED = 64;  // pieces a call: more would cost more stack than they save in calls

bool stream_would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

/// One system call for all pieces, or for as many as are given to the system at once.
///
/// \return  how many bytes were taken, and whether more may follow
std::pair<std::size_t, bool> send_gathered(int fd, std::span<const std::string_view> pieces) {
  std::array<iovec, MAX_GATHERED> vectors;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    vectors[i] = {.iov_base = const_cast<char*>(pieces[i].data()), .iov_len = pieces[i].size()};
    bytes += pieces[i].size();
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = pieces.size();
  const ssize_t count = ::sendmsg(fd, &message, MSG_NOSIGNAL);
  if (count >= 0) return {static_cast<std::size_t>(count), static_cast<std::size_t>(count) == bytes};
  if (stream_would_block(errno)) return {0, false};
  throw_errno("send");
}

}  // namespace

SelectorSocketTransport::SelectorSocketTransport(SelectorEventLoop& loop, Socket socket, Server server,
                                                 std::optional<Address> peername)
    : BaseStreamTransport(loop, std::move(server)), channel_(loop, std::move(socket)) {
  set_nodelay(channel_.socket());  // S278
  set_extra_info("socket", channel_.view());
  if (auto address = channel_.sockname()) set_extra_info("sockname", *std::move(address));
  if (!peername) peername = channel_.peername();
  if (peername) set_extra_info("peername", *std::move(peername));
}

SelectorSocketTransport::~SelectorSocketTransport() = default;

std::shared_ptr<SelectorSocketTransport> SelectorSocketTransport::start(SelectorEventLoop& loop, Socket socket,
                                                                        std::shared_ptr<BaseProtocol> protocol,
                                                                        Future<void> made, Server server,
                                                                        std::optional<Address> peername) {
  auto transport =
      std::make_shared<SelectorSocketTransport>(loop, std::move(socket), std::move(server), std::move(peername));
  transport->begin(std::move(protocol), std::move(made));
  transport->channel_.open(transport, "_SelectorSocketTransport");
  return transport;
}

std::shared_ptr<Transport> SelectorSocketTransport::start(SelectorEventLoop& loop, Socket socket,
                                                          std::shared_ptr<BaseProtocol> protocol, Future<void> made,
                                                          const TransportSecurity& security, Server server,
                                                          std::optional<Address> peername) {
  if (!security.context) {
    return start(loop, std::move(socket), std::move(protocol), std::move(made), std::move(server), std::move(peername));
  }
  const auto ssl_protocol = SSLProtocol::make(loop, std::move(protocol), std::move(made), security);
  auto app_transport = ssl_protocol->app_transport();
  start(loop, std::move(socket), ssl_protocol, Future<void>(), std::move(server), std::move(peername));
  return app_transport;
}

void SelectorSocketTransport::loop_closed() noexcept {
  const auto self = shared_from_this();
  channel_.loop_closed();
  let_go();
}

// ---- Calls ----

std::optional<std::string_view> SelectorSocketTransport::receive(std::size_t at_most) {
  const std::span<char> buffer = channel_.read_buffer();
  assert(at_most <= buffer.size());  // S258
  const ssize_t count = ::recv(channel_.fileno(), buffer.data(), at_most, 0);
  if (count >= 0) return std::string_view(buffer.data(), static_cast<std::size_t>(count));
  if (stream_would_block(errno)) return {};
  throw_errno("recv");
}

std::optional<std::size_t> SelectorSocketTransport::receive_into(std::span<char> place) {
  const ssize_t count = ::recv(channel_.fileno(), place.data(), place.size(), 0);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (stream_would_block(errno)) return {};
  throw_errno("recv");
}

std::size_t SelectorSocketTransport::send(std::span<const std::string_view> pieces) {
  if (pieces.size() != 1) return send_all(pieces);
  // MSG_NOSIGNAL: a peer that is gone is an error of this connection, and not a signal to the process.
  const ssize_t count = ::send(channel_.fileno(), pieces[0].data(), pieces[0].size(), MSG_NOSIGNAL);
  if (count >= 0) return static_cast<std::size_t>(count);
  if (stream_would_block(errno)) return 0;
  throw_errno("send");
}

/// Not inlined: nearly always it is one piece.
[[gnu::noinline]] std::size_t SelectorSocketTransport::send_all(std::span<const std::string_view> pieces) const {
  std::size_t sent = 0;
  for (bool more = true; more && !pieces.empty();) {
    const std::size_t now = std::min(pieces.size(), MAX_GATHERED);
    std::size_t count = 0;
    std::tie(count, more) = send_gathered(channel_.fileno(), pieces.first(now));
    sent += count;
    pieces = pieces.subspan(now);
  }
  return sent;
}

void SelectorSocketTransport::send_eof() { channel_.socket().shutdown(SHUT_WR); }

void SelectorSocketTransport::watch_reading(bool watch) {
  using Direction = SelectorChannel::Direction;
  if (!watch) return channel_.unwatch(Direction::read);
  // The bare pointer is safe: the channel ends its watches before it goes.
  channel_.watch(Direction::read, [this] { read_ready(); }, context());
}

void SelectorSocketTransport::watch_writing(bool watch) {
  using Direction = SelectorChannel::Direction;
  if (!watch) return channel_.unwatch(Direction::write);
  channel_.watch(Direction::write, [this] { write_ready(); }, context());
}

void SelectorSocketTransport::close_socket(bool) { channel_.close(*this); }

}  // namespace asyncio
