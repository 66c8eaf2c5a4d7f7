// timer_heap.hpp: the timers of a loop, the earliest on top.
//
// A heap with four children a node instead of two: half as deep, and the four keys that are compared lie
// side by side. The key (time and sequence number) is stored in the heap itself, so that comparing does
// not touch the timers. Equal times come out in the order in which they were added: asyncio leaves this
// open (S12, S352), and insertion order is the answer that surprises nobody.
//
// Cancelled timers stay where they lie until they come to the top, or until sweep() finds that they are
// more than half of a heap of more than a hundred (S20). Most timers are timeouts, and most timeouts are
// cancelled: removing each at once would cost a walk through the heap every time.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/handle_state.hpp>
#include <asyncio/ref.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio {

/// Below this many timers the heap is never swept (S20).
inline constexpr std::size_t MIN_SCHEDULED_TIMER_HANDLES = 100;
/// Sweep when more than one in this many is cancelled: asyncio's fraction of 0.5.
inline constexpr std::size_t MIN_CANCELLED_TIMER_HANDLES_FRACTION_INVERSE = 2;

/// A priority queue of timers by time, then by order of addition.
class TimerHeap {
 public:
  /// Whether no timer waits.
  bool empty() const noexcept { return entries_.empty(); }
  /// How many timers wait, cancelled ones included.
  std::size_t size() const noexcept { return entries_.size(); }
  /// How many of them are cancelled (asyncio's _timer_cancelled_count).
  std::size_t cancelled_count() const noexcept { return cancelled_count_; }

  /// Adds a timer, behind those of the same time.
  void push(Ref<TimerState> timer);
  /// The earliest time. The heap must not be empty.
  TimePoint next_time() const noexcept { return entries_.front().when; }
  /// Whether the earliest timer is cancelled.
  bool next_cancelled() const noexcept { return entries_.front().timer->cancelled(); }
  /// Takes the earliest timer out. The heap must not be empty.
  Ref<TimerState> pop();

  /// Counts one more cancelled timer.
  void count_cancelled() noexcept { ++cancelled_count_; }
  /// Removes cancelled timers: all of them where they are too many, else those on top (S20, S21).
  void sweep();
  /// Drops everything without running it.
  void clear() noexcept;

 private:
  struct Entry {
    TimePoint when;
    std::uint64_t sequence;
    Ref<TimerState> timer;
  };
  static bool earlier(const Entry& a, const Entry& b) noexcept;
  void sift_up(std::size_t index) noexcept;
  void sift_down(std::size_t index) noexcept;
  void remove_cancelled();

  std::vector<Entry> entries_;
  std::uint64_t next_sequence_ = 0;
  std::size_t cancelled_count_ = 0;
};

}  // namespace asyncio
