// clock.hpp: what time is to a loop.
//
// asyncio counts seconds in a double. Here time is a whole number of nanoseconds, so that adding,
// comparing and printing a time gives the same answer on every compiler, and so that a loop does no
// floating-point work (which would also make every switch to a fiber slower, see fiber_switch.cpp). Fractions of
// seconds that a program writes, `sleep(0.5s)`, become nanoseconds where they are written: see Delay.
#pragma once

#include <chrono>
#include <ratio>
#include <stdexcept>
#include <type_traits>

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

/// A span of time that has a floating-point number in it, such as `0.5s`, in whole nanoseconds.
///
/// \return  the nearest one, of two the even one; the longest Duration there is where the span is longer
/// \throws std::invalid_argument  where the span is not a number (S132)
template <class Rep, class Period>
  requires std::chrono::treat_as_floating_point_v<Rep>
constexpr Duration to_duration(std::chrono::duration<Rep, Period> span) {
  using Nanoseconds = std::chrono::duration<Rep, std::nano>;
  const Nanoseconds exact = span;
  if (exact != exact) throw std::invalid_argument("Invalid delay: NaN (not a number)");
  if (exact >= Nanoseconds(Duration::max())) return Duration::max();
  if (exact <= Nanoseconds(Duration::min())) return Duration::min();
  return std::chrono::round<Duration>(exact);
}

/// A whole number of seconds, hours and the like, in nanoseconds.
///
/// \return  the longest Duration there is where the span is longer: `std::chrono::hours::max()` is for ever
template <class Rep, class Period>
  requires(!std::chrono::treat_as_floating_point_v<Rep> &&
           std::is_convertible_v<std::chrono::duration<Rep, Period>, Duration>)
constexpr Duration to_duration(std::chrono::duration<Rep, Period> span) {
  using Signed = std::chrono::duration<Duration::rep, Period>;
  constexpr Duration::rep longest = std::chrono::duration_cast<Signed>(Duration::max()).count();
  if constexpr (std::is_unsigned_v<Rep>) {  // compared as such: a signed bound would become another number
    if (span.count() > static_cast<std::make_unsigned_t<Duration::rep>>(longest)) return Duration::max();
  } else {
    if (span.count() > longest) return Duration::max();
    if (span.count() < -longest) return Duration::min();
  }
  return span;
}

/// A span of time as a function takes it: a Duration, or whatever else of std::chrono a program has at hand.
class Delay {
 public:
  /// See to_duration().
  template <class Rep, class Period>
    requires requires(std::chrono::duration<Rep, Period> span) { to_duration(span); }
  constexpr Delay(std::chrono::duration<Rep, Period> span)  // NOLINT(google-explicit-constructor)
      : span_(to_duration(span)) {}

  /// The span itself.
  constexpr operator Duration() const noexcept { return span_; }  // NOLINT(google-explicit-constructor)

 private:
  Duration span_;
};

/// A moment as a function takes it: a TimePoint, or one to which a fraction was added, `loop.time() + 0.5s`.
class Moment {
 public:
  /// See to_duration().
  template <class Span>
    requires std::is_convertible_v<Span, Delay>
  constexpr Moment(std::chrono::time_point<LoopClock, Span> when)  // NOLINT(google-explicit-constructor)
      : when_(to_duration(when.time_since_epoch())) {}

  /// The moment itself.
  constexpr operator TimePoint() const noexcept { return when_; }  // NOLINT(google-explicit-constructor)

 private:
  TimePoint when_;
};

/// `from` + `delay`, or the end of time where that would overflow: "never" may be spelt Duration::max().
///
/// \return  never less than `from`, where `delay` is positive
constexpr TimePoint saturating_add(TimePoint from, Duration delay) noexcept {
  if (delay > Duration::zero() && from > TimePoint::max() - delay) return TimePoint::max();
  return from + delay;
}

}  // namespace asyncio
