// base_events_processes.cpp: the part of connecting a pipe and of starting a program that all loops share.
//
// What is left to the loop is to make a transport. That of a pipe queues connection_made() and then the result
// of the waiter, so that a program goes on when its protocol knows of the connection. That of a process queues
// connection_made() and returns: the program may go on before its protocol does.
//
// Source: CPython Lib/asyncio/base_events.py, connect_read_pipe, connect_write_pipe, subprocess_exec,
// subprocess_shell. Rules: S315, S316.
#include <asyncio/base_events.hpp>
#include <asyncio/transports.hpp>

#include <stdexcept>

namespace asyncio {
namespace {

/// Waits for the transport that `make(waiter)` makes, and closes it where the waiting is cut short.
template <class Make>
auto connected(AbstractEventLoop& loop, Make make) {
  const auto waiter = loop.create_future<void>();
  auto transport = make(waiter);
  try {
    await(waiter);  // suspends
  } catch (...) {
    transport->close();
    throw;
  }
  return transport;
}

}  // namespace

std::pair<std::shared_ptr<ReadTransport>, std::shared_ptr<BaseProtocol>> BaseEventLoop::attach_read_pipe(
    ProtocolFactory factory, int descriptor, Socket owner) {
  const std::shared_ptr<BaseProtocol> protocol = factory();
  auto transport = connected(*this, [&](const Future<void>& waiter) {  // suspends
    return make_read_pipe_transport(descriptor, std::move(owner), protocol, waiter);
  });
  return {std::move(transport), protocol};
}

std::pair<std::shared_ptr<WriteTransport>, std::shared_ptr<BaseProtocol>> BaseEventLoop::attach_write_pipe(
    ProtocolFactory factory, int descriptor, Socket owner) {
  const std::shared_ptr<BaseProtocol> protocol = factory();
  auto transport = connected(*this, [&](const Future<void>& waiter) {  // suspends
    return make_write_pipe_transport(descriptor, std::move(owner), protocol, waiter);
  });
  return {std::move(transport), protocol};
}

std::shared_ptr<ReadTransport> BaseEventLoop::make_read_pipe_transport(int, Socket, std::shared_ptr<BaseProtocol>,
                                                                       Future<void>) {
  not_implemented("connect_read_pipe");
}

std::shared_ptr<WriteTransport> BaseEventLoop::make_write_pipe_transport(int, Socket, std::shared_ptr<BaseProtocol>,
                                                                         Future<void>) {
  not_implemented("connect_write_pipe");
}

std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> BaseEventLoop::spawn_program(
    ProtocolFactory factory, std::vector<std::string> args, SubprocessOptions options) {
  if (args.empty()) throw std::invalid_argument("subprocess_exec() needs a program to start: its arguments are empty");
  const std::shared_ptr<BaseProtocol> protocol = factory();
  auto transport = make_subprocess_transport(protocol, std::move(args), false, std::move(options));  // suspends
  return {std::move(transport), protocol};
}

std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> BaseEventLoop::spawn_shell(
    ProtocolFactory factory, std::string command, SubprocessOptions options) {
  const std::shared_ptr<BaseProtocol> protocol = factory();
  auto transport = make_subprocess_transport(protocol, {std::move(command)}, true, std::move(options));  // suspends
  return {std::move(transport), protocol};
}

std::shared_ptr<SubprocessTransport> BaseEventLoop::make_subprocess_transport(std::shared_ptr<BaseProtocol>,
                                                                              std::vector<std::string>, bool shell,
                                                                              SubprocessOptions) {
  not_implemented(shell ? "subprocess_shell" : "subprocess_exec");
}

}  // namespace asyncio
