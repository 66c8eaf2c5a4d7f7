// failure.cpp: how a scenario says that something is wrong, or worth seeing.
#include <asyncio/sim/failure.hpp>

#include "execution.hpp"

#include <array>
#include <ostream>

namespace asyncio::sim {
namespace {

Execution& execution_for(const char* function) {
  if (Execution* const current = Execution::current()) return *current;
  throw RuntimeError("asyncio::sim::" + std::string(function) +
                     "() was called outside an execution: call it from a scenario that sim::run() runs");
}

}  // namespace

std::string_view to_string(FailureKind kind) noexcept {
  static constexpr std::array<std::string_view, 10> names = {"check",          "invariant",  "exception",   "deadlock",
                                                             "time_limit",     "step_limit", "leaked_task", "lifecycle",
                                                             "nondeterminism", "crash"};
  return names[static_cast<std::size_t>(kind)];
}

std::ostream& operator<<(std::ostream& out, FailureKind kind) { return out << to_string(kind); }

void fail(std::string message) {
  Execution& execution = execution_for("fail");
  execution.fail(FailureKind::check, message, execution.where());
  throw CheckFailed(std::move(message));
}

void require(bool condition, std::string message) {
  if (!condition) fail(std::move(message));
}

void observe(std::string_view name, std::string_view value) {
  Execution& execution = execution_for("observe");
  execution.trace().record({.kind = EventKind::observe,
                            .host = execution.running_host,
                            .subject = execution.names().intern(name),
                            .detail = value});
}

void sometimes(bool condition, std::string_view label) { execution_for("sometimes").sometimes(condition, label); }

}  // namespace asyncio::sim
