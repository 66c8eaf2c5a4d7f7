// signal_queue.hpp: the signals that have arrived and that no iteration has seen yet, the oldest first.
//
// CPython's handler writes the signal's number into a pipe, and the loop reads what is in there. So a program hears
// of a signal as often as it was raised, and in that order, as far as the kernel itself does not merge them. A queue
// in memory does the same without a system call.
//
//     handlers, on any thread, one inside another ──► push() ──► ring ──► pop() ◄── an iteration of the loop
//                                                        └── full ──► a bit for each number
//
// The writers reserve a place first, and then write into it. One that was interrupted in between leaves an empty
// place for a moment: the reader stops there, and the writer rings the loop's bell when it has written.
//
//   K1  What was pushed is popped: by itself while there is room, afterwards once for each number.
//   K2  A place is reserved only while it is free: end_ - begin_ <= ROOM.
//
// Source: CPython Modules/signalmodule.c, trip_signal; Lib/asyncio/unix_events.py, _process_self_data. Rules: S326.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace asyncio {

/// Many writers, which may be signal handlers, and one reader.
class SignalQueue {
 public:
  /// Notes a signal. For signal handlers: neither locks nor allocates.
  ///
  /// \param signal  1 to 64
  void push(int signal) noexcept {
    const std::uint32_t begin = begin_;  // read first: what is read late may only make it look fuller (K2)
    std::uint32_t place = end_;
    do {
      if (place - begin >= ROOM) {
        merged_ |= std::uint64_t{1} << (signal - 1);
        return;
      }
    } while (!end_.compare_exchange_weak(place, place + 1));
    ring_[place % ROOM] = static_cast<std::uint8_t>(signal);
  }

  /// Whether pop() would give nothing. Cheap: each iteration asks.
  bool empty() const noexcept {
    const std::uint32_t begin = begin_.load(std::memory_order_relaxed);
    return ring_[begin % ROOM].load(std::memory_order_relaxed) == 0 && merged_.load(std::memory_order_relaxed) == 0;
  }

  /// Takes the oldest one. For the loop's thread.
  ///
  /// \return  its number; 0 where there is none
  int pop() noexcept {
    const std::uint32_t begin = begin_;
    if (const int signal = ring_[begin % ROOM].exchange(0)) {
      begin_ = begin + 1;
      return signal;
    }
    const std::uint64_t merged = merged_;
    if (merged == 0) return 0;
    const int index = std::countr_zero(merged);
    merged_ &= ~(std::uint64_t{1} << index);
    return index + 1;
  }

 private:
  static constexpr std::uint32_t ROOM = 256;  // a power of two, so that the counters may overflow

  std::array<std::atomic<std::uint8_t>, ROOM> ring_{};  // 0: free, or reserved and not written yet
  std::atomic<std::uint32_t> begin_ = 0;                // the oldest place that is in use
  std::atomic<std::uint32_t> end_ = 0;                  // the first that is not reserved
  std::atomic<std::uint64_t> merged_ = 0;               // bit n-1: signal n came while the ring was full
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
};

}  // namespace asyncio
