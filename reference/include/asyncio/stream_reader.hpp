// stream_reader.hpp: the end of a stream that is read from.
//
// Bytes arrive when they like; a program wants lines. Between the two stands a buffer. The protocol
// feeds it, the program's reads empty it, and a read that does not find enough waits until more was
// fed:
//
//     data_received ─► feed_data ──► buffer ──► readline, readexactly, readuntil, read
//     eof_received ──► feed_eof          │ more than 2 * limit: pause_reading()
//     connection_lost ► set_exception    │ limit or less:       resume_reading()
//
// The limit has two meanings. It bounds what a line may be, so that a peer that never sends a
// newline cannot fill the memory; and at twice the limit the reader asks the transport to stop, so
// that a peer that sends faster than the program reads cannot do so either.
//
// StreamReader is a small handle; copies read from the same stream. A read takes from the buffer at
// the very end of its work. So one that is cancelled, or whose task is destroyed, has taken
// nothing, and the next read sees it all.
//
//   G1  At most one task waits for data (S330).
//   G2  What a read takes leaves the buffer after its last suspension.
//   G3  paused means that the transport was asked to stop; no task waits while paused (else both
//       would wait).
//
// Who owns whom: the handles own the state; the state refers to its transport weakly. The transport
// owns the protocol, and the protocol refers to the reader weakly, so nothing here goes round.
//
// Source: CPython Lib/asyncio/streams.py, StreamReader. Rules: S329 to S336.
#pragma once

#include <asyncio/exceptions.hpp>
#include <asyncio/transports.hpp>

#include <cstddef>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

class StreamReaderState;

/// The limit of a stream where none is given, in bytes: asyncio's _DEFAULT_LIMIT.
inline constexpr std::ptrdiff_t DEFAULT_STREAM_LIMIT = 64 * 1024;

/// Reads from a stream. Copies are the same stream. One task at a time may wait in it.
class StreamReader {
 public:
  class LineIterator;

  /// A stream that is fed by hand, or by a StreamReaderProtocol.
  ///
  /// \param limit  how long a line may be, in bytes; half of what is buffered before the transport
  ///               is paused (S329)
  /// \throws std::invalid_argument  unless `limit` is positive
  explicit StreamReader(std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT);
  /// An object that is no stream: converts to false.
  static StreamReader none() noexcept { return StreamReader(std::shared_ptr<StreamReaderState>()); }

  // Each of the following reads throws, before it looks at the buffer, the exception that the
  // stream holds, if any (S331); and RuntimeError where another task is waiting in this reader
  // (S330).

  /// What is there, up to `n` bytes; waits only where nothing is there (S332).
  ///
  /// \param n  0 gives nothing; negative: everything up to the end of the stream
  /// \return   empty at the end
  /// \suspends until there is a byte or the end; where `n` is negative, until the end
  std::string read(std::ptrdiff_t n = -1) const;
  /// Up to the next newline, which is included; at the end of the stream, what is left.
  ///
  /// \return empty at the end
  /// \throws std::invalid_argument  where the line is longer than the limit; it is dropped then
  ///                                (S335)
  /// \suspends until there is a newline or the end
  std::string readline() const;
  /// Exactly `n` bytes.
  ///
  /// \throws IncompleteReadError    where the stream ends first; it has what there was (S333)
  /// \throws std::invalid_argument  where `n` is negative
  /// \suspends until they are there
  std::string readexactly(std::ptrdiff_t n) const;
  /// The bytes up to and including the next separator.
  ///
  /// \throws IncompleteReadError    where the stream ends first; it has what there was
  /// \throws LimitOverrunError      where the separator is further away than the limit; the buffer
  ///                                is kept (S334)
  /// \throws std::invalid_argument  where the separator is empty
  /// \suspends until the separator is there
  std::string readuntil(std::string_view separator = "\n") const;
  /// The same with several separators: the match that ends first counts.
  ///
  /// \throws std::invalid_argument  where there is no separator, or an empty one
  /// \suspends until one of them is there
  std::string readuntil(const std::vector<std::string>& separators) const;
  /// \overload
  std::string readuntil(std::initializer_list<std::string> separators) const {
    return readuntil(std::vector<std::string>(separators));  // suspends
  }
  /// Whether everything was read and nothing more will come.
  bool at_eof() const;

  /// The lines of the stream, for a range-`for` (S336). See readline().
  ///
  /// \suspends for the first line, as the iterator's increment does for the next one
  LineIterator begin() const;
  /// The end of a range-`for`.
  std::default_sentinel_t end() const noexcept { return {}; }

  /// What set_exception() was given; null where nothing was.
  std::exception_ptr exception() const;

  // ---- The other end, for protocols ----

  /// Makes every read throw, the one that is waiting too.
  void set_exception(std::exception_ptr error) const;
  /// The same with an exception object.
  template <class E>
    requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
  void set_exception(E error) const {
    set_exception(std::make_exception_ptr(std::move(error)));
  }
  /// Appends bytes; may pause the transport (S329). Empty data is ignored.
  ///
  /// \throws std::logic_error  after feed_eof()
  void feed_data(std::string_view data) const;
  /// Ends the stream.
  void feed_eof() const;
  /// Says which transport to pause. The reader does not keep it alive.
  ///
  /// \throws std::logic_error  where there is one already
  void set_transport(const std::shared_ptr<ReadTransport>& transport) const;
  /// Says which transport has taken the place of the one before: after start_tls() (S343).
  void replace_transport(const std::shared_ptr<ReadTransport>& transport) const;
  /// Takes everything that is buffered, without waiting: for start_tls() (S301).
  std::string take_unread() const;

  /// One line for reports: "<StreamReader 12 bytes eof>".
  std::string repr() const;

  /// Whether this is a stream.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Equal where both are the same stream.
  friend bool operator==(const StreamReader&, const StreamReader&) = default;

 private:
  friend class StreamReaderProtocol;  // refers to the state weakly
  friend class StreamWriterState;     // asks at every drain() whether exception() is null
  bool failed() const;
  explicit StreamReader(std::shared_ptr<StreamReaderState> state) noexcept : state_(std::move(state)) {}
  StreamReaderState& state() const;

  std::shared_ptr<StreamReaderState> state_;  // null: no stream
};

/// Goes over the lines of a stream, once.
class StreamReader::LineIterator {
 public:
  /// Each line can be read once.
  using iterator_category = std::input_iterator_tag;
  /// A line, with its newline.
  using value_type = std::string;
  /// For the standard library.
  using difference_type = std::ptrdiff_t;
  /// For the standard library.
  using pointer = const std::string*;
  /// For the standard library.
  using reference = const std::string&;

  /// \suspends until there is a line or the end
  explicit LineIterator(StreamReader reader) : reader_(std::move(reader)) { ++*this; }

  /// The line, with its newline; valid until the next increment.
  const std::string& operator*() const noexcept { return line_; }
  /// The same.
  const std::string* operator->() const noexcept { return &line_; }
  /// \suspends until there is a line or the end
  LineIterator& operator++() {
    line_ = reader_.readline();
    return *this;
  }
  /// \suspends until there is a line or the end
  void operator++(int) { ++*this; }
  /// Whether the stream has ended.
  friend bool operator==(const LineIterator& at, std::default_sentinel_t) noexcept { return at.line_.empty(); }

 private:
  StreamReader reader_;
  std::string line_;  // empty at the end: a line has at least its newline
};

}  // namespace asyncio
