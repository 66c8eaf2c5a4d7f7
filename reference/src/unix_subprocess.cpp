// unix_subprocess.cpp: a process, its watcher and its loop are introduced to each other.
#include "unix_subprocess.hpp"

#include <utility>

namespace asyncio {

UnixSubprocessTransport::UnixSubprocessTransport(AbstractEventLoop& loop, OpenTransports& open, StartedProcess process)
    : BaseSubprocessTransport(loop, std::move(process)), open_(open), watcher_(get_pid()) {}

std::shared_ptr<UnixSubprocessTransport> UnixSubprocessTransport::start(AbstractEventLoop& loop, OpenTransports& open,
                                                                        StartedProcess process,
                                                                        std::shared_ptr<SubprocessProtocol> protocol,
                                                                        const Future<void>& connected) {
  const auto transport = std::make_shared<UnixSubprocessTransport>(loop, open, std::move(process));
  open.add(transport);
  try {
    transport->watcher_.add_child_handler(loop, [transport, &loop](int returncode) {
      // Queued, as asyncio does it: what the child wrote before it ended has a chance to be seen first.
      loop.call_soon([transport, returncode] { transport->process_exited(returncode); });
    });
  } catch (...) {
    transport->loop_closed();  // a child that nobody watches would run, and nobody could end it
    open.remove(*transport);
    throw;
  }
  transport->begin(std::move(protocol), connected);
  return transport;
}

}  // namespace asyncio
