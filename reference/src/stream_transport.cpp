// stream_transport.cpp: reading, writing, and the ways in which a connection ends.
#include <asyncio/stream_transport.hpp>

#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>

#include "foreign_code.hpp"
#include "log.hpp"

#include <cassert>
#include <cerrno>
#include <system_error>
#include <utility>

namespace asyncio {
namespace {

constexpr std::size_t MAX_READ = 256 * 1024;      // bytes a read (S258)
constexpr std::size_t KEPT_CAPACITY = 64 * 1024;  // of an empty buffer, in bytes

/// Whether there is nothing to write: writelines() leaves out empty pieces, so only write() can have one.
bool nothing_in(std::span<const std::string_view> pieces) { return pieces.empty() || pieces.front().empty(); }

}  // namespace

// ---- SendBuffer ----

void SendBuffer::append(std::string_view bytes) {
  // A peer that always reads a little less than is written would otherwise let the sent part grow for ever. At most
  // as much is moved as was sent since, so a byte costs a constant.
  if (sent_ > bytes_.size() / 2) {
    bytes_.erase(0, sent_);
    sent_ = 0;
  }
  bytes_ += bytes;
}

void SendBuffer::drop_sent(std::size_t count) {
  assert(count <= size());
  sent_ += count;
  if (sent_ == bytes_.size()) clear();
}

void SendBuffer::clear() noexcept {
  sent_ = 0;
  if (bytes_.capacity() > KEPT_CAPACITY) {
    bytes_ = std::string();
  } else {
    bytes_.clear();
  }
}

// ---- The beginning ----

BaseStreamTransport::BaseStreamTransport(AbstractEventLoop& loop, Server server)
    : FlowControlMixin(loop), loop_(loop), server_(std::move(server)), context_(copy_context()) {}

BaseStreamTransport::~BaseStreamTransport() = default;

void BaseStreamTransport::set_protocol(std::shared_ptr<BaseProtocol> protocol) {
  stream_protocol_ = dynamic_cast<Protocol*>(protocol.get());
  buffered_protocol_ = dynamic_cast<BufferedProtocol*>(protocol.get());
  BaseTransport::set_protocol(std::move(protocol));
}

void BaseStreamTransport::begin(std::shared_ptr<BaseProtocol> protocol, Future<void> made) {
  const auto self = std::dynamic_pointer_cast<BaseStreamTransport>(shared_from_this());
  if (server_) server_->attach(self);
  set_protocol(std::move(protocol));
  loop_.call_soon(
      [self] {
        if (const auto protocol = self->get_protocol()) protocol->connection_made(self);
      },
      context_);
  loop_.call_soon([self] { self->start_reading(); }, context_);
  if (!made) return;
  loop_.call_soon(
      [made = std::move(made)] {
        if (!made.done()) made.set_result();
      },
      context_);
}

void BaseStreamTransport::start_reading() {
  started_ = true;
  watch_where_wanted();
}

/// A socket that the system cannot watch, for it has no memory left, would never be heard of again: so it is lost.
void BaseStreamTransport::watch_where_wanted() {
  try {
    if (wants_to_read()) watch_reading(true);
  } catch (const std::system_error&) {
    fatal_error("Fatal read error on socket transport");
  }
}

void BaseStreamTransport::pause_reading() {
  if (dead() || closing_ || std::exchange(paused_, true)) return;  // S275
  watch_reading(false);
}

void BaseStreamTransport::resume_reading() {
  if (dead() || closing_ || !std::exchange(paused_, false)) return;
  watch_where_wanted();
}

// ---- Reading ----

void BaseStreamTransport::read_ready() {
  if (!wants_to_read()) return;  // S271; what is lost is closing, too
  if (buffered_protocol_) {
    receive_into_protocol();
  } else {
    receive_data();
  }
}

inline void BaseStreamTransport::receive_data() {
  std::optional<std::string_view> data;
  try {
    data = receive(MAX_READ);
  } catch (const std::system_error&) {
    return fatal_error("Fatal read error on socket transport");
  }
  if (!data) return;
  if (data->empty()) return on_eof();
  const auto protocol = BaseTransport::get_protocol();  // it may be replaced while it runs (S276)
  if (!stream_protocol_) return;
  call_foreign_code([&, called = stream_protocol_] { called->data_received(*data); },
                    [&] { fatal_error("Fatal error: protocol.data_received() call failed."); });
}

void BaseStreamTransport::receive_into_protocol() {
  const auto protocol = get_protocol();
  BufferedProtocol& called = *buffered_protocol_;
  std::span<char> place;
  const auto get_buffer = [&] {
    place = called.get_buffer(-1);  // S262
    if (place.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
  };
  if (!call_foreign_code(get_buffer, [&] { fatal_error("Fatal error: protocol.get_buffer() call failed."); })) return;
  if (lost_) return;  // it was aborted in there: the socket is as good as gone

  std::optional<std::size_t> count;
  try {
    count = receive_into(place);
  } catch (const std::system_error&) {
    return fatal_error("Fatal read error on socket transport");
  }
  if (!count) return;
  if (*count == 0) return on_eof();
  call_foreign_code([&] { called.buffer_updated(*count); },
                    [&] { fatal_error("Fatal error: protocol.buffer_updated() call failed."); });
}

void BaseStreamTransport::on_eof() {
  const auto protocol = get_protocol();
  bool keep_open = false;
  const auto eof_received = [&] {
    if (stream_protocol_) {
      keep_open = stream_protocol_->eof_received();
    } else if (buffered_protocol_) {
      keep_open = buffered_protocol_->eof_received();
    }
  };
  if (!call_foreign_code(eof_received, [&] { fatal_error("Fatal error: protocol.eof_received() call failed."); }))
    return;
  if (lost_) return;
  eof_seen_ = true;  // T3
  if (keep_open) {
    watch_reading(false);
  } else {
    close();  // S261
  }
}

// ---- Writing ----

void BaseStreamTransport::write(std::string_view data) { send_or_keep({&data, 1}, "write"); }

void BaseStreamTransport::writelines(const std::vector<std::string>& pieces) {
  std::vector<std::string_view> views;
  views.reserve(pieces.size());
  for (const std::string& piece : pieces) {
    if (!piece.empty()) views.emplace_back(piece);  // S269
  }
  send_or_keep(views, "writelines");
}

/// \param pieces    one, or several of which none is empty
/// \param function  what the program has called, for the message
void BaseStreamTransport::send_or_keep(std::span<const std::string_view> pieces, const char* function) {
  if (dead()) return;
  if (eof_written_ || sending_file_ || lost_) return refuse_write(pieces, function);
  if (nothing_in(pieces)) return;
  std::size_t sent = 0;
  if (buffer_.empty()) {  // S263
    try {
      sent = send(pieces);
    } catch (const std::system_error&) {
      return fatal_error("Fatal write error on socket transport");
    }
    if (pieces.size() == 1 && sent == pieces[0].size()) return;  // nearly always
  }
  keep(pieces, sent);
}

/// write() on a connection that cannot be written to any more.
[[gnu::noinline]] void BaseStreamTransport::refuse_write(std::span<const std::string_view> pieces,
                                                         const char* function) {
  if (eof_written_) throw RuntimeError(std::string("Cannot call ") + function + "() after write_eof()");
  if (sending_file_) throw RuntimeError(std::string("unable to ") + function + "; sendfile is in progress");
  if (nothing_in(pieces)) return;
  // S264. The close() that came before counts as the first, as in asyncio: the fifth write is the first to warn.
  if (++lost_writes_ >= LOG_THRESHOLD_FOR_CONNLOST_WRITES) log_warning("socket.send() raised exception.");
}

/// Puts what was not sent into the buffer. Not inlined: write() nearly always does without.
[[gnu::noinline]] void BaseStreamTransport::keep(std::span<const std::string_view> pieces, std::size_t sent) {
  const bool was_empty = buffer_.empty();
  for (const std::string_view piece : pieces) {
    const std::size_t skipped = std::min(sent, piece.size());
    sent -= skipped;
    if (skipped < piece.size()) buffer_.append(piece.substr(skipped));
  }
  if (buffer_.empty()) return;
  try {
    if (was_empty) watch_writing(true);  // T2
  } catch (const std::system_error&) {
    return fatal_error("Fatal write error on socket transport");  // as watch_where_wanted()
  }
  maybe_pause_protocol();
}

void BaseStreamTransport::write_ready() {
  if (lost_) return;
  if (buffer_.empty()) {  // watched for the sake of a file
    watch_writing(false);
    if (writable_ && !writable_.done()) writable_.set_result();
    return;
  }
  const auto self = shared_from_this();
  try {
    const std::string_view all = buffer_.bytes();
    buffer_.drop_sent(send({&all, 1}));
  } catch (const std::system_error&) {
    return fatal_error("Fatal write error on socket transport");
  }
  maybe_resume_protocol();  // may write, close or abort
  if (!buffer_.empty() || lost_) return;
  watch_writing(false);
  if (writable_ && !writable_.done() && !closing_) writable_.set_result();
  if (closing_) {
    fail_sendfile(nullptr);
    lost_ = true;
    call_connection_lost(nullptr);  // S271, S273
  } else if (eof_written_) {
    send_eof();
  }
}

void BaseStreamTransport::write_eof() {
  if (dead() || closing_ || std::exchange(eof_written_, true)) return;
  if (buffer_.empty()) send_eof();  // S270
}

// ---- Files ----

void BaseStreamTransport::begin_sendfile() {
  if (std::exchange(sending_file_, true)) throw RuntimeError("Empty waiter is already set");
  resume_after_file_ = is_reading();
  pause_reading();
}

void BaseStreamTransport::end_sendfile() {
  sending_file_ = false;
  writable_ = {};
  if (buffer_.empty() && !lost_) watch_writing(false);
  if (resume_after_file_) resume_reading();
}

Future<void> BaseStreamTransport::until_writable() {
  writable_ = loop_.create_future<void>();
  if (lost_) {
    fail_sendfile(nullptr);
  } else {
    watch_writing(true);
  }
  return writable_;
}

void BaseStreamTransport::fail_sendfile(const std::exception_ptr& error) {
  if (!writable_ || writable_.done()) return;
  writable_.set_exception(
      error ? error
            : std::make_exception_ptr(std::system_error(ECONNABORTED, std::generic_category(), "Connection closed")));
}

// ---- The end ----

void BaseStreamTransport::close() {
  if (dead() || std::exchange(closing_, true)) return;
  watch_reading(false);
  if (buffer_.empty()) lose_soon(nullptr);
}

void BaseStreamTransport::abort() {
  if (dead() || lost_) return;
  aborted_ = true;
  force_close(nullptr);
}

/// Called while an exception is being handled: reports it, and ends the connection with it (S259).
void BaseStreamTransport::fatal_error(const char* message) {
  const std::exception_ptr error = std::current_exception();
  // S260: what happens on a network is no news. Python's TimeoutError is an OSError too.
  if (!holds<std::system_error>(error) && !holds<TimeoutError>(error)) {
    loop_.call_exception_handler(
        {.message = message, .exception = error, .protocol = get_protocol(), .transport = shared_from_this()});
  }
  force_close(error);
}

void BaseStreamTransport::force_close(std::exception_ptr error) {
  if (dead() || lost_) return;
  if (!buffer_.empty()) {
    buffer_.clear();
    watch_writing(false);
  }
  if (!std::exchange(closing_, true)) watch_reading(false);
  lose_soon(std::move(error));
}

void BaseStreamTransport::lose_soon(std::exception_ptr error) {
  if (std::exchange(lost_, true)) return;  // T1
  fail_sendfile(error);
  const auto self = std::dynamic_pointer_cast<BaseStreamTransport>(shared_from_this());
  loop_.call_soon([self, error = std::move(error)] { self->call_connection_lost(error); }, context_);
}

void BaseStreamTransport::call_connection_lost(const std::exception_ptr& error) {
  const auto self = shared_from_this();
  std::exception_ptr thrown;
  try {
    if (const auto protocol = get_protocol()) protocol->connection_lost(error);
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    thrown = std::current_exception();
  }
  close_socket(aborted_);  // S257: also where the protocol threw
  set_protocol(nullptr);   // S274
  if (const Server server = std::move(server_)) server->detach(*this);
  if (thrown) std::rethrow_exception(thrown);  // to the handle, which reports it
}

void BaseStreamTransport::let_go() noexcept {
  closing_ = lost_ = true;
  buffer_.clear();
  const Server server = std::move(server_);  // they die last: their destructors are foreign code
  set_protocol(nullptr);
}

}  // namespace asyncio
