// unix_connections.cpp: connections and servers whose address is a path.
//
// The file of a UNIX socket outlives the socket. So a server removes what an earlier one has left behind before
// it binds, and its own when it closes, unless another server has put its own there meanwhile: the inode tells.
//
// Source: CPython Lib/asyncio/unix_events.py, create_unix_connection, create_unix_server, _stop_serving. Rules: S228,
// S251.
#include <asyncio/exceptions.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/sslproto.hpp>

#include "selector_server.hpp"
#include "system_socket.hpp"

#include <stdexcept>
#include <utility>

#include <sys/stat.h>

namespace asyncio {
namespace {

void check_unix_stream(const Socket& socket) {
  if (socket.family() == AF_UNIX && socket.type() == SOCK_STREAM) return;
  throw std::invalid_argument(
      "A UNIX Domain Stream Socket was expected, got <socket fd=" + std::to_string(socket.fileno()) + ">");
}

/// \param has_sock  of the options
void check_path(const std::string& path, bool has_sock) {
  if (!path.empty() && has_sock) {
    throw std::invalid_argument("path and sock can not be specified at the same time");
  }
}

Socket bind_to_path(const std::string& path) {
  const Socket socket = open_socket(AF_UNIX, SOCK_STREAM, 0);
  if (is_in_file_system(path)) remove_stale_socket_file(path);
  const SystemAddress address = to_system(Address::unix_path(path), AF_UNIX);
  try {
    bind_socket(socket, address);
  } catch (const std::system_error& error) {
    const std::string text = Address::unix_path(path).to_string();
    if (error.code() != std::errc::address_in_use) throw std::system_error(error.code(), "bind " + text);
    throw std::system_error(error.code(), "Address '" + text + "' is already in use");
  }
  return socket;
}

}  // namespace

std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> SelectorEventLoop::connect_unix_stream(
    ProtocolFactory factory, std::string path, UnixConnectionOptions options) {
  if (options.server_hostname && !options.ssl) {
    throw std::invalid_argument("server_hostname is only meaningful with ssl");
  }
  if (!options.server_hostname && options.ssl) {
    throw std::invalid_argument("you have to pass server_hostname when using ssl");
  }
  if (options.ssl_handshake_timeout && !options.ssl) {
    throw std::invalid_argument("ssl_handshake_timeout is only meaningful with ssl");
  }
  if (options.ssl_shutdown_timeout && !options.ssl) {
    throw std::invalid_argument("ssl_shutdown_timeout is only meaningful with ssl");
  }
  check_path(path, options.sock.has_value());
  if (path.empty() && !options.sock) throw std::invalid_argument("no path and sock were specified");
  const TransportSecurity security = TransportSecurity::of(options);
  SSLProtocol::check(*this, security);
  Socket socket;
  if (options.sock) {
    socket = *options.sock;
    check_unix_stream(socket);
  } else {
    socket = open_socket(AF_UNIX, SOCK_STREAM, 0);
    sock_connect(socket.fileno(), Address::unix_path(std::move(path)));  // suspends; the socket is closed if it throws
  }
  return create_connection_transport(std::move(socket), factory, security);  // suspends
}

Server SelectorEventLoop::create_unix_server(ProtocolFactory factory, std::string path, UnixServerOptions options) {
  if (options.ssl_handshake_timeout && !options.ssl) {
    throw std::invalid_argument("ssl_handshake_timeout is only meaningful with ssl");
  }
  if (options.ssl_shutdown_timeout && !options.ssl) {
    throw std::invalid_argument("ssl_shutdown_timeout is only meaningful with ssl");
  }
  check_path(path, options.sock.has_value());
  if (path.empty() && !options.sock) {
    throw std::invalid_argument("path was not specified, and no sock specified");
  }
  const TransportSecurity security = TransportSecurity::of_server(options);
  SSLProtocol::check(*this, security);

  ListeningSocket listening;
  if (options.sock) {
    check_unix_stream(*options.sock);
    set_nonblocking(options.sock->fileno());
    listening.socket = *options.sock;
    path = listening.socket.getsockname().path();
  } else {
    listening.socket = bind_to_path(path);
  }
  struct stat file{};
  if (options.cleanup_socket && is_in_file_system(path) && ::stat(path.c_str(), &file) == 0) {
    listening.unlink = path;
    listening.inode = file.st_ino;
  }
  return SelectorServer::make(*this, std::move(factory), {std::move(listening)}, security, options.backlog,
                              options.start_serving);  // suspends
}

}  // namespace asyncio
