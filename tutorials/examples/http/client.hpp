// client.hpp: a client of HTTP/1.1: one connection, which is used again and again.
//
//     http::Client client = http::Client::connect("127.0.0.1", 8080);
//     http::Answer answer = client.request({.method = "GET", .target = "/"});
//     std::vector<http::Answer> answers = client.pipeline({…, …});   // all asked at once, answered in order
//
// Nothing is sent twice by itself: a connection that ends without an answer leaves open whether the request was carried
// out, and only the caller knows whether asking again does harm (the museum's exhibit A10 is about that).
#pragma once

#include "tutorials/examples/http/message.hpp"
#include "tutorials/examples/http/wire.hpp"

#include <asyncio/asyncio.hpp>

#include <string>
#include <vector>

namespace http {

/// What to ask.
struct Question {
  std::string method = "GET";  ///< any token
  std::string target = "/";    ///< begins with a slash
  Fields fields = {};          ///< without Host and what delimits the body, which are added
  std::string body = {};       ///< the whole body …
  Pieces pieces = {};          ///< … or what sends it piece by piece
};

/// What came back.
struct Answer : ResponseHead {
  std::string body = {};  ///< decoded
};

/// A connection to a server. One task at a time.
class Client {
 public:
  /// \throws std::system_error  where there is no connection
  /// \suspends until connected
  static Client connect(const std::string& host, int port, asyncio::OpenConnectionOptions options = {});

  /// Asks, and waits for the answer.
  ///
  /// \throws std::invalid_argument  where the question is none: see format_head(). Nothing has been sent
  /// \throws Refusal              where the answer is none of HTTP/1.1, or longer than the limits
  /// \throws IncompleteReadError  where the connection ends before the answer does
  /// \throws std::system_error    where it is lost
  /// \throws RuntimeError         where this connection cannot be used again: see usable()
  /// \suspends until the answer is there
  Answer request(const Question& question);
  /// Asks all of it, and then waits for the answers, which come in the same order. Throws what request() throws: the
  /// answers that had come are lost then.
  ///
  /// \suspends until all answers are there
  std::vector<Answer> pipeline(const std::vector<Question>& questions);
  /// Whether another question may be asked: the last answer was read to its end, and neither side said "close".
  bool usable() const noexcept { return usable_; }
  /// Ends the connection.
  void close() const { writer_.close(); }

  /// How much of an answer is read.
  Limits limits = {.body = 64 * 1024 * 1024};

 private:
  Client(asyncio::StreamReader reader, asyncio::StreamWriter writer, std::string host)
      : reader_(std::move(reader)), writer_(std::move(writer)), host_(std::move(host)) {}
  std::string head_of(const Question& question) const;
  void send(const std::string& head, const Question& question);
  Answer read_answer(const std::string& method);

  asyncio::StreamReader reader_;
  asyncio::StreamWriter writer_;
  std::string host_;  // for the field Host
  bool usable_ = true;
};

}  // namespace http
