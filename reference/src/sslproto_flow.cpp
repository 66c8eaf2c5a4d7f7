// sslproto_flow.cpp: what goes through a TLS connection, in both directions, and how both are held back.
//
// Outgoing data becomes records at once, unless the handshake is still going on, or the transport below has paused:
// then it waits, and the program is paused. Incoming records wait in OpenSSL's memory as long as the program has paused
// reading: then the transport below is paused.
//
// What the program's protocol throws ends the connection. The rules are those of sslproto.cpp: after each call of
// foreign code the state is looked at again.
#include <asyncio/sslproto.hpp>

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>

#include "foreign_code.hpp"
#include "log.hpp"

#include <span>
#include <utility>

namespace asyncio {
namespace {

constexpr std::size_t MAX_RECORD = 16 * 1024;  // bytes that one record holds (RFC 8446, 5.1)

/// Turns data into records, as far as that goes.
///
/// \return  how many bytes of `data`
std::size_t encrypt(SSLObject& object, std::string_view data) {
  std::size_t done = 0;
  while (done < data.size()) {
    const auto count = object.write(data.substr(done));
    if (!count) break;
    done += *count;
  }
  return done;
}

}  // namespace

// ---- Outgoing ----

/// \return  false where the connection is over, and `data` was dropped
bool SSLProtocol::write_appdata(std::string_view data) {
  if (state_ != State::do_handshake && state_ != State::wrapped) return false;
  const auto write = [&] {
    const bool ready = state_ == State::wrapped;
    if (ready && write_backlog_.empty()) data.remove_prefix(encrypt(*object_, data));  // as a rule, all of it
    write_backlog_.append(data);
    if (ready) do_write();
  };
  call_foreign_code(write, [this] { fatal_unless_cancelled(); });
  return true;
}

void SSLProtocol::do_write() {
  write_backlog_.drop_sent(encrypt(*object_, write_backlog_.bytes()));
  process_outgoing();
}

void SSLProtocol::process_outgoing() {
  if (!ssl_writing_paused_ && transport_) {
    if (const std::string records = object_->take_outgoing(); !records.empty()) transport_->write(records);
  }
  if (const auto app_transport = app_transport_) app_transport->control_app_writing();
}

void SSLProtocol::resume_writing() {
  ssl_writing_paused_ = false;
  process_outgoing();
}

// ---- Incoming ----

/// \return  whether there may be more to read at once
bool SSLProtocol::do_read() {
  if (state_ != State::wrapped && state_ != State::flushing) return false;
  const auto self = shared_from_this();
  bool more = false;
  const auto read = [&] {
    if (!app_reading_paused_) {
      if (buffered_protocol_) {
        more = read_buffered();
      } else {
        read_copied();
      }
      if (write_backlog_.empty()) {
        process_outgoing();
      } else if (state_ == State::wrapped || state_ == State::flushing) {
        do_write();
      }
    }
    control_ssl_reading();
  };
  call_foreign_code(read, [this] { fatal_unless_cancelled(); });
  return more && !app_reading_paused_;
}

/// Fills the protocol's buffer once; what does not fit is read in the next iteration, or by do_flush().
///
/// \return  whether the buffer is full
bool SSLProtocol::read_buffered() {
  const auto protocol = app_protocol_;
  BufferedProtocol& called = *buffered_protocol_;
  const std::span<char> place = called.get_buffer(static_cast<std::ptrdiff_t>(object_->incoming_pending()));
  if (place.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
  if (state_ != State::wrapped && state_ != State::flushing) return false;  // it was aborted in there

  std::size_t filled = 0;
  bool ended = false;
  std::exception_ptr error;
  try {
    while (!ended && filled < place.size()) {
      const auto count = object_->read(place.subspan(filled));
      if (!count) break;
      ended = *count == 0;
      filled += *count;
    }
  } catch (const SSLError&) {
    error = std::current_exception();
  }
  const bool full = filled == place.size();
  if (full && state_ == State::wrapped) {
    loop_.call_soon([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->do_read();
    });
  }
  if (filled > 0) called.buffer_updated(filled);
  if (error) reading_failed(error);
  if (ended) end_of_records();
  return full;
}

/// Reads all that is there, and tells the protocol of it in one piece.
void SSLProtocol::read_copied() {
  std::string data;
  std::size_t filled = 0;  // of data
  bool ended = false;
  std::exception_ptr error;
  try {
    while (!ended) {
      data.resize(filled + MAX_RECORD);
      const auto count = object_->read(std::span(data).subspan(filled));
      if (!count) break;
      ended = *count == 0;
      filled += *count;
    }
  } catch (const SSLError&) {  // what came before is told first: how records were cut must make no difference (J2)
    error = std::current_exception();
  }
  data.resize(filled);
  const auto protocol = app_protocol_;  // it may be replaced while it runs (S276)
  if (!data.empty() && stream_protocol_) stream_protocol_->data_received(data);
  if (error) reading_failed(error);
  if (ended) end_of_records();
}

/// Throws, unless it is just that the network has ended, and the program has closed: it wants nothing more.
void SSLProtocol::reading_failed(const std::exception_ptr& error) {
  process_outgoing();  // the alert
  if (!eof_received_ || !app_has_closed()) std::rethrow_exception(error);
}

/// The other side has sent its close_notify, or the network has ended and the context takes that for one (S296).
void SSLProtocol::end_of_records() {
  call_eof_received();
  start_shutdown();
}

void SSLProtocol::call_eof_received() {
  if (app_state_ != AppState::con_made) return;
  app_state_ = AppState::eof;
  const auto protocol = app_protocol_;
  const auto eof_received = [this] {
    const bool keep_open = stream_protocol_     ? stream_protocol_->eof_received()
                           : buffered_protocol_ ? buffered_protocol_->eof_received()
                                                : false;
    if (keep_open) log_warning("returning true from eof_received() has no effect when using ssl");
  };
  call_foreign_code(eof_received, [this] { fatal_error(std::current_exception(), "Error calling eof_received()"); });
}

void SSLProtocol::resume_reading() {
  if (!std::exchange(app_reading_paused_, false)) return;
  loop_.call_soon([weak = weak_from_this()] {  // S299
    const auto self = weak.lock();
    if (!self) return;
    switch (self->state_) {
      case State::unwrapped:
      case State::do_handshake: break;
      case State::wrapped: self->do_read(); break;
      case State::flushing: self->do_flush(); break;
      case State::shutdown: self->do_shutdown(); break;
    }
  });
}

void SSLProtocol::control_ssl_reading() {
  const std::size_t size = object_->incoming_pending();
  const auto transport = transport_;
  if (!transport) return;
  if (size >= read_marks_.marks().high && !ssl_reading_paused_) {
    ssl_reading_paused_ = true;
    transport->pause_reading();
  } else if (size <= read_marks_.marks().low && ssl_reading_paused_) {
    ssl_reading_paused_ = false;
    transport->resume_reading();
  }
}

}  // namespace asyncio
