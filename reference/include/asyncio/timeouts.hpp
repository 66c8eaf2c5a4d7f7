// timeouts.hpp: a deadline for a stretch of code.
//
//     auto page = asyncio::timeout(5s, [&] { return fetch(url); });
//
// There is no second task, and nothing is raced. When the deadline passes, the calling task is cancelled,
// as if somebody had called cancel(); the body unwinds; and on its way out CancelledError becomes
// TimeoutError. So code under a timeout needs to know nothing about timeouts.
//
//     created ── run() ──► active ── the body ends ──────────────────────────► finished
//                            └── the deadline passes ──► expiring ── ends ──► expired
//
// The difficulty is that two may cancel at the same time, the deadline and somebody outside, and that
// CancelledError does not say who. The task counts: cancelling() when the body began, against cancelling()
// when it ended. Our own cancel is taken back with uncancel(); if the count is then still above that of
// the beginning, somebody else asked too, and the CancelledError is theirs.
//
//   D1  Every cancel() by the deadline is taken back by exactly one uncancel() (S171, S173).
//   D2  Only the timeout that fired turns CancelledError into TimeoutError (S176).
//   D3  After the body has ended the deadline never fires (S175).
//
// Where Python chains exceptions by itself, C++ has std::nested_exception, and only for those who throw. So
// a TimeoutError carries the CancelledError that it replaces: context_of() gives it back, as S171 asks. An error
// of another kind, thrown while the body was unwinding, leaves as it was thrown. Where it carries that CancelledError,
// thrown by std::throw_with_nested(), a TimeoutError is put between the two (S172); where it carries nothing, there
// is no chain to put one into.
//
// Source: CPython Lib/asyncio/timeouts.py. Rules: S167 to S176.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/handles.hpp>
#include <asyncio/result_slot.hpp>
#include <asyncio/tasks.hpp>

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {

/// A deadline, and how it went. Programs meet it as the argument of the body given to timeout().
class Timeout {
 public:
  /// \param when  the deadline on the loop's clock; empty for none
  explicit Timeout(std::optional<Moment> when) : when_(when) {}
  Timeout(const Timeout&) = delete;
  Timeout& operator=(const Timeout&) = delete;
  ~Timeout();

  /// The deadline; empty for none.
  std::optional<TimePoint> when() const noexcept { return when_; }
  /// Moves the deadline, while the body runs. One in the past expires in the next iteration (S169).
  ///
  /// \param when  the new deadline; empty for none
  /// \throws RuntimeError  before the body has begun, after it has ended, and once the deadline has passed
  void reschedule(std::optional<Moment> when);
  /// Whether the deadline passed while the body ran; true from that moment on (S170).
  bool expired() const noexcept { return state_ == State::expiring || state_ == State::expired; }
  /// One line for reports: "<Timeout [active]>".
  std::string repr() const;

  /// Runs a body under this deadline, once: Python's `async with`.
  ///
  /// \param body  takes nothing, or this Timeout&; may suspend
  /// \return      what the body returned, also where it swallowed the cancellation (S173)
  /// \throws TimeoutError    where the body ended with the CancelledError of the deadline
  /// \throws CancelledError  where somebody outside cancelled as well (S174)
  /// \throws RuntimeError    outside a task, or the second time (S168)
  /// \throws (anything)      that the body threw
  /// \suspends as the body does
  template <class Body>
  auto run(Body&& body) {
    if constexpr (std::is_invocable_v<Body&, Timeout&>) {
      return enclose([&] { return body(*this); });
    } else {
      return enclose([&] { return body(); });
    }
  }

 private:
  enum class State { created, active, expiring, expired, finished };

  template <class Body>
  auto enclose(Body body) {
    using Result = ResultOf<Body&>;
    Slot<Result> result;
    run_body([&] {
      if constexpr (std::is_void_v<Result>) {
        body();
      } else {
        result.emplace(body());
      }
    });
    if constexpr (!std::is_void_v<Result>) return std::move(result.value());
  }

  void run_body(UniqueFunction<void()> body);
  void enter();
  bool leave();
  void on_timeout();
  const char* state_name() const noexcept;

  std::optional<TimePoint> when_;
  State state_ = State::created;
  AnyTask task_;        // whose body it is; empty before and after
  int cancelling_ = 0;  // the task's count when the body began
  Handle handle_;       // calls on_timeout(); empty where there is no deadline, and once it has passed
};

/// Runs a body that must end within a time. See Timeout::run().
///
/// \param delay  from this call on (S167); empty for no deadline; zero or less expires at the first suspension
/// \param body   takes nothing or a Timeout&
/// \return       what the body returns
/// \throws TimeoutError  where it did not end in time
/// \suspends as the body does
template <class Body>
auto timeout(std::optional<Delay> delay, Body&& body);

/// The same with a time on the loop's clock.
template <class Body>
auto timeout_at(std::optional<Moment> when, Body&& body) {
  return Timeout(when).run(std::forward<Body>(body));
}

/// The running loop's time, `delay` from now; empty for empty.
///
/// \throws RuntimeError  where no loop is running
std::optional<TimePoint> deadline_after(std::optional<Delay> delay);

template <class Body>
auto timeout(std::optional<Delay> delay, Body&& body) {
  return timeout_at(deadline_after(delay), std::forward<Body>(body));
}

}  // namespace asyncio
