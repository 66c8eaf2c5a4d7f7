// waiting.hpp: waiting for futures without being bound to them.
//
// await() binds: who cancels the waiter cancels what it waits for, and an exception of the one is thrown
// into the other. The four functions here loosen that in different ways:
//
//     wait()          for several; throws none of their errors, cancels none of them
//     as_completed()  for several, one after the other, as they end
//     shield()        for one, which a cancellation of the waiter does not reach
//     wait_for()      for one, but not longer than a given time; it is cancelled then
//
// wait() always suspends, even where all futures are done already: it hears of their end through the loop
// like everybody else (S148).
//
//   M1  Whatever way wait() and as_completed() are left, their callbacks and timers are gone (S145).
//   M2  None of these functions but wait_for() ever cancels a future it was given.
//   M3  An edge of the call graph lives as long as the callback beside it (S344).
//
// Where asyncio has sets, we keep the order of the arguments, without repetitions: done and pending come
// out in that order, so that a program does the same in every run (S353).
//
// Source: CPython Lib/asyncio/tasks.py, wait, wait_for, shield, as_completed. Rules: S144 to S160.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/timeouts.hpp>

#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace asyncio {

/// Wakes the task that awaits `waiter`, unless that is done already: what the timer of a wait calls.
///
/// \source CPython Lib/asyncio/tasks.py, _release_waiter
inline void release_waiter(const Future<void>& waiter) {
  if (!waiter.done()) waiter.set_result();
}

/// When wait() returns.
enum class ReturnWhen {
  all_completed,    ///< when all are done
  first_completed,  ///< when one is done, be it cancelled
  first_exception,  ///< when one has failed, or all are done; a cancelled one has not failed
};
inline constexpr ReturnWhen ALL_COMPLETED = ReturnWhen::all_completed;      ///< asyncio's name for it
inline constexpr ReturnWhen FIRST_COMPLETED = ReturnWhen::first_completed;  ///< asyncio's name for it
inline constexpr ReturnWhen FIRST_EXCEPTION = ReturnWhen::first_exception;  ///< asyncio's name for it

/// The keywords of wait().
struct WaitOptions {
  std::optional<Delay> timeout = {};       ///< return after this at the latest; empty: no limit
  ReturnWhen return_when = ALL_COMPLETED;  ///< what to wait for
};

/// What wait() found: every future is in one of the two, in the order of the arguments.
template <class F>
struct WaitResult {
  std::vector<F> done;     ///< those that are done
  std::vector<F> pending;  ///< those that are not
};

/// The futures in their order, each once.
template <class F>
std::vector<F> distinct(std::vector<F> futures) {
  std::set<AnyFuture> seen;
  std::erase_if(futures, [&](const F& future) { return !seen.insert(future).second; });
  return futures;
}

/// The part of wait() that needs no types. \suspends see wait()
void wait_untyped(const std::vector<AnyFuture>& futures, const WaitOptions& options);

/// Waits for several futures or tasks, without touching any of them (M2).
///
/// \param futures  at least one; tasks, futures, or a mixture as AnyFuture
/// \param options  how long, and for what
/// \return         which of them are done, when the waiting task goes on (S147)
/// \throws std::invalid_argument  where `futures` is empty, or `return_when` is none of the three
/// \throws CancelledError         where the waiting task is cancelled; the futures go on
/// \suspends always; until enough of them are done or the time is over
template <class F>
  requires std::is_base_of_v<AnyFuture, F>
WaitResult<F> wait(std::vector<F> futures, WaitOptions options = {}) {
  futures = distinct(std::move(futures));
  wait_untyped({futures.begin(), futures.end()}, options);  // suspends
  WaitResult<F> result;
  for (F& future : futures) (future.done() ? result.done : result.pending).push_back(std::move(future));
  return result;
}

/// The same for a list in braces: wait({a, b}). \suspends always
template <class F>
  requires std::is_base_of_v<AnyFuture, F>
WaitResult<F> wait(std::initializer_list<F> futures, WaitOptions options = {}) {
  return wait(std::vector<F>(futures), options);
}
/// The same for a set, such as all_tasks(). \suspends always
template <class F>
  requires std::is_base_of_v<AnyFuture, F>
WaitResult<F> wait(const std::set<F>& futures, WaitOptions options = {}) {
  return wait(std::vector<F>(futures.begin(), futures.end()), options);
}

/// Cancels a future and waits until it has ended. Throws nothing of what it ended with.
///
/// \throws CancelledError  where the waiting task is cancelled meanwhile
/// \suspends until `future` is done; always
void cancel_and_wait(const AnyFuture& future);

/// Waits for a callable or a future, but not longer than a given time.
///
/// A callable is called right here, in the calling task, inside timeout() (S149). With a timeout of zero or
/// less it never starts (S150). What does not end in time is cancelled, and waited for until it has ended:
/// a value that it returns all the same is returned (S151).
///
/// \param awaitable  a nullary callable, a Future or a Task
/// \param timeout    from now on; empty: no limit
/// \return           what the callable returned, or the future holds
/// \throws TimeoutError  where it did not end in time
/// \throws RuntimeError  outside a task (S152)
/// \throws (anything)    that it ended with
/// \suspends until it has ended
template <Awaitable A>
Awaited<A> wait_for(A&& awaitable, std::optional<Delay> timeout) {
  if (!timeout || Duration(*timeout) > Duration::zero()) {
    return asyncio::timeout(timeout, [&] { return await(awaitable); });
  }
  const auto future = ensure_future(std::forward<A>(awaitable));
  if (future.done()) return future.result();
  cancel_and_wait(future);  // suspends
  try {
    return future.result();
  } catch (const CancelledError&) {
    std::throw_with_nested(TimeoutError());
  }
}

/// The part of shield() that needs no types: has `inner` tell `outer`, until `outer` is done.
///
/// \param copy_result  puts the result of its first argument into its second
void shield_untyped(const AnyFuture& inner, const AnyFuture& outer,
                    void (*copy_result)(const AnyFuture& from, const AnyFuture& to));

/// A future that ends as `awaitable` does, but whose cancellation does not reach it.
///
/// Keep the inner task: once nobody awaits the outer future, nobody else holds it (S156).
///
/// \param awaitable  a callable, which becomes a task, or a future
/// \return           that very future, where it is done (S154)
template <Awaitable A>
auto shield(A&& awaitable) {
  using T = Awaited<A>;
  constexpr bool typed = std::is_convertible_v<EnsuredFuture<A>, Future<T>>;
  using Shielded = std::conditional_t<typed, Future<T>, AnyFuture>;
  const Shielded inner = ensure_future(std::forward<A>(awaitable));
  if (inner.done()) return inner;
  const Shielded outer = inner.get_loop().template create_future<T>();
  shield_untyped(inner, outer, [](const AnyFuture& from, const AnyFuture& to) {
    if constexpr (std::is_void_v<T>) {
      Future<T>(to).set_result();
    } else {
      Future<T>(to).set_result(Future<T>(from).result());
    }
  });
  return outer;
}

/// The keywords of as_completed().
struct AsCompletedOptions {
  std::optional<Delay> timeout = {};  ///< from the call of as_completed() on; empty: no limit
};

/// The part of as_completed() that needs no types: says which future is the next to be done.
class CompletionOrder {
 public:
  CompletionOrder(std::vector<AnyFuture> futures, const AsCompletedOptions& options);
  CompletionOrder(CompletionOrder&&) noexcept;
  CompletionOrder& operator=(CompletionOrder&&) = delete;
  ~CompletionOrder();  // M1

  /// The index of the next one; empty after the last.
  ///
  /// \throws TimeoutError    where the time is over
  /// \throws CancelledError  where the task is cancelled; its place is given back, nothing is lost (S160)
  /// \suspends until a future is done that was not given yet; not at all where one is known to be
  std::optional<std::size_t> next();

 private:
  class State;
  Ref<State> state_;  // null once moved from
};

/// What as_completed() returns: a range over futures, in the order in which they end.
template <class F>
class AsCompleted {
 public:
  /// Stands at one future that is done. Stepping on may suspend.
  class Iterator {
   public:
    /// Each future comes once.
    using iterator_concept = std::input_iterator_tag;
    /// A future.
    using value_type = F;
    /// For the standard library.
    using difference_type = std::ptrdiff_t;

    /// The future, which is done: the very one that as_completed() was given (S158).
    const F& operator*() const { return range_->futures_[*index_]; }
    /// The same.
    const F* operator->() const { return &**this; }
    /// Goes on to the next one.
    ///
    /// \throws TimeoutError    where the time is over
    /// \throws CancelledError  where the task is cancelled; its place is given back, nothing is lost (S160)
    /// \suspends until a future is done that was not given yet; not at all where one is known to be
    Iterator& operator++() {
      index_ = range_->order_.next();  // suspends
      return *this;
    }
    /// The same. \suspends as that
    void operator++(int) { ++*this; }
    /// Whether all were given.
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return !it.index_; }

   private:
    friend class AsCompleted;
    explicit Iterator(AsCompleted& range) : range_(&range), index_(range.order_.next()) {}  // suspends

    AsCompleted* range_;
    std::optional<std::size_t> index_;  // empty: the end
  };

  /// For as_completed().
  AsCompleted(std::vector<F> futures, const AsCompletedOptions& options)
      : futures_(std::move(futures)), order_({futures_.begin(), futures_.end()}, options) {}

  /// The first future that ended and was not given yet. Throws and suspends as the iterator's increment.
  Iterator begin() { return Iterator(*this); }
  /// The end of a range-`for`.
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::vector<F> futures_;
  CompletionOrder order_;
};

/// Waits for several, one after the other: `for (auto task : as_completed(tasks)) use(await(task));`
///
/// \param awaitables  futures or tasks, or callables, which become tasks in this order
/// \param options     how long
/// \return            a range, to be gone through by tasks of this loop
/// \throws TimeoutError  from begin() and from the increment, for every future that is not done in time (S159)
/// \suspends begin() and the increment: until the next one is done
template <Awaitable A>
AsCompleted<EnsuredFuture<A>> as_completed(std::vector<A> awaitables, AsCompletedOptions options = {}) {
  std::vector<EnsuredFuture<A>> futures;
  for (A& awaitable : awaitables) futures.push_back(ensure_future(std::move(awaitable)));
  return {distinct(std::move(futures)), options};
}

/// The same for a set.
template <Awaitable A>
AsCompleted<EnsuredFuture<A>> as_completed(const std::set<A>& awaitables, AsCompletedOptions options = {}) {
  return as_completed(std::vector<A>(awaitables.begin(), awaitables.end()), options);
}
/// The same for a list in braces: as_completed({a, b}).
template <Awaitable A>
AsCompleted<EnsuredFuture<A>> as_completed(std::initializer_list<A> awaitables, AsCompletedOptions options = {}) {
  return as_completed(std::vector<A>(awaitables), options);
}

}  // namespace asyncio
