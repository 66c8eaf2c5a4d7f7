// unix_subprocess.hpp: a child process of a loop on Linux.
//
// The three parts that asyncio's transport is put together from: spawn() starts the program, the watcher
// notices its end, BaseSubprocessTransport brings what happens into order. What is added is the end: the loop
// owns the transport until connection_lost(), and a loop that is closed kills the children it still has (S321).
//
// Source: CPython Lib/asyncio/unix_events.py, _UnixSubprocessTransport.
#pragma once

#include "child_watcher.hpp"
#include "open_transports.hpp"

#include <asyncio/base_subprocess.hpp>

#include <memory>

namespace asyncio {

/// A process that was started by spawn().
class UnixSubprocessTransport final : public BaseSubprocessTransport, public OpenTransport {
 public:
  UnixSubprocessTransport(AbstractEventLoop& loop, OpenTransports& open, StartedProcess process);

  /// Makes the transport of a process, watches it and begins to connect its pipes.
  ///
  /// \param connected  is done when they are
  /// \throws std::system_error  where the process cannot be watched; there is none any more then
  static std::shared_ptr<UnixSubprocessTransport> start(AbstractEventLoop& loop, OpenTransports& open,
                                                        StartedProcess process,
                                                        std::shared_ptr<SubprocessProtocol> protocol,
                                                        const Future<void>& connected);

  void loop_closed() noexcept override { let_go(watcher_.kill_now()); }

 protected:
  void signal_child(int signal) override { watcher_.send_signal(signal); }
  void disconnected() noexcept override { open_.remove(*this); }

 private:
  OpenTransports& open_;
  PidfdChildWatcher watcher_;
};

}  // namespace asyncio
