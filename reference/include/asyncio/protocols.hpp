// protocols.hpp: what a transport calls when something happens to it.
//
// A transport and a protocol are the two halves of a connection. The transport moves bytes and
// knows nothing of what they mean; the protocol knows what they mean and moves nothing. The program
// derives from one of the classes below and overrides what it wants to hear of; everything has an
// empty default.
//
//     connection_made ─► data_received … ─► eof_received? ─► connection_lost
//            └── pause_writing ⇄ resume_writing, in turns, between the two ends ──┘
//
// All of these are called by the loop, one at a time. What may surprise is pause_writing(): it is
// called in the middle of the write() that filled the buffer, because a call that came later would
// come too late to stop a program that writes without a pause.
//
//   P1  connection_made() comes first and once, connection_lost() last and once.
//   P2  After eof_received() nothing more is received.
//   P3  pause_writing() and resume_writing() alternate.
//
// The transport owns its protocol until connection_lost() has returned, and then lets go of it. So
// a protocol may keep the transport it was given, although the two then own each other: the
// transport ends that.
//
// Source: CPython Lib/asyncio/protocols.py. Rules: S253 to S262, S287 to S289.
#pragma once

#include <asyncio/sockets.hpp>

#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace asyncio {

class BaseTransport;

/// What every protocol hears of. A protocol for something that is only written to derives from this
/// directly.
class BaseProtocol {
 public:
  BaseProtocol() = default;
  BaseProtocol(const BaseProtocol&) = delete;
  BaseProtocol& operator=(const BaseProtocol&) = delete;
  virtual ~BaseProtocol();

  /// The connection is there (P1).
  ///
  /// \param transport  the other half; std::dynamic_pointer_cast gives the kind one expects
  virtual void connection_made(std::shared_ptr<BaseTransport> transport);
  /// The connection is gone (P1).
  ///
  /// \param error  what ended it; null after close(), abort() or the other side's end (S257)
  virtual void connection_lost(std::exception_ptr error);
  /// The buffer for writing holds more than the high mark: please stop (P3). Called from inside
  /// write() (S267).
  virtual void pause_writing();
  /// It holds the low mark or less: please go on (P3).
  virtual void resume_writing();
};

/// The protocol of a stream of bytes.
class Protocol : public BaseProtocol {
 public:
  /// Some bytes have arrived; at least one.
  ///
  /// \param data  valid during the call only
  virtual void data_received(std::string_view data);
  /// The other side will send no more (P2).
  ///
  /// \return true to keep the connection open for writing; false lets the transport close it (S261)
  virtual bool eof_received();
  /// For start_tls() of a server: gives up what it was told and has not made use of. A client that does not wait may
  /// send the beginning of TLS right behind its request for it, and the protocol has received both (S301).
  ///
  /// \return  the bytes, which belong to TLS; nothing unless overridden
  virtual std::string take_unread();
};

/// The protocol of a stream of bytes that are received into memory of the protocol's own.
class BufferedProtocol : public BaseProtocol {
 public:
  /// Memory for the next bytes.
  ///
  /// \param sizehint  how many bytes may come; -1 where that is not known (S262)
  /// \return          where to put them; an empty span is a fatal error
  virtual std::span<char> get_buffer(std::ptrdiff_t sizehint);
  /// Some bytes were put into what get_buffer() gave.
  virtual void buffer_updated(std::size_t bytes);
  /// See Protocol::eof_received().
  virtual bool eof_received();
};

/// The protocol of datagrams.
class DatagramProtocol : public BaseProtocol {
 public:
  /// A datagram has arrived; it may be empty.
  ///
  /// \param data     valid during the call only
  /// \param address  who sent it
  virtual void datagram_received(std::string_view data, const Address& address);
  /// Sending or receiving failed; the endpoint stays open (S287).
  ///
  /// \param error  holds a std::system_error
  virtual void error_received(std::exception_ptr error);
};

/// The protocol of a child process.
class SubprocessProtocol : public BaseProtocol {
 public:
  /// The child has written something.
  ///
  /// \param fd    the child's descriptor: 1 for its output, 2 for its errors
  /// \param data  valid during the call only
  virtual void pipe_data_received(int fd, std::string_view data);
  /// One of the child's pipes was closed: that of its descriptor `fd`, by `error` where that is not null.
  virtual void pipe_connection_lost(int fd, std::exception_ptr error);
  /// The child has ended. What it wrote before may still arrive after this.
  virtual void process_exited();
};

/// For those who write transports: copies `data` into the buffers of a BufferedProtocol, piece by
/// piece.
///
/// \throws RuntimeError  where get_buffer() gives an empty buffer
/// \source CPython Lib/asyncio/protocols.py, _feed_data_to_buffered_proto
void feed_data_to_buffered_proto(BufferedProtocol& protocol, std::string_view data);

}  // namespace asyncio
