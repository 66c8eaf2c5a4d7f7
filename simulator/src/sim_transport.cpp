// sim_transport.cpp: reading, writing, and the ways in which a connection ends.
//
//     close()  ── buffer empty ──► lose_soon(null)          write_ready() ── buffer empty, closing ──► lost now
//     abort(), fatal_error() ──► force_close(error) ──► lose_soon(error)
//
// A protocol is foreign code: it may close, abort or pause its transport in each call, and it may throw. Therefore
// what is known of the transport is looked up anew after each of them.
#include "sim_transport.hpp"

#include "host.hpp"
#include "listener.hpp"
#include "sim_event_loop.hpp"
#include "sim_sockets.hpp"

#include <asyncio/coroutine.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace asyncio::sim {
namespace {

constexpr std::size_t MAX_READ = 256 * 1024;  // bytes (S258)

}  // namespace

SimTransport::SimTransport(SimEventLoop& loop, Ref<StreamSocket> socket, Server server)
    : FlowControlMixin(loop),
      loop_(loop),
      socket_(std::move(socket)),
      server_(std::move(server)),
      context_(copy_context()) {
  set_extra_info("sockname", socket_->local());
  set_extra_info("peername", socket_->remote());
  set_extra_info("socket", make_connected_socket(socket_->host(), socket_->local(), socket_->remote()));
}

SimTransport::~SimTransport() = default;

std::shared_ptr<SimTransport> SimTransport::start(SimEventLoop& loop, Ref<StreamSocket> socket,
                                                  std::shared_ptr<BaseProtocol> protocol, Server server,
                                                  Future<void> made) {
  auto transport = std::make_shared<SimTransport>(loop, std::move(socket), std::move(server));
  if (transport->server_) transport->server_->attach(transport);
  transport->socket_->set_user(transport);  // T2
  transport->begin(std::move(protocol), made);
  return transport;
}

void SimTransport::begin(std::shared_ptr<BaseProtocol> protocol, const Future<void>& made) {
  set_protocol(std::move(protocol));
  loop_.call_soon(
      [self = self()] {
        if (const auto protocol = self->get_protocol()) protocol->connection_made(self);
      },
      context_);
  loop_.call_soon([self = self()] { self->start_reading(); }, context_);
  loop_.call_soon(
      [made] {
        if (!made.done()) made.set_result();
      },
      context_);
}

bool SimTransport::dead() const noexcept { return loop_.dead(); }

/// The error that broke the connection, as the system would report it; null where it is whole.
std::exception_ptr SimTransport::broken() const {
  if (socket_->error() == 0) return nullptr;
  return std::make_exception_ptr(std::system_error(socket_->error(), std::generic_category(), "socket"));
}

// ---- Polls ----

Ref<HandleState> SimTransport::handle(void (SimTransport::*what)()) {
  return make_ref<HandleState>([self = self(), what] { (*self.*what)(); }, loop_, context_);
}

void SimTransport::socket_ready() {
  if (lost_) return;
  if (wants_to_read() && socket_->readable() && !std::exchange(read_queued_, true)) {
    loop_.queue_io(handle(&SimTransport::read_ready));
  }
  if (get_write_buffer_size() > 0 && socket_->can_send() && !std::exchange(write_queued_, true)) {
    loop_.queue_io(handle(&SimTransport::write_ready));
  }
}

/// A poll reports what is still there again and again, and so does this one.
void SimTransport::poll_again() {
  if (wants_to_read() && socket_->readable()) socket_->poll();
}

void SimTransport::start_reading() {
  started_ = true;
  poll_again();
}

void SimTransport::pause_reading() {
  if (dead() || closing_) return;
  paused_ = true;  // S275
}

void SimTransport::resume_reading() {
  if (dead() || closing_ || !std::exchange(paused_, false)) return;
  poll_again();
}

// ---- Reading ----

void SimTransport::read_ready() {
  read_queued_ = false;
  if (lost_ || !wants_to_read()) return;  // S271
  if (!socket_->has_data() && !socket_->at_eof()) {
    if (const std::exception_ptr error = broken()) force_close(error);  // S260: ends the connection, is not reported
    return;
  }
  try {
    if (socket_->at_eof()) {
      on_eof();
    } else {
      receive();
    }
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (const SystemExit&) {
    throw;
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    return fatal_error("Fatal error: protocol.data_received() or protocol.eof_received() call failed.");  // S259
  }
  poll_again();
}

void SimTransport::receive() {
  const std::shared_ptr<BaseProtocol> protocol = get_protocol();
  if (const auto buffered = std::dynamic_pointer_cast<BufferedProtocol>(protocol)) {
    const std::span<char> place = buffered->get_buffer(-1);  // S262
    if (place.empty()) throw RuntimeError("get_buffer() returned an empty buffer");
    const std::string data = socket_->receive(place.size());
    std::copy(data.begin(), data.end(), place.begin());
    return buffered->buffer_updated(data.size());
  }
  const std::string data = socket_->receive(MAX_READ);
  if (const auto stream = std::dynamic_pointer_cast<Protocol>(protocol)) stream->data_received(data);
}

void SimTransport::on_eof() {
  const std::shared_ptr<BaseProtocol> protocol = get_protocol();
  bool keep_open = false;
  if (const auto stream = std::dynamic_pointer_cast<Protocol>(protocol)) keep_open = stream->eof_received();
  if (const auto buffered = std::dynamic_pointer_cast<BufferedProtocol>(protocol)) keep_open = buffered->eof_received();
  eof_seen_ = true;
  if (!keep_open) close();  // S261
}

// ---- Writing ----

void SimTransport::write(std::string_view data) {
  if (dead()) return;
  if (eof_written_) throw RuntimeError("Cannot call write() after write_eof()");
  if (data.empty() || lost_) return;  // S264
  if (get_write_buffer_size() == 0) {
    if (const std::exception_ptr error = broken()) return force_close(error);
    data.remove_prefix(socket_->send(data));
    if (data.empty()) return;
  }
  buffer_ += data;
  maybe_pause_protocol();
}

void SimTransport::write_ready() {
  write_queued_ = false;
  if (lost_ || get_write_buffer_size() == 0) return;
  if (const std::exception_ptr error = broken()) return force_close(error);
  sent_ += socket_->send(std::string_view(buffer_).substr(sent_));
  if (sent_ == buffer_.size()) {
    buffer_.clear();
    sent_ = 0;
  }
  maybe_resume_protocol();  // may write, close or abort
  if (get_write_buffer_size() > 0) return;
  if (closing_) {
    if (!std::exchange(lost_, true)) call_connection_lost(nullptr);  // S271, S273
  } else if (eof_written_) {
    socket_->send_eof();
  }
}

void SimTransport::write_eof() {
  if (dead() || closing_ || std::exchange(eof_written_, true)) return;
  if (get_write_buffer_size() == 0) socket_->send_eof();  // S270
}

// ---- The end ----

void SimTransport::close() {
  if (dead() || std::exchange(closing_, true)) return;
  if (get_write_buffer_size() == 0) lose_soon(nullptr);
}

void SimTransport::abort() {
  if (dead() || lost_) return;
  reset_ = true;
  force_close(nullptr);
}

/// Called while an exception is being handled: reports it, and ends the connection with it (S259).
void SimTransport::fatal_error(const char* message) {
  const std::exception_ptr error = std::current_exception();
  if (!holds<std::system_error>(error)) {  // S260
    loop_.call_exception_handler(
        {.message = message, .exception = error, .protocol = get_protocol(), .transport = shared_from_this()});
  }
  force_close(error);
}

void SimTransport::force_close(std::exception_ptr error) {
  if (lost_) return;
  buffer_.clear();
  sent_ = 0;
  closing_ = true;
  lose_soon(std::move(error));
}

void SimTransport::lose_soon(std::exception_ptr error) {
  if (std::exchange(lost_, true)) return;  // T1
  loop_.call_soon([self = self(), error = std::move(error)] { self->call_connection_lost(error); }, context_);
}

void SimTransport::call_connection_lost(const std::exception_ptr& error) {
  const auto self = this->self();
  std::exception_ptr thrown;
  try {
    if (const auto protocol = get_protocol()) protocol->connection_lost(error);
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    thrown = std::current_exception();
  }
  socket_->close(reset_);  // S257: also where the protocol threw
  get_extra_info<Socket>("socket").close();
  set_protocol(nullptr);
  if (const Server server = std::move(server_)) server->detach(*this);
  socket_->set_user(nullptr);
  if (thrown) std::rethrow_exception(thrown);  // to the handle, which reports it
}

/// A program that keeps the writers of its clients where the callback of its server can reach them has tied a ring:
/// writers, transports, server, callback, writers. A connection that is lost unties it; this one never will be.
void SimTransport::let_go() noexcept {
  const Server server = std::move(server_);
  set_protocol(nullptr);
}

}  // namespace asyncio::sim
