// child_watcher.hpp: noticing that a child process has ended.
//
// The kernel keeps the exit status of a process until its parent has asked for it; until then the process is a
// zombie. A pidfd is a descriptor that becomes readable when its process ends. So a loop watches it as it
// watches a socket:
//
//     pidfd_open() ──► add_reader() ──► readable ──► waitid(): the status, and no more zombie ──► handler(returncode)
//
// A pidfd names its process for ever, while the number of a process may be given to another one as soon as the
// status was read. Therefore signals are sent through the pidfd as well: they cannot hit a stranger (S324).
//
//   C1  Only the watcher reads the status, on the loop's thread, and it does so once.
//   C2  The pidfd is open until the status was read.
//
// asyncio has a second watcher, with a thread for each child, for systems without pidfd. Starting a child needs Linux
// 5.11 anyway (spawn.cpp, close_range()), and pidfd is older than that.
//
// Source: CPython Lib/asyncio/unix_events.py, _PidfdChildWatcher. Rules: S319, S320, S324.
#pragma once

#include "descriptor.hpp"

#include <asyncio/callback.hpp>
#include <asyncio/events.hpp>

#include <optional>

namespace asyncio {

/// Watches one child of this process.
class PidfdChildWatcher {
 public:
  using Handler = UniqueFunction<void(int returncode)>;

  /// \param pid  a child that was just started
  /// \throws std::system_error  where the system gives no pidfd. The child is killed then, and gone
  explicit PidfdChildWatcher(int pid);

  /// Calls `handler` once, in the loop, with how the child has ended: its exit status, minus the signal that ended it,
  /// or 255 where somebody else has read the status (S319). The handler keeps this watcher alive.
  void add_child_handler(AbstractEventLoop& loop, Handler handler);
  /// Sends the child a signal; does nothing where it has ended.
  ///
  /// \throws std::system_error  EPERM, EINVAL where the system refuses
  void send_signal(int signal) const;
  /// The loop is closed: kills the child and reads its status.
  ///
  /// \return  how it ended; empty where it could not be killed, or its status was read before
  std::optional<int> kill_now() noexcept;

 private:
  void child_ended();
  std::optional<int> read_status() const;

  int pid_;
  Descriptor pidfd_;  // C2
  AbstractEventLoop* loop_ = nullptr;
  Handler handler_;
};

}  // namespace asyncio
