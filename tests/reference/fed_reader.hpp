// fed_reader.hpp: a StreamReader that nobody is connected to, with something in it.
#pragma once

#include <asyncio/stream_reader.hpp>

#include <cstddef>
#include <string_view>

namespace asyncio {

/// A reader with something in it.
inline StreamReader filled(std::string_view data, std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT) {
  StreamReader reader(limit);
  reader.feed_data(data);
  return reader;
}

/// A reader that has ended.
inline StreamReader ended(std::string_view data) {
  StreamReader reader = filled(data);
  reader.feed_eof();
  return reader;
}

}  // namespace asyncio
