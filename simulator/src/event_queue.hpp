// event_queue.hpp: what will happen in a world outside its hosts, in the order in which it will.
//
// Timers belong to the loops. Everything else that has a time is in here: messages on their way, and what at()
// was given. Two events of one time happen in the order in which they were added, which is a property of the
// execution; an order that a program must not rely on is chosen elsewhere (ChoiceKind::io).
//
//   Q1  Events come out by time, then by order of addition: the key is total, so no heap of any library can
//       tell its own mind.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/ref.hpp>

#include <cstdint>
#include <vector>

namespace asyncio::sim {

/// Something that will happen in a world.
class WorldEvent : public RefCounted {
 public:
  /// Happens. Runs outside every host.
  virtual void happen() = 0;
  /// Whether there is nothing left to do: then it counts neither as due nor as something to come.
  virtual bool cancelled() const noexcept { return false; }
};

/// A priority queue of events by time, then by order of addition (Q1).
class EventQueue {
 public:
  void push(TimePoint when, Ref<WorldEvent> event);
  /// When the next event happens; TimePoint::max() where none is to come.
  TimePoint next_time();
  /// Takes the next event out. There must be one.
  Ref<WorldEvent> pop();
  void clear() noexcept { std::vector<Entry>().swap(entries_); }

 private:
  struct Entry {
    TimePoint when;
    std::uint64_t sequence;
    Ref<WorldEvent> event;
  };
  static bool later(const Entry& a, const Entry& b) noexcept;

  std::vector<Entry> entries_;  // a heap of the standard library
  std::uint64_t next_sequence_ = 0;
};

}  // namespace asyncio::sim
