// until.hpp: waiting for something outside that takes a moment, such as a pipe or another process.
#pragma once

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <functional>

/// Lets the running loop turn until `done` says so.
inline void until(const std::function<bool()>& done) {
  for (int turns = 0; turns < 1'000'000; ++turns) {
    if (done()) return;
    asyncio::sleep(asyncio::Duration::zero());  // suspends
  }
  FAIL() << "did not happen";
}
