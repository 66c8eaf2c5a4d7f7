// stopwatch.hpp: real time, which only the tool may look at: a world has its own.
#pragma once

#include <chrono>

namespace asyncio::sim::tool {

/// How long something has taken.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begun_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begun_ = Clock::now();
};

}  // namespace asyncio::sim::tool
