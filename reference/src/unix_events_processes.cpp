// unix_events_processes.cpp: what SelectorEventLoop has beside descriptors and sockets: pipes and processes.
//
// Source: CPython Lib/asyncio/unix_events.py, _UnixSelectorEventLoop.
#include "spawn.hpp"
#include "unix_pipes.hpp"
#include "unix_subprocess.hpp"

#include <asyncio/coroutine.hpp>
#include <asyncio/selector_events.hpp>

#include <memory>
#include <stdexcept>
#include <utility>

namespace asyncio {

std::shared_ptr<ReadTransport> SelectorEventLoop::make_read_pipe_transport(int descriptor, Socket owner,
                                                                           std::shared_ptr<BaseProtocol> protocol,
                                                                           Future<void> waiter) {
  const bool receives = std::dynamic_pointer_cast<Protocol>(protocol) != nullptr ||
                        std::dynamic_pointer_cast<BufferedProtocol>(protocol) != nullptr;
  if (!receives) {
    throw std::invalid_argument("connect_read_pipe() needs a protocol that receives: a Protocol or a BufferedProtocol");
  }
  PipeEnd pipe(descriptor, std::move(owner), "Pipe transport is for pipes/sockets only.");
  return UnixReadPipeTransport::start(*this, *open_transports_, std::move(pipe), std::move(protocol),
                                      std::move(waiter));
}

std::shared_ptr<WriteTransport> SelectorEventLoop::make_write_pipe_transport(int descriptor, Socket owner,
                                                                             std::shared_ptr<BaseProtocol> protocol,
                                                                             Future<void> waiter) {
  PipeEnd pipe(descriptor, std::move(owner), "Pipe transport is only for pipes, sockets and character devices");
  return UnixWritePipeTransport::start(*this, *open_transports_, std::move(pipe), std::move(protocol),
                                       std::move(waiter));
}

std::shared_ptr<SubprocessTransport> SelectorEventLoop::make_subprocess_transport(
    std::shared_ptr<BaseProtocol> protocol, std::vector<std::string> args, bool shell, SubprocessOptions options) {
  const auto hears = std::dynamic_pointer_cast<SubprocessProtocol>(protocol);
  if (!hears) throw std::invalid_argument("the protocol of a child process must be a SubprocessProtocol");
  check_closed();
  const auto connected = create_future<void>();
  const auto transport = UnixSubprocessTransport::start(*this, *open_transports_,
                                                        spawn(std::move(args), shell, options), hears, connected);
  try {
    await(connected);  // suspends
  } catch (const CoroutineExit&) {
    throw;  // the loop is being closed, which ends the child
  } catch (...) {
    transport->close();
    transport->wait();  // suspends; S321: until the child, which was killed, has ended
    throw;
  }
  return transport;
}

}  // namespace asyncio
