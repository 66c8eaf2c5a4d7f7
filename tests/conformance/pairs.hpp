// pairs.hpp: what a C++ program of a pair is written with.
//
// A pair is a program written twice, in Python for asyncio and in C++ for us, that prints the same lines. The
// two have the same name and stand in two files of the same name: futures.py and futures.cpp. What they print
// is kept in futures.txt, made by CPython (`python3 tests/conformance/pairs.py --write`); the tests here
// compare our lines with it, and `pairs.py --check` compares CPython's.
//
//     futures.py ── CPython ──► futures.txt ◄── compared ── conformance_tests ◄── futures.cpp
//
// A pair is written as a user of asyncio would write it. Most are the main of a program and run in a task
// ("mains"); those about running itself are whole programs ("programs"). Either way the loop is a ClockworkLoop,
// whose time jumps instead of passing, so that no pair waits.
#pragma once

#include <asyncio/asyncio.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace conformance {

/// One C++ program of a pair: its name, which is that of the Python function, and what it does.
struct Program {
  const char* name;
  void (*body)();
  const char* not_in_a_world = nullptr;  ///< why it runs on a real loop only; null: it runs in a world too
};

/// The pairs of one file.
struct Group {
  const char* suite;              ///< the suite in GoogleTest's list: "Futures"
  const char* file;               ///< the stem of the three files: "futures"
  std::vector<Program> mains;     ///< run by asyncio::run(); `async def` in Python
  std::vector<Program> programs;  ///< run as they are; `def` in Python
};

/// A real loop with descriptors and threads whose clock jumps to the next timer where nothing else is to do.
class ClockworkLoop : public asyncio::SelectorEventLoop {
 public:
  asyncio::TimePoint time() const override { return now_; }

 protected:
  asyncio::EventList select(std::optional<asyncio::Duration> timeout) override;
  void write_to_self() noexcept override;

 private:
  std::atomic<bool> woken_ = false;  // by a thread or a signal, since the last poll: time stands still then
  asyncio::TimePoint now_{};
};

/// Makes a ClockworkLoop: what a pair uses where Python says asyncio.new_event_loop().
std::unique_ptr<asyncio::AbstractEventLoop> new_loop();

/// Prints a line.
void say(const std::string& line);
/// A bool as Python prints it.
std::string py(bool value);
/// A number as Python prints it.
template <class T>
  requires std::is_integral_v<T> && (!std::is_same_v<T, bool>)
std::string py(T value) {
  return std::to_string(value);
}
/// A text is its own text.
inline std::string py(std::string_view text) { return std::string(text); }

/// An exception as pairs print it, in Python's words: "ValueError", "RuntimeError: text", "CancelledError: text".
/// The texts of Python's plain errors, which are none of asyncio's, are left away.
std::string shown(const std::exception_ptr& error);

/// The arguments of a cancellation as Python shows them: "()", "('why',)".
std::string args(const asyncio::CancelledError& error);

/// What `act` returns, or how it fails, as pairs print it: "7", "None", "TimeoutError".
template <class F>
std::string outcome(F&& act) {
  try {
    if constexpr (std::is_void_v<decltype(act())>) {
      act();
      return "None";
    } else {
      return py(act());
    }
  } catch (const asyncio::CoroutineExit&) {
    throw;
  } catch (...) {
    return shown(std::current_exception());
  }
}

/// How a future, task or callable ends when it is awaited.
template <class A>
std::string awaited(A&& awaitable) {
  return outcome([&] { return asyncio::await(awaitable); });
}

/// An error of the program's own.
class Oops : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace conformance
