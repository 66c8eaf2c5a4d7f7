// transports.cpp: functions that say that they are missing, and the part that is not: flow control.
//
// The two marks keep the protocol from being told at every write(): between them nothing happens.
// Telling it is calling foreign code from inside write(), which may write again, close, or throw.
// So protocol_paused_ is changed before the call, not after it.

#include <asyncio/transports.hpp>

#include <asyncio/coroutine.hpp>
#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>

#include "foreign_code.hpp"

#include <cassert>

namespace asyncio {
namespace {

/// A quarter as Python's // rounds it: down. Only what is refused is below 0; its message names the number.
std::int64_t quarter_of(std::int64_t bytes) { return (bytes - (bytes < 0 ? 3 : 0)) / 4; }

}  // namespace

BaseTransport::BaseTransport() = default;
BaseTransport::~BaseTransport() = default;

bool BaseTransport::is_closing() const { not_implemented("is_closing"); }
void BaseTransport::close() { not_implemented("close"); }
void BaseTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  // The old one dies last, with this transport whole again: its destructor is foreign code.
  protocol_.swap(protocol);
}

void BaseTransport::set_extra_info(std::string name, std::any value) {
  extra_.insert_or_assign(std::move(name), std::move(value));
}

const std::any* BaseTransport::find_extra_info(std::string_view name) const noexcept {
  const auto found = extra_.find(name);
  return found == extra_.end() ? nullptr : &found->second;
}

void BaseTransport::not_implemented(std::string_view function) {
  throw NotImplementedError(std::string(function) + "() is not implemented by this transport");
}

void BaseTransport::throw_wrong_type(std::string_view name) {
  throw std::invalid_argument("get_extra_info: \"" + std::string(name) +
                              "\" is there, but is not of the type asked for");
}

bool ReadTransport::is_reading() const { not_implemented("is_reading"); }
void ReadTransport::pause_reading() { not_implemented("pause_reading"); }
void ReadTransport::resume_reading() { not_implemented("resume_reading"); }

void WriteTransport::set_write_buffer_limits(WriteBufferLimits) { not_implemented("set_write_buffer_limits"); }
WriteBufferMarks WriteTransport::get_write_buffer_limits() const { not_implemented("get_write_buffer_limits"); }
std::size_t WriteTransport::get_write_buffer_size() const { not_implemented("get_write_buffer_size"); }
void WriteTransport::write(std::string_view) { not_implemented("write"); }
void WriteTransport::writelines(const std::vector<std::string>& pieces) {
  std::string joined;
  for (const std::string& piece : pieces) joined += piece;
  write(joined);
}
void WriteTransport::write_eof() { not_implemented("write_eof"); }
bool WriteTransport::can_write_eof() const { not_implemented("can_write_eof"); }
void WriteTransport::abort() { not_implemented("abort"); }

bool Transport::start_tls_compatible() const noexcept { return false; }
void Transport::force_close(std::exception_ptr) { abort(); }

void DatagramTransport::sendto(std::string_view, const std::optional<Address>&) { not_implemented("sendto"); }
void DatagramTransport::abort() { not_implemented("abort"); }
void DatagramTransport::set_write_buffer_limits(WriteBufferLimits) { not_implemented("set_write_buffer_limits"); }
WriteBufferMarks DatagramTransport::get_write_buffer_limits() const { not_implemented("get_write_buffer_limits"); }
std::size_t DatagramTransport::get_write_buffer_size() const { not_implemented("get_write_buffer_size"); }

int SubprocessTransport::get_pid() const { not_implemented("get_pid"); }
std::optional<int> SubprocessTransport::get_returncode() const { not_implemented("get_returncode"); }
std::shared_ptr<BaseTransport> SubprocessTransport::get_pipe_transport(int) const {
  not_implemented("get_pipe_transport");
}
void SubprocessTransport::send_signal(int) { not_implemented("send_signal"); }
void SubprocessTransport::terminate() { not_implemented("terminate"); }
void SubprocessTransport::kill() { not_implemented("kill"); }
int SubprocessTransport::wait() { not_implemented("wait"); }

void FlowControl::set_limits(const WriteBufferLimits& limits) {
  const std::int64_t high = limits.high.value_or(limits.low ? 4 * *limits.low : rules_.default_high);
  const std::int64_t low = limits.low.value_or(quarter_of(high));
  if (!(high >= low && low >= 0)) {  // W2
    throw std::invalid_argument("high (" + std::to_string(high) + ") must be >= low (" + std::to_string(low) +
                                ") must be >= 0");
  }
  marks_ = {.low = static_cast<std::size_t>(low), .high = static_cast<std::size_t>(high)};
}

void FlowControl::maybe_pause(BaseTransport& transport, std::size_t size) {
  if (protocol_paused_ || size < marks_.high || (size == marks_.high && !rules_.pause_at_high)) return;
  if (size == 0) return;  // nothing would ever be sent, and so nothing resume
  protocol_paused_ = true;
  tell(transport, &BaseProtocol::pause_writing, "protocol.pause_writing() failed");
}

void FlowControl::maybe_resume(BaseTransport& transport, std::size_t size) {
  if (!protocol_paused_ || size > marks_.low) return;
  protocol_paused_ = false;
  tell(transport, &BaseProtocol::resume_writing, "protocol.resume_writing() failed");
}

void FlowControl::tell(BaseTransport& transport, void (BaseProtocol::*what)(), const char* failed) {
  // The protocol may close the transport and thereby lose its owner while it runs.
  const std::shared_ptr<BaseProtocol> protocol = transport.get_protocol();
  if (!protocol) return;
  const auto report = [&] {  // W3; a CancelledError too, as in asyncio
    loop_.call_exception_handler({.message = failed,
                                  .exception = std::current_exception(),
                                  .protocol = protocol,
                                  .transport = transport.weak_from_this().lock()});
  };
  call_foreign_code([&] { (*protocol.*what)(); }, report);
}

}  // namespace asyncio
