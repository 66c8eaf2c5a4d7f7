// stream_transport.hpp: the states of a stream connection, whatever its socket is.
//
// A transport of a stream is a machine between a protocol and a socket that never blocks. What it does is the
// same on every loop; only how a socket is read, written and watched differs. So the machine stands here once,
// and a loop derives a class that supplies the socket.
//
//     write() ──► send() ──► rest into the buffer ──► pause_writing()
//     socket writable ──► write_ready() ──► resume_writing() ──► closing and empty: connection_lost(null)
//     socket readable ──► read_ready() ──► data_received(), eof_received(), or fatal_error()
//
//     close()  ── buffer empty ──► connection_lost(null) queued     ── else: write_ready() empties it, and calls it
//     abort(), fatal_error() ────► buffer dropped, connection_lost(error) queued
//
// A protocol is foreign code: it may close, abort or pause its transport in each call, and it may throw.
// Therefore what is known of the transport is looked up anew after each of them.
//
//   T1  connection_lost() is called once; from the moment it is due, lost_ says so.
//   T2  The socket is watched for reading exactly while wants_to_read(), and for writing exactly while the
//       buffer has something in it or somebody awaits until_writable().
//   T3  After eof_received() nothing is read any more, although is_reading() stays true (S253, S261).
//
// Source: CPython Lib/asyncio/selector_events.py, _SelectorTransport, _SelectorSocketTransport. Rules: S253 to S277.
#pragma once

#include <asyncio/contextvars.hpp>
#include <asyncio/events.hpp>
#include <asyncio/server.hpp>
#include <asyncio/transports.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace asyncio {

/// Bytes that wait to be sent, in one piece.
class SendBuffer {
 public:
  /// Whether nothing waits.
  bool empty() const noexcept { return size() == 0; }
  /// How many bytes wait.
  std::size_t size() const noexcept { return bytes_.size() - sent_; }
  /// All of them, the oldest first.
  std::string_view bytes() const noexcept { return std::string_view(bytes_).substr(sent_); }
  /// Puts bytes behind those that wait.
  void append(std::string_view bytes);
  /// Drops what was sent.
  ///
  /// \param count  in bytes; at most size()
  void drop_sent(std::size_t count);
  /// Drops everything, and gives a large block of memory back.
  void clear() noexcept;

 private:
  std::string bytes_;  // from sent_ on
  std::size_t sent_ = 0;
};

/// A stream transport without its socket. For those who write loops.
class BaseStreamTransport : public FlowControlMixin<Transport> {
 public:
  /// \param loop    whose callbacks it schedules; must outlive the connection
  /// \param server  whose connection this is; null for one that was asked for from here
  BaseStreamTransport(AbstractEventLoop& loop, Server server);
  ~BaseStreamTransport() override;

  void set_protocol(std::shared_ptr<BaseProtocol> protocol) override;
  bool is_closing() const override { return closing_; }
  void close() override;
  void abort() override;
  bool is_reading() const override { return !closing_ && !paused_; }
  void pause_reading() override;
  void resume_reading() override;
  void write(std::string_view data) override;
  void writelines(const std::vector<std::string>& pieces) override;
  void write_eof() override;
  bool can_write_eof() const override { return true; }
  bool start_tls_compatible() const noexcept override { return true; }
  void force_close(std::exception_ptr error) override;
  std::size_t get_write_buffer_size() const override { return buffer_.size(); }

  /// Attaches itself to its server, and has the loop call connection_made(), begin to read, and complete `made`, in
  /// this order (S254). To be called once.
  ///
  /// \param protocol  a Protocol or a BufferedProtocol
  /// \param made      may be empty
  /// \throws RuntimeError  where the server is closed
  void begin(std::shared_ptr<BaseProtocol> protocol, Future<void> made);

  // ---- For loop.sendfile(), which writes to the socket past the buffer (S306) ----

  /// From now on write() throws, and nothing is read.
  ///
  /// \throws RuntimeError  where a file is being sent already
  void begin_sendfile();
  /// Ends that.
  void end_sendfile();
  /// In between: waits for an empty buffer and a socket with room.
  ///
  /// \return  a future, which holds an error where the connection ends
  Future<void> until_writable();

 protected:
  // ---- What the class for a kind of socket must supply ----

  /// Reads what is there, without waiting.
  ///
  /// \param at_most  bytes
  /// \return         valid until the protocol was told; empty at the end; nothing where there is nothing yet
  /// \throws std::system_error  where the connection is broken
  virtual std::optional<std::string_view> receive(std::size_t at_most) = 0;
  /// The same, into memory of the protocol's.
  ///
  /// \param place  at least one byte
  /// \return       how many bytes; 0 at the end; nothing where there is nothing yet
  virtual std::optional<std::size_t> receive_into(std::span<char> place) = 0;
  /// Sends what can be sent without waiting.
  ///
  /// \param pieces  in this order; none of them is empty
  /// \return        how many bytes were taken, 0 where none could be
  /// \throws std::system_error  where the connection is broken
  virtual std::size_t send(std::span<const std::string_view> pieces) = 0;
  /// Ends the sending direction. \throws std::system_error  where the connection is broken
  virtual void send_eof() = 0;
  /// Begins to call read_ready() when the socket is readable, or ends that: `watch` (T2).
  ///
  /// \throws std::system_error  where the system cannot watch it; the connection is lost then
  virtual void watch_reading(bool watch) = 0;
  /// Begins to call write_ready() when the socket is writable, or ends that: `watch` (T2). Throws as watch_reading().
  virtual void watch_writing(bool watch) = 0;
  /// The connection is over: gives the socket back, and ends the loop's ownership.
  ///
  /// \param aborted  what was on its way is not wanted
  virtual void close_socket(bool aborted) = 0;
  /// Whether the loop is dead, and nothing that happens here may have an effect any more.
  virtual bool dead() const noexcept { return false; }

  // ---- What it can build on ----

  /// To be called when the socket is readable. The transport has to outlive the call, whatever the protocol does in
  /// it: a loop owns a transport until connection_lost() was called, and that is never in here.
  void read_ready();
  /// To be called when the socket is writable.
  void write_ready();
  /// Whether read_ready() would do anything (T3).
  bool wants_to_read() const noexcept { return started_ && !closing_ && !paused_ && !eof_seen_; }
  /// Whether connection_lost() was called or is queued (T1).
  bool lost() const noexcept { return lost_; }
  /// What its callbacks run in (S239).
  const Context& context() const noexcept { return context_; }
  /// The loop ends before the connection: drops protocol and server, and does nothing from now on.
  void let_go() noexcept;

 private:
  void start_reading();
  void watch_where_wanted();
  void receive_data();
  void receive_into_protocol();
  void on_eof();
  void send_or_keep(std::span<const std::string_view> pieces, const char* function);
  void refuse_write(std::span<const std::string_view> pieces, const char* function);
  void keep(std::span<const std::string_view> pieces, std::size_t sent);
  void fatal_error(const char* message);
  void lose_soon(std::exception_ptr error);
  void fail_sendfile(const std::exception_ptr& error);
  void call_connection_lost(const std::exception_ptr& error);

  AbstractEventLoop& loop_;
  Server server_;  // null once the connection is lost
  const Context context_;
  Protocol* stream_protocol_ = nullptr;  // what the protocol is, decided when it is set (S262)
  BufferedProtocol* buffered_protocol_ = nullptr;
  SendBuffer buffer_;
  int lost_writes_ = 0;   // how often write() was called after the end; decides when to warn (S264)
  bool started_ = false;  // reading has begun
  bool paused_ = false;   // by pause_reading()
  bool closing_ = false;
  bool lost_ = false;  // T1
  bool eof_written_ = false;
  bool eof_seen_ = false;  // T3
  bool aborted_ = false;
  bool sending_file_ = false;
  bool resume_after_file_ = false;  // it was not paused before
  Future<void> writable_;           // what until_writable() gave; empty at first
};

}  // namespace asyncio
