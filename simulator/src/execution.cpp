// execution.cpp: what an execution remembers.
#include "execution.hpp"

#include <asyncio/events.hpp>
#include <asyncio/tasks.hpp>

#include <algorithm>
#include <utility>

namespace asyncio::sim {

void Execution::begin(const RunOptions& options, StrategyState& strategy, bool keep) {
  options_ = &options;
  names_.clear();
  trace_.begin(names_, keep);
  choices_.begin(names_, trace_, strategy);
  failure_.reset();
  sometimes_.clear();
  sealed_ = false;
  steps = 0;
  virtual_time = {};
  running_host = NameId::none;
}

void Execution::seal() noexcept {
  sealed_ = true;
  choices_.seal();
  trace_.seal();
}

void Execution::fail(FailureKind kind, std::string message, std::string where) {
  if (sealed_ || failure_) return;  // X3
  trace_.record_failure(running_host, names_.intern(to_string(kind)), message);
  failure_ = Failure{.kind = kind, .message = std::move(message), .where = std::move(where)};
}

void Execution::sometimes(bool condition, std::string_view label) {
  if (sealed_) return;
  const NameId id = names_.intern(label);
  const auto same = [id](const Sometimes& seen) { return seen.label == id; };
  const auto found = std::find_if(sometimes_.begin(), sometimes_.end(), same);
  if (found == sometimes_.end()) {
    sometimes_.push_back({id, condition});
  } else {
    found->held |= condition;
  }
}

std::string Execution::where() const {
  std::string where;
  if (running_host != NameId::none) where = "host " + names_.text(running_host);
  if (get_running_loop_or_null() == nullptr) return where;
  if (const AnyTask task = current_task()) where += (where.empty() ? "task " : ", task ") + task.get_name();
  return where;
}

// Asked for by a function of its own, and not inlined: a fiber that kept the address of a thread-local
// across a suspension would be wrong after it had moved.
Execution*& Execution::current_of_thread() noexcept {
  static constinit thread_local Execution* current = nullptr;
  return current;
}

Execution* Execution::current() noexcept { return current_of_thread(); }

}  // namespace asyncio::sim
