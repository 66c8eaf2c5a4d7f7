// stream_flow_control.hpp: the protocol's half of flow control: what drain() waits for.
//
//     transport:  buffer > high ─► pause_writing()            buffer <= low ─► resume_writing()
//                                       │                                          │
//     program:    write(); drain() ── waits …………………………………………………………………… returns
//
// The transport's half, which decides when, is FlowControlMixin in transports.hpp. asyncio has two
// classes of that name as well, one in transports.py and one in streams.py. The one from streams.py
// is in a namespace of that name here.
//
//   D1  A task is in drain_helper() only while writing is paused, or from then until its next step.
//   D2  After connection_lost() nobody waits here.
//
// Source: CPython Lib/asyncio/streams.py, FlowControlMixin. Rules: S337, S338.
#pragma once

#include <asyncio/futures.hpp>
#include <asyncio/waiters.hpp>

#include <exception>

namespace asyncio {

class StreamWriter;

namespace streams {

/// For those who write protocols that a StreamWriter is to write through: remembers whether writing
/// is paused.
///
/// Not a protocol itself, so that it goes with any kind of protocol: the deriving class's
/// pause_writing(), resume_writing() and connection_lost() call the functions of the same name
/// here.
class FlowControlMixin {
 public:
  virtual ~FlowControlMixin();

  /// Makes drain_helper() wait from now on.
  void pause_writing() noexcept { paused_ = true; }
  /// Lets go everybody who waits.
  void resume_writing();
  /// Lets go everybody who waits: normally where `error` is null, else with it (S338, D2).
  void connection_lost(const std::exception_ptr& error);

  /// Waits until writing is not paused. Any number of tasks may wait. The caller keeps this object
  /// alive.
  ///
  /// \throws std::system_error  ECONNRESET, where the connection was lost before the call
  /// \throws (anything)         that the connection is lost with meanwhile
  /// \suspends until resume_writing() or connection_lost(); not at all where writing is not paused
  void drain_helper();

  /// Whether drain_helper() would return at once, without an error.
  bool drained() const noexcept { return !paused_ && !connection_lost_; }

  /// What StreamWriter::wait_closed() waits for.
  ///
  /// \param writer  who asks: a protocol may serve several
  virtual Future<void> get_close_waiter(const StreamWriter& writer) = 0;

 private:
  WaiterQueue drain_waiters_;
  bool paused_ = false;
  bool connection_lost_ = false;
  std::exception_ptr lost_while_paused_;  // what those who were waiting when the connection ended are to throw
};

}  // namespace streams
}  // namespace asyncio
