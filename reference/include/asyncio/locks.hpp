// locks.hpp: locks for tasks: who may go on, and who is woken when.
//
// Tasks of one loop never run at the same time, so these locks guard nothing against threads. They guard
// what must stay as it is across a suspension: read, await, write.
//
//     lock.acquire()         std::scoped_lock guard{lock};     // Python's `async with lock`
//     …                      …
//     lock.release()
//
// The surprise lies between release() and the moment the next task goes on: one iteration, in which the
// lock is free. Whoever asks in that iteration must not get it, or the woken task would find it taken. So
// acquire() looks at the line of waiters as well as at the lock. A semaphore solves the same problem the
// other way round: release() hands the permit to the waiter at once.
//
// The second surprise is cancelling. A task that was woken and then cancelled will not use what it was
// woken for, and has to pass it on; otherwise everybody behind it sleeps for ever.
//
//   K1  Nobody overtakes a task that is in line, asleep or woken (S194, S204).
//   K2  What a cancelled waiter was woken for goes to the next in line (S196, S201, S206).
//   K3  wait() of a Condition holds the lock when it returns and when it throws (S200).
//
// A lock may be destroyed only when no task stands in its line.
//
// Source: CPython Lib/asyncio/locks.py. Rules: S193 to S212.
#pragma once

#include <asyncio/mixins.hpp>
#include <asyncio/waiters.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace asyncio {

/// Mutual exclusion for tasks. Belongs to no task in particular: anybody may release it (S195).
class Lock : private LoopBoundMixin {
 public:
  Lock() : LoopBoundMixin("Lock") {}

  /// Takes the lock; strictly first come, first served.
  ///
  /// \return true
  /// \throws CancelledError  where the task is cancelled while it waits; the lock is not taken then
  /// \suspends until the lock is free and nobody is before this task; not at all where that is so already
  bool acquire();
  /// Frees the lock and wakes the first in line.
  ///
  /// \throws RuntimeError  where it is not locked
  void release();
  /// Whether it is taken.
  bool locked() const noexcept { return locked_; }

  /// acquire(), for std::scoped_lock, std::unique_lock and std::lock_guard. \suspends as acquire()
  void lock() { acquire(); }
  /// Takes the lock if acquire() would not have to wait; for std::scoped_lock over several locks.
  ///
  /// \return whether it was taken
  bool try_lock() noexcept;
  /// release(), for the destructors of those. It throws nothing: where release() would, because somebody
  /// else has released the lock meanwhile, the loop's exception handler is told.
  void unlock() noexcept;

  /// One line for reports: "<Lock [unlocked, waiters:2]>".
  std::string repr() const;

 private:
  friend class Condition;  // takes the lock back for a coroutine that is being destroyed

  bool locked_ = false;
  WaiterQueue waiters_;
};

/// Something that happens; tasks wait until it has.
class Event : private LoopBoundMixin {
 public:
  Event() : LoopBoundMixin("Event") {}

  /// Whether it has happened.
  bool is_set() const noexcept { return set_; }
  /// Wakes all who wait; who comes later does not wait. Nothing where it is set already.
  void set();
  /// From now on tasks wait again. Those who were woken go on all the same (S198).
  void clear() noexcept { set_ = false; }
  /// Waits until the event is set.
  ///
  /// \return true
  /// \suspends until set() is called; not at all where it was
  bool wait();
  /// One line for reports: "<Event [unset, waiters:2]>".
  std::string repr() const;

 private:
  bool set_ = false;
  WaiterQueue waiters_;
};

/// A lock together with a line of tasks that wait for something to change.
class Condition : private LoopBoundMixin {
 public:
  /// With a lock of its own.
  Condition();
  /// With a lock that others use too.
  ///
  /// \param lock  borrowed: must outlive this object
  explicit Condition(Lock& lock);

  /// The lock's own. \suspends as Lock::acquire()
  bool acquire() { return lock_->acquire(); }
  /// The lock's own: see Lock::release().
  void release() { lock_->release(); }
  /// The lock's own: see Lock::locked().
  bool locked() const noexcept { return lock_->locked(); }
  /// The lock's own, for std::scoped_lock. \suspends as Lock::acquire()
  void lock() { lock_->lock(); }
  /// The lock's own: see Lock::try_lock().
  bool try_lock() noexcept { return lock_->try_lock(); }
  /// The lock's own: see Lock::unlock().
  void unlock() noexcept { lock_->unlock(); }

  /// Frees the lock, waits to be notified, and takes the lock again (K3). May wake without reason (S201).
  ///
  /// \return true
  /// \throws RuntimeError    where the lock is free
  /// \throws CancelledError  where the task is cancelled; the lock is held again then
  /// \suspends until notified and the lock could be taken; once cancelled, until the lock could be taken
  bool wait();
  /// Waits until `predicate()` is true; it is called with the lock held, first at once.
  ///
  /// \return what the predicate returned last
  /// \suspends until the predicate is true
  template <class Predicate>
  auto wait_for(Predicate predicate) {
    auto result = predicate();
    while (!result) {
      wait();  // suspends
      result = predicate();
    }
    return result;
  }
  /// Wakes tasks that wait, in order. They go on when the caller has released the lock.
  ///
  /// \param n  how many at most
  /// \throws RuntimeError  where the lock is free
  void notify(std::size_t n = 1);
  /// Wakes all of them.
  void notify_all();
  /// One line for reports: "<Condition [locked, waiters:2]>".
  std::string repr() const;

 private:
  void take_lock_again(std::exception_ptr& error);

  std::optional<Lock> own_;
  Lock* lock_;  // own_ or borrowed; never null
  WaiterQueue waiters_;
};

/// A number of permits.
class Semaphore : private LoopBoundMixin {
 public:
  /// \param value  how many permits there are
  /// \throws std::invalid_argument  where that is negative
  explicit Semaphore(std::int64_t value = 1);
  virtual ~Semaphore() = default;

  /// Takes a permit; first come, first served.
  ///
  /// \return true
  /// \throws CancelledError  where the task is cancelled while it waits; no permit is taken then
  /// \suspends until there is a permit for this task; not at all where locked() is false
  bool acquire();
  /// Gives a permit, to the first in line where somebody waits (S205).
  virtual void release();
  /// Whether acquire() would have to wait.
  bool locked() const noexcept { return value_ == 0 || waiters_.has_live(); }

  /// acquire(), for std::scoped_lock. \suspends as acquire()
  void lock() { acquire(); }
  /// Takes a permit if acquire() would not have to wait. \return whether it was taken
  bool try_lock() noexcept;
  /// release(), for the destructor of that; reports instead of throwing, as Lock::unlock() does.
  void unlock() noexcept;
  /// One line for reports: "<Semaphore [unlocked, value:1]>".
  std::string repr() const;

 protected:
  /// How many permits are left.
  std::int64_t value() const noexcept { return value_; }
  /// \param value  permits at the beginning; not negative
  /// \param kind   the word for messages: "BoundedSemaphore"
  Semaphore(std::int64_t value, const char* kind);

 private:
  bool hand_over();

  std::int64_t value_;
  WaiterQueue waiters_;
};

/// A semaphore that never has more permits than at the beginning.
class BoundedSemaphore : public Semaphore {
 public:
  /// See Semaphore.
  explicit BoundedSemaphore(std::int64_t value = 1);

  /// \throws std::invalid_argument  where that would be more permits than at the beginning (S207)
  void release() override;

 private:
  std::int64_t bound_value_;
};

/// A place where tasks wait for each other: the first ones wait, the last one lets all go.
///
///     filling ── the last one arrives ──► draining ── the last one left ──► filling
///        └────── reset() ──► resetting ── the last one left ───────────────────┘
///     abort(): broken, until reset()
class Barrier {
 public:
  /// \param parties  how many tasks it takes
  /// \throws std::invalid_argument  where that is less than 1
  explicit Barrier(int parties);

  /// Waits for the others.
  ///
  /// \return the number of those who came before this task
  /// \throws BrokenBarrierError  where the barrier is broken, or is reset or aborted meanwhile
  /// \suspends until all have come; the last one not at all (S209)
  int wait();
  /// Sends all who wait away with BrokenBarrierError, and opens the barrier anew. \suspends for the barrier's lock
  void reset();
  /// The same, but leaves the barrier broken. \suspends for the barrier's lock
  void abort();

  /// How many tasks it takes.
  int parties() const noexcept { return parties_; }
  /// How many wait; 0 while they are leaving (S212).
  int n_waiting() const noexcept { return state_ == State::filling ? count_ : 0; }
  /// Whether abort() was called and reset() was not.
  bool broken() const noexcept { return state_ == State::broken; }
  /// One line for reports: "<Barrier [filling, waiters:1/3]>".
  std::string repr() const;

 private:
  enum class State { filling, draining, resetting, broken };

  void block();
  void leave();

  Condition condition_;
  int parties_;
  int count_ = 0;  // who is inside: waiting, or on the way out
  State state_ = State::filling;
};

}  // namespace asyncio
