// exceptions.hpp: asyncio's errors, under asyncio's names.
//
// Two families. Ordinary errors are std::exceptions, most of them RuntimeErrors. The other family must
// not be caught by somebody who only meant to log an error and go on: a cancellation, Ctrl-C, a request
// to exit. In Python they derive from BaseException; here they derive from nothing, so that
// `catch (const std::exception&)` lets them pass (S113).
//
// Where asyncio raises a plain ValueError, TypeError, LookupError or KeyError, a standard exception of
// the fitting kind is thrown: std::invalid_argument or std::out_of_range. Groups of errors have a header of
// their own, exception_groups.hpp.
//
// Source: CPython Lib/asyncio/exceptions.py. Rules: S57, S113.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace asyncio {

/// Thrown into a task that was asked to stop. Not a std::exception: code that handles errors lets it pass.
class CancelledError {
 public:
  /// \param message  what the canceller said, for whoever looks: `task.cancel("shutting down")`
  explicit CancelledError(std::string message = {}) : message_(std::move(message)) {}

  /// What the canceller said; empty where nothing was said.
  std::string_view message() const noexcept { return message_; }

 private:
  std::string message_;
};

/// Ctrl-C: leaves the loop through run_forever() instead of being reported (S57).
class KeyboardInterrupt {};

/// A request to end the program with a status: leaves the loop as KeyboardInterrupt does (S57).
class SystemExit {
 public:
  /// \param code  the exit status of the process, 0 to 255
  explicit SystemExit(int code = 0) noexcept : code_(code) {}
  /// The exit status asked for.
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Something was called at a time or place where it is not allowed.
class RuntimeError : public std::runtime_error {
 public:
  /// \param message  what what() says
  explicit RuntimeError(const std::string& message = {}) : std::runtime_error(message) {}
};

/// A loop was asked for something it cannot do; the message names the method and the loop's class.
class NotImplementedError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// A future was asked for a result that it does not have yet, or was given a second one.
class InvalidStateError : public std::runtime_error {
 public:
  /// \param message  what what() says
  explicit InvalidStateError(const std::string& message = {}) : std::runtime_error(message) {}
};

/// A deadline passed.
class TimeoutError : public std::runtime_error {
 public:
  /// Python's TimeoutError has an empty text unless it is given one; so has this.
  explicit TimeoutError(const std::string& message = {}) : std::runtime_error(message) {}
};

/// get_nowait() on an empty queue.
class QueueEmpty : public std::runtime_error {
 public:
  /// \param message  what what() says; asyncio gives none
  explicit QueueEmpty(const std::string& message = {}) : std::runtime_error(message) {}
};

/// put_nowait() on a full queue.
class QueueFull : public std::runtime_error {
 public:
  /// \param message  what what() says; asyncio gives none
  explicit QueueFull(const std::string& message = {}) : std::runtime_error(message) {}
};

/// put() on a queue that was shut down, or get() on one that is empty as well.
class QueueShutDown : public std::runtime_error {
 public:
  /// \param message  what what() says; asyncio gives none
  explicit QueueShutDown(const std::string& message = {}) : std::runtime_error(message) {}
};

/// A barrier was reset or aborted while a task waited at it.
class BrokenBarrierError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// sendfile() by the operating system is not possible here; a loop falls back to read and write.
class SendfileNotAvailableError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// A stream ended before as much had arrived as was asked for.
class IncompleteReadError : public std::runtime_error {
 public:
  /// \param partial   what had arrived
  /// \param expected  how many bytes were asked for; nothing where the end was a separator
  IncompleteReadError(std::string partial, std::optional<std::size_t> expected);

  /// What had arrived before the end.
  const std::string& partial() const noexcept { return partial_; }
  /// How many bytes were asked for; nothing where a separator was.
  std::optional<std::size_t> expected() const noexcept { return expected_; }

 private:
  std::string partial_;
  std::optional<std::size_t> expected_;
};

/// A separator was not found within a stream's limit.
class LimitOverrunError : public std::runtime_error {
 public:
  /// \param message   what happened
  /// \param consumed  how many bytes of the buffer may be skipped before looking again
  LimitOverrunError(const std::string& message, std::size_t consumed)
      : std::runtime_error(message), consumed_(consumed) {}
  /// How many bytes of the buffer may be skipped before looking again.
  std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::size_t consumed_;
};

/// The E that `error` holds, or what derives from E; null where it holds something else, or nothing.
///
/// What it points to lives as long as `error` does. C++26 has a function of this name.
template <class E>
const E* exception_ptr_cast(const std::exception_ptr& error) noexcept {
  if (!error) return nullptr;
  try {
    std::rethrow_exception(error);
  } catch (const E& held) {
    return &held;  // no copy: what is rethrown is the object that `error` owns
  } catch (...) {
    return nullptr;
  }
}

/// True where `error` holds an E, or something derived from it. False for null.
template <class E>
bool holds(const std::exception_ptr& error) {
  return exception_ptr_cast<E>(error) != nullptr;
}

/// What was being handled when `error` was thrown: Python's `__context__`.
///
/// C++ keeps that only where it is asked to: by std::throw_with_nested(), and by types that derive from
/// std::nested_exception. The TimeoutErrors of timeout() and wait_for() have the CancelledError that they replaced.
///
/// \return null where nothing was kept
/// \source CPython Lib/asyncio/timeouts.py, _insert_timeout_error; S171, S172
std::exception_ptr context_of(const std::exception_ptr& error) noexcept;

/// One line on an exception: "RuntimeError: loop is closed", "CancelledError", "null".
std::string describe(const std::exception_ptr& error);

/// The name of the exception's type without namespaces, as reports show it: "RuntimeError".
std::string type_name(const std::exception_ptr& error);

}  // namespace asyncio
