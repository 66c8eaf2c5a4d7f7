// plain_text.hpp: what may be shown on somebody else's terminal.
//
// A terminal obeys what it shows: a carriage return goes back and writes over the name in front of the line, ESC begins
// a command, and so do the control characters beyond ASCII (U+0080 to U+009F). So a line that goes from one person to
// another carries nothing but characters.
#pragma once

#include <string>
#include <string_view>

namespace chat {

/// A line with a '?' for each control character but the tab, for what breaks the line or turns the direction of
/// writing, and for each byte that belongs to no character of UTF-8. It is never longer than `line`.
std::string plain(std::string_view line);

}  // namespace chat
