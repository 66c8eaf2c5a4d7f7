// stream_reader.cpp: a buffer between bytes that arrive and a task that wants them.
//
// Every read has the same shape: look at the buffer; where it does not have enough,
// wait_for_data(), and look again. G1 keeps a second task from waiting, but not from taking what is
// there. So after a wait the buffer may be shorter than before it, and nothing that was known of it
// is relied on without another look.

#include <asyncio/stream_reader.hpp>

#include <asyncio/events.hpp>
#include <asyncio/futures.hpp>

#include <algorithm>
#include <cassert>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

namespace asyncio {

namespace {

/// Bytes that are appended at the back and taken from the front.
///
/// Taking only moves a mark. What lies before it is thrown out when it is the larger part, so that
/// a buffer full of short lines is not moved once for each of them.
class ByteBuffer {
 public:
  std::string_view view() const noexcept { return {bytes_.data() + taken_, size()}; }
  std::size_t size() const noexcept { return bytes_.size() - taken_; }
  bool empty() const noexcept { return size() == 0; }

  void append(std::string_view data) { bytes_.append(data); }
  void drop(std::size_t count) {
    assert(count <= size());
    taken_ += count;
    if (taken_ == bytes_.size()) return clear();
    if (taken_ < size()) return;
    bytes_.erase(0, taken_);
    taken_ = 0;
  }
  void clear() noexcept {
    bytes_.clear();
    taken_ = 0;
  }
  /// The first `count` bytes, or all where there are fewer.
  std::string take(std::size_t count) {
    if (count >= size()) return worth_giving_away() ? give_away() : copy_all();
    std::string front(view().substr(0, count));
    drop(count);
    return front;
  }

 private:
  static constexpr std::size_t CHEAP_TO_COPY = 1024;  // bytes

  /// Only memory that is mostly used: a program that keeps many short lines must not keep a large buffer for each.
  bool worth_giving_away() const noexcept {
    return taken_ == 0 && bytes_.size() >= CHEAP_TO_COPY && bytes_.size() >= bytes_.capacity() / 2;
  }
  /// Everything, with its memory, instead of a copy.
  ///
  /// New memory is taken at once, and not when bytes come: whoever gets this string is about to free the one before,
  /// which serves the next stream. Where all streams take memory before any of it is freed, malloc() gives whole
  /// pages back to the system and asks for them again, which costs more than the copy.
  std::string give_away() {
    std::string given;
    given.reserve(bytes_.size());
    given.swap(bytes_);
    return given;
  }
  std::string copy_all() {
    std::string all(view());
    clear();
    return all;
  }

  std::string bytes_;
  std::size_t taken_ = 0;
};

/// Where a separator is in the buffer.
struct Match {
  std::size_t start;
  std::size_t end;
};

/// The match that ends first; of two that end together, that of the shorter separator.
///
/// \param separators  shortest first
/// \param from        where the search begins
std::optional<Match> find_first(std::string_view bytes, std::span<const std::string_view> separators,
                                std::size_t from) {
  std::optional<Match> best;
  for (const std::string_view separator : separators) {
    const std::size_t at = bytes.find(separator, from);
    if (at == std::string_view::npos) continue;
    const std::size_t end = at + separator.size();
    if (!best || end < best->end) best = Match{at, end};
  }
  return best;
}

}  // namespace

/// What lies behind the handles of one stream.
class StreamReaderState {
 public:
  explicit StreamReaderState(std::size_t limit) noexcept : limit_(limit) {}

  std::string read(std::ptrdiff_t n);
  std::string read_to_end();
  std::string readline();
  std::string readexactly(std::size_t n);
  std::string readuntil(std::span<const std::string_view> separators);

  bool at_eof() const noexcept { return eof_ && buffer_.empty(); }
  const std::exception_ptr& exception() const noexcept { return exception_; }
  void set_exception(std::exception_ptr error);
  void feed_data(std::string_view data);
  void feed_eof();
  void set_transport(std::weak_ptr<ReadTransport> transport);
  void replace_transport(std::weak_ptr<ReadTransport> transport) { transport_ = std::move(transport); }
  std::string take_unread() {
    paused_ = false;  // start_tls() pauses and resumes the transport itself
    return buffer_.take(buffer_.size());
  }
  std::string repr() const;

 private:
  class Waiting;

  void check_exception() const {
    if (exception_) std::rethrow_exception(exception_);
  }
  /// Takes what a read gives. Fewer than `count` bytes only where there are no more.
  std::string take(std::size_t count) {
    std::string data = buffer_.take(count);
    maybe_resume_transport();
    return data;
  }
  Match find_separator(std::span<const std::string_view> separators);
  void wait_for_data(const char* function);
  void wakeup_waiter();
  void pause_transport();
  void maybe_resume_transport();
  void resume_transport();

  const std::size_t limit_;  // bytes
  ByteBuffer buffer_;
  bool eof_ = false;
  std::exception_ptr exception_;
  const Future<void>* waiter_ = nullptr;  // of the task that waits, on its stack; null once it was woken (G1)
  Future<void> last_waiter_;              // what was waited for last, to be used again; empty at first
  std::weak_ptr<ReadTransport> transport_;
  bool paused_ = false;  // G3
};

/// Puts a future into the place of the waiter, and on every way out takes it away again.
class StreamReaderState::Waiting {
 public:
  Waiting(StreamReaderState& state, const Future<void>& waiter) : state_(state), waiter_(waiter) {
    state_.waiter_ = &waiter;
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    if (state_.waiter_ == &waiter_) state_.waiter_ = nullptr;  // another task may wait by now
  }

 private:
  StreamReaderState& state_;
  const Future<void>& waiter_;  // on the same stack
};

/// Waits until something was fed since the call: data, the end, or an exception, which it throws.
///
/// \suspends until then
/// \source CPython Lib/asyncio/streams.py, StreamReader._wait_for_data
[[gnu::always_inline]] inline void StreamReaderState::wait_for_data(const char* function) {  // see guarded_run.hpp
  if (waiter_) {                                                                             // G1
    throw RuntimeError(std::string(function) +
                       "() called while another coroutine is already waiting for incoming data");
  }
  // asyncio does not look here. There a readexactly() that had been woken for the first half waits
  // for ever when the connection broke before it ran, because the exception had come with nobody to
  // wake.
  check_exception();
  assert(!eof_);
  if (paused_) resume_transport();  // G3: what is wanted may be longer than the limit

  AbstractEventLoop& loop = get_running_loop();
  if (!last_waiter_ || !last_waiter_.get()->renew(loop)) last_waiter_ = loop.create_future<void>();
  const Future<void> waiter = last_waiter_;
  const Waiting while_here(*this, waiter);
  waiter.get()->wait();  // suspends; await() would make a copy, and this stack keeps its future anyway
  waiter.result();
}

inline void StreamReaderState::wakeup_waiter() {
  if (!waiter_) return;
  const Future<void>& waiter = *std::exchange(waiter_, nullptr);
  if (!waiter.done()) waiter.set_result();  // done: cancelled, its task has not run since
}

[[gnu::always_inline]] inline std::string StreamReaderState::read(std::ptrdiff_t n) {
  check_exception();
  if (n <= 0) return n == 0 ? std::string() : read_to_end();  // suspends
  while (buffer_.empty() && !eof_) wait_for_data("read");     // suspends
  return take(static_cast<std::size_t>(n));
}

/// In pieces, so that the buffer never grows to the size of the whole stream.
std::string StreamReaderState::read_to_end() {
  std::string all;
  for (std::string piece; !(piece = read(static_cast<std::ptrdiff_t>(limit_))).empty();) all += piece;  // suspends
  return all;
}

std::string StreamReaderState::readexactly(std::size_t n) {
  check_exception();
  while (buffer_.size() < n) {
    if (eof_) throw IncompleteReadError(buffer_.take(buffer_.size()), n);
    wait_for_data("readexactly");  // suspends
  }
  return take(n);  // G2
}

std::string StreamReaderState::readuntil(std::span<const std::string_view> separators) {
  check_exception();
  const Match match = find_separator(separators);  // suspends
  if (match.start > limit_) {
    throw LimitOverrunError("Separator is found, but chunk is longer than limit", match.start);
  }
  return take(match.end);  // G2
}

/// Waits until a separator is in the buffer, and says where. Takes nothing, except where it throws
/// IncompleteReadError.
///
/// \suspends until then
Match StreamReaderState::find_separator(std::span<const std::string_view> separators) {
  const std::size_t longest = separators.back().size();
  std::size_t searched = 0;  // no separator begins before this
  for (;;) {
    const std::string_view bytes = buffer_.view();
    if (const auto match = find_first(bytes, separators, std::min(searched, bytes.size()))) return *match;
    // A separator may have begun: all but its last byte may be there. What is before that is
    // searched for good.
    searched = bytes.size() + 1 > longest ? bytes.size() + 1 - longest : 0;
    if (searched > limit_) {
      throw LimitOverrunError("Separator is not found, and chunk exceed the limit", searched);
    }
    // Only now: the data that came with the end may have had the separator (S334).
    if (eof_) throw IncompleteReadError(buffer_.take(buffer_.size()), std::nullopt);
    wait_for_data("readuntil");  // suspends
  }
}

std::string StreamReaderState::readline() {
  constexpr std::string_view NEWLINE = "\n";
  try {
    return readuntil(std::span(&NEWLINE, 1));  // suspends
  } catch (const IncompleteReadError& error) {
    return error.partial();
  } catch (const LimitOverrunError& error) {
    const bool has_newline = buffer_.view().substr(error.consumed()).starts_with(NEWLINE);
    buffer_.drop(has_newline ? error.consumed() + NEWLINE.size() : buffer_.size());
    maybe_resume_transport();
    throw std::invalid_argument(error.what());
  }
}

void StreamReaderState::set_exception(std::exception_ptr error) {
  exception_ = error;
  last_waiter_ = {};  // whoever waits has it, and an error that nobody retrieves is to be reported in time
  if (!waiter_) return;
  const Future<void>& waiter = *std::exchange(waiter_, nullptr);
  if (!waiter.done()) waiter.set_exception(std::move(error));
}

inline void StreamReaderState::feed_data(std::string_view data) {
  if (eof_) throw std::logic_error("feed_data after feed_eof");
  if (data.empty()) return;
  buffer_.append(data);
  wakeup_waiter();
  if (!paused_ && buffer_.size() > 2 * limit_) pause_transport();
}

void StreamReaderState::feed_eof() {
  eof_ = true;
  wakeup_waiter();
}

void StreamReaderState::set_transport(std::weak_ptr<ReadTransport> transport) {
  if (!transport_.expired()) throw std::logic_error("Transport already set");
  transport_ = std::move(transport);
}

void StreamReaderState::pause_transport() {
  const auto transport = transport_.lock();
  if (!transport) return;
  try {
    transport->pause_reading();
    paused_ = true;
  } catch (const NotImplementedError&) {
    // A transport that cannot pause. All there is to do is to buffer, and not to ask again.
    transport_.reset();
  }
}

void StreamReaderState::maybe_resume_transport() {
  if (paused_ && buffer_.size() <= limit_) resume_transport();
}

void StreamReaderState::resume_transport() {
  paused_ = false;
  if (const auto transport = transport_.lock()) transport->resume_reading();
}

std::string StreamReaderState::repr() const {
  std::string text = "<StreamReader";
  if (!buffer_.empty()) text += " " + std::to_string(buffer_.size()) + " bytes";
  if (eof_) text += " eof";
  if (limit_ != static_cast<std::size_t>(DEFAULT_STREAM_LIMIT)) text += " limit=" + std::to_string(limit_);
  if (waiter_) text += " waiter=" + waiter_->repr();
  if (exception_) text += " exception=" + describe(exception_);
  if (paused_) text += " paused";
  return text + ">";
}

// ---- The handle. What suspends works on a copy of it: while a task waits, its caller may let go of the stream. ----

namespace {

std::size_t checked_limit(std::ptrdiff_t limit) {
  if (limit <= 0) throw std::invalid_argument("Limit cannot be <= 0");
  return static_cast<std::size_t>(limit);
}

}  // namespace

StreamReader::StreamReader(std::ptrdiff_t limit) : state_(std::make_shared<StreamReaderState>(checked_limit(limit))) {}

StreamReaderState& StreamReader::state() const {
  if (!state_) throw std::logic_error("this StreamReader has no stream");
  return *state_;
}

std::string StreamReader::read(std::ptrdiff_t n) const {
  const StreamReader kept = *this;
  return kept.state().read(n);
}

std::string StreamReader::readline() const {
  const StreamReader kept = *this;
  return kept.state().readline();
}

std::string StreamReader::readexactly(std::ptrdiff_t n) const {
  if (n < 0) throw std::invalid_argument("readexactly size can not be less than zero");
  const StreamReader kept = *this;
  return kept.state().readexactly(static_cast<std::size_t>(n));
}

std::string StreamReader::readuntil(std::string_view separator) const {
  return readuntil(std::vector<std::string>{std::string(separator)});
}

std::string StreamReader::readuntil(const std::vector<std::string>& separators) const {
  if (separators.empty()) throw std::invalid_argument("Separator should contain at least one element");
  const std::vector<std::string> copies = separators;  // the caller's may be gone when the search goes on
  std::vector<std::string_view> shortest_first(copies.begin(), copies.end());
  std::ranges::sort(shortest_first, {}, &std::string_view::size);
  if (shortest_first.front().empty()) throw std::invalid_argument("Separator should be at least one-byte string");
  const StreamReader kept = *this;
  return kept.state().readuntil(shortest_first);
}

bool StreamReader::at_eof() const { return state().at_eof(); }
StreamReader::LineIterator StreamReader::begin() const { return LineIterator(*this); }
std::exception_ptr StreamReader::exception() const { return state().exception(); }
bool StreamReader::failed() const { return state().exception() != nullptr; }
void StreamReader::set_exception(std::exception_ptr error) const { state().set_exception(std::move(error)); }
void StreamReader::feed_data(std::string_view data) const { state().feed_data(data); }
void StreamReader::feed_eof() const { state().feed_eof(); }
void StreamReader::set_transport(const std::shared_ptr<ReadTransport>& transport) const {
  state().set_transport(transport);
}
void StreamReader::replace_transport(const std::shared_ptr<ReadTransport>& transport) const {
  state().replace_transport(transport);
}
std::string StreamReader::take_unread() const { return state().take_unread(); }
std::string StreamReader::repr() const { return state_ ? state_->repr() : "<no StreamReader>"; }

}  // namespace asyncio
