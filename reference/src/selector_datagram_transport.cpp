// selector_datagram_transport.cpp: sendto and recvfrom.
#include "selector_datagram_transport.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/socket.h>

namespace asyncio {
namespace {

/// What errno says.
std::system_error datagram_error(const char* call) { return {errno, std::generic_category(), call}; }

bool datagram_would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

SelectorDatagramTransport::SelectorDatagramTransport(SelectorEventLoop& loop, Socket socket,
                                                     std::optional<Address> remote)
    : BaseDatagramTransport(loop, std::move(remote)),
      channel_(loop, std::move(socket)),
      family_(channel_.socket().family()) {
  set_extra_info("socket", channel_.view());
  if (auto address = channel_.sockname()) set_extra_info("sockname", *std::move(address));
  auto peer = channel_.peername();
  connected_ = peer.has_value();
  if (peer) set_extra_info("peername", *std::move(peer));
}

SelectorDatagramTransport::~SelectorDatagramTransport() = default;

std::shared_ptr<SelectorDatagramTransport> SelectorDatagramTransport::start(SelectorEventLoop& loop, Socket socket,
                                                                            std::shared_ptr<BaseProtocol> protocol,
                                                                            std::optional<Address> remote,
                                                                            Future<void> made) {
  auto transport = std::make_shared<SelectorDatagramTransport>(loop, std::move(socket), std::move(remote));
  transport->channel_.open(transport, "_SelectorDatagramTransport");
  transport->begin(std::move(protocol), std::move(made));
  return transport;
}

void SelectorDatagramTransport::watch_reading(bool watch) {
  if (watch) {
    channel_.watch(SelectorChannel::Direction::read, [this] { read_ready(); }, copy_context());
  } else {
    channel_.unwatch(SelectorChannel::Direction::read);
  }
}

void SelectorDatagramTransport::watch_writing(bool watch) {
  if (watch) {
    channel_.watch(SelectorChannel::Direction::write, [this] { write_ready(); }, copy_context());
  } else {
    channel_.unwatch(SelectorChannel::Direction::write);
  }
}

void SelectorDatagramTransport::read_ready() {
  if (lost()) return;
  const auto self = shared_from_this();  // the protocol may end the connection, and with it the loop's ownership
  const std::span<char> buffer = channel_.read_buffer();
  SystemAddress from;
  const ssize_t count =
      ::recvfrom(channel_.fileno(), buffer.data(), buffer.size(), 0, from.get(), &from.size);  // one datagram (S289)
  if (count < 0) {
    if (!datagram_would_block(errno)) error_received(std::make_exception_ptr(datagram_error("recvfrom")));
    return;
  }
  sender_ = from_system(from);
  system_sender_ = from;
  received({buffer.data(), static_cast<std::size_t>(count)}, *sender_);
}

/// to_system(), which has to read the address as text; but not for an answer.
SystemAddress SelectorDatagramTransport::system_address(const Address& address) const {
  if (family_ == AF_INET && sender_ == address) return system_sender_;
  return to_system(address, family_);
}

bool SelectorDatagramTransport::send(std::string_view data, const Address* to) {
  std::optional<SystemAddress> target;
  if (!connected_) {
    if (!to) throw std::system_error(EDESTADDRREQ, std::generic_category(), "sendto");
    target = system_address(*to);
  }
  const ssize_t count = ::sendto(channel_.fileno(), data.data(), data.size(), MSG_NOSIGNAL,
                                 target ? target->get() : nullptr, target ? target->size : 0);
  if (count >= 0) return true;
  if (datagram_would_block(errno)) return false;
  throw datagram_error(target ? "sendto" : "send");
}

void SelectorDatagramTransport::loop_closed() noexcept {
  const auto self = shared_from_this();
  channel_.loop_closed();
  let_go();
}

}  // namespace asyncio
