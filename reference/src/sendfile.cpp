// sendfile.cpp: files, from the system's cache to the socket.
//
// The native way is sendfile(2): the bytes do not come to the process at all. It works for files that can be mapped,
// on sockets and on transports without TLS. Everything else, such as a pipe for a file, is read and written block by
// block, unless the caller would rather have an error.
//
//     sendfile(transport) ──┬─ native ──► until_writable(), sendfile(2), again …
//                           └─ else ────► FallbackProtocol keeps the protocol's place: read, drain, write, again …
//
// Source: CPython Lib/asyncio/base_events.py, sendfile, sock_sendfile, _SendfileFallbackProtocol; unix_events.py,
// _sock_sendfile_native. Rules: S302 to S308.
#include <asyncio/exceptions.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/selector_events.hpp>

#include "selector_socket_transport.hpp"
#include "system_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asyncio {
namespace {

constexpr std::size_t SOCKET_BLOCK_BYTES = 256 * 1024;    // SENDFILE_FALLBACK_READBUFFER_SIZE
constexpr std::size_t TRANSPORT_BLOCK_BYTES = 16 * 1024;  // asyncio's 16384

constexpr std::int64_t MAX_PART = std::int64_t{1} << 30;  // bytes a call; the end of it must be a position in a file

/// S302.
void check_options(const SendfileOptions& options) {
  if (options.count && *options.count <= 0) {
    throw std::invalid_argument("count must be a positive integer (got " + std::to_string(*options.count) + ")");
  }
  if (options.offset < 0) {
    throw std::invalid_argument("offset must be a non-negative integer (got " + std::to_string(options.offset) + ")");
  }
}

/// A signal that writing to a closed socket would send, kept from the process: sendfile(2) has no MSG_NOSIGNAL.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;
  ~NoBrokenPipeSignal() {
    const int error = errno;
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);  // takes it, where it has come
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

/// Leaves the file where what was sent ends, on every way out (S308).
class FilePosition {
 public:
  FilePosition(int file, off_t offset) : file_(file), position_(offset) {}
  FilePosition(const FilePosition&) = delete;
  FilePosition& operator=(const FilePosition&) = delete;
  ~FilePosition() { ::lseek(file_, position_, SEEK_SET); }

  off_t get() const noexcept { return position_; }
  void set(off_t position) noexcept { position_ = position; }

 private:
  const int file_;
  off_t position_;  // in bytes
};

/// \param wait  suspends until the socket has room
/// \throws SendfileNotAvailableError  where not one byte could be sent this way (S304)
template <class Wait>
std::int64_t send_natively(int fd, int file, const SendfileOptions& options, Wait wait) {
  struct stat status{};
  if (::fstat(file, &status) < 0 || !S_ISREG(status.st_mode)) throw SendfileNotAvailableError("not a regular file");
  FilePosition at(file, options.offset);
  std::int64_t sent = 0;
  for (;;) {
    const std::int64_t left = options.count ? std::min(*options.count - sent, MAX_PART) : MAX_PART;
    if (left == 0) return sent;
    off_t position = at.get();
    ssize_t count;
    {
      const NoBrokenPipeSignal guard;
      count = ::sendfile(fd, file, &position, static_cast<std::size_t>(left));
    }
    if (count == 0) return sent;  // the end of the file
    if (count > 0) {
      at.set(position);
      sent += count;
    } else if (errno != EAGAIN && errno != EINTR) {
      if (sent == 0) throw SendfileNotAvailableError("os.sendfile call failed");
      throw_errno("sendfile");
    }
    wait();  // suspends: after each part the others have a turn
  }
}

/// A part of a file. Shared with the job that reads it: where its task is cancelled, the job reads on.
struct Block {
  explicit Block(std::size_t bytes) : bytes(bytes, '\0') {}
  std::string bytes;
  ssize_t count = 0;  // what read(2) gave
  int error = 0;      // errno, where that is negative
};

/// Reads and passes on block by block: in the executor, for a file may be slow (S307).
///
/// \param send  gets each block; may suspend
template <class Send>
std::int64_t send_by_blocks(AbstractEventLoop& loop, int file, const SendfileOptions& options, std::size_t block_bytes,
                            Send send) {
  if (options.offset > 0 && ::lseek(file, options.offset, SEEK_SET) < 0) throw_errno("lseek");
  const auto block = std::make_shared<Block>(block_bytes);
  std::int64_t sent = 0;
  for (;;) {
    std::int64_t wanted = static_cast<std::int64_t>(block_bytes);
    if (options.count) wanted = std::min(*options.count - sent, wanted);
    if (wanted == 0) return sent;
    await(loop.run_in_executor(nullptr, [block, file, wanted] {  // suspends
      block->count = ::read(file, block->bytes.data(), static_cast<std::size_t>(wanted));
      block->error = errno;
    }));
    if (block->count < 0 && block->error == EINTR) continue;
    if (block->count < 0) throw std::system_error(block->error, std::generic_category(), "read");
    if (block->count == 0) return sent;
    try {
      send(std::string_view(block->bytes).substr(0, static_cast<std::size_t>(block->count)));  // suspends
    } catch (...) {
      ::lseek(file, -block->count, SEEK_CUR);  // S308: what was read and not sent
      throw;
    }
    sent += block->count;
  }
}

/// Keeps the place of a transport's protocol while a file is written to it: what it has to hear of waits.
class FallbackProtocol final : public Protocol {
 public:
  FallbackProtocol(AbstractEventLoop& loop, std::shared_ptr<Transport> transport)
      : loop_(loop), transport_(std::move(transport)), protocol_(transport_->get_protocol()) {
    const auto* flow = dynamic_cast<FlowControlMixin<Transport>*>(transport_.get());
    if (!flow) throw std::invalid_argument("transport should be _FlowControlMixin instance");
    resume_reading_ = transport_->is_reading();
    resume_writing_ = flow->protocol_paused();
    if (resume_writing_) pause_writing();
    transport_->pause_reading();
  }

  /// \throws std::system_error  where the connection is over
  /// \suspends until the buffer is small enough
  void drain() {
    if (transport_->is_closing()) {
      throw std::system_error(ECONNABORTED, std::generic_category(), "Connection closed by peer");
    }
    if (const Future<void> paused = paused_) await(paused);  // suspends
  }
  /// Puts the protocol back into its place.
  void restore() {
    if (transport_->get_protocol().get() == this) transport_->set_protocol(protocol_);
    if (resume_reading_) transport_->resume_reading();
    const bool still_paused = static_cast<bool>(paused_);
    if (still_paused) paused_.cancel();
    if (resume_writing_ && !still_paused) {
      protocol_->resume_writing();
    } else if (!resume_writing_ && still_paused) {
      protocol_->pause_writing();  // P3: it will be told to go on
    }
  }

  void connection_lost(std::exception_ptr error) override {
    if (paused_ && !paused_.done()) {
      paused_.set_exception(error ? error
                                  : std::make_exception_ptr(std::system_error(ECONNABORTED, std::generic_category(),
                                                                              "Connection is closed by peer")));
      paused_.get()->mark_retrieved();
    }
    protocol_->connection_lost(error);
  }
  void pause_writing() override {
    if (!paused_) paused_ = loop_.create_future<void>();
  }
  void resume_writing() override {
    if (paused_ && !paused_.done()) std::exchange(paused_, {}).set_result();
  }

 private:
  AbstractEventLoop& loop_;
  const std::shared_ptr<Transport> transport_;
  const std::shared_ptr<BaseProtocol> protocol_;
  bool resume_reading_ = false;
  bool resume_writing_ = false;
  Future<void> paused_;  // empty while the transport takes more
};

/// Calls `act`, and `end` after it on every way out. Not a destructor's work: what `end` calls may throw.
template <class Act, class End>
std::int64_t with_end(Act act, End end) {
  std::int64_t result = 0;
  try {
    result = act();
  } catch (...) {
    end();
    throw;
  }
  end();
  return result;
}

}  // namespace

std::int64_t SelectorEventLoop::sock_sendfile(int fd, int file, SendfileOptions options) {
  check_nonblocking(fd);
  if (SystemView(fd).type() != SOCK_STREAM) {
    throw std::invalid_argument("only SOCK_STREAM type sockets are supported");
  }
  check_options(options);
  try {
    return send_natively(fd, file, options, [&] { wait_until_ready(fd, Direction::write); });  // suspends
  } catch (const SendfileNotAvailableError&) {
    if (!options.fallback) throw;
  }
  return send_by_blocks(*this, file, options, SOCKET_BLOCK_BYTES,
                        [&](std::string_view block) { sock_sendall(fd, block); });  // suspends
}

std::int64_t SelectorEventLoop::sendfile(std::shared_ptr<Transport> transport, int file, SendfileOptions options) {
  if (!transport) throw std::invalid_argument("sendfile() needs a transport, got None");
  if (transport->is_closing()) throw RuntimeError("Transport is closing");
  check_options(options);
  const auto over_socket = std::dynamic_pointer_cast<SelectorSocketTransport>(transport);
  if (over_socket) {
    const auto wait = [&] {
      await(over_socket->until_writable());  // suspends
      // It may have ended since, and its number be another file's by now.
      if (over_socket->is_closing())
        throw std::system_error(ECONNABORTED, std::generic_category(), "Connection closed");
    };
    over_socket->begin_sendfile();
    try {
      return with_end(
          [&] {
            wait();  // suspends: the buffer first (S306)
            return send_natively(over_socket->fileno(), file, options, wait);
          },
          [&] { over_socket->end_sendfile(); });
    } catch (const SendfileNotAvailableError&) {
      if (!options.fallback) throw;
    }
  }
  if (!options.fallback) {
    throw RuntimeError("fallback is disabled and native sendfile is not supported for this transport");
  }
  if (options.offset == 0) ::lseek(file, 0, SEEK_SET);  // a pipe has no positions, and needs none
  const auto stand_in = std::make_shared<FallbackProtocol>(*this, transport);
  transport->set_protocol(stand_in);
  return with_end(
      [&] {
        return send_by_blocks(*this, file, options, TRANSPORT_BLOCK_BYTES, [&](std::string_view block) {
          stand_in->drain();  // suspends
          transport->write(block);
        });
      },
      [&] { stand_in->restore(); });
}

}  // namespace asyncio
