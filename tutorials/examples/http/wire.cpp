#include "tutorials/examples/http/wire.hpp"

#include <algorithm>
#include <charconv>

namespace http {

namespace {

/// A line with its CR LF, of at most `longest` bytes; otherwise a Refusal of that status.
std::string read_line(const asyncio::StreamReader& reader, std::size_t longest, int status, const char* what) {
  std::string line;
  try {
    line = reader.readuntil("\n");  // suspends
  } catch (const asyncio::LimitOverrunError&) {
    throw Refusal(status, std::string(what) + " is too long");
  }
  if (line.size() > longest) throw Refusal(status, std::string(what) + " is too long");
  return line;
}

/// Reads lines up to the empty one, and appends them to `head`.
void read_fields(const asyncio::StreamReader& reader, std::string& head, const Limits& limits) {
  for (std::string line; line != "\r\n" && line != "\n"; head += line) {
    line = read_line(reader, limits.head - std::min(limits.head, head.size()), 431, "the head");  // suspends
  }
}

std::string read_chunks(const asyncio::StreamReader& reader, const Limits& limits) {
  std::string body;
  for (;;) {
    const std::uint64_t size = parse_chunk_size(read_line(reader, 1024, 400, "a chunk's line"));  // suspends
    if (size == 0) break;
    if (size > limits.body - body.size()) throw Refusal(413, "the body is too long");
    body += reader.readexactly(static_cast<std::ptrdiff_t>(size));                                  // suspends
    if (reader.readexactly(2) != "\r\n") throw Refusal(400, "a chunk does not end where it said");  // suspends
  }
  std::string trailers;
  read_fields(reader, trailers, limits);  // suspends
  parse_fields(trailers);                 // nobody asked for them; where they end has to be plain all the same (M1)
  return body;
}

std::string hexadecimal(std::size_t number) {
  std::string digits(16, '0');  // as many as 64 bits need
  digits.resize(static_cast<std::size_t>(std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr -
                                         digits.data()));
  return digits;
}

}  // namespace

std::string read_head(const asyncio::StreamReader& reader, std::string begun, const Limits& limits) {
  // An empty line before a request is what some old clients send after a body (RFC 9112, 2.2). One is forgiven.
  std::string head = std::move(begun);
  if (!head.ends_with('\n')) head += read_line(reader, limits.target_line, 414, "the first line");  // suspends
  if (head == "\r\n") head = read_line(reader, limits.target_line, 414, "the first line");          // suspends
  read_fields(reader, head, limits);                                                                // suspends
  return head;
}

std::string read_body(const asyncio::StreamReader& reader, Framing framing, const Limits& limits) {
  switch (framing.kind) {
    case Framing::Kind::none: return "";
    case Framing::Kind::chunked: return read_chunks(reader, limits);  // suspends
    case Framing::Kind::length:
      if (framing.length > limits.body) throw Refusal(413, "the body is too long");
      return reader.readexactly(static_cast<std::ptrdiff_t>(framing.length));  // suspends
    case Framing::Kind::until_close: break;
  }
  std::string body;
  for (std::string piece; !(piece = reader.read(64 * 1024)).empty();) {  // suspends
    body += piece;
    if (body.size() > limits.body) throw Refusal(413, "the body is too long");
  }
  return body;
}

void write_chunks(const asyncio::StreamWriter& writer, const Pieces& pieces, const std::function<void()>& drain) {
  pieces([&](std::string_view piece) {
    if (piece.empty()) return;  // a chunk of size 0 would be the last
    writer.write(hexadecimal(piece.size()) + "\r\n" + std::string(piece) + "\r\n");
    drain();  // suspends
  });
  writer.write("0\r\n\r\n");
  drain();  // suspends
}

}  // namespace http
