// watchdog.hpp: notices an execution that never comes back.
//
// A callback that loops for ever never returns to its loop, so no limit of the world can stop it: the process
// just hangs. So a thread counts seconds. It counts its own, one a second, and asks no clock: a process that
// is stopped by Ctrl-Z for an hour has not been running for an hour.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

namespace asyncio::sim::tool {

/// How long one execution may take in real time: 60 s, or what ORRERY_WATCHDOG says; zero: for ever.
///
/// \throws UsageError  where ORRERY_WATCHDOG is no whole number
std::chrono::seconds watchdog_limit();

/// Watches what the threads of this process are running. There is one at a time.
class Watchdog {
 public:
  /// \param stuck  called with the token of an execution that takes longer; then the process ends with EXIT_FAILED
  Watchdog(std::chrono::seconds limit, std::function<void(const std::string& token)> stuck);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// The calling thread runs this token from now on.
  void runs(const std::string& token);
  /// The calling thread begins another execution.
  void execution_begins();
  /// The calling thread runs nothing.
  void rests();

  /// The token that the calling thread runs.
  std::string token() const;
  /// How many executions have begun.
  std::uint64_t begun() const noexcept { return begun_; }

 private:
  void watch();

  std::chrono::seconds limit_;
  std::function<void(const std::string&)> stuck_;
  std::atomic<std::uint64_t> begun_ = 0;
  std::condition_variable_any ended_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace asyncio::sim::tool
