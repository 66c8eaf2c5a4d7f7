// until.hpp: waiting for something outside that takes a moment, such as a pipe or another process.
#pragma once

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <functional>

/// Lets the running loop turn until `done` says so: quickly at first, then once a millisecond, for a minute.
inline void until(const std::function<bool()>& done) {
  using namespace std::chrono_literals;
  for (int turns = 0; turns < 61'000; ++turns) {
    if (done()) return;
    asyncio::sleep(turns < 1'000 ? 0ms : 1ms);  // suspends
  }
  FAIL() << "did not happen";
}
