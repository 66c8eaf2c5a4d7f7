// log.hpp: where asyncio's logger writes to: the standard error stream, one whole message at a time.
#pragma once

#include <string_view>

namespace asyncio {

/// How often a program may write to a lost connection before each further time is worth a warning (S264, S294, S314).
inline constexpr int LOG_THRESHOLD_FOR_CONNLOST_WRITES = 5;

/// Writes "asyncio: text" and an end of line.
void log_error(std::string_view text) noexcept;
/// Writes "asyncio: warning: text" and an end of line.
void log_warning(std::string_view text) noexcept;

}  // namespace asyncio
