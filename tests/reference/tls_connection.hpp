// tls_connection.hpp: TLS over real sockets, both ends ours.
#pragma once

#include <asyncio/asyncio.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tests/reference/real_network.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {

/// Answers each block with itself.
inline void echo(StreamReader reader, StreamWriter writer) {
  for (std::string block; !(block = reader.read(1 << 16)).empty();) {
    writer.write(block);
    writer.drain();
  }
  writer.close();
}

/// What was agreed on.
inline std::shared_ptr<SSLObject> object_of(const StreamWriter& writer) {
  return writer.get_extra_info<std::shared_ptr<SSLObject>>("ssl_object");
}

/// Both ends of a TLS connection over the loopback interface.
class ATlsConnection : public OnARealLoop {
 protected:
  /// Serves with `server`, connects with `client`, and calls `talk` with the client's streams.
  ///
  /// \return  what the client was refused with; empty where it was not
  std::string connect(
      const std::shared_ptr<SSLContext>& server, const std::shared_ptr<SSLContext>& client,
      const std::function<void(StreamReader, StreamWriter)>& talk = [](auto, auto) {},
      const std::optional<std::string>& server_hostname = {}) {
    std::string refused;
    run([&] {
      const auto serving = start_server(echo, "127.0.0.1", 0, {.ssl = server});
      try {
        auto [reader, writer] =
            open_connection("127.0.0.1", port_of(serving), {.ssl = client, .server_hostname = server_hostname});
        talk(reader, writer);
        writer.close();
        writer.wait_closed();
      } catch (const std::exception& error) {
        refused = error.what();
      }
      serving->close();
      serving->wait_closed();
    });
    return refused;
  }

  /// Serves in the clear with `serve`, and calls `talk` with the streams of a client that has asked for TLS.
  void connect_in_the_clear(const ClientConnected& serve, const std::function<void(StreamReader, StreamWriter)>& talk) {
    run([&] {
      const auto serving = start_server(serve, "127.0.0.1", 0);
      auto [reader, writer] = open_connection("127.0.0.1", port_of(serving));
      writer.write("STARTTLS\n");
      talk(reader, writer);
      serving->close();
      serving->wait_closed();
    });
  }
};

}  // namespace asyncio
