#include "tutorials/examples/http/server.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace http {

namespace {

/// \throws std::invalid_argument  where what the handler gave is no response: it would be half of another one
void check(const Response& response) {
  for (const char* ours : {"Content-Length", "Transfer-Encoding"}) {
    if (response.fields.count(ours) > 0) throw std::invalid_argument(std::string(ours) + " is added by the server");
  }
  if (response.status < 200 || response.status > 599)
    throw std::invalid_argument("a response has a status of 200 to 599");
  static_cast<void>(format_head(ResponseHead{.status = response.status, .fields = response.fields}));
}

}  // namespace

/// A connection on the list of its server, for as long as its task lives, however that ends.
class Server::Registration {
 public:
  Registration(std::shared_ptr<Server> server, Connection connection) : server_(std::move(server)) {
    at_ = server_->connections_.insert(server_->connections_.end(), std::move(connection));
    server_->all_ended_.clear();
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() {
    server_->connections_.erase(at_);
    if (server_->connections_.empty()) server_->all_ended_.set();
  }
  Connection& connection() const noexcept { return *at_; }

 private:
  std::shared_ptr<Server> server_;
  std::list<Connection>::iterator at_;
};

Server::Server(Handler handler, ServerOptions options) : handler_(std::move(handler)), options_(std::move(options)) {
  // The reader refuses a line that is longer than its limit, and so does read_head(), which knows the right status.
  options_.listen.limit = static_cast<std::ptrdiff_t>(std::max(options_.limits.head, options_.limits.target_line));
}

asyncio::Server Server::open(const std::string& host, int port) {
  const auto serve = [self = shared_from_this()](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    const Registration registration(self, {asyncio::current_task(), std::move(reader), std::move(writer)});
    self->converse(registration.connection());  // suspends
  };
  asyncio::Server server = asyncio::start_server(serve, host, port, options_.listen);  // suspends
  server_ = server;
  return server;
}

void Server::shutdown(asyncio::Duration patience) {
  closing_ = true;  // W5
  const asyncio::Server server = server_.lock();
  if (server) server->close();
  for (Connection& connection : connections_) {
    if (!connection.busy) connection.writer.close();  // its task finds the end of the stream
  }
  const auto wait_for_all = [this] {
    while (!connections_.empty()) all_ended_.wait();  // suspends
  };
  try {
    asyncio::timeout(patience, wait_for_all);  // suspends
  } catch (const asyncio::TimeoutError&) {
    for (Connection& connection : connections_) {
      connection.writer.transport()->abort();
      connection.task.cancel();  // a handler may wait for something else than the network
    }
    wait_for_all();  // suspends
  }
  if (server) server->wait_closed();  // suspends
}

// ---- One connection ----

void Server::converse(Connection& connection) {
  try {
    while (answer_next(connection)) continue;  // suspends
  } catch (const asyncio::TimeoutError&) {
    connection.writer.transport()->abort();        // a response that nobody reads: close() would wait for him
  } catch (const asyncio::IncompleteReadError&) {  // hung up in the middle of a request
  } catch (const std::system_error&) {             // the connection is lost
  }
  connection.writer.close();
}

// [answer_next]
/// \return  whether another request may follow
bool Server::answer_next(Connection& connection) {
  connection.busy = false;
  if (closing_) return false;                           // it came when shutdown() had looked already
  std::string begun = wait_for_first_byte(connection);  // suspends
  if (begun.empty() || closing_) return false;

  Request request;
  try {
    request = read_request(connection, std::move(begun));  // suspends
  } catch (const Refusal& refusal) {
    refuse(connection, refusal);  // suspends
    return false;                 // W2: where the next request would begin, nobody can know
  }
  const Response response = handle(request);  // suspends; W1: the next request waits in the stream
  const bool keep_alive = keeps_alive(request.minor_version, request.fields) && !closing_ &&
                          (!response.pieces || request.minor_version == 1);
  send(connection, request, response, keep_alive);  // suspends
  if (keep_alive && !closing_) return true;
  linger(connection);  // suspends
  return false;
}
// [answer_next]

/// \return  "" where the connection is over, or was idle for too long
std::string Server::wait_for_first_byte(Connection& connection) {
  try {
    return asyncio::timeout(options_.idle_for, [&] { return connection.reader.read(1); });  // suspends; W4
  } catch (const asyncio::TimeoutError&) {
    return "";  // no 408: it could meet a request that is on its way, and be taken for its answer
  }
}

Request Server::read_request(Connection& connection, std::string begun) {
  Request request;
  try {
    const std::string head = asyncio::timeout(options_.head_within, [&] {
      return read_head(connection.reader, std::move(begun), options_.limits);
    });  // suspends
    connection.busy = true;
    static_cast<RequestHead&>(request) = parse_request_head(head);
    const Framing body = framing(request);
    if (body.length > options_.limits.body) throw Refusal(413, "the body is too long");  // before "100 Continue"
    if (const std::string* expected = request.fields.find("Expect"); expected && request.minor_version == 1) {
      if (!request.fields.has("Expect", "100-continue")) throw Refusal(417, "what is expected is not known here");
      if (body.kind != Framing::Kind::none) connection.writer.write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    request.body = asyncio::timeout(options_.body_within,
                                    [&] { return read_body(connection.reader, body, options_.limits); });  // suspends
  } catch (const asyncio::TimeoutError&) {
    throw Refusal(408, "the request did not come in time");
  }
  return request;
}

Response Server::handle(const Request& request) {
  try {
    Response response = handler_(request);  // suspends
    check(response);
    return response;
  } catch (const std::exception&) {
    asyncio::get_running_loop().call_exception_handler(
        {.message = "Error in the handler of " + request.method + " " + request.target,
         .exception = std::current_exception()});
    return text(500, "something went wrong here\n");
  }
}

void Server::send(Connection& connection, const RequestHead& request, const Response& response, bool keep_alive) {
  ResponseHead head{
      .status = response.status, .reason = std::string(reason_of(response.status)), .fields = response.fields};
  const bool chunked = response.pieces && request.minor_version == 1;
  if (!may_have_body(response.status)) {
    // Ends with its head; a length in there would be that of something else (RFC 9112, 6.3).
  } else if (chunked) {
    head.fields.add("Transfer-Encoding", "chunked");
  } else if (!response.pieces) {
    head.fields.add("Content-Length", std::to_string(response.body.size()));
  }
  if (!keep_alive) head.fields.add("Connection", "close");
  if (keep_alive && request.minor_version == 0) head.fields.add("Connection", "keep-alive");

  const bool has_body = request.method != "HEAD" && may_have_body(response.status);
  connection.writer.write(format_head(head) + (has_body ? response.body : ""));
  drain(connection);                                                                            // suspends; W3
  if (response.pieces && has_body) send_pieces(connection, request, response.pieces, chunked);  // suspends
}

void Server::drain(const Connection& connection) {
  asyncio::timeout(options_.write_within, [&] { connection.writer.drain(); });  // suspends
}

void Server::send_pieces(Connection& connection, const RequestHead& request, const Pieces& pieces, bool chunked) {
  bool sending = false;  // then what is thrown is the connection's
  const Pieces watched = [&](const SendPiece& send) {
    pieces([&](std::string_view piece) {
      sending = true;
      send(piece);  // suspends
      sending = false;
    });
  };
  try {
    if (chunked) return write_chunks(connection.writer, watched, [&] { drain(connection); });  // suspends
    watched([&](std::string_view piece) {
      connection.writer.write(piece);
      drain(connection);  // suspends
    });
  } catch (const std::exception&) {
    if (sending) throw;
    asyncio::get_running_loop().call_exception_handler(
        {.message = "Error in the pieces of the response to " + request.method + " " + request.target,
         .exception = std::current_exception()});
    connection.writer.transport()->abort();  // W6
    throw std::system_error(ECONNABORTED, std::generic_category(), "a response was not finished");
  }
}

void Server::refuse(Connection& connection, const Refusal& refusal) {
  Response response = text(refusal.status(), std::string(refusal.what()) + "\n");
  send(connection, RequestHead{}, response, false);  // suspends
  linger(connection);                                // suspends
}

/// Ends the connection so that the last response is read.
///
/// A socket that is closed while something lies in it unread answers with a reset, and a reset overtakes what the other
/// side has not read yet: it would never see its 413. So this side says that it is done, and reads until the other is.
void Server::linger(Connection& connection) {
  if (!connection.writer.can_write_eof()) return;
  connection.writer.write_eof();
  try {
    asyncio::timeout(options_.linger_for, [&] {
      while (!connection.reader.read(64 * 1024).empty()) continue;  // suspends
    });
  } catch (const asyncio::TimeoutError&) {  // enough
  }
}

// ---- Responses ----

Response text(int status, std::string body) {
  return {.status = status, .fields = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::move(body)};
}

Response not_allowed(const std::string& allowed) {
  Response response = text(405, "allowed here: " + allowed + "\n");
  response.fields.add("Allow", allowed);
  return response;
}

}  // namespace http
