// server.hpp: a server of HTTP/1.1.
//
//     a connection's task                                       what may happen                  then
//     ───────────────────────────────────────────────────────────────────────────────────────────────────────────
//     wait for the first byte of a request   ── idle_for passes, or the server closes ────────► close
//     read the head, read the body           ── not in time, not well formed, too long ───────► 4xx, linger, close
//     handler(request) ─► response           ── throws ───────────────────────────────────────► 500, go on
//     send the response                      ── nobody reads it for write_within, or
//                                               the one who makes it piece by piece throws ───► abort
//     may the connection be used again?      ── no ───────────────────────────────────────────► linger, close
//       yes: from the top; a next request may be there already (pipelining), and is answered in its turn
//
//   W1  A request is answered once, in the order of the requests, or the connection ends.
//   W2  After an error in a request nothing more of its connection is taken for one.
//   W3  What a connection keeps is bounded by Limits and the high mark of its transport.
//   W4  No connection stays for ever by doing nothing.
//   W5  shutdown() ends at once what is idle, or in the middle of a head. A request whose head is here is answered.
//   W6  A response that ends too early has no last chunk. (A client of HTTP/1.0, which knows no chunks, cannot tell.)
//
// There is no Date field: this program has no clock but the loop's, and RFC 9110 (6.6.1) has a server without a clock
// leave it out. So it sends the same bytes in every run.
#pragma once

#include "tutorials/examples/http/message.hpp"
#include "tutorials/examples/http/wire.hpp"

#include <asyncio/asyncio.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace http {

/// What was asked.
struct Request : RequestHead {
  std::string body = {};  ///< decoded
};

/// What is answered.
struct Response {
  int status = 200;       ///< 200 to 599
  Fields fields = {};     ///< those that delimit the body are added by the server
  std::string body = {};  ///< the whole body; not sent where the status has none: 204, 304 …
  Pieces pieces = {};     ///< … or what sends it piece by piece, as long as it likes; W6 where it throws
};

/// Answers a request. May suspend.
using Handler = std::function<Response(const Request&)>;

/// How a server behaves. A time that is empty has no end.
struct ServerOptions {
  /// What a request may be.
  Limits limits = {};
  /// Between two requests.
  std::optional<asyncio::Duration> idle_for = std::chrono::seconds(15);
  /// From the first byte of a head to its end.
  std::optional<asyncio::Duration> head_within = std::chrono::seconds(10);
  /// For a body.
  std::optional<asyncio::Duration> body_within = std::chrono::seconds(30);
  /// For the other side to make room for a piece.
  std::optional<asyncio::Duration> write_within = std::chrono::seconds(30);
  /// For the other side to read a last response.
  asyncio::Duration linger_for = std::chrono::seconds(2);
  /// How to listen: an SSLContext belongs here. Its `limit` is not looked at; that of a stream follows from `limits`.
  asyncio::StartServerOptions listen = {};
};

/// A server. Made by std::make_shared, because the task of each connection keeps it.
class Server : public std::enable_shared_from_this<Server> {
 public:
  explicit Server(Handler handler, ServerOptions options = {});

  /// Begins to serve.
  ///
  /// \param host  which interface; empty: all
  /// \param port  0 lets the loop choose
  /// \return      the server that listens
  /// \suspends until listening
  asyncio::Server open(const std::string& host, int port);
  /// Stops listening, and ends all connections: the idle ones now, the others after their response (W5).
  ///
  /// \param patience  what is not over then is aborted, and its handler cancelled
  /// \suspends until all have ended, which takes as long as a handler that is cancelled takes to give up
  void shutdown(asyncio::Duration patience = std::chrono::seconds(10));

  /// How many connections there are.
  std::size_t connections() const noexcept { return connections_.size(); }

 private:
  struct Connection {
    asyncio::AnyTask task;
    asyncio::StreamReader reader;
    asyncio::StreamWriter writer;
    bool busy = false;  // the head of a request is here, and its response is not sent yet
  };

  class Registration;

  void converse(Connection& connection);
  bool answer_next(Connection& connection);
  std::string wait_for_first_byte(Connection& connection);
  Request read_request(Connection& connection, std::string begun);
  Response handle(const Request& request);
  void send(Connection& connection, const RequestHead& request, const Response& response, bool keep_alive);
  void drain(const Connection& connection);
  void send_pieces(Connection& connection, const RequestHead& request, const Pieces& pieces, bool chunked);
  void refuse(Connection& connection, const Refusal& refusal);
  void linger(Connection& connection);

  const Handler handler_;
  ServerOptions options_;
  std::weak_ptr<asyncio::AbstractServer> server_;  // the loop keeps it while it listens
  std::list<Connection> connections_;
  asyncio::Event all_ended_;  // set where connections_ has become empty
  bool closing_ = false;
};

/// "405 Method Not Allowed", with what is allowed: "GET, HEAD".
Response not_allowed(const std::string& allowed);
/// A response of plain text.
Response text(int status, std::string body);

}  // namespace http
