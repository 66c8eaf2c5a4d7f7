// streams.hpp: connections as a reader and a writer.
//
//     auto [reader, writer] = asyncio::open_connection("example.org", 80);
//     writer.write("GET / HTTP/1.0\r\n\r\n");
//     for (const std::string& line : reader) std::cout << line;
//
// The four functions here stand on the loop's create_connection() and create_server() and give them
// a StreamReaderProtocol. Nothing else: whoever needs it otherwise calls those and writes a
// protocol.
//
// Source: CPython Lib/asyncio/streams.py. Rules: S329, S340.
#pragma once

#include <asyncio/loop_options.hpp>
#include <asyncio/server.hpp>
#include <asyncio/stream_protocol.hpp>
#include <asyncio/stream_reader.hpp>
#include <asyncio/stream_writer.hpp>

#include <memory>
#include <optional>
#include <string>

namespace asyncio {

/// The two ends of a stream on this side, for structured bindings.
struct StreamPair {
  StreamReader reader;  ///< what the other side sends
  StreamWriter writer;  ///< what this side sends
};

/// The keywords of open_connection(): the limit, and those of create_connection().
struct OpenConnectionOptions {
  std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT;      ///< of the reader, in bytes
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  int family = 0;                                   ///< AF_INET, AF_INET6, or 0 for either
  int proto = 0;                                    ///< protocol number for getaddrinfo()
  int flags = 0;                                    ///< AI_… flags for getaddrinfo()
  std::optional<Socket> sock = {};                  ///< an already connected socket, instead of host and port
  std::optional<Address> local_addr = {};           ///< bind to this first
  std::optional<std::string> server_hostname = {};  ///< for TLS; default: host
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
  std::optional<Delay> happy_eyeballs_delay = {};   ///< start the next attempt after this (RFC 8305)
  std::optional<int> interleave = {};               ///< First Address Family Count of RFC 8305
  bool all_errors = false;                          ///< throw an ExceptionGroup of every attempt's error
};

/// The keywords of start_server(): the limit, and those of create_server().
struct StartServerOptions {
  std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT;      ///< of each reader, in bytes
  std::vector<std::string> hosts = {};              ///< several interfaces, instead of host
  int family = 0;                                   ///< AF_INET, AF_INET6, or 0 for both
  std::optional<int> flags = {};                    ///< default AI_PASSIVE
  std::optional<Socket> sock = {};                  ///< a bound socket, instead of host and port
  int backlog = 100;                                ///< connections that may wait to be accepted
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<bool> reuse_address = {};           ///< default true
  std::optional<bool> reuse_port = {};              ///< default false
  std::optional<bool> keep_alive = {};              ///< default false
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
  bool start_serving = true;                        ///< accept at once
};

/// The keywords of open_unix_connection(): the limit, and those of create_unix_connection().
struct OpenUnixConnectionOptions {
  std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT;      ///< of the reader, in bytes
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<Socket> sock = {};                  ///< an already connected socket, instead of the path
  std::optional<std::string> server_hostname = {};  ///< for TLS
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
};

/// The keywords of start_unix_server(): the limit, and those of create_unix_server().
struct StartUnixServerOptions {
  std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT;      ///< of each reader, in bytes
  std::optional<Socket> sock = {};                  ///< a bound socket, instead of the path
  int backlog = 100;                                ///< connections that may wait to be accepted
  std::shared_ptr<SSLContext> ssl = {};             ///< null: no TLS
  std::optional<Delay> ssl_handshake_timeout = {};  ///< default 60 s
  std::optional<Delay> ssl_shutdown_timeout = {};   ///< default 30 s
  bool start_serving = true;                        ///< accept at once
  bool cleanup_socket = true;                       ///< remove the file when the server closes
};

/// Connects to a server.
///
/// \param host     a name or a literal address
/// \param port     0 to 65535
/// \param options  limit, TLS and the like
/// \return         the two ends: `auto [reader, writer] = …`
/// \throws std::invalid_argument  where the limit is not positive (S329) or the options contradict
///                                each other (S228)
/// \throws std::system_error      where no connection could be made
/// \suspends until connected
StreamPair open_connection(std::optional<std::string> host = {}, std::optional<int> port = {},
                           OpenConnectionOptions options = {});

/// Listens for connections, and serves each one in a task of its own.
///
/// What escapes from `client_connected` is reported to the loop's exception handler and closes the
/// connection; a cancellation closes it without a report (S340). The connection also ends when the
/// last copy of its writer goes.
///
/// \param client_connected  called with the reader and the writer of each connection; may suspend
/// \param host              which interface; empty: all
/// \param port              0 lets the loop choose
/// \param options           limit, backlog, TLS and the like
/// \return                  the server, which serves unless start_serving is false
/// \throws std::invalid_argument  as open_connection() does
/// \throws std::system_error      where an address cannot be used
/// \suspends until listening
Server start_server(ClientConnected client_connected, std::optional<std::string> host = {},
                    std::optional<int> port = {}, StartServerOptions options = {});

/// Connects to a UNIX socket. See open_connection().
///
/// \suspends until connected
StreamPair open_unix_connection(std::string path, OpenUnixConnectionOptions options = {});

/// Listens on a UNIX socket. See start_server().
///
/// \suspends until listening
Server start_unix_server(ClientConnected client_connected, std::string path, StartUnixServerOptions options = {});

}  // namespace asyncio
