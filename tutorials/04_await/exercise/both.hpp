// The exercise of chapter 4: two functions that ought to run side by side.
#pragma once

#include <asyncio/asyncio.hpp>

#include <functional>

/// Runs two functions side by side, `first` beginning first, and returns when both have returned.
///
/// \throws (anything)  that one of them threw
/// \suspends until both have returned
inline void both(std::function<void()> first, std::function<void()> second) {
  // TODO(ch04): side by side. These two lines are one after the other.
  first();
  second();
}
