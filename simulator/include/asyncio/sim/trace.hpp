// trace.hpp: what happened in an execution, event by event.
//
// Every event is folded into a hash as it happens; the events themselves are kept only where somebody
// asked for them. Events hold names, numbers and virtual times, never an address, a thread or a clock of the
// machine, so the same tape gives the same bytes everywhere.
#pragma once

#include <asyncio/clock.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::sim {

/// What an event tells.
enum class EventKind : std::uint8_t {
  run_start,        ///< the execution begins
  run_end,          ///< it has ended; `a`: turns taken
  clock,            ///< virtual time has moved on; `a`: to this many nanoseconds
  host_start,       ///< a host's main begins; `a`: 1 at the first start, 2 after a restart
  host_crash,       ///< a host has died
  host_pause,       ///< a host stands still
  host_resume,      ///< it goes on
  host_end,         ///< a host's main has returned
  task_register,    ///< a task was made; `subject`: its name
  task_enter,       ///< a step of a task begins
  task_leave,       ///< that step has ended: the task waits, or is done
  task_unregister,  ///< a task is done
  choice,           ///< a choice was made; `a` of `b` ways
  connect,          ///< a host opens a connection
  accept,           ///< the other end has it
  refuse,           ///< nobody listens there
  send,             ///< bytes were written, or a datagram was sent; `b`: how many bytes
  deliver,          ///< it has arrived; `b`: how many bytes
  hold,             ///< a path is held (`a` 1) or released (0)
  eof,              ///< one end will send no more
  close,            ///< one end has closed
  reset,            ///< a connection was cut
  partition,        ///< a path is cut
  repair,           ///< a path is whole again
  observe,          ///< the program said observe()
  check,            ///< never recorded: a check that fails is a `failure`
  failure,          ///< the execution has failed; `subject`: the kind
  job_begin,        ///< a job in an executor cannot be cancelled any more; `a`: its number on the host
  job_end,          ///< its function has run
  drop,             ///< a datagram is lost; `b`: how many bytes were in it
};

/// "task_enter", "deliver", …
std::string_view to_string(EventKind kind) noexcept;

/// One event of a trace.
struct TraceEvent {
  std::size_t step = 0;      ///< the turn in which it happened, from 1; 0 before the first
  TimePoint time{};          ///< virtual time
  EventKind kind{};          ///< what happened
  std::string host = {};     ///< where; empty for the world
  std::string subject = {};  ///< the task, the connection, the name observed
  std::string detail = {};   ///< what about it: "42 bytes", "balance=7"
  std::uint64_t a = 0;       ///< a number: of a task, of a connection, the way picked
  std::uint64_t b = 0;       ///< a number: bytes, ways
};

/// The events of an execution, in order; empty unless RunOptions::trace asked for them.
struct Trace {
  std::vector<TraceEvent> events;  ///< the events

  /// One line an event, for people.
  void write_text(std::ostream& out) const;
  /// One JSON object a line, the first with the format's version: for programs.
  void write_json(std::ostream& out) const;
};

}  // namespace asyncio::sim
