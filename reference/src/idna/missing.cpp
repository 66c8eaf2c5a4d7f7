// missing.cpp: no names but those in ASCII.
#include "idna.hpp"

#include <algorithm>
#include <stdexcept>

namespace asyncio {

bool knows_idna() noexcept { return false; }

std::string encode_idna(const std::string& host) {
  if (std::ranges::all_of(host, [](unsigned char c) { return c < 0x80; })) return host;
  throw std::invalid_argument("encoding with 'idna' codec failed: '" + host +
                              "' (this library was built without libidn2: give the name in ASCII, as xn--…)");
}

}  // namespace asyncio
