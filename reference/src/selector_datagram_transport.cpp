// selector_datagram_transport.cpp: sendto and recvfrom.
#include "selector_datagram_transport.hpp"

#include "log.hpp"

#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/protocols.hpp>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <sys/socket.h>

namespace asyncio {
namespace {

constexpr std::size_t BYTES_PER_DATAGRAM = 8;     // what each counts for, beside its bytes (S288)
constexpr int LOST_DATAGRAMS_BEFORE_WARNING = 5;  // as LOG_THRESHOLD_FOR_CONNLOST_WRITES of streams

/// What errno says.
std::exception_ptr system_error(const char* call) {
  return std::make_exception_ptr(std::system_error(errno, std::generic_category(), call));
}

bool datagram_would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

SelectorDatagramTransport::SelectorDatagramTransport(SelectorEventLoop& loop, Socket socket,
                                                     std::optional<Address> remote)
    : FlowControlMixin(loop),
      loop_(loop),
      channel_(loop, std::move(socket)),
      context_(copy_context()),
      remote_(std::move(remote)),
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
  transport->set_protocol(std::move(protocol));
  transport->channel_.open(transport, "_SelectorDatagramTransport");
  const Context& context = transport->context_;
  loop.call_soon(
      [transport] {
        if (const auto protocol = transport->get_protocol()) protocol->connection_made(transport);
      },
      context);
  loop.call_soon([transport] { transport->start_reading(); }, context);
  loop.call_soon(
      [made = std::move(made)] {
        if (!made.done()) made.set_result();
      },
      context);
  return transport;
}

std::shared_ptr<SelectorDatagramTransport> SelectorDatagramTransport::self() {
  return std::dynamic_pointer_cast<SelectorDatagramTransport>(shared_from_this());
}

void SelectorDatagramTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  datagram_protocol_ = dynamic_cast<DatagramProtocol*>(protocol.get());
  BaseTransport::set_protocol(std::move(protocol));
}

// ---- Receiving ----

void SelectorDatagramTransport::start_reading() {
  if (closing_) return;
  try {
    channel_.watch(SelectorChannel::Direction::read, [this] { read_ready(); }, context_);
  } catch (const std::system_error&) {  // no memory left; nothing would ever be received
    force_close(std::current_exception());
  }
}

void SelectorDatagramTransport::read_ready() {
  if (lost_) return;
  const auto self = shared_from_this();  // the protocol may end the connection, and with it the loop's ownership
  const std::span<char> buffer = channel_.read_buffer();
  SystemAddress from;
  const ssize_t count =
      ::recvfrom(channel_.fileno(), buffer.data(), buffer.size(), 0, from.get(), &from.size);  // one datagram (S289)
  if (count < 0) {
    if (!datagram_would_block(errno)) error_received(system_error("recvfrom"));
    return;
  }
  const auto protocol = get_protocol();
  if (datagram_protocol_) {
    datagram_protocol_->datagram_received({buffer.data(), static_cast<std::size_t>(count)}, from_system(from));
  }
}

/// Tells the protocol of an error that concerns a datagram, and not the endpoint (S287).
void SelectorDatagramTransport::error_received(const std::exception_ptr& error) {
  const auto protocol = get_protocol();
  if (datagram_protocol_) datagram_protocol_->error_received(error);
}

// ---- Sending ----

void SelectorDatagramTransport::sendto(std::string_view data, const std::optional<Address>& address) {
  if (remote_ && address && *address != *remote_) {  // S286
    throw std::invalid_argument("Invalid address: must be None or " + remote_->to_string());
  }
  if (lost_) {
    if (++lost_sends_ >= LOST_DATAGRAMS_BEFORE_WARNING) log_warning("socket.send() raised exception.");
    return;
  }
  std::optional<SystemAddress> to;
  if (!connected_) {
    const std::optional<Address>& target = remote_ ? remote_ : address;
    try {
      if (!target) throw std::system_error(EDESTADDRREQ, std::generic_category(), "sendto");
      to = to_system(*target, family_);
    } catch (const std::system_error&) {  // S287; a name that does not resolve too
      return error_received(std::current_exception());
    }
  }
  if (queue_.empty() && send(data, to)) return;
  const bool first = queue_.empty();
  queue_.push_back({std::string(data), to});
  queued_bytes_ += data.size() + BYTES_PER_DATAGRAM;
  try {
    if (first) channel_.watch(SelectorChannel::Direction::write, [this] { write_ready(); }, context_);  // D1
  } catch (const std::system_error&) {
    return force_close(std::current_exception());
  }
  maybe_pause_protocol();
}

/// \return  false where it has to wait; true where it was sent, or the protocol was told why not
bool SelectorDatagramTransport::send(std::string_view data, const std::optional<SystemAddress>& to) {
  const ssize_t count =
      ::sendto(channel_.fileno(), data.data(), data.size(), MSG_NOSIGNAL, to ? to->get() : nullptr, to ? to->size : 0);
  if (count >= 0) return true;
  if (datagram_would_block(errno)) return false;
  error_received(system_error(to ? "sendto" : "send"));
  return true;
}

void SelectorDatagramTransport::write_ready() {
  const auto self = shared_from_this();
  while (!queue_.empty() && !lost_) {
    const Datagram first = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= first.data.size() + BYTES_PER_DATAGRAM;
    if (send(first.data, first.to)) continue;
    queued_bytes_ += first.data.size() + BYTES_PER_DATAGRAM;
    queue_.push_front(first);
    break;
  }
  if (lost_) return;
  maybe_resume_protocol();  // may send, close or abort
  if (!queue_.empty() || lost_) return;
  channel_.unwatch(SelectorChannel::Direction::write);
  if (closing_) {
    lost_ = true;
    call_connection_lost(nullptr);
  }
}

// ---- The end ----

void SelectorDatagramTransport::close() {
  if (std::exchange(closing_, true)) return;
  channel_.unwatch(SelectorChannel::Direction::read);
  if (queue_.empty()) lose_soon(nullptr);  // S290
}

void SelectorDatagramTransport::abort() { force_close(nullptr); }

void SelectorDatagramTransport::force_close(std::exception_ptr error) {
  if (lost_) return;
  queue_.clear();
  queued_bytes_ = 0;
  closing_ = true;
  channel_.unwatch(SelectorChannel::Direction::read);
  channel_.unwatch(SelectorChannel::Direction::write);
  lose_soon(std::move(error));
}

void SelectorDatagramTransport::lose_soon(std::exception_ptr error) {
  if (std::exchange(lost_, true)) return;  // D2
  loop_.call_soon([self = self(), error = std::move(error)] { self->call_connection_lost(error); }, context_);
}

void SelectorDatagramTransport::call_connection_lost(const std::exception_ptr& error) {
  const auto self = shared_from_this();
  std::exception_ptr thrown;
  try {
    if (const auto protocol = get_protocol()) protocol->connection_lost(error);
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    thrown = std::current_exception();
  }
  channel_.close(*this);
  set_protocol(nullptr);
  if (thrown) std::rethrow_exception(thrown);  // to the handle, which reports it
}

void SelectorDatagramTransport::loop_closed() noexcept {
  const auto self = shared_from_this();
  channel_.loop_closed();
  closing_ = lost_ = true;
  queue_.clear();
  queued_bytes_ = 0;
  set_protocol(nullptr);
}

}  // namespace asyncio
