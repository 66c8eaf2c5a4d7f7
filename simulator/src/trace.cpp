// trace.cpp: a trace as text and as JSON.
#include <asyncio/sim/trace.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstdlib>
#include <ostream>

namespace asyncio::sim {
namespace {

constexpr int JSON_VERSION = 1;  // grows when a reader of the former version would misread

/// "0.020000000": seconds, from whole numbers, so that no digit depends on the machine.
std::string seconds(TimePoint time) {
  const long long ns = time.time_since_epoch().count();
  return fmt::format("{}{}.{:09}", ns < 0 ? "-" : "", std::llabs(ns / 1'000'000'000), std::llabs(ns % 1'000'000'000));
}

}  // namespace

std::string_view to_string(EventKind kind) noexcept {
  static constexpr std::array<std::string_view, 30> names = {
      "run_start",   "run_end",  "clock",         "host_start", "host_crash", "host_pause",
      "host_resume", "host_end", "task_register", "task_enter", "task_leave", "task_unregister",
      "choice",      "connect",  "accept",        "refuse",     "send",       "deliver",
      "hold",        "eof",      "close",         "reset",      "partition",  "repair",
      "observe",     "check",    "failure",       "job_begin",  "job_end",    "drop"};
  return names[static_cast<std::size_t>(kind)];
}

void Trace::write_text(std::ostream& out) const {
  for (const TraceEvent& event : events) {
    std::string line = fmt::format("{:>6}  {:>13}  {:<15} {:<10} {}", event.step, seconds(event.time),
                                   to_string(event.kind), event.host.empty() ? "-" : event.host, event.subject);
    if (event.kind == EventKind::choice) line += fmt::format("  way {} of {}", event.a, event.b);
    if (!event.detail.empty()) line += "  " + event.detail;
    for (char& c : line) {
      if (c == '\n' || c == '\r') c = ' ';  // one line an event, whatever a message has in it
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

void Trace::write_json(std::ostream& out) const {
  using nlohmann::json;  // keeps keys sorted
  const auto write = [&out](const json& object) {
    // Programs may observe bytes that are no text.
    out << object.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  };
  write({{"format", "orrery-trace"}, {"version", JSON_VERSION}});
  for (const TraceEvent& event : events) {
    write({{"a", event.a},
           {"b", event.b},
           {"detail", event.detail},
           {"host", event.host},
           {"kind", to_string(event.kind)},
           {"step", event.step},
           {"subject", event.subject},
           {"time_ns", event.time.time_since_epoch().count()}});
  }
}

}  // namespace asyncio::sim
