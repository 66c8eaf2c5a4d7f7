// waiters.hpp: the tasks that wait for one thing, in the order in which they came.
//
// Every lock and every queue keeps such a line. In asyncio it is a deque of futures. Here the place in
// line lies on the stack of the task that waits, where a local variable may stay for as long as the wait
// lasts; so joining and leaving allocate nothing and search nothing.
//
//     WaiterQueue ──► Waiter ◄──► Waiter ◄──► Waiter          each on the stack of another task
//                       │            │           │
//                     future       future      future         what that task awaits
//
// To wake somebody is to complete the future, no more: the task goes on in the next iteration, and until
// then it stays in line. So "in line" does not mean "asleep", and the rules about overtaking (S194, S204)
// look at exactly this difference.
//
//   W1  A Waiter is in line from its construction until leave(), pop, or its destruction.
//   W2  The line is in order of arrival; waking and cancelling never reorder it (S197).
//
// Source: the futures in `_waiters`, `_getters`, `_putters` of CPython Lib/asyncio/locks.py and queues.py.
#pragma once

#include <asyncio/futures.hpp>

#include <cstddef>

namespace asyncio {

class Waiter;

/// A line of waiting tasks.
class WaiterQueue {
 public:
  WaiterQueue() = default;
  WaiterQueue(const WaiterQueue&) = delete;
  WaiterQueue& operator=(const WaiterQueue&) = delete;

  bool empty() const noexcept { return first_ == nullptr; }
  /// How many stand in line, those who were woken or cancelled and have not gone on yet included.
  std::size_t size() const noexcept;
  /// Whether somebody in line was not cancelled: asleep, or woken and about to go on.
  bool has_live() const noexcept;

  /// Wakes the very first in line; nobody where that one is woken or cancelled already.
  void wake_first();
  /// Wakes the first who is still asleep. \return whether there was one
  bool wake_next();
  /// The same, and takes everybody up to that one out of line.
  bool pop_next();
  /// Wakes up to `count` who are asleep, from the front.
  void wake(std::size_t count);
  /// Wakes all who are asleep.
  void wake_all() { wake(static_cast<std::size_t>(-1)); }

 private:
  friend class Waiter;  // links itself

  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

/// A place in line, on the stack of the task that waits.
class Waiter {
 public:
  /// Joins the line at its end.
  Waiter(WaiterQueue& queue, AbstractEventLoop& loop);
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { leave(); }

  /// Waits to be woken.
  ///
  /// \throws CancelledError  where the task is cancelled, even after it was woken (S106)
  /// \suspends until woken
  void wait() const { await(future_); }
  /// Leaves the line. Again is harmless.
  void leave() noexcept;
  /// Whether somebody woke this one, and meant it to have what it waits for.
  bool woken() const { return future_.done() && !future_.cancelled(); }

 private:
  friend class WaiterQueue;

  WaiterQueue* queue_;  // null once it has left
  Waiter* previous_;
  Waiter* next_ = nullptr;
  Future<void> future_;
};

}  // namespace asyncio
