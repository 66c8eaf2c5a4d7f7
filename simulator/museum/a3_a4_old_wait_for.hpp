// a3_a4_old_wait_for.hpp: the three designs of asyncio.wait_for(), rebuilt small.
//
// Up to Python 3.11 wait_for() ran what it waits for in a task of its own, and slept until a future woke it:
//
//     inner task ends ──► (one iteration) its callback sets `wake` ──► (one more) the outer task goes on
//                              └── a cancellation of the outer task arrives in here: what now? ──┘
//
// The inner task has a result, the outer one has been told to stop, and only one of the two can come out of wait_for():
//
//     3.7          the cancellation wins   the result is dropped; if it was a connection, nobody has it (exhibit A3)
//     3.8 to 3.11  the result wins         the cancellation is dropped; the task does not stop (exhibit A4)
//     3.12         no inner task: the body runs in the calling task, under a scope that counts cancellations, and the
//                  question does not come up. That is this project's own wait_for().
//
// The exact releases: bpo-37658 moved from the first to the second row, gh-96764 to the third.
#pragma once

#include <asyncio/asyncio.hpp>

#include <type_traits>

namespace museum {

/// Whose wait_for() it is.
enum class Python { v3_7, v3_8, v3_12 };

/// Calls `fn`, but waits no longer than `timeout`: as that Python did it.
///
/// \throws TimeoutError    where it did not end in time
/// \throws CancelledError  where the calling task was cancelled, if this Python notices
/// \suspends until `fn` has ended
template <class F>
std::invoke_result_t<F&> wait_for(Python python, asyncio::Duration timeout, F fn) {
  if (python == Python::v3_12) return asyncio::wait_for(fn, timeout);

  const auto inner = asyncio::create_task(fn, {.name = "inner"});
  const auto wake = asyncio::get_running_loop().create_future<void>();
  const auto set_wake = [wake] {
    if (!wake.done()) wake.set_result();
  };
  const auto callback = inner.add_done_callback([set_wake](const asyncio::AnyFuture&) { set_wake(); });
  const auto timer = asyncio::get_running_loop().call_later(timeout, set_wake);

  try {
    asyncio::await(wake);  // suspends
    timer.cancel();
    if (inner.done()) return inner.result();
  } catch (const asyncio::CancelledError&) {
    timer.cancel();
    if (inner.done()) {
      if (python == Python::v3_8) return inner.result();  // A4: who cancelled is not told
      throw;                                              // A3: who would have owned the result is not told
    }
    inner.remove_done_callback(callback);
    asyncio::cancel_and_wait(inner);  // suspends
    throw;
  }
  inner.remove_done_callback(callback);
  asyncio::cancel_and_wait(inner);  // suspends
  throw asyncio::TimeoutError();
}

}  // namespace museum
