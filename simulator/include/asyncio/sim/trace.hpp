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
  run_start,
  run_end,
  clock,
  host_start,
  host_crash,
  host_pause,
  host_resume,
  host_end,
  task_register,
  task_enter,
  task_leave,
  task_unregister,
  choice,
  connect,
  accept,
  refuse,
  send,
  deliver,
  hold,
  eof,
  close,
  reset,
  partition,
  repair,
  observe,
  check,
  failure,
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
  std::vector<TraceEvent> events;

  /// One line an event, for people.
  void write_text(std::ostream& out) const;
  /// One JSON object a line, the first with the format's version: for programs.
  void write_json(std::ostream& out) const;
};

}  // namespace asyncio::sim
