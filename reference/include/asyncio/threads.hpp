// threads.hpp: from a loop into another thread, and from another thread into a loop.
//
//     on the loop's thread                            on another thread
//
//     to_thread(fn)  ──────── fn ───────────────────► runs in the default executor
//       suspended … ◄──────── result ─────────────────  in a copy of the caller's context
//
//     a task runs fn ◄─────── fn ────────────────────  run_coroutine_threadsafe(fn, loop)
//       its outcome ───────── result ────────────────►   the std::future, on which that thread may block
//
// All of it goes through call_soon_threadsafe() and run_in_executor(); there is no other way across.
//
// Source: CPython Lib/asyncio/threads.py, tasks.py (run_coroutine_threadsafe), futures.py (wrap_future). Rules: S78,
// S161, S162.
#pragma once

#include <asyncio/contextvars.hpp>
#include <asyncio/events.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/sleep.hpp>

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>

namespace asyncio {

/// Runs a function in a thread of the default executor, in a copy of the current context, and waits for it.
///
/// Where the calling task is cancelled meanwhile, the function is not interrupted: it goes on in its thread, and
/// its outcome is dropped (S165). So what it refers to must live longer than the call.
///
/// \param fn  any nullary callable; must not touch the loop but by call_soon_threadsafe()
/// \return    what `fn` returns
/// \throws RuntimeError    outside a task; after shutdown_default_executor() (S163)
/// \throws CancelledError  where the task is cancelled meanwhile
/// \throws (anything)      that `fn` throws
/// \suspends until `fn` has returned
/// \source CPython Lib/asyncio/threads.py, to_thread; S162
template <class F>
ResultOf<F&> to_thread(F fn) {
  const Context context = copy_context();
  return await(
      get_running_loop().run_in_executor(nullptr, [context, fn = std::move(fn)]() mutable { return context.run(fn); }));
}

/// Starts a task on a loop that runs in another thread.
///
/// A std::future cannot be cancelled, so unlike in asyncio the task cannot be cancelled through what is returned.
/// Where that is needed, have `fn` give its current_task() to whoever shall cancel it, who then posts
/// `loop.call_soon_threadsafe([task] { task.cancel(); })`.
///
/// \param fn     any nullary callable; runs as a task of `loop`, and may suspend
/// \param loop   runs in another thread, or will. In its own thread a wait for the result would never end.
/// \param where  where it was started, for reports
/// \return       its get() gives what `fn` returns, and throws what it throws: CancelledError where the task was
///               cancelled; std::future_error (broken promise) where the loop was closed before the task ended
/// \throws RuntimeError  where the loop is closed
/// \source CPython Lib/asyncio/tasks.py, run_coroutine_threadsafe; S161
template <class F>
std::future<ResultOf<F&>> run_coroutine_threadsafe(F fn, AbstractEventLoop& loop,
                                                   std::source_location where = std::source_location::current()) {
  using T = ResultOf<F&>;
  std::promise<T> promise;
  std::future<T> future = promise.get_future();
  loop.call_soon_threadsafe([fn = std::move(fn), promise = std::move(promise), &loop, where]() mutable {
    Task<T> task;
    try {
      task = loop.create_task(std::move(fn), {}, where);
    } catch (...) {
      // Both are told (S161). KeyboardInterrupt and SystemExit come here too, from an eager task that keeps its own.
      promise.set_exception(std::current_exception());
      throw;
    }
    task.add_done_callback([promise = std::move(promise)](AnyFuture done) mutable {
      std::exception_ptr error = done.get()->take_error();
      if (error) {
        promise.set_exception(std::move(error));
      } else if constexpr (std::is_void_v<T>) {
        promise.set_value();
      } else {
        promise.set_value(Future<T>(done).result());
      }
    });
  });
  return future;
}

/// A future of a loop is what it is.
template <class T>
Future<T> wrap_future(Future<T> future) {
  return future;
}

/// The outcome of another thread, as a future of a loop.
///
/// A std::future tells nobody when it is ready. So unless it is ready now, a thread of the default executor blocks
/// on it, and to cancel the future that is returned does not reach the one given. In a world of the simulator there
/// is no such thread: what is not ready when the job runs gives a RuntimeError.
///
/// \param future   what some other thread will complete
/// \param options  which loop; by default the current one
/// \throws RuntimeError           after shutdown_default_executor()
/// \throws std::invalid_argument  where `future` has no state
/// \source CPython Lib/asyncio/futures.py, wrap_future; S78
template <class T>
Future<T> wrap_future(std::future<T> future, EnsureFutureOptions options = {}) {
  if (!future.valid()) throw std::invalid_argument("a future with a state is expected, got one without");
  AbstractEventLoop& loop = loop_for_future(options);
  if (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return loop.run_in_executor(nullptr, [future = std::move(future), here = std::this_thread::get_id()]() mutable {
      if (std::this_thread::get_id() == here && future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        throw RuntimeError(
            "wrap_future() of a std::future that is not ready needs a thread to wait in, and a world has none");
      }
      return future.get();
    });
  }
  const auto wrapped = loop.create_future<T>();
  try {
    if constexpr (std::is_void_v<T>) {
      future.get();
      wrapped.set_result();
    } else {
      wrapped.set_result(future.get());
    }
  } catch (...) {
    wrapped.set_exception(std::current_exception());
  }
  return wrapped;
}

}  // namespace asyncio
