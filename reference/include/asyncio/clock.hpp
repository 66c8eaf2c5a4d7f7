// clock.hpp: what time is to a loop.
//
// asyncio counts seconds in a double. Here time is a whole number of nanoseconds, so that adding,
// comparing and printing a time gives the same answer on every compiler, and so that a loop does no
// floating-point work (which would also make every switch to a fiber slower, see fiber_switch.cpp).
#pragma once

#include <chrono>

namespace asyncio {

/// A span of time, in nanoseconds.
using Duration = std::chrono::nanoseconds;

/// The clock of a loop. It has no now(): only a loop knows what time it is, see AbstractEventLoop::time().
struct LoopClock {
  /// The number behind a Duration.
  using rep = Duration::rep;
  /// What one of that number is: a nanosecond.
  using period = Duration::period;
  /// A span of time on this clock.
  using duration = Duration;
  /// A moment on this clock.
  using time_point = std::chrono::time_point<LoopClock>;
  /// It never goes back.
  static constexpr bool is_steady = true;
};

/// A moment on a loop's clock. Its zero has no meaning; only differences have.
using TimePoint = LoopClock::time_point;

/// `from` + `delay`, or the end of time where that would overflow: "never" may be spelt Duration::max().
///
/// \return  never less than `from`, where `delay` is positive
constexpr TimePoint saturating_add(TimePoint from, Duration delay) noexcept {
  if (delay > Duration::zero() && from > TimePoint::max() - delay) return TimePoint::max();
  return from + delay;
}

}  // namespace asyncio
