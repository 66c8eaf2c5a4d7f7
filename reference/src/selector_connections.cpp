// selector_connections.cpp: from a host and a port to a transport and a protocol.
//
//     connect_stream()
//       ensure_resolved()             names ──► addresses, the remote ones first (S231)
//       interleave_addrinfos()        the order to try them in (S232)
//       connect_to_any()              one after the other, or staggered (S233, S234)
//         connect_sock()              one attempt: socket, bind, connect (S235)
//       create_connection_transport() the protocol, its transport, and their beginning (S237)
//
// Source: CPython Lib/asyncio/base_events.py, create_connection, connect_accepted_socket. Rules: S228 to S239, S252.
#include <asyncio/exception_groups.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/sslproto.hpp>

#include "resolver.hpp"
#include "selector_socket_transport.hpp"
#include "staggered.hpp"
#include "system_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include <netinet/in.h>

namespace asyncio {
namespace {

/// The text of a socket for messages: "<socket fd=7>".
std::string repr(const Socket& socket) { return "<socket fd=" + std::to_string(socket.fileno()) + ">"; }

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& known) {
    return known.what();
  }
}

std::error_code code_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& known) {
    return known.code();
  }
}

/// Every address was tried in vain: says why (S236).
[[noreturn]] void throw_all(const std::vector<std::exception_ptr>& errors, bool all_errors) {
  if (errors.empty()) throw TimeoutError("create_connection failed");
  if (all_errors) throw ExceptionGroup("create_connection failed", errors);
  const std::string first = text_of(errors.front());
  if (std::ranges::all_of(errors, [&](const auto& error) { return text_of(error) == first; })) {
    std::rethrow_exception(errors.front());
  }
  std::string texts;
  for (const auto& error : errors) texts += (texts.empty() ? "" : ", ") + text_of(error);
  throw std::system_error(code_of(errors.front()), "Multiple exceptions: " + texts);
}

}  // namespace

/// One attempt (S235).
///
/// \param local   what to bind to: the first of the same family that works; none to leave that to the system
/// \param errors  gets what went wrong
/// \throws std::system_error  the last of these errors
Socket SelectorEventLoop::connect_sock(const AddressInfo& remote, const std::vector<AddressInfo>& local,
                                       std::vector<std::exception_ptr>& errors) {
  Socket socket;
  try {
    socket = open_socket(remote.family, remote.type, remote.proto);
    bool bound = local.empty();
    for (const AddressInfo& info : local) {
      if (bound || info.family != remote.family) continue;
      try {
        bind_socket(socket, to_system(info.address, info.family));
        bound = true;
      } catch (const std::system_error& error) {
        errors.push_back(std::make_exception_ptr(
            std::system_error(error.code(), "error while attempting to bind on address " + info.address.to_string())));
      }
    }
    if (!bound) {
      if (!errors.empty()) std::rethrow_exception(std::exchange(errors, {}).back());
      throw std::system_error(EADDRNOTAVAIL, std::generic_category(),
                              "no matching local address with family=" + std::to_string(remote.family) + " found");
    }
    sock_connect(socket.fileno(), remote.address);  // suspends
    return socket;
  } catch (const std::system_error&) {
    errors.push_back(std::current_exception());
    socket.close();
    throw;
  } catch (...) {
    socket.close();
    throw;
  }
}

Socket SelectorEventLoop::connect_to_any(const std::vector<AddressInfo>& remote, const std::vector<AddressInfo>& local,
                                         const ConnectionOptions& options) {
  Socket connected;
  std::vector<std::vector<std::exception_ptr>> errors(remote.size());
  if (!options.happy_eyeballs_delay) {
    for (std::size_t i = 0; i < remote.size() && !connected; ++i) {
      try {
        connected = connect_sock(remote[i], local, errors[i]);  // suspends
      } catch (const std::system_error&) {                      // S233: the next one
      }
    }
  } else {
    std::vector<std::function<void()>> attempts;
    for (std::size_t i = 0; i < remote.size(); ++i) {
      attempts.emplace_back([&, i] {
        const Socket socket = connect_sock(remote[i], local, errors[i]);  // suspends
        if (connected) return socket.close();                             // another one was faster
        connected = socket;
      });
    }
    try {
      const StaggeredRace race = staggered_race(std::move(attempts), options.happy_eyeballs_delay);  // suspends
      // Anything but a network's error ends the call, as it does without a race.
      for (const auto& error : race.exceptions) {
        if (!connected && error && !holds<std::system_error>(error)) std::rethrow_exception(error);
      }
    } catch (...) {
      connected.close();
      throw;
    }
  }
  if (connected) return connected;
  std::vector<std::exception_ptr> all;
  for (const auto& of_one : errors) all.insert(all.end(), of_one.begin(), of_one.end());
  throw_all(all, options.all_errors);
}

std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> SelectorEventLoop::connect_stream(
    ProtocolFactory factory, ConnectionOptions options) {
  check_connection_options(options);
  const TransportSecurity security = TransportSecurity::of(options);
  if (options.sock) {
    if (options.sock->type() != SOCK_STREAM) {
      throw std::invalid_argument("A Stream Socket was expected, got " + repr(*options.sock));
    }
    return create_connection_transport(*options.sock, factory, security);  // suspends
  }
  if (options.happy_eyeballs_delay && !options.interleave) options.interleave = 1;
  const AddressInfoOptions hints{
      .family = options.family, .type = SOCK_STREAM, .proto = options.proto, .flags = options.flags};
  auto remote = ensure_resolved(Address(options.host.value_or(""), options.port.value_or(0)), hints);  // suspends
  std::vector<AddressInfo> local;
  if (options.local_addr) local = ensure_resolved(*options.local_addr, hints);  // suspends
  if (options.interleave && *options.interleave != 0) {
    remote = interleave_addrinfos(std::move(remote), *options.interleave);
  }
  return create_connection_transport(connect_to_any(remote, local, options), factory, security);  // suspends
}

std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> SelectorEventLoop::adopt_accepted_socket(
    ProtocolFactory factory, Socket socket, AcceptedOptions options) {
  if (socket.type() != SOCK_STREAM) {
    throw std::invalid_argument("A Stream Socket was expected, got " + repr(socket));
  }
  if (options.ssl_handshake_timeout && !options.ssl) {
    throw std::invalid_argument("ssl_handshake_timeout is only meaningful with ssl");
  }
  if (options.ssl_shutdown_timeout && !options.ssl) {
    throw std::invalid_argument("ssl_shutdown_timeout is only meaningful with ssl");
  }
  const TransportSecurity security = TransportSecurity::of_server(options);
  SSLProtocol::check(*this, security);
  return create_connection_transport(std::move(socket), factory, security);  // suspends
}

std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> SelectorEventLoop::create_connection_transport(
    Socket socket, const ProtocolFactory& factory, const TransportSecurity& security) {
  std::shared_ptr<Transport> transport;
  try {
    std::shared_ptr<BaseProtocol> protocol = factory();
    const Future<void> made = create_future<void>();
    transport = SelectorSocketTransport::start(*this, socket, protocol, made, security);
    await(made);  // suspends: S238
    return {std::move(transport), std::move(protocol)};
  } catch (...) {  // S237
    if (transport) {
      transport->close();
    } else {
      socket.close();
    }
    throw;
  }
}

}  // namespace asyncio
