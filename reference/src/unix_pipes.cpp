// unix_pipes.cpp: reading, writing, and the ways in which a pipe ends.
//
//     close()  ── nothing buffered ──► connection_lost(null) soon     write_ready() ── all written ──► … now
//     abort(), an error ──► close_with(error) ──► connection_lost(error) soon
//
// A protocol is foreign code: it may close or pause its transport in each call. Therefore what is known of the
// transport is looked up anew after each of them.
#include "unix_pipes.hpp"

#include "log.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

namespace asyncio {
namespace {

constexpr std::size_t MAX_SIZE = 256 * 1024;  // bytes of one read, asyncio's max_size

std::exception_ptr system_error(int error, const char* call) {
  return std::make_exception_ptr(std::system_error(error, std::generic_category(), call));
}

bool pipe_would_block(int error) { return error == EAGAIN || error == EINTR; }

/// write(2) that answers EPIPE where the reader has gone, and does not raise SIGPIPE.
///
/// Python's interpreter ignores that signal. A library must not: the disposition belongs to the whole process, and
/// programs started by it would inherit it. So the signal is blocked in this thread for the length of the call, and
/// the one that the call has raised is taken back.
ssize_t write_without_signal(int fd, std::string_view data) {
  sigset_t pipe_signal, before, pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  // Only a signal that was blocked before can be waiting already. That one is somebody else's.
  const bool theirs =
      sigismember(&before, SIGPIPE) == 1 && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;

  const ssize_t written = ::write(fd, data.data(), data.size());
  const int error = errno;
  if (written < 0 && error == EPIPE && !theirs) {
    const timespec no_time{};
    while (sigtimedwait(&pipe_signal, nullptr, &no_time) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return written;
}

/// What Python's ResourceWarning says; shown in debug mode, as Python shows it on request only (S279).
void warn_unclosed(const AbstractEventLoop& loop, const char* transport, int fd) {
  if (!loop.get_debug()) return;
  log_warning(std::string("unclosed transport <") + transport + " fd=" + std::to_string(fd) + ">");
}

/// What both transports do first. `begin` runs between connection_made() and the result of `made`.
template <class Transport, class Begin>
void introduce(AbstractEventLoop& loop, const std::shared_ptr<Transport>& transport, Begin begin, Future<void> made) {
  loop.call_soon([transport] {
    if (const auto protocol = transport->get_protocol()) protocol->connection_made(transport);
  });
  loop.call_soon(std::move(begin));
  loop.call_soon([made = std::move(made)] {
    if (!made.done()) made.set_result();
  });
}

}  // namespace

PipeEnd::PipeEnd(int descriptor, Socket owner, const char* refusal) : fileno_(descriptor) {
  struct stat info{};
  if (fstat(descriptor, &info) != 0) throw std::system_error(errno, std::generic_category(), "fstat");
  reports_hang_up_ = S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode);
  if (!reports_hang_up_ && !S_ISCHR(info.st_mode)) throw std::invalid_argument(refusal);
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) {
    throw std::system_error(errno, std::generic_category(), "fcntl");
  }
  if (owner) {
    owner_ = std::move(owner);
  } else {
    own_ = Descriptor(descriptor);
  }
}

void PipeEnd::close() noexcept {
  own_.close();
  owner_.close();
}

// ---- Both ----

template <class Base>
template <class... BaseArguments>
UnixPipeTransport<Base>::UnixPipeTransport(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe,
                                           const char* name, BaseArguments&... base)
    : Base(base...), loop_(&loop), pipe_(std::move(pipe)), open_(open), name_(name) {
  this->set_extra_info("pipe", pipe_.fileno());
}

template <class Base>
void UnixPipeTransport<Base>::close_with(std::exception_ptr error) {
  if (!loop_ || std::exchange(lost_, true)) return;  // U1
  closing_ = true;
  clear_buffer();
  loop_->remove_reader(pipe_.fileno());
  loop_->call_soon([this, kept = this->shared_from_this(), error = std::move(error)] { call_connection_lost(error); });
}

template <class Base>
void UnixPipeTransport<Base>::call_connection_lost(const std::exception_ptr& error) {
  const auto kept = this->shared_from_this();
  try {
    if (const auto protocol = this->get_protocol()) protocol->connection_lost(error);
  } catch (...) {
    let_go();
    throw;  // to the handle, which reports it
  }
  let_go();
}

template <class Base>
void UnixPipeTransport<Base>::let_go() noexcept {
  pipe_.close();
  loop_ = nullptr;  // U3
  this->set_protocol(nullptr);
  open_.remove(*this);
}

template <class Base>
void UnixPipeTransport<Base>::loop_closed() noexcept {
  warn_unclosed(*loop_, name_, pipe_.fileno());
  closing_ = lost_ = true;
  clear_buffer();
  loop_->remove_reader(pipe_.fileno());
  let_go();
}

// ---- Reading ----

UnixReadPipeTransport::UnixReadPipeTransport(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe)
    : UnixPipeTransport(loop, open, std::move(pipe), "UnixReadPipeTransport") {}

std::shared_ptr<UnixReadPipeTransport> UnixReadPipeTransport::start(AbstractEventLoop& loop, OpenTransports& open,
                                                                    PipeEnd pipe,
                                                                    std::shared_ptr<BaseProtocol> protocol,
                                                                    Future<void> made) {
  const auto transport = std::make_shared<UnixReadPipeTransport>(loop, open, std::move(pipe));
  transport->set_protocol(std::move(protocol));
  open.add(transport);
  introduce(loop, transport, [transport] { transport->add_reader(); }, std::move(made));
  return transport;
}

std::shared_ptr<UnixReadPipeTransport> UnixReadPipeTransport::self() {
  return std::dynamic_pointer_cast<UnixReadPipeTransport>(shared_from_this());
}

void UnixReadPipeTransport::add_reader() {
  if (!loop_ || !is_reading()) return;
  try {
    loop_->add_reader(pipe_.fileno(), [self = self()] { self->read_ready(); });
  } catch (const std::system_error& error) {
    fatal_error(error.code().value(), "epoll_ctl");
  }
}

void UnixReadPipeTransport::pause_reading() {
  if (!loop_ || !is_reading()) return;
  paused_ = true;
  loop_->remove_reader(pipe_.fileno());
}

void UnixReadPipeTransport::resume_reading() {
  if (!loop_ || closing_ || !paused_) return;
  paused_ = false;
  add_reader();
}

void UnixReadPipeTransport::read_ready() {
  if (!bytes_) bytes_ = std::make_unique_for_overwrite<char[]>(MAX_SIZE);
  const ssize_t count = ::read(pipe_.fileno(), bytes_.get(), MAX_SIZE);
  if (count > 0) {
    receive({bytes_.get(), static_cast<std::size_t>(count)});
  } else if (count == 0) {
    end_of_file();
  } else if (!pipe_would_block(errno)) {
    fatal_error(errno, "read");
  }
}

/// What the protocol throws is reported by the handle, and the pipe stays open (S312).
void UnixReadPipeTransport::receive(std::string_view data) {
  const std::shared_ptr<BaseProtocol> protocol = get_protocol();
  if (const auto stream = std::dynamic_pointer_cast<Protocol>(protocol)) {
    stream->data_received(data);
  } else if (const auto buffered = std::dynamic_pointer_cast<BufferedProtocol>(protocol)) {
    feed_data_to_buffered_proto(*buffered, data);
  }
}

void UnixReadPipeTransport::end_of_file() {
  closing_ = true;
  loop_->call_soon([protocol = get_protocol()] {
    // What it returns says whether to keep the writing side open, and there is none (S310).
    if (const auto stream = std::dynamic_pointer_cast<Protocol>(protocol)) stream->eof_received();
    if (const auto buffered = std::dynamic_pointer_cast<BufferedProtocol>(protocol)) buffered->eof_received();
  });
  close_with(nullptr);  // after it
}

void UnixReadPipeTransport::fatal_error(int error, const char* call) {
  const std::exception_ptr exception = system_error(error, call);
  if (error != EIO) {  // which is what a terminal answers when its other side has gone (S311)
    loop_->call_exception_handler({.message = "Fatal read error on pipe transport",
                                   .exception = exception,
                                   .protocol = get_protocol(),
                                   .transport = shared_from_this()});
  }
  close_with(exception);
}

void UnixReadPipeTransport::close() {
  if (loop_ && !closing_) close_with(nullptr);
}

// ---- Writing ----

UnixWritePipeTransport::UnixWritePipeTransport(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe)
    : UnixPipeTransport(loop, open, std::move(pipe), "UnixWritePipeTransport", loop) {}

std::shared_ptr<UnixWritePipeTransport> UnixWritePipeTransport::start(AbstractEventLoop& loop, OpenTransports& open,
                                                                      PipeEnd pipe,
                                                                      std::shared_ptr<BaseProtocol> protocol,
                                                                      Future<void> made) {
  const auto transport = std::make_shared<UnixWritePipeTransport>(loop, open, std::move(pipe));
  transport->set_protocol(std::move(protocol));
  open.add(transport);
  introduce(loop, transport, [transport] { transport->watch_reader(); }, std::move(made));
  return transport;
}

std::shared_ptr<UnixWritePipeTransport> UnixWritePipeTransport::self() {
  return std::dynamic_pointer_cast<UnixWritePipeTransport>(shared_from_this());
}

void UnixWritePipeTransport::watch_reader() {
  if (!loop_ || lost_ || !pipe_.reports_hang_up()) return;
  try {
    loop_->add_reader(pipe_.fileno(), [self = self()] { self->read_ready(); });
  } catch (const std::system_error&) {
    close_with(std::current_exception());
  }
}

void UnixWritePipeTransport::read_ready() {
  close_with(buffer_.empty() ? nullptr : system_error(EPIPE, "write"));  // S313
}

void UnixWritePipeTransport::write(std::string_view data) {
  if (data.empty()) return;
  if (!loop_ || closing_) {
    if (dropped_writes_++ >= LOG_THRESHOLD_FOR_CONNLOST_WRITES) {
      log_warning("pipe closed by peer or os.write(pipe, data) raised exception.");  // S314
    }
    return;
  }
  if (buffer_.empty()) {
    const ssize_t count = write_without_signal(pipe_.fileno(), data);
    if (count < 0 && !pipe_would_block(errno)) {
      ++dropped_writes_;
      return close_with(system_error(errno, "write"));  // S311: not reported
    }
    if (count > 0) data.remove_prefix(static_cast<std::size_t>(count));
    if (data.empty()) return;
  }
  add_to_buffer(data);
  maybe_pause_protocol();
}

void UnixWritePipeTransport::write_ready() {
  const ssize_t count = write_without_signal(pipe_.fileno(), buffer_.bytes());
  if (count < 0) {
    if (pipe_would_block(errno)) return;
    ++dropped_writes_;
    return close_with(system_error(errno, "write"));
  }
  buffer_.drop_sent(static_cast<std::size_t>(count));
  if (!buffer_.empty()) return;
  loop_->remove_writer(pipe_.fileno());  // U4
  // Only now, and not at the low mark: a pipe is a small buffer, and asyncio waits for all of it.
  maybe_resume_protocol();  // may write, close or abort
  if (!loop_ || lost_ || !closing_ || !buffer_.empty()) return;
  loop_->remove_reader(pipe_.fileno());
  lost_ = true;
  call_connection_lost(nullptr);  // S314: direct
}

void UnixWritePipeTransport::add_to_buffer(std::string_view data) {
  try {
    if (buffer_.empty()) loop_->add_writer(pipe_.fileno(), [self = self()] { self->write_ready(); });  // U4
  } catch (const std::system_error&) {
    return close_with(std::current_exception());
  }
  buffer_.append(data);
}

void UnixWritePipeTransport::clear_buffer() noexcept {
  if (buffer_.empty()) return;
  buffer_.clear();
  loop_->remove_writer(pipe_.fileno());  // U4
}

void UnixWritePipeTransport::write_eof() {
  if (!loop_ || std::exchange(closing_, true)) return;
  if (buffer_.empty()) close_with(nullptr);
}

void UnixWritePipeTransport::abort() { close_with(nullptr); }

}  // namespace asyncio
