// sleep.hpp: letting time pass, and making a future of whatever can be awaited.
//
// sleep() is the smallest thing that suspends, and shows how every wait is built: make a future, have
// somebody complete it (here a timer), await it, and take the timer back on every way out.
//
//     sleep(50ms) ──► create_future ──► call_later(50ms) ──► await … the timer sets the result ──► returns
//     sleep(0s)   ──► one bare yield: every other handle that is ready gets its turn first
//
// A coroutine here is a plain callable: calling it runs it in the calling task. What turns it into
// something that runs on its own is ensure_future(), which gather(), shield() and as_completed() call for
// each of their arguments.
//
// Source: CPython Lib/asyncio/tasks.py, sleep, ensure_future. Rules: S132, S133.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/events.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/tasks.hpp>

#include <source_location>
#include <type_traits>
#include <utility>

namespace asyncio {

/// Suspends the calling task for a while.
///
/// \param delay  any span of std::chrono, `0.5s` too; zero or less gives way once: the task goes on in the next
/// iteration
/// \throws CancelledError  where the task is cancelled meanwhile
/// \throws RuntimeError    outside a task
/// \suspends until `delay` has passed on the loop's clock; always, also for zero
/// \source CPython Lib/asyncio/tasks.py, sleep; S132
void sleep(Delay delay);

/// The same, and gives `result` afterwards.
template <class T>
T sleep(Delay delay, T result) {
  sleep(delay);
  return result;
}

/// The keywords of ensure_future().
struct EnsureFutureOptions {
  AbstractEventLoop* loop = nullptr;  ///< where a callable becomes a task; null: the current loop
};

/// What can be awaited: a Future<T>, a Task<T>, one of any type (which gives nothing), or any nullary callable.
template <class A>
concept Awaitable = requires(const std::remove_cvref_t<A>& future) {
  requires std::is_base_of_v<AnyFuture, std::remove_cvref_t<A>>;
  future.result();
} || std::is_invocable_v<std::decay_t<A>&>;

/// \throws std::invalid_argument  where `future` does not belong to the loop that `options` names
void check_future_loop(const AnyFuture& future, const EnsureFutureOptions& options);

/// The loop that `options` names, else the current one.
AbstractEventLoop& loop_for_future(const EnsureFutureOptions& options);

/// A future is its own future (S133).
///
/// \throws std::invalid_argument  where it belongs to another loop than `options` names
template <class T>
Future<T> ensure_future(Future<T> future, EnsureFutureOptions options = {}) {
  check_future_loop(future, options);
  return future;
}
/// The same for a task.
template <class T>
Task<T> ensure_future(Task<T> task, EnsureFutureOptions options = {}) {
  check_future_loop(task, options);
  return task;
}
/// The same for a future of any type.
inline AnyFuture ensure_future(AnyFuture future, EnsureFutureOptions options = {}) {
  check_future_loop(future, options);
  return future;
}
/// The same for a task of any type.
inline AnyTask ensure_future(AnyTask task, EnsureFutureOptions options = {}) {
  check_future_loop(task, options);
  return task;
}
/// Makes a task of a callable.
///
/// \param fn       any nullary callable; runs from the next iteration on
/// \param options  which loop
/// \param where    the caller's line, for reports
/// \return         the task
/// \throws RuntimeError  where there is no current loop, or it is closed
template <class F>
  requires std::is_invocable_v<F&>
auto ensure_future(F fn, EnsureFutureOptions options = {},
                   std::source_location where = std::source_location::current()) {
  return loop_for_future(options).create_task(std::move(fn), {}, where);
}

/// Future<T> or Task<T>: what ensure_future() makes of an A.
template <Awaitable A>
using EnsuredFuture = decltype(ensure_future(std::declval<A>()));

/// What awaiting an A gives.
template <Awaitable A>
using Awaited = decltype(std::declval<EnsuredFuture<A>>().result());

}  // namespace asyncio
