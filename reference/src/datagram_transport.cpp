// datagram_transport.cpp: what waits, what is told to the protocol, and the ways in which an endpoint ends.
#include <asyncio/datagram_transport.hpp>

#include "log.hpp"

#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/protocols.hpp>

#include <stdexcept>
#include <system_error>
#include <utility>

namespace asyncio {
namespace {

constexpr std::size_t BYTES_PER_DATAGRAM = 8;  // what each counts for, beside its bytes (S288)

}  // namespace

// ---- The beginning ----

BaseDatagramTransport::BaseDatagramTransport(AbstractEventLoop& loop, std::optional<Address> remote)
    : FlowControlMixin(loop), loop_(loop), remote_(std::move(remote)) {}

BaseDatagramTransport::~BaseDatagramTransport() = default;

std::shared_ptr<BaseDatagramTransport> BaseDatagramTransport::self() {
  return std::dynamic_pointer_cast<BaseDatagramTransport>(shared_from_this());
}

void BaseDatagramTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  datagram_protocol_ = dynamic_cast<DatagramProtocol*>(protocol.get());
  BaseTransport::set_protocol(std::move(protocol));
}

void BaseDatagramTransport::begin(std::shared_ptr<BaseProtocol> protocol, Future<void> made) {
  const auto self = this->self();
  set_protocol(std::move(protocol));
  // Each has a context of its own, as any handle has (S16). One for a whole connection is for streams only (S239).
  loop_.call_soon([self] {
    if (const auto protocol = self->get_protocol()) protocol->connection_made(self);
  });
  loop_.call_soon([self] { self->start_reading(); });
  loop_.call_soon([made = std::move(made)] {
    if (!made.done()) made.set_result();
  });
}

/// A socket that the system cannot watch, for it has no memory left, would never be heard of again: so it is lost.
void BaseDatagramTransport::start_reading() {
  if (closing_) return;
  try {
    watch_reading(true);
  } catch (const std::system_error&) {
    force_close(std::current_exception());
  }
}

// ---- Receiving ----

void BaseDatagramTransport::received(std::string_view data, const Address& from) {
  const auto protocol = get_protocol();
  if (datagram_protocol_) datagram_protocol_->datagram_received(data, from);
}

void BaseDatagramTransport::error_received(const std::exception_ptr& error) {
  const auto protocol = get_protocol();
  if (datagram_protocol_) datagram_protocol_->error_received(error);
}

// ---- Sending ----

void BaseDatagramTransport::sendto(std::string_view data, const std::optional<Address>& address) {
  if (dead()) return;
  if (remote_ && address && *address != *remote_) {  // S286
    throw std::invalid_argument("Invalid address: must be None or " + remote_->to_string());
  }
  if (lost_) {
    if (++lost_sends_ >= LOG_THRESHOLD_FOR_CONNLOST_WRITES) log_warning("socket.send() raised exception.");
    return;
  }
  const std::optional<Address>& to = remote_ ? remote_ : address;
  if (queue_.empty() && send_or_tell(data, to ? &*to : nullptr)) return;
  const bool first = queue_.empty();
  queue_.push_back({std::string(data), to});
  queued_bytes_ += data.size() + BYTES_PER_DATAGRAM;
  try {
    if (first) watch_writing(true);  // D1
  } catch (const std::system_error&) {
    return force_close(std::current_exception());
  }
  maybe_pause_protocol();
}

/// \return  false where it has to wait; true where it was sent, or the protocol was told why not (S287)
bool BaseDatagramTransport::send_or_tell(std::string_view data, const Address* to) {
  try {
    return send(data, to);
  } catch (const std::system_error&) {
    error_received(std::current_exception());
    return true;
  }
}

void BaseDatagramTransport::write_ready() {
  const auto self = shared_from_this();
  while (!queue_.empty() && !lost_) {
    Datagram first = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= first.data.size() + BYTES_PER_DATAGRAM;
    if (send_or_tell(first.data, first.to ? &*first.to : nullptr)) continue;
    queued_bytes_ += first.data.size() + BYTES_PER_DATAGRAM;
    queue_.push_front(std::move(first));
    break;
  }
  if (lost_) return;
  maybe_resume_protocol();  // may send, close or abort
  if (!queue_.empty() || lost_) return;
  watch_writing(false);
  if (closing_) {
    lost_ = true;
    call_connection_lost(nullptr);
  }
}

// ---- The end ----

void BaseDatagramTransport::close() {
  if (dead() || std::exchange(closing_, true)) return;
  watch_reading(false);
  if (queue_.empty()) lose_soon(nullptr);  // S290
}

void BaseDatagramTransport::abort() { force_close(nullptr); }

void BaseDatagramTransport::drop_queue() noexcept {
  queue_.clear();
  queued_bytes_ = 0;
}

void BaseDatagramTransport::force_close(std::exception_ptr error) {
  if (dead() || lost_) return;
  drop_queue();
  closing_ = true;
  watch_reading(false);
  watch_writing(false);
  lose_soon(std::move(error));
}

void BaseDatagramTransport::lose_soon(std::exception_ptr error) {
  if (std::exchange(lost_, true)) return;  // D2
  loop_.call_soon([self = self(), error = std::move(error)] { self->call_connection_lost(error); });
}

void BaseDatagramTransport::call_connection_lost(const std::exception_ptr& error) {
  const auto self = shared_from_this();
  std::exception_ptr thrown;
  try {
    if (const auto protocol = get_protocol()) protocol->connection_lost(error);
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    thrown = std::current_exception();
  }
  close_socket();
  set_protocol(nullptr);
  if (thrown) std::rethrow_exception(thrown);  // to the handle, which reports it
}

void BaseDatagramTransport::let_go() noexcept {
  closing_ = lost_ = true;
  drop_queue();
  set_protocol(nullptr);
}

}  // namespace asyncio
