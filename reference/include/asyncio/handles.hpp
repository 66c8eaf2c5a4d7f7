// handles.hpp: handles, the promises that a loop keeps.
//
// Whatever a loop does, it does by running a handle: a call_soon(), a timer that came due, a socket
// that became readable, one more step of a task. A handle lives like this:
//
//     call_soon ───────────────────────────────┐
//     call_at ────► heap ─── is due ───────────┼──► ready queue ───► run() ───► gone
//     add_done_callback ─► future ─ is done ───┘
//
// cancel() does not search those queues. It empties the handle and leaves it where it lies; the loop
// drops it when it comes past. That makes cancelling O(1), and nearly every timeout is cancelled. The
// price is a heap that fills with empty timers: BaseEventLoop::run_once() says when it sweeps them out.
//
//   H1  A callback runs at most once.
//   H2  A cancelled handle keeps nothing alive: what its callback captured is gone after cancel().
//   H3  Running a handle throws nothing but KeyboardInterrupt and SystemExit: any other exception
//       belongs to the loop's exception handler.
//
// Source: CPython Lib/asyncio/events.py, Handle, TimerHandle, _ThreadSafeHandle. Rules: S16 to S23.
#pragma once

#include <asyncio/callback.hpp>
#include <asyncio/clock.hpp>
#include <asyncio/contextvars.hpp>
#include <asyncio/ref.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace asyncio {

class AbstractEventLoop;
class HandleState;  // handle_state.hpp
class TimerState;

/// A callback that the loop has promised to run; what call_soon() returns. Copies are the same promise.
class Handle {
 public:
  /// No handle: converts to false.
  Handle() noexcept;
  /// For those who write loops: a handle that is not yet in any queue.
  ///
  /// \param callback  what to run
  /// \param loop      whose exception handler hears of what it throws
  /// \param context   what it runs in
  Handle(Callback callback, AbstractEventLoop& loop, Context context);

  /// Takes the promise back. After the callback has run, this changes only what cancelled() says.
  void cancel() const;
  /// Whether cancel() was called.
  bool cancelled() const noexcept;
  /// The context that the callback runs in.
  Context get_context() const;
  /// For those who write loops: runs the callback in its context, unless it was cancelled (H1, H3).
  void run() const;
  /// One line for reports: "<Handle>", "<Handle cancelled>"; in debug mode also where it was made.
  std::string repr() const;

  /// Whether this is a handle.
  explicit operator bool() const noexcept { return state_.operator bool(); }
  /// Equal where both are the same promise.
  friend bool operator==(const Handle&, const Handle&) = default;

  /// The part behind the handle, for those who write loops.
  HandleState* get() const noexcept { return state_.get(); }
  /// A handle for a part that exists already.
  explicit Handle(Ref<HandleState> state) noexcept;

  /// The same promise.
  Handle(const Handle&) noexcept;
  /// Takes the promise over; the other is no handle afterwards.
  Handle(Handle&&) noexcept;
  /// Becomes the same promise as the other.
  Handle& operator=(Handle) noexcept;
  ~Handle();

 protected:
  /// The part behind the handle; null: no handle.
  Ref<HandleState> state_;
};

/// A callback that the loop has promised to run at a certain time; what call_later() and call_at() return.
class TimerHandle : public Handle {
 public:
  /// No handle: converts to false.
  TimerHandle() = default;
  /// For those who write loops: a timer that is not yet in a heap.
  TimerHandle(TimePoint when, Callback callback, AbstractEventLoop& loop, Context context);

  /// A handle for a part that exists already.
  explicit TimerHandle(Ref<TimerState> state) noexcept;

  /// The time on the loop's clock at which the callback is due.
  TimePoint when() const noexcept;

  /// Timers are ordered by their times. Equal are only copies: two timers of one time are neither less, nor equal.
  friend bool operator<(const TimerHandle& a, const TimerHandle& b) noexcept { return a.when() < b.when(); }
  /// See operator<().
  friend bool operator>(const TimerHandle& a, const TimerHandle& b) noexcept { return b < a; }
  /// See operator<().
  friend bool operator<=(const TimerHandle& a, const TimerHandle& b) noexcept { return a < b || a == b; }
  /// See operator<().
  friend bool operator>=(const TimerHandle& a, const TimerHandle& b) noexcept { return b <= a; }
};

}  // namespace asyncio

/// Handles are hashed by identity: the order of an unordered container of them differs from run to run, so do not let
/// it decide anything.
template <>
struct std::hash<asyncio::Handle> {
  /// A hash of its identity.
  std::size_t operator()(const asyncio::Handle& handle) const noexcept {
    return std::hash<const void*>{}(handle.get());
  }
};
/// Timers are hashed by their times, as in asyncio.
template <>
struct std::hash<asyncio::TimerHandle> {
  /// A hash of its time.
  std::size_t operator()(const asyncio::TimerHandle& handle) const noexcept {
    return std::hash<asyncio::Duration::rep>{}(handle.when().time_since_epoch().count());
  }
};
