// start_tls.cpp: a connection that becomes a TLS connection.
//
// Between the protocol that is there and its transport comes an SSLProtocol. The transport is paused first, so that
// nothing is received by the one or the other before the handshake has begun.
//
// What came in the clear before belongs to TLS on a server, whose client need not wait for its answer. On a client it
// is refused.
//
// Source: CPython Lib/asyncio/base_events.py, start_tls. Rules: S301.
#include <asyncio/base_events.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/sslproto.hpp>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace asyncio {
namespace {

/// A server says nothing after it has agreed to TLS, and the client begins. What has come by then came in the clear,
/// from anybody on the way, and would be read as if TLS had protected it (CVE-2011-0411).
SSLError unread_plaintext() {
  return {"SSL", "UNREAD_PLAINTEXT",
          "[SSL: UNREAD_PLAINTEXT] more has come in the clear than was read before start_tls(): anybody may have added "
          "it. Read the other side's whole answer first"};
}

}  // namespace

std::shared_ptr<Transport> BaseEventLoop::start_tls(std::shared_ptr<Transport> transport,
                                                    std::shared_ptr<BaseProtocol> protocol,
                                                    std::shared_ptr<SSLContext> context, StartTlsOptions options) {
  if (!context) {
    throw std::invalid_argument("sslcontext is expected to be an instance of ssl.SSLContext, got None");
  }
  if (!transport || !transport->start_tls_compatible()) {
    throw std::invalid_argument("this transport is not supported by start_tls()");
  }
  if (transport->is_closing()) {  // CPython waits for ever for a connection that is lost already
    throw std::system_error(ECONNABORTED, std::generic_category(),
                            "The connection was closed before the SSL handshake");
  }
  const Future<void> waiter = create_future<void>();
  const auto ssl_protocol = SSLProtocol::make(*this, protocol, waiter,
                                              {.context = std::move(context),
                                               .server_side = options.server_side,
                                               .server_hostname = options.server_hostname.value_or(""),
                                               .ssl_handshake_timeout = options.ssl_handshake_timeout,
                                               .ssl_shutdown_timeout = options.ssl_shutdown_timeout},
                                              AppConnection::made_already);
  const auto made = ssl_protocol->app_transport();
  transport->pause_reading();
  transport->set_protocol(ssl_protocol);
  if (auto* stream = dynamic_cast<Protocol*>(protocol.get())) {
    std::string unread = stream->take_unread();
    if (!options.server_side && !unread.empty()) {
      transport->close();
      throw unread_plaintext();
    }
    ssl_protocol->feed_early(unread);
  }
  const Handle connect = call_soon([ssl_protocol, transport] { ssl_protocol->connection_made(transport); });
  const Handle resume = call_soon([transport] { transport->resume_reading(); });
  try {
    await(waiter);  // suspends
  } catch (...) {
    transport->close();
    connect.cancel();
    resume.cancel();
    throw;
  }
  return made;
}

}  // namespace asyncio
