// crash_note.hpp: the replay line of an execution that takes the process with it.
//
// A failure is a result, but a segmentation fault, a failed assert() or a sanitizer's finding ends the
// process, and with it everybody who knew the seed. So each thread that runs executions keeps its token in
// a place that a signal handler can read, and the handler writes one line before the process dies:
//
//     replay   orrery replay lost_update@o1-random-fifo-s17-03c1b1a9
//
// The token has no trace hash, since the trace has no end. While shrink() runs, the token is that of the
// failure which is being shrunk.
//
//   N1  The handler allocates nothing, takes no lock and calls only what POSIX lets a handler call.
//   N2  Whoever handled the signal before us handles it after us: a sanitizer, the guard of the stacks.
#pragma once

#include <string>
#include <string_view>

namespace asyncio::sim {

/// While it lives, a process that dies inside an execution says how to bring that execution back.
///
/// The command line and SIM_TEST make one; run() and explore() do not. The first one made in a process
/// installs handlers for SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGBUS and SIGTERM, and with sanitizers a callback,
/// which stay. std::terminate() comes by as SIGABRT.
class CrashNote {
 public:
  /// \param before  what stands before the token: "replay   orrery replay lost_update@"
  /// \param after   what stands after it; both are cut off after 1000 bytes
  explicit CrashNote(std::string_view before, std::string_view after = {});
  /// Brings back what stood there before.
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;

  /// Writes the line to standard error, once in the life of the process. Async-signal-safe.
  static void write() noexcept;

 private:
  std::string outer_before_;
  std::string outer_after_;
  bool outer_active_;
};

}  // namespace asyncio::sim
