#include "tutorials/examples/chat/plain_text.hpp"

#include <array>
#include <cstddef>
#include <optional>

namespace chat {

namespace {

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
};

/// The character that a text begins with; empty where that is none of UTF-8: cut off, too long for its code, or no
/// code.
std::optional<Character> first_character(std::string_view text) {
  constexpr std::array<char32_t, 5> LEAST = {0, 0, 0x80, 0x800, 0x10000};  // what needs so many bytes
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return Character{.code = lead};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc0 || lead > 0xf4 || text.size() < bytes) return {};
  char32_t code = lead & (0x7fu >> bytes);
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(at) & 0x3f);
  }
  if (code < LEAST[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return Character{.code = code, .bytes = bytes};
}

bool is_plain(char32_t code) {
  if (code == '\t') return true;
  const bool controls = code < ' ' || (code >= 0x7f && code <= 0x9f);
  const bool breaks_or_turns = (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
  return !controls && !breaks_or_turns;
}

}  // namespace

std::string plain(std::string_view line) {
  std::string text;
  while (!line.empty()) {
    const auto found = first_character(line);
    const std::string_view taken = line.substr(0, found ? found->bytes : 1);
    if (found && is_plain(found->code)) {
      text += taken;
    } else {
      text += '?';
    }
    line.remove_prefix(taken.size());
  }
  return text;
}

}  // namespace chat
