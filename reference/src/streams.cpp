// streams.cpp: four functions that put a StreamReaderProtocol between the loop and the program.

#include <asyncio/streams.hpp>

#include <asyncio/events.hpp>

#include <utility>

namespace asyncio {

namespace {

/// The protocol of each connection of a server.
ProtocolFactory server_protocols(ClientConnected client_connected, std::ptrdiff_t limit) {
  StreamReader{limit};  // throws now where the limit is wrong, not when the first client comes
  return [client_connected = std::move(client_connected), limit] {
    return std::make_shared<StreamReaderProtocol>(StreamReader(limit), client_connected);
  };
}

}  // namespace

StreamPair open_connection(std::optional<std::string> host, std::optional<int> port, OpenConnectionOptions options) {
  const StreamReader reader(options.limit);
  const auto protocol = std::make_shared<StreamReaderProtocol>(reader);
  const auto transport = get_running_loop()
                             .create_connection([protocol] { return protocol; },  // suspends
                                                {.host = std::move(host),
                                                 .port = port,
                                                 .ssl = std::move(options.ssl),
                                                 .family = options.family,
                                                 .proto = options.proto,
                                                 .flags = options.flags,
                                                 .sock = std::move(options.sock),
                                                 .local_addr = std::move(options.local_addr),
                                                 .server_hostname = std::move(options.server_hostname),
                                                 .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                                 .ssl_shutdown_timeout = options.ssl_shutdown_timeout,
                                                 .happy_eyeballs_delay = options.happy_eyeballs_delay,
                                                 .interleave = options.interleave,
                                                 .all_errors = options.all_errors})
                             .first;
  return {reader, StreamWriter(transport, protocol, reader)};
}

Server start_server(ClientConnected client_connected, std::optional<std::string> host, std::optional<int> port,
                    StartServerOptions options) {
  return get_running_loop().create_server(server_protocols(std::move(client_connected), options.limit),  // suspends
                                          {.host = std::move(host),
                                           .hosts = std::move(options.hosts),
                                           .port = port,
                                           .family = options.family,
                                           .flags = options.flags,
                                           .sock = std::move(options.sock),
                                           .backlog = options.backlog,
                                           .ssl = std::move(options.ssl),
                                           .reuse_address = options.reuse_address,
                                           .reuse_port = options.reuse_port,
                                           .keep_alive = options.keep_alive,
                                           .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                           .ssl_shutdown_timeout = options.ssl_shutdown_timeout,
                                           .start_serving = options.start_serving});
}

StreamPair open_unix_connection(std::string path, OpenUnixConnectionOptions options) {
  const StreamReader reader(options.limit);
  const auto protocol = std::make_shared<StreamReaderProtocol>(reader);
  const auto transport = get_running_loop()
                             .create_unix_connection([protocol] { return protocol; }, std::move(path),  // suspends
                                                     {.ssl = std::move(options.ssl),
                                                      .sock = std::move(options.sock),
                                                      .server_hostname = std::move(options.server_hostname),
                                                      .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                                      .ssl_shutdown_timeout = options.ssl_shutdown_timeout})
                             .first;
  return {reader, StreamWriter(transport, protocol, reader)};
}

Server start_unix_server(ClientConnected client_connected, std::string path, StartUnixServerOptions options) {
  return get_running_loop().create_unix_server(server_protocols(std::move(client_connected), options.limit),
                                               std::move(path),  // suspends
                                               {.sock = std::move(options.sock),
                                                .backlog = options.backlog,
                                                .ssl = std::move(options.ssl),
                                                .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                                .ssl_shutdown_timeout = options.ssl_shutdown_timeout,
                                                .start_serving = options.start_serving,
                                                .cleanup_socket = options.cleanup_socket});
}

}  // namespace asyncio
