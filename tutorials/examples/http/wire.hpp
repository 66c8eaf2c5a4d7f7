// wire.hpp: messages on a stream: reads heads and bodies, for the server and for the client alike.
//
//     StreamReader ── lines ──► read_head() ──► parse_…_head()          message.hpp
//                  ── bytes ──► read_body(framing) ──► the body, decoded
//
// Nothing is read beyond the message that was asked for: the next one may lie behind it already (pipelining).
#pragma once

#include "tutorials/examples/http/message.hpp"

#include <asyncio/asyncio.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace http {

/// How much of a message is read.
struct Limits {
  std::size_t target_line = 8 * 1024;  ///< the first line, in bytes; beyond it 414
  std::size_t head = 16 * 1024;        ///< all lines of the head, in bytes; beyond it 431
  std::size_t body = 1024 * 1024;      ///< the body, decoded, in bytes; beyond it 413
};

/// The rest of a head whose beginning was read already.
///
/// \param begun  what was read: "" or the first bytes
/// \return       all of it, with the empty line
/// \throws Refusal              400, 414, 431
/// \throws IncompleteReadError  where the stream ends first
/// \suspends until the empty line is there
std::string read_head(const asyncio::StreamReader& reader, std::string begun, const Limits& limits);

/// A body, without chunks. Trailers are read and dropped.
///
/// \throws Refusal              400; 413 as soon as it is clear that it is too long
/// \throws IncompleteReadError  where the stream ends first
/// \suspends until its end
std::string read_body(const asyncio::StreamReader& reader, Framing framing, const Limits& limits);

/// Sends a piece of a body. May suspend.
using SendPiece = std::function<void(std::string_view)>;
/// Sends a body: calls what it is given with one piece after the other. May suspend.
using Pieces = std::function<void(const SendPiece&)>;

/// Sends a body as chunks, one for each piece.
///
/// \param drain  waits for room after each of them
/// \suspends while the other side is slow to read
void write_chunks(const asyncio::StreamWriter& writer, const Pieces& pieces, const std::function<void()>& drain);

}  // namespace http
