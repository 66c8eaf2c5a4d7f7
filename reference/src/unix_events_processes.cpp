// unix_events_processes.cpp: what SelectorEventLoop has beside descriptors and sockets: pipes.
//
// Source: CPython Lib/asyncio/unix_events.py, _UnixSelectorEventLoop.
#include "unix_pipes.hpp"

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

}  // namespace asyncio
