// unix_pipes.hpp: transports for one direction: pipes, and what reads and writes as a pipe does.
//
//     UnixReadPipeTransport    reader ──► read() ──┬─ bytes ──► data_received()
//                                                  └─ end ────► eof_received(), connection_lost(null)
//
//     UnixWritePipeTransport   write() ──► write(2) ──► rest into buffer_ ──► writer: write_ready()
//                              reader ──► nobody reads any more ──► connection_lost(EPIPE)
//
// The surprise is the second one's reader. The writing end of a pipe never has anything to read, but the
// kernel reports it as readable, and in error, when the last reader has gone. So somebody who has nothing to
// write is told as well. For a socket this means that a peer that sends something counts as gone.
//
//   U1  connection_lost() is called once; lost_ says that it was, or is queued.
//   U2  The descriptor is open until connection_lost() has returned, or the loop is closed.
//   U3  loop_ is null exactly when the descriptor is closed. Every function does nothing then.
//   U4  There is a writer exactly while buffer_ has something in it.
//
// Source: CPython Lib/asyncio/unix_events.py, _UnixReadPipeTransport, _UnixWritePipeTransport. Rules: S309 to S314.
#pragma once

#include "descriptor.hpp"
#include "open_transports.hpp"

#include <asyncio/events.hpp>
#include <asyncio/stream_transport.hpp>
#include <asyncio/transports.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <string_view>

namespace asyncio {

/// The descriptor of a pipe transport.
class PipeEnd {
 public:
  /// Takes over a descriptor, or the one that `owner` has, and makes it non-blocking.
  ///
  /// \throws std::invalid_argument  with `refusal`, where it is no pipe, socket or character device (S309)
  /// \throws std::system_error      where there is no such descriptor; in both cases nothing was taken over
  PipeEnd(int descriptor, Socket owner, const char* refusal);

  int fileno() const noexcept { return fileno_; }
  /// Whether the system reports the end of the other side, as it does for everything but character devices.
  bool reports_hang_up() const noexcept { return reports_hang_up_; }
  void close() noexcept;

 private:
  int fileno_;
  bool reports_hang_up_ = false;
  Descriptor own_;  // one of these two has the descriptor
  Socket owner_;
};

/// What both transports have in common: a descriptor, and the ways in which it ends.
///
/// \tparam Base  the interface with its flow control, if it has any
template <class Base>
class UnixPipeTransport : public Base, public OpenTransport {
 public:
  /// \param name  of the class, for messages
  /// \param base  what the constructor of Base needs
  template <class... BaseArguments>
  UnixPipeTransport(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe, const char* name,
                    BaseArguments&... base);

  bool is_closing() const override { return closing_; }
  void loop_closed() noexcept override;

 protected:
  /// Ends the connection soon, unless that is so already (U1). Nothing is watched from now on.
  void close_with(std::exception_ptr error);
  /// Ends it now: lost_ was set before.
  void call_connection_lost(const std::exception_ptr& error);
  /// Drops what was not written.
  virtual void clear_buffer() noexcept {}

  AbstractEventLoop* loop_;  // U3
  PipeEnd pipe_;
  bool closing_ = false;
  bool lost_ = false;  // U1

 private:
  void let_go() noexcept;

  OpenTransports& open_;  // used only while loop_ is there
  const char* const name_;
};

/// Reads from a pipe.
class UnixReadPipeTransport final : public UnixPipeTransport<ReadTransport> {
 public:
  UnixReadPipeTransport(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe);

  /// Makes a transport, and has the loop call connection_made(), begin to read and complete `made`, in this order.
  static std::shared_ptr<UnixReadPipeTransport> start(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe,
                                                      std::shared_ptr<BaseProtocol> protocol, Future<void> made);

  void close() override;
  bool is_reading() const override { return !paused_ && !closing_; }
  void pause_reading() override;
  void resume_reading() override;

 private:
  std::shared_ptr<UnixReadPipeTransport> self();
  void add_reader();
  void read_ready();
  void receive(std::string_view data);
  void end_of_file();
  void fatal_error(int error, const char* call);

  std::unique_ptr<char[]> bytes_;  // what is being read; null before the first read
  bool paused_ = false;            // by pause_reading()
};

/// Writes to a pipe.
class UnixWritePipeTransport final : public UnixPipeTransport<FlowControlMixin<WriteTransport>> {
 public:
  UnixWritePipeTransport(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe);

  /// Makes a transport, and has the loop call connection_made(), watch for the end of the reader and complete `made`,
  /// in this order.
  static std::shared_ptr<UnixWritePipeTransport> start(AbstractEventLoop& loop, OpenTransports& open, PipeEnd pipe,
                                                       std::shared_ptr<BaseProtocol> protocol, Future<void> made);

  /// The same as write_eof() (S314).
  void close() override { write_eof(); }
  void abort() override;
  void write(std::string_view data) override;
  void write_eof() override;
  bool can_write_eof() const override { return true; }
  std::size_t get_write_buffer_size() const override { return buffer_.size(); }

 private:
  std::shared_ptr<UnixWritePipeTransport> self();
  void watch_reader();
  void read_ready();
  void write_ready();
  void add_to_buffer(std::string_view data);
  void clear_buffer() noexcept override;

  SendBuffer buffer_;       // what the pipe has not taken yet
  int dropped_writes_ = 0;  // after the end; decides when to warn
};

}  // namespace asyncio
