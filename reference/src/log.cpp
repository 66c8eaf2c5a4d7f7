// log.cpp: one write a message, so that messages of two threads do not mix.
#include "log.hpp"

#include <cstdio>
#include <string>

namespace asyncio {
namespace {

void write(std::string_view prefix, std::string_view text) noexcept {
  try {
    std::string line;
    line.reserve(prefix.size() + text.size() + 1);
    line.append(prefix).append(text).push_back('\n');
    std::fwrite(line.data(), 1, line.size(), stderr);
  } catch (...) {
    // Out of memory while reporting: there is no way left to say so.
  }
}

}  // namespace

void log_error(std::string_view text) noexcept { write("asyncio: ", text); }
void log_warning(std::string_view text) noexcept { write("asyncio: warning: ", text); }

}  // namespace asyncio
