// lines.hpp: lines as people and programs send them.
#pragma once

#include <string>

namespace examples {

/// A line without its end: that of a file, that of telnet, or none, as the last line of what is typed may have.
inline std::string bare(std::string line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return line;
}

}  // namespace examples
