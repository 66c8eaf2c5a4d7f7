// log.hpp: where asyncio's logger writes to: the standard error stream, one whole message at a time.
#pragma once

#include <string_view>

namespace asyncio {

/// Writes "asyncio: text" and an end of line.
void log_error(std::string_view text) noexcept;
/// Writes "asyncio: warning: text" and an end of line.
void log_warning(std::string_view text) noexcept;

}  // namespace asyncio
