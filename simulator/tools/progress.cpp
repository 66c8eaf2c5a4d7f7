// progress.cpp: a line on standard error. How often is decided here and not by whoever has news, so that a fast search
// does not spend its time on telling how fast it is.
#include "progress.hpp"

#include <cstdio>
#include <utility>

#include <fmt/format.h>

#include <unistd.h>

#include "output.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

using namespace std::chrono_literals;

constexpr auto IN_PLACE_EVERY = 100ms;
constexpr auto LINE_EVERY = 10s;
constexpr const char* CLEAR_LINE = "\r\x1b[2K";

}  // namespace

ProgressLine::ProgressLine(std::string scenario, std::uint64_t executions, bool quiet)
    : scenario_(std::move(scenario)),
      executions_(executions),
      quiet_(quiet),
      in_place_(is_lively_terminal(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() {
  if (on_screen_) fmt::print(stderr, "{}", CLEAR_LINE);
}

void ProgressLine::show(const Progress& progress) {
  if (quiet_) return;
  const std::scoped_lock lock(mutex_);
  const Clock::time_point now = Clock::now();
  if (now - shown_ < (in_place_ ? Clock::duration(IN_PLACE_EVERY) : Clock::duration(LINE_EVERY))) return;
  shown_ = now;

  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - begun_);
  const auto ran = static_cast<std::uint64_t>(elapsed.count());
  const std::string line = fmt::format(
      "{}  {}/{}  {}/s  {} (last new at {})  {:02}:{:02}", scenario_, grouped(progress.executions),
      grouped(executions_), grouped(progress.executions * 1000 / (ran + 1)),
      counted(progress.distinct_traces, "distinct trace"), grouped(progress.last_new), ran / 60'000, ran / 1000 % 60);
  fmt::print(stderr, "{}{}{}", in_place_ ? CLEAR_LINE : "", line, in_place_ ? "" : "\n");
  std::fflush(stderr);
  on_screen_ = in_place_;
}

}  // namespace asyncio::sim::tool
