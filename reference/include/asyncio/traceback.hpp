// traceback.hpp: call stacks as a program sees them.
//
// A Python program can look at any frame of any coroutine. Here a coroutine has a real stack, so its frames
// are what the compiler left of them: a function that was inlined is a frame only where there is debug
// information, and a frame has a line only there.
//
//     built with -g              names of functions, inlined ones too, with file and line
//     built without              names of the functions that were not inlined
//     without libbacktrace       names of exported functions; else the program and an offset in it
//
// Taking a stack costs about a microsecond, and putting it into words more: so StackSummary keeps addresses, and
// looks the words up when somebody reads them. The first look in a process reads the debug information of the
// program, which takes some tenths of a second.
//
// What these functions return differs from build to build. Let nothing depend on it, and no choice above all.
//
// Source: CPython Lib/traceback.py, FrameSummary, StackSummary. docs/decisions/0007-looking-at-suspended-stacks.md.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {

/// One function that has been called and has not returned: asyncio users know it from Python's traceback module.
struct FrameSummary {
  std::string filename = {};  ///< of the source; empty where there is no debug information
  unsigned lineno = 0;        ///< from 1 on; 0 where there is no debug information
  std::string name = {};      ///< qualified, without parameters: "bank::withdraw", "main::{lambda#1}"

  /// Equal where all three are.
  friend bool operator==(const FrameSummary&, const FrameSummary&) = default;
};

/// One line for a frame: `File "server.cpp", line 12, in serve`; only `in serve` where no line is known.
std::string to_string(const FrameSummary& frame);

/// Writes frames the way Python prints a traceback, a line each.
///
/// \param frames  the oldest call first
/// \param file    where to
void print_list(const std::vector<FrameSummary>& frames, std::ostream& file);

/// A call stack as it was at one moment. Copies are cheap enough for error reports.
class StackSummary {
 public:
  /// No stack at all.
  StackSummary() = default;
  /// \param addresses  of instructions, the newest call first
  /// \param limit      how many frames are shown at most, the newest
  explicit StackSummary(std::vector<const void*> addresses, std::size_t limit = static_cast<std::size_t>(-1))
      : addresses_(std::move(addresses)), limit_(limit) {}

  /// The stack of the caller: inside a coroutine down to its beginning, elsewhere down to the thread's.
  ///
  /// \param limit  at most so many frames, the newest
  static StackSummary extract(std::size_t limit);

  /// The frames in words, the oldest call first. This library's own frames at both ends are left out.
  std::vector<FrameSummary> frames() const;

  /// Whether there is nothing to see.
  bool empty() const noexcept { return addresses_.empty(); }

 private:
  std::vector<const void*> addresses_;
  std::size_t limit_ = static_cast<std::size_t>(-1);
};

/// How many frames handles, futures and tasks remember of their making in debug mode: asyncio's DEBUG_STACK_DEPTH
/// (S53).
inline constexpr std::size_t DEBUG_STACK_DEPTH = 10;

}  // namespace asyncio
