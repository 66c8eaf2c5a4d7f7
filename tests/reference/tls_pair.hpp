// tls_pair.hpp: the two ends of a TLS connection, with a test between them that carries the records.
#pragma once

#include <asyncio/sslproto.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "tests/reference/scripted_transport.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {

/// One end: a program's protocol, TLS, and a transport whose socket is the test's.
struct TlsEnd {
  TlsEnd(ScriptedLoop& loop, const TransportSecurity& security, std::shared_ptr<BaseProtocol> protocol = nullptr)
      : app(protocol ? nullptr : std::make_shared<NotingProtocol>()),
        waiter(loop.create_future<void>()),
        tls(SSLProtocol::make(loop, protocol ? std::move(protocol) : app, waiter, security)),
        above(tls->app_transport()),
        below(std::make_shared<ScriptedTransport>(loop, nullptr)) {
    below->begin(tls, Future<void>());
  }
  TlsEnd(const TlsEnd&) = delete;
  TlsEnd& operator=(const TlsEnd&) = delete;
  ~TlsEnd() {
    if (waiter.done() && !waiter.cancelled()) waiter.exception();  // a test that does not ask need not
    below->set_protocol(nullptr);
  }

  /// The network brings these bytes; "" is its end.
  void arrive(std::string bytes) const {
    below->arrives.push_back(std::move(bytes));
    while (below->watches_read && !below->arrives.empty()) below->read_ready();
  }
  /// What was sent since the last call.
  std::string take_sent() const { return std::exchange(below->sent, ""); }
  /// "ok", "waiting", or what went wrong.
  std::string handshake() const {
    if (!waiter.done()) return "waiting";
    return waiter.exception() ? describe(waiter.exception()) : "ok";
  }

  std::shared_ptr<NotingProtocol> app;  ///< null where another protocol was given
  Future<void> waiter;
  std::shared_ptr<SSLProtocol> tls;
  std::shared_ptr<SSLProtocolTransport> above;
  std::shared_ptr<ScriptedTransport> below;
};

/// A client and a server.
class TlsPair {
 public:
  explicit TlsPair(ScriptedLoop& loop, TransportSecurity client_security = {},
                   std::shared_ptr<BaseProtocol> client_protocol = nullptr)
      : client(loop, of_client(std::move(client_security)), std::move(client_protocol)),
        server(loop, {.context = server_context(), .server_side = true}),
        loop_(loop) {}

  /// Carries records until there are none left.
  void carry() {
    for (bool moved = true; moved;) {
      loop_.turn(4);
      const bool to_server = move_records(client, server);
      const bool to_client = move_records(server, client);
      moved = to_server || to_client;
    }
  }
  /// Carries records, and the ends of the network behind them, until nothing is left.
  void carry_all() {
    for (int i = 0; i < 4; ++i) {
      carry();
      pass_end(client, server);
      pass_end(server, client);
    }
  }

  TlsEnd client;
  TlsEnd server;

 private:
  static TransportSecurity of_client(TransportSecurity security) {
    if (!security.context) security.context = client_context();
    security.server_hostname = "localhost";
    return security;
  }
  static bool move_records(const TlsEnd& from, const TlsEnd& to) {
    std::string records = from.take_sent();
    const bool any = !records.empty();
    if (any) to.arrive(std::move(records));
    return any;
  }
  static void pass_end(const TlsEnd& from, const TlsEnd& to) {
    if (!from.below->closed.empty() && to.below->watches_read) to.arrive("");
  }

  ScriptedLoop& loop_;
};

}  // namespace asyncio
