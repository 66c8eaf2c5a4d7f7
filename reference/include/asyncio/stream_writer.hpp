// stream_writer.hpp: the end of a stream that is written to.
//
// write() never waits: it hands bytes to the transport, which keeps what it cannot send yet. A
// program that only ever calls write() therefore fills its memory when the other side is slow.
// drain() is the place to wait:
//
//     writer.write(data);
//     writer.drain();      // returns at once, unless the transport's buffer is above its high mark
//
// The surprise is that drain() usually does not suspend, and does not mean "sent".
//
//   Y1  close(), write() and write_eof() never suspend.
//   Y2  When the last handle of a stream goes, the transport is closed: what was written is sent
//       first.
//
// StreamWriter is a small handle; copies write to the same stream. Python closes a forgotten writer
// too, but calls that a mistake and warns, because not every Python collects it at a known time.
// Here the time is known: letting go of the last handle is a way to close, as it is for a file
// stream, and there is no warning (Y2).
//
// Who owns whom: the handles own the state. The state owns the transport, the protocol and a handle
// of the reader. Nothing of these owns the state, so there is no ring; a program's task that holds
// a writer keeps a connection open.
//
// Source: CPython Lib/asyncio/streams.py, StreamWriter. Rules: S337 to S339, S342, S343.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/stream_flow_control.hpp>
#include <asyncio/stream_reader.hpp>
#include <asyncio/transports.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio {

class SSLContext;
class StreamWriterState;

/// The keywords of StreamWriter::start_tls().
struct StreamTlsOptions {
  std::optional<std::string> server_hostname = {};  ///< the name to check
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
};

/// Writes to a stream. Copies are the same stream.
class StreamWriter {
 public:
  /// No stream: converts to false.
  StreamWriter() = default;
  /// A writer for a transport and a protocol that belong together. Must be made while their loop is
  /// running.
  ///
  /// \param transport  what to write to
  /// \param protocol   what its pause_writing() and resume_writing() go to
  /// \param reader     the other end, whose exception drain() throws; may be StreamReader::none()
  StreamWriter(std::shared_ptr<WriteTransport> transport, std::shared_ptr<streams::FlowControlMixin> protocol,
               StreamReader reader);

  /// Sends bytes, now or as soon as possible (Y1). See WriteTransport::write().
  void write(std::string_view data) const;
  /// Sends all of them, as if they were joined.
  void writelines(const std::vector<std::string>& pieces) const;
  /// Ends the writing side after what was written; the other side can still be read from. See
  /// WriteTransport.
  void write_eof() const;
  /// Whether there is a write_eof() for this kind of stream.
  bool can_write_eof() const;
  /// Closes the stream, both directions, after what was written is sent (Y1).
  void close() const;
  /// Whether it is closed, or about to be.
  bool is_closing() const;
  /// Waits until the connection has ended (S339).
  ///
  /// \throws (anything)  that it ended with
  /// \suspends until then; not at all where it has ended
  void wait_closed() const;
  /// Waits until the transport's buffer has room (S337).
  ///
  /// \throws (anything)         that the reader holds, or that the connection is lost with
  ///                            meanwhile
  /// \throws std::system_error  ECONNRESET, where the connection is lost
  /// \suspends until there is room; for one iteration of the loop where the stream is closing; else
  ///           not at all
  void drain() const;

  /// See BaseTransport::get_extra_info().
  template <class T>
  T get_extra_info(std::string_view name) const {
    return write_transport()->template get_extra_info<T>(name);
  }
  /// \overload
  template <class T>
  T get_extra_info(std::string_view name, T fallback) const {
    return write_transport()->template get_extra_info<T>(name, std::move(fallback));
  }
  /// The transport. Null where it is a foreign one that can only be written to.
  std::shared_ptr<Transport> transport() const;

  /// Turns the stream into a TLS stream, after what was written is sent (S343).
  ///
  /// \param context  certificates and rules
  /// \param options  whom to expect, how long to wait
  /// \throws NotImplementedError  where the stream is not one of open_connection() or
  ///                              start_server()
  /// \suspends until the handshake is over
  void start_tls(std::shared_ptr<SSLContext> context, StreamTlsOptions options = {}) const;

  /// Whether this is a stream.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Equal where both are the same stream.
  friend bool operator==(const StreamWriter&, const StreamWriter&) = default;

 private:
  StreamWriterState& state() const;
  std::shared_ptr<WriteTransport> write_transport() const;

  std::shared_ptr<StreamWriterState> state_;  // null: no stream
};

}  // namespace asyncio
