// sslproto.cpp: the machine between two sides.
//
// Every function stands where CPython has it, so that the two can be read side by side; what goes through, "Outgoing
// flow" and "Incoming flow" there, is in sslproto_flow.cpp. What a transport or a program's protocol is told may do
// anything in return: write, pause, close, abort. So each function that has called one of them looks at the state
// again.
//
// A stack matters here. What comes from the network is decrypted on the loop's own stack, but write() and close() of a
// task run on its fiber. tests/reference/tls_stack_test.cpp measures how much OpenSSL takes of it.
#include <asyncio/sslproto.hpp>

#include <asyncio/coroutine.hpp>
#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>

#include "foreign_code.hpp"
#include "log.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace asyncio {
namespace {

const char* name_of(SSLProtocol::State state) {
  switch (state) {
    case SSLProtocol::State::unwrapped: return "SSLProtocolState.UNWRAPPED";
    case SSLProtocol::State::do_handshake: return "SSLProtocolState.DO_HANDSHAKE";
    case SSLProtocol::State::wrapped: return "SSLProtocolState.WRAPPED";
    case SSLProtocol::State::flushing: return "SSLProtocolState.FLUSHING";
    case SSLProtocol::State::shutdown: return "SSLProtocolState.SHUTDOWN";
  }
  return "?";
}

/// A duration as Python prints a number of seconds: 60.0, 0.25, 1e-09.
std::string python_seconds(Duration duration) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const bool tiny = seconds != 0 && std::abs(seconds) < 1e-4;
  std::array<char, 32> text{};  // no Duration is longer: "-9223372036.854776"
  const auto format = tiny ? std::chars_format::scientific : std::chars_format::fixed;
  const std::string number(text.data(), std::to_chars(text.data(), text.data() + text.size(), seconds, format).ptr);
  return number.find_first_of(".e") == std::string::npos ? number + ".0" : number;
}

std::exception_ptr connection_error(int code, const std::string& text) {
  return std::make_exception_ptr(std::system_error(code, std::generic_category(), text));
}

}  // namespace

// ---- The beginning ----

void SSLProtocol::check(const AbstractEventLoop& loop, const TransportSecurity& security) {
  if (!security.context) return;
  const auto check_timeout = [](const char* name, std::optional<Duration> timeout) {
    if (!timeout || *timeout > Duration::zero()) return;
    throw std::invalid_argument(std::string(name) + " should be a positive number, got " + python_seconds(*timeout));
  };
  check_timeout("ssl_handshake_timeout", security.ssl_handshake_timeout);
  check_timeout("ssl_shutdown_timeout", security.ssl_shutdown_timeout);
  if (!security.server_side && security.context->check_hostname() && security.server_hostname.empty()) {
    throw std::invalid_argument("check_hostname requires server_hostname");  // S229
  }
  security.context->check_side(security.server_side);
  if (!security.context->belongs_to(loop)) {  // X2
    throw RuntimeError(loop.library_world() == 0
                           ? "this SSLContext was made in a world: everybody can know its keys. Make another one"
                           : "this SSLContext was made outside of the world: its random numbers would differ in each "
                             "execution. Make it in the main of a host");
  }
}

std::shared_ptr<SSLProtocol> SSLProtocol::make(AbstractEventLoop& loop, std::shared_ptr<BaseProtocol> app_protocol,
                                               Future<void> waiter, TransportSecurity security, AppConnection app) {
  std::shared_ptr<SSLContext>& context = security.context;
  if (!context) {
    if (security.server_side) throw std::invalid_argument("Server side SSL needs a valid SSLContext");
    context = ssl::create_default_context();
    if (security.server_hostname.empty()) context->set_check_hostname(false);
  }
  check(loop, security);
  auto object = std::make_shared<SSLObject>(context, security.server_side, security.server_hostname);
  const std::shared_ptr<SSLProtocol> made(new SSLProtocol(loop, std::move(object), std::move(waiter), security, app));
  made->set_app_protocol(std::move(app_protocol));
  made->app_transport_ = std::make_shared<SSLProtocolTransport>(loop, made);
  made->app_transport_->set_extra_info("sslcontext", made->object_->context());
  return made;
}

SSLProtocol::SSLProtocol(AbstractEventLoop& loop, std::shared_ptr<SSLObject> object, Future<void> waiter,
                         const TransportSecurity& security, AppConnection app)
    : loop_(loop),
      object_(std::move(object)),
      handshake_timeout_(security.ssl_handshake_timeout.value_or(SSL_HANDSHAKE_TIMEOUT)),
      shutdown_timeout_(security.ssl_shutdown_timeout.value_or(SSL_SHUTDOWN_TIMEOUT)),
      waiter_(std::move(waiter)),
      app_state_(app == AppConnection::to_be_made ? AppState::init : AppState::con_made),
      read_marks_(loop, {.default_high = FLOW_CONTROL_HIGH_WATER_SSL_READ}) {}

void SSLProtocol::set_app_protocol(std::shared_ptr<BaseProtocol> protocol) {
  stream_protocol_ = dynamic_cast<Protocol*>(protocol.get());
  buffered_protocol_ = dynamic_cast<BufferedProtocol*>(protocol.get());
  app_protocol_.swap(protocol);  // the old one dies last: its destructor is foreign code
}

void SSLProtocol::wakeup_waiter(const std::exception_ptr& error) {
  const Future<void> waiter = std::exchange(waiter_, {});
  if (!waiter || waiter.done()) return;
  if (error) {
    waiter.set_exception(error);
  } else {
    waiter.set_result();
  }
}

void SSLProtocol::connection_made(std::shared_ptr<BaseTransport> transport) {
  transport_ = std::dynamic_pointer_cast<Transport>(transport);
  start_handshake();
}

void SSLProtocol::connection_lost(std::exception_ptr error) {
  const auto self = shared_from_this();
  write_backlog_.clear();
  object_->take_outgoing();
  if (app_transport_) {
    app_transport_->closed_ = true;
    ++app_transport_->lost_writes_;
  }
  if (state_ != State::do_handshake && (app_state_ == AppState::con_made || app_state_ == AppState::eof)) {
    app_state_ = AppState::con_lost;
    loop_.call_soon([protocol = app_protocol_, error] {  // S297
      if (protocol) protocol->connection_lost(error);
    });
  }
  set_state(State::unwrapped);
  cancel_timeouts();
  if (waiter_ && !error) {
    // CPython completes the waiter with nothing, and whoever waited gets None for a transport.
    error = connection_error(ECONNABORTED, "The connection was closed during the SSL handshake");
  }
  wakeup_waiter(error);
  // These die last: they may hold the last handles of others.
  const auto transport = std::exchange(transport_, nullptr);
  const auto app_transport = std::exchange(app_transport_, nullptr);
  set_app_protocol(nullptr);
}

void SSLProtocol::cancel_timeouts() {
  if (const TimerHandle handle = std::exchange(handshake_timeout_handle_, {})) handle.cancel();
  if (const TimerHandle handle = std::exchange(shutdown_timeout_handle_, {})) handle.cancel();
}

void SSLProtocol::set_state(State state) {
  const bool allowed = state == State::unwrapped || (state_ == State::unwrapped && state == State::do_handshake) ||
                       (state_ == State::do_handshake && state == State::wrapped) ||
                       (state_ == State::wrapped && state == State::flushing) ||
                       (state_ == State::flushing && state == State::shutdown);  // O1
  if (!allowed) {
    throw RuntimeError(std::string("cannot switch state from ") + name_of(state_) + " to " + name_of(state));
  }
  state_ = state;
}

// ---- From the transport below ----

void SSLProtocol::data_received(std::string_view data) {
  object_->feed(data);
  switch (state_) {
    case State::unwrapped: break;
    case State::do_handshake: do_handshake(); break;
    case State::wrapped: do_read(); break;
    case State::flushing: do_flush(); break;
    case State::shutdown: do_shutdown(); break;
  }
}

bool SSLProtocol::eof_received() {
  eof_received_ = true;
  const auto transport = transport_;  // while this runs, it may be lost
  try {
    switch (state_) {
      case State::unwrapped: break;
      case State::do_handshake:
        on_handshake_complete(connection_error(ECONNRESET, "The connection ended during the SSL handshake"));
        break;
      case State::wrapped:
        object_->feed_eof();
        set_state(State::flushing);
        do_flush();
        return state_ == State::flushing;  // what is there is read first: resume_reading()
      case State::flushing: do_flush(); return state_ == State::flushing;
      case State::shutdown: do_shutdown(); break;
    }
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    if (transport) transport->close();
    throw;
  }
  return false;
}

// ---- Handshake ----

void SSLProtocol::start_handshake() {
  set_state(State::do_handshake);
  handshake_timeout_handle_ = loop_.call_later(handshake_timeout_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->check_handshake_timeout();
  });
  do_handshake();
}

void SSLProtocol::check_handshake_timeout() {
  if (state_ != State::do_handshake) return;
  const auto self = shared_from_this();
  const auto error =
      connection_error(ECONNABORTED, "SSL handshake is taking longer than " + python_seconds(handshake_timeout_) +
                                         " seconds: aborting the connection");
  fatal_error(error, "Fatal error on transport");
  wakeup_waiter(error);  // CPython leaves that to connection_lost(), which does not come where it has come before
}

void SSLProtocol::do_handshake() {
  bool done = false;
  try {
    done = object_->do_handshake();
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    return on_handshake_complete(std::current_exception());
  }
  if (done) return on_handshake_complete(nullptr);
  process_outgoing();
}

void SSLProtocol::on_handshake_complete(const std::exception_ptr& error) {
  const auto self = shared_from_this();
  if (const TimerHandle handle = std::exchange(handshake_timeout_handle_, {})) handle.cancel();
  if (error) {
    process_outgoing();  // the alert. CPython leaves it where it is, and the other side never hears why
    set_state(State::unwrapped);
    fatal_error(error, holds<SSLCertVerificationError>(error) ? "SSL handshake failed on verifying the certificate"
                                                              : "SSL handshake failed");
    return wakeup_waiter(error);
  }
  set_state(State::wrapped);
  const auto app_transport = app_transport_;
  app_transport->set_extra_info("sslcontext", object_->context());
  app_transport->set_extra_info("peercert", object_->getpeercert());
  app_transport->set_extra_info("cipher", object_->cipher());
  app_transport->set_extra_info("compression", std::string());
  app_transport->set_extra_info("ssl_object", object_);
  if (app_state_ == AppState::init) {
    app_state_ = AppState::con_made;
    const auto protocol = app_protocol_;
    if (protocol) protocol->connection_made(app_transport);  // S291
  }
  wakeup_waiter(nullptr);
  do_read();
  // In CPython reading also sends what is to be sent: who pauses it in connection_made() keeps back what was queued
  // (S294), and the last message of a client's handshake, without which the server does not begin.
  if (state_ != State::wrapped || !app_reading_paused_) return;
  call_foreign_code([this] { do_write(); }, [this] { fatal_unless_cancelled(); });
}

// ---- Shutdown ----

void SSLProtocol::start_shutdown() {
  switch (state_) {
    case State::unwrapped:
    case State::shutdown: return;
    case State::flushing:
      // The network has ended while the program had paused reading, and now the program does not want the rest. In
      // CPython such a connection stays open for ever.
      if (!eof_received_ || !app_reading_paused_ || !app_has_closed()) return;
      return flush_in_time();
    case State::do_handshake:
      if (app_transport_) app_transport_->closed_ = true;
      return force_close(nullptr);
    case State::wrapped: break;
  }
  if (app_transport_) app_transport_->closed_ = true;
  set_state(State::flushing);
  flush_in_time();
}

void SSLProtocol::flush_in_time() {
  shutdown_timeout_handle_ = loop_.call_later(shutdown_timeout_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->check_shutdown_timeout();
  });
  do_flush();
}

void SSLProtocol::check_shutdown_timeout() {
  if (state_ != State::flushing && state_ != State::shutdown) return;
  if (transport_) transport_->force_close(std::make_exception_ptr(TimeoutError("SSL shutdown timed out")));
}

void SSLProtocol::do_flush() {
  const auto self = shared_from_this();
  // CPython fills the buffer of a BufferedProtocol once, and drops the rest (O4).
  while (do_read() && state_ == State::flushing) continue;
  if (state_ != State::flushing) return;  // it was aborted in there, or has failed
  const bool all_delivered = app_state_ != AppState::con_made;
  if (eof_received_ && app_reading_paused_ && !all_delivered && !app_has_closed()) return;  // resume_reading() goes on
  set_state(State::shutdown);
  do_shutdown();
}

void SSLProtocol::do_shutdown() {
  const auto self = shared_from_this();
  try {
    if (!eof_received_ && !object_->unwrap()) return process_outgoing();
  } catch (const SSLError&) {
    return on_shutdown_complete(std::current_exception());
  }
  process_outgoing();
  call_eof_received();
  on_shutdown_complete(nullptr);
}

/// The timeout goes on: it also covers what the transport below has still to send (S295).
void SSLProtocol::on_shutdown_complete(const std::exception_ptr& error) {
  if (error) return fatal_error(error, "Fatal error on transport");
  if (!transport_) return;
  loop_.call_soon([transport = transport_] { transport->close(); });
}

void SSLProtocol::force_close(std::exception_ptr error) {
  set_state(State::unwrapped);
  const auto transport = transport_;
  if (!transport) return;
  if (error) {
    transport->force_close(std::move(error));
  } else {
    transport->abort();
  }
}

// ---- Errors ----

/// Called while an exception is being handled: it is a fatal error of the connection. A CancelledError goes on:
/// CPython's `except Exception` does not catch it, while its `except BaseException` in _call_eof_received() does.
void SSLProtocol::fatal_unless_cancelled() {
  const std::exception_ptr error = std::current_exception();
  if (holds<CancelledError>(error)) throw;
  fatal_error(error, "Fatal error on SSL protocol");
}

/// Nothing is read or written any more. In a handshake the state stays, from which connection_lost() sees whether the
/// program's protocol is told (S292).
void SSLProtocol::fatal_error(const std::exception_ptr& error, const char* message) {
  const auto self = shared_from_this();
  const auto transport = transport_;
  if (state_ != State::do_handshake) set_state(State::unwrapped);
  if (transport) transport->force_close(error);
  if (holds<std::system_error>(error) || holds<CancelledError>(error)) return;
  loop_.call_exception_handler({.message = message, .exception = error, .protocol = self, .transport = transport});
}

}  // namespace asyncio
