// progress.hpp: how far an exploration has come, on standard error.
//
// On a terminal one line that changes in place; elsewhere, in a file or under CI, a line every ten seconds;
// with --quiet nothing.
#pragma once

#include <asyncio/sim/run.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace asyncio::sim::tool {

/// The progress of exploring one scenario.
class ProgressLine {
 public:
  /// \param scenario    its name
  /// \param executions  how many there will be at most
  ProgressLine(std::string scenario, std::uint64_t executions, bool quiet);
  /// Takes the line away, so that results begin on a clean one.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Shows it where it is time to. May be called from any thread, and often.
  void show(const Progress& progress);

 private:
  using Clock = std::chrono::steady_clock;  // real time: nothing in a world sees it

  std::string scenario_;
  std::uint64_t executions_;
  bool quiet_;
  bool in_place_;
  std::mutex mutex_;  // for what follows
  Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_ = begun_;
  bool on_screen_ = false;
};

}  // namespace asyncio::sim::tool
