// coroutines.hpp: the coroutines that pairs about several tasks are made of; in Python they are in support.py.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "tests/conformance/pairs.hpp"

namespace conformance {

/// Returns `value` after so many milliseconds.
template <class T = int>
auto after(int ms, T value = {}) {
  return [=] {
    asyncio::sleep(std::chrono::milliseconds(ms));
    return value;
  };
}

/// Throws Oops after so many milliseconds.
inline auto fail(int ms, std::string text) {
  return [ms, text = std::move(text)]() -> int {
    asyncio::sleep(std::chrono::milliseconds(ms));
    throw Oops(text);
  };
}

/// Says how it ends: after so many milliseconds, which returns `name`, or by a cancellation.
inline auto watched(std::string name, int ms) {
  return [ms, name = std::move(name)] {
    try {
      asyncio::sleep(std::chrono::milliseconds(ms));
      say(name + " ends");
      return name;
    } catch (const asyncio::CancelledError& error) {
      say(name + " is cancelled " + args(error));
      throw;
    }
  };
}

}  // namespace conformance
