// ssl_transport.cpp: the side of TLS that a program writes to.
//
// The transport outlives the connection as long as the program keeps it, and its SSLProtocol does not. After that every
// function does nothing. What was agreed on in the handshake can still be asked for; what the transport below knew,
// such as "peername" and "socket", is gone with it.
#include <asyncio/sslproto.hpp>

#include <asyncio/exceptions.hpp>

#include "log.hpp"

#include <utility>

namespace asyncio {

SSLProtocolTransport::SSLProtocolTransport(AbstractEventLoop& loop, std::weak_ptr<SSLProtocol> protocol)
    : FlowControlMixin(loop, {.default_high = FLOW_CONTROL_HIGH_WATER_SSL_WRITE, .pause_at_high = true}),
      ssl_protocol_(std::move(protocol)) {}

SSLProtocolTransport::~SSLProtocolTransport() = default;

const std::any* SSLProtocolTransport::find_extra_info(std::string_view name) const noexcept {
  if (const std::any* found = BaseTransport::find_extra_info(name)) return found;
  const auto ssl_protocol = ssl_protocol_.lock();
  if (!ssl_protocol || !ssl_protocol->transport_) return nullptr;
  return find_extra_info_of(*ssl_protocol->transport_, name);
}

void SSLProtocolTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  if (const auto ssl_protocol = ssl_protocol_.lock()) ssl_protocol->set_app_protocol(std::move(protocol));
}

std::shared_ptr<BaseProtocol> SSLProtocolTransport::get_protocol() const {
  const auto ssl_protocol = ssl_protocol_.lock();
  return ssl_protocol ? ssl_protocol->app_protocol_ : nullptr;
}

void SSLProtocolTransport::close() {
  if (std::exchange(closed_, true)) return;
  if (const auto ssl_protocol = ssl_protocol_.lock()) ssl_protocol->start_shutdown();
}

void SSLProtocolTransport::force_close(std::exception_ptr error) {
  closed_ = true;
  if (const auto ssl_protocol = ssl_protocol_.lock()) ssl_protocol->force_close(std::move(error));
}

bool SSLProtocolTransport::is_reading() const {
  const auto ssl_protocol = ssl_protocol_.lock();
  return ssl_protocol && !closed_ && !ssl_protocol->app_reading_paused_;
}

void SSLProtocolTransport::pause_reading() {
  if (const auto ssl_protocol = ssl_protocol_.lock()) ssl_protocol->pause_reading();
}

void SSLProtocolTransport::resume_reading() {
  if (const auto ssl_protocol = ssl_protocol_.lock()) ssl_protocol->resume_reading();
}

void SSLProtocolTransport::write(std::string_view data) {
  if (data.empty()) return;
  const auto ssl_protocol = ssl_protocol_.lock();
  if (ssl_protocol && ssl_protocol->write_appdata(data)) return;
  if (lost_writes_++ >= LOG_THRESHOLD_FOR_CONNLOST_WRITES) log_warning("SSL connection is closed");  // S294
}

void SSLProtocolTransport::writelines(const std::vector<std::string>& pieces) {
  std::string joined;  // fewer and fuller records than a write() for each
  for (const std::string& piece : pieces) joined += piece;
  write(joined);
}

void SSLProtocolTransport::write_eof() { not_implemented("write_eof"); }

void SSLProtocolTransport::set_write_buffer_limits(WriteBufferLimits limits) {
  set_marks(limits);
  control_app_writing();
}

std::size_t SSLProtocolTransport::get_write_buffer_size() const {
  const auto ssl_protocol = ssl_protocol_.lock();
  return ssl_protocol ? ssl_protocol->write_buffer_size() : 0;
}

void SSLProtocolTransport::control_app_writing() {
  if (protocol_paused()) {
    maybe_resume_protocol();
  } else {
    maybe_pause_protocol();
  }
}

void SSLProtocolTransport::set_read_buffer_limits(WriteBufferLimits limits) {
  const auto ssl_protocol = ssl_protocol_.lock();
  if (!ssl_protocol) return;
  ssl_protocol->read_marks_.set_limits(limits);
  ssl_protocol->control_ssl_reading();
}

WriteBufferMarks SSLProtocolTransport::get_read_buffer_limits() const {
  const auto ssl_protocol = ssl_protocol_.lock();
  return ssl_protocol ? ssl_protocol->read_marks_.marks() : WriteBufferMarks{.low = 0, .high = 0};
}

std::size_t SSLProtocolTransport::get_read_buffer_size() const {
  const auto ssl_protocol = ssl_protocol_.lock();
  return ssl_protocol ? ssl_protocol->object_->incoming_pending() : 0;
}

}  // namespace asyncio
