// message.hpp: HTTP/1.1 as text: what the bytes of a head mean, and how a body is delimited.
//
// Nothing here waits, reads or sends: bytes in, values out. So all of it can be tested, and fuzzed, without a network;
// wire.hpp brings the bytes.
//
// A parser of HTTP is safe when two of them cannot disagree. Where a request ends is said in three ways, and an
// attacker who sends one that a proxy and a server read differently has smuggled a second request past the proxy. So
// this parser refuses what is not plainly one thing, also where RFC 9112 allows to guess:
//
//   M1  A line ends with CR LF. A bare CR or LF, and NUL, is refused.
//   M2  No whitespace before the colon of a field, no line that continues another.
//   M3  Content-Length is digits, once; with Transfer-Encoding beside it, neither counts: refused.
//   M4  The only Transfer-Encoding is "chunked", once, and from HTTP/1.1 on.
//   M5  What parse_request_head() gives is written by format_head() as bytes that give the same again.
//   M6  A Host is a name or an address, with a port perhaps. A target that names one too, "http://a/b", is "/b"; the
//   two
//       names are the same one, or it is refused. So are "*" and what CONNECT asks for: this is no proxy.
//
// Source: RFC 9110 (semantics), RFC 9112 (HTTP/1.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http {

/// A message that is not accepted, with the status that says why.
class Refusal : public std::runtime_error {
 public:
  /// \param status  400 to 599
  /// \param why     one sentence, for the one who sent it
  Refusal(int status, const std::string& why) : std::runtime_error(why), status_(status) {}
  /// The status to answer with.
  int status() const noexcept { return status_; }

 private:
  int status_;
};

/// The fields of a head, in the order in which they came. Names are compared without case.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// How many fields of that name there are.
  std::size_t count(std::string_view name) const;
  /// The value of the first of them; null where there is none.
  const std::string* find(std::string_view name) const;
  /// Whether one of the comma-separated words of these fields is `token`, without case: has("Connection", "close").
  bool has(std::string_view name, std::string_view token) const;

  auto begin() const noexcept { return fields_.begin(); }
  auto end() const noexcept { return fields_.end(); }
  std::size_t size() const noexcept { return fields_.size(); }
  friend bool operator==(const Fields&, const Fields&) = default;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// The head of a request.
struct RequestHead {
  std::string method;     ///< "GET"; any token
  std::string target;     ///< "/a?b": begins with a slash, visible ASCII; without what names the machine
  int minor_version = 1;  ///< of HTTP/1: 0 or 1
  Fields fields = {};     ///< as they came

  friend bool operator==(const RequestHead&, const RequestHead&) = default;
};

/// The head of a response.
struct ResponseHead {
  int status = 200;         ///< 100 to 999
  std::string reason = {};  ///< for people
  int minor_version = 1;    ///< of HTTP/1: 0 or 1
  Fields fields = {};       ///< as they came

  friend bool operator==(const ResponseHead&, const ResponseHead&) = default;
};

/// How the end of a body is found.
struct Framing {
  enum class Kind {
    none,         ///< there is no body
    length,       ///< `length` bytes
    chunked,      ///< chunks, each with its size before it, up to one of size 0
    until_close,  ///< all that comes: responses only
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;
};

/// Reads a head: all lines up to the empty one, which is included.
///
/// \throws Refusal  400; 505 where the version is none of HTTP/1; 501 for a transfer coding other than chunked
RequestHead parse_request_head(std::string_view bytes);
/// The same for a response. \throws Refusal  502
ResponseHead parse_response_head(std::string_view bytes);
/// Reads fields alone: what stands after the last chunk is such lines, up to the empty one, which is included.
///
/// \throws Refusal  400
Fields parse_fields(std::string_view bytes);
/// The size of a chunk, from the line before it, which may or may not still have its CR LF.
///
/// \throws Refusal  400
std::uint64_t parse_chunk_size(std::string_view line);

/// How the body of a request is delimited (M3, M4). \throws Refusal  400, 501
Framing framing(const RequestHead& request);
/// How the body of a response is delimited, which depends on what was asked. \throws Refusal  502
Framing framing(const ResponseHead& response, std::string_view method);

/// Whether a response of that status may have a body, where what was asked is not HEAD (RFC 9110, 6.4.1).
bool may_have_body(int status) noexcept;
/// Whether the connection may be used again after this message, as far as its sender is concerned.
bool keeps_alive(int minor_version, const Fields& fields);

/// The bytes of a head, with its empty line.
///
/// \throws std::invalid_argument  where something in it is no method, target, field, status or reason: it has a line
/// end
std::string format_head(const RequestHead& request);
/// The same for a response.
std::string format_head(const ResponseHead& response);
/// "Not Found" for 404; "" for one that is not known here.
std::string_view reason_of(int status) noexcept;

}  // namespace http
