// selector_server.cpp: accepting, and what happens when that fails.
#include "selector_server.hpp"

#include "log.hpp"
#include "resolver.hpp"
#include "selector_socket_transport.hpp"
#include "system_socket.hpp"

#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/gather.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

namespace asyncio {
namespace {

constexpr Duration ACCEPT_RETRY_DELAY = std::chrono::seconds(1);  // asyncio's name (S244)

/// \param listening  whose sockets
std::vector<Socket> views_of(const std::vector<ListeningSocket>& listening) {
  std::vector<Socket> views;
  for (const ListeningSocket& one : listening) views.push_back(view_of(one.socket));
  return views;
}

void remove_socket_file(const ListeningSocket& closed) {
  struct stat file{};
  if (::stat(closed.unlink.c_str(), &file) < 0) {
    if (errno == ENOENT) return;
  } else if (file.st_ino != closed.inode || ::unlink(closed.unlink.c_str()) == 0) {
    return;
  }
  log_error("Unable to clean up listening UNIX socket '" + closed.unlink +
            "': " + std::generic_category().message(errno));
}

}  // namespace

SelectorServer::SelectorServer(SelectorEventLoop& loop, ProtocolFactory factory, std::vector<ListeningSocket> sockets,
                               TransportSecurity security, int backlog)
    : BaseServer(loop, views_of(sockets), backlog),
      loop_(loop),
      core_(&loop.core()),
      factory_(std::move(factory)),
      security_(std::move(security)),
      context_(copy_context()),
      listening_(std::move(sockets)) {}

Server SelectorServer::make(SelectorEventLoop& loop, ProtocolFactory factory, std::vector<ListeningSocket> sockets,
                            TransportSecurity security, int backlog, bool start_serving) {
  const auto server =
      std::make_shared<SelectorServer>(loop, std::move(factory), std::move(sockets), std::move(security), backlog);
  if (!start_serving) return server;
  try {
    server->start_listening_now();
    Coroutine::suspend();  // suspends: S243
  } catch (...) {
    server->close();  // the loop would keep it, and nobody could ever close it
    throw;
  }
  return server;
}

void SelectorServer::start_listening(const Socket& socket, int backlog) {
  if (::listen(socket.fileno(), backlog) < 0) throw_errno("listen");
  watch(socket, backlog);
}

void SelectorServer::watch(const Socket& socket, int backlog) {
  const auto self = std::static_pointer_cast<SelectorServer>(shared_from_this());
  loop_.add_reader(socket.fileno(), [self, socket, backlog] { self->accept_connections(socket, backlog); });
}

void SelectorServer::stop_listening(const Socket& socket) {
  if (core_->loop() && !loop_.is_closed()) loop_.remove_reader(socket.fileno());
  const auto closed = std::ranges::find_if(
      listening_, [&](const ListeningSocket& one) { return one.socket.fileno() == socket.fileno(); });
  if (closed == listening_.end()) return;
  closed->socket.close();
  if (!closed->unlink.empty()) remove_socket_file(*closed);
}

// ---- Accepting ----

void SelectorServer::accept_connections(const Socket& socket, int backlog) {
  for (int i = 0; i <= backlog; ++i) {  // S244
    switch (const int error = accept_one(socket)) {
      case 0:
      case ECONNABORTED: continue;  // the client has given up
      case EAGAIN:
      case EINTR: return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM: return wait_for_resources(socket, backlog, error);
      default: throw std::system_error(error, std::generic_category(), "accept");  // to the handle, which reports it
    }
  }
}

/// \return  errno; 0 where a connection was accepted
int SelectorServer::accept_one(const Socket& socket) {
  SystemAddress from;
  const int descriptor = ::accept4(socket.fileno(), from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return errno;
  Socket accepted(std::make_shared<SystemSocket>(descriptor));
  const auto self = std::static_pointer_cast<SelectorServer>(shared_from_this());
  loop_.create_task([self, accepted = std::move(accepted), peer = from_system(from)] { self->set_up(accepted, peer); },
                    {.context = context_.copy()});
  return 0;
}

/// The socket stays readable: without a pause the loop would do nothing but fail to accept.
void SelectorServer::wait_for_resources(const Socket& socket, int backlog, int error) {
  loop_.call_exception_handler(
      {.message = "socket.accept() out of system resource",
       .exception = std::make_exception_ptr(std::system_error(error, std::generic_category(), "accept")),
       .socket = socket});
  loop_.remove_reader(socket.fileno());
  const auto self = std::static_pointer_cast<SelectorServer>(shared_from_this());
  loop_.call_later(ACCEPT_RETRY_DELAY, [self, socket, backlog] {
    if (self->is_serving()) self->watch(socket, backlog);
  });
}

void SelectorServer::set_up(Socket accepted, Address peer) {
  std::shared_ptr<BaseProtocol> protocol;
  std::shared_ptr<Transport> transport;
  try {
    protocol = factory_();
    const Future<void> made = loop_.create_future<void>();
    transport =
        SelectorSocketTransport::start(loop_, accepted, protocol, made, security_, shared_from_this(), std::move(peer));
    await(made);  // suspends
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    if (transport) {
      transport->close();
    } else {
      accepted.close();
    }
    if (!holds<std::exception>(error)) throw;  // a cancellation, or the end of the loop
    if (!loop_.get_debug()) return;            // S246
    loop_.call_exception_handler({.message = "Error on transport creation for incoming connection",
                                  .exception = error,
                                  .protocol = protocol,
                                  .transport = transport});
  }
}

// ---- create_server() ----

namespace {

/// The names of the interfaces; "" for all of them.
std::vector<std::string> interfaces(const ServerOptions& options) {
  std::vector<std::string> names = options.hosts;
  if (options.host) names.push_back(*options.host);
  if (names.empty()) names.emplace_back();
  return names;
}

/// Opens and binds one listening socket (S241).
///
/// \param missing  becomes the reason where none is returned
/// \return  none where the system has no such family, or no such address
/// \throws std::system_error  where the address cannot be used
Socket open_listening_socket(const AddressInfo& info, const ServerOptions& options, std::error_code& missing) {
  Socket socket;
  try {
    socket = open_socket(info.family, info.type, info.proto);
  } catch (const std::system_error& error) {
    missing = error.code();
    return {};
  }
  if (options.reuse_address.value_or(true)) socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1);
  if (options.reuse_port.value_or(false)) socket.setsockopt(SOL_SOCKET, SO_REUSEPORT, 1);
  if (options.keep_alive.value_or(false)) socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
  // Dual stack is two sockets. What one that serves both does depends on a setting of the system.
  if (info.family == AF_INET6) socket.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  try {
    bind_socket(socket, to_system(info.address, info.family));
  } catch (const std::system_error& error) {
    const std::string text = "error while attempting to bind on address " + info.address.to_string();
    if (error.code() != std::errc::address_not_available) throw std::system_error(error.code(), text);
    missing = error.code();
    log_warning(text + ": " + error.code().message());  // a resolver may know addresses that the machine has not
    return {};
  }
  return socket;
}

std::vector<ListeningSocket> open_listening_sockets(const std::vector<AddressInfo>& addresses,
                                                    const ServerOptions& options) {
  std::vector<ListeningSocket> sockets;
  std::error_code missing(EADDRNOTAVAIL, std::generic_category());
  for (const AddressInfo& info : addresses) {
    if (Socket socket = open_listening_socket(info, options, missing)) sockets.push_back({.socket = std::move(socket)});
  }
  if (!sockets.empty()) return sockets;
  std::string tried;
  for (const AddressInfo& info : addresses) tried += (tried.empty() ? "" : ", ") + info.address.to_string();
  throw std::system_error(missing, "could not bind on any address out of [" + tried + "]");
}

}  // namespace

/// The addresses to listen on, each once (S240).
std::vector<AddressInfo> SelectorEventLoop::server_addresses(const ServerOptions& options) {
  const AddressInfoOptions hints{
      .family = options.family, .type = SOCK_STREAM, .flags = options.flags.value_or(AI_PASSIVE)};
  std::vector<Task<std::vector<AddressInfo>>> lookups;
  for (const std::string& name : interfaces(options)) {
    lookups.push_back(create_task([this, address = Address(name, options.port.value_or(0)), hints] {
      return ensure_resolved(address, hints);  // suspends
    }));
  }
  std::vector<AddressInfo> addresses;
  for (const auto& found : await(gather(lookups))) {  // suspends
    for (const AddressInfo& info : found) {
      const bool known = std::ranges::any_of(
          addresses, [&](const auto& one) { return one.family == info.family && one.address == info.address; });
      if (!known) addresses.push_back(info);
    }
  }
  return addresses;
}

Server SelectorEventLoop::create_server(ProtocolFactory factory, ServerOptions options) {
  check_server_options(options);
  std::vector<ListeningSocket> sockets;
  if (options.sock) {
    if (options.sock->type() != SOCK_STREAM) {
      throw std::invalid_argument(
          "A Stream Socket was expected, got <socket fd=" + std::to_string(options.sock->fileno()) + ">");
    }
    set_nonblocking(options.sock->fileno());
    sockets.push_back({.socket = *options.sock});
  } else {
    sockets = open_listening_sockets(server_addresses(options), options);  // suspends
  }
  return SelectorServer::make(*this, std::move(factory), std::move(sockets), TransportSecurity::of_server(options),
                              options.backlog, options.start_serving);  // suspends
}

}  // namespace asyncio
