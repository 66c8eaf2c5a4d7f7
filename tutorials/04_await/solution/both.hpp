// A solution of the exercise of chapter 4.
//
// A call runs a function to its end, however often that suspends; only a task runs beside its caller. So both
// become tasks before anything is awaited. Waiting for `a` first costs nothing: `b` runs meanwhile, and awaiting a
// task that is done does not suspend. This would do as well, and also begins both before it waits:
//
//     asyncio::await(asyncio::gather(first, second));
//
// One task and a call of `second` would not: the call begins at once, and the task in the next turn. If `first`
// throws, `b` is still running here; that nobody is left behind then is what asyncio::task_group() is for.
#pragma once

#include <asyncio/asyncio.hpp>

#include <functional>

/// Runs two functions side by side, `first` beginning first, and returns when both have returned.
///
/// \throws (anything)  that one of them threw
/// \suspends until both have returned
inline void both(std::function<void()> first, std::function<void()> second) {
  const auto a = asyncio::create_task(first);
  const auto b = asyncio::create_task(second);
  asyncio::await(a);
  asyncio::await(b);
}
