// failure.hpp: what can be wrong with an execution, and how a scenario says so.
//
// An execution fails at most once: the first failure ends it, and everything after it is not looked at.
#pragma once

#include <iosfwd>
#include <source_location>
#include <string>
#include <string_view>

namespace asyncio::sim {

/// What kind of thing went wrong.
enum class FailureKind {
  check,           ///< fail(), require(), or an assertion of a test framework
  invariant,       ///< an invariant of the world did not hold after a step
  exception,       ///< one escaped from a host's main, or nobody retrieved it
  deadlock,        ///< somebody waits, and nothing will ever happen again
  time_limit,      ///< more virtual time passed than was allowed
  step_limit,      ///< more steps were taken than were allowed
  leaked_task,     ///< a client's main has returned, and a task of it cannot be ended
  lifecycle,       ///< enter, leave, register or unregister was called where it must not be
  nondeterminism,  ///< the program asked for other choices than it asked for with the same tape before
  crash,           ///< the process died: a signal, a sanitizer, std::terminate
};

/// "check", "leaked_task", …: as the command line and the JSON output spell it.
std::string_view to_string(FailureKind kind) noexcept;
/// Writes to_string(kind).
std::ostream& operator<<(std::ostream& out, FailureKind kind);

/// What went wrong with an execution.
struct Failure {
  FailureKind kind = FailureKind::check;  ///< what kind of thing
  std::string message;                    ///< one sentence: what was expected, what was found
  std::string where;                      ///< who was running: "host alice, task Task-2"; empty for the world
};

/// Thrown by fail(); ends the execution. Not a std::exception, so that a program under test cannot swallow it by
/// accident.
class CheckFailed {
 public:
  /// \param message  one sentence: what was expected, what was found
  explicit CheckFailed(std::string message) : message_(std::move(message)) {}
  /// The sentence it was made with.
  const std::string& message() const noexcept { return message_; }

 private:
  std::string message_;
};

/// Ends the execution with a failure of kind check.
///
/// Remembered even where something catches what it throws.
///
/// \param message  one sentence on what the user would have lost
/// \throws CheckFailed   always
/// \throws RuntimeError  outside an execution
[[noreturn]] void fail(std::string message);

/// fail(message) unless `condition` holds.
void require(bool condition, std::string message);

/// Adds an observation to the trace: an application value worth seeing, such as a balance.
///
/// \param name   what it is
/// \param value  what it is now
void observe(std::string_view name, std::string_view value);

/// Says that `condition` should hold at this place in at least one execution: explore() counts the labels that never
/// did.
///
/// \param condition  whether it holds now
/// \param label      names the place in what explore() gives
void sometimes(bool condition, std::string_view label);

}  // namespace asyncio::sim
