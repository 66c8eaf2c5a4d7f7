// line_protocol.hpp: how the hosts of the museum talk: a question is a line, its answer is a line.
//
//     bob   Connection::to("bank") ── connect ──►  bank   serve("bank", answer)
//           ask("withdraw 7") ── "withdraw 7\n" ──►       answer("withdraw 7"), in this connection's own task
//           "paid"            ◄────── "paid\n" ────
//
// The answers of one connection come in the order of its questions, and carry nothing that says which question they
// belong to. So does many a real protocol; exhibit A2 is about what follows from that.
#pragma once

#include <asyncio/asyncio.hpp>

#include <functional>
#include <string>
#include <string_view>

namespace museum {

/// A conversation with another host. Copies are the same conversation; the last one to go closes it.
class Connection {
 public:
  /// No connection: converts to false.
  Connection() = default;

  /// Connects to a host, and tries again as long as that host is not up yet.
  ///
  /// \suspends until connected
  static Connection to(const std::string& host);

  /// Sends a line and gives the next line that arrives, both without their newline.
  ///
  /// \throws IncompleteReadError  where the other side closes the connection instead
  /// \suspends until a line has arrived
  std::string ask(std::string_view question) const;

  explicit operator bool() const noexcept { return static_cast<bool>(writer_); }

 private:
  Connection(asyncio::StreamReader reader, asyncio::StreamWriter writer)
      : reader_(std::move(reader)), writer_(std::move(writer)) {}

  asyncio::StreamReader reader_ = asyncio::StreamReader::none();
  asyncio::StreamWriter writer_;
};

/// Answers the lines that reach this host, for ever.
///
/// \param host    the name of the calling host
/// \param answer  makes an answer of a question; may suspend, which keeps only its own connection waiting
/// \suspends for ever
void serve(const std::string& host, std::function<std::string(const std::string& question)> answer);

}  // namespace museum
