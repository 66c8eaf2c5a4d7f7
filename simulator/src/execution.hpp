// execution.hpp: one run of a scenario: where its choices are made, its events folded, its failure kept.
//
//     World, hosts, network ──► Choices::choose() ──► strategy, or the tape that is replayed
//                         ├───► TraceRecorder      ──► hash, and the events where asked for
//                         └───► fail()             ──► the first failure
//
//   X1  Chance enters through Choices::choose() and nowhere else.
//   X2  Whether events are kept changes neither a choice nor the hash.
//   X3  The first failure counts; what comes after it is not looked at.
//
// An Execution is used for one execution after the other, so that its buffers are allocated once (Runner).
#pragma once

#include "choices.hpp"
#include "names.hpp"
#include "trace_recorder.hpp"

#include <asyncio/sim/failure.hpp>
#include <asyncio/sim/run.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio::sim {

class WorldCore;

/// One run of a scenario.
class Execution {
 public:
  /// Whether a label of sometimes() has held in this execution.
  struct Sometimes {
    NameId label;
    bool held;
  };

  /// Begins anew: no names, no choices, no failure.
  ///
  /// \param options   outlive the execution
  /// \param strategy  has been begun, and outlives the execution
  /// \param keep      whether events are kept (X2)
  void begin(const RunOptions& options, StrategyState& strategy, bool keep);
  /// The world has reached its end: from here on choices are way 0, and neither choices, events nor failures
  /// are taken note of. What is unwound afterwards is so not seen (W3). Calling it again changes nothing.
  void seal() noexcept;

  Names& names() noexcept { return names_; }
  const Names& names() const noexcept { return names_; }
  Choices& choices() noexcept { return choices_; }
  const Choices& choices() const noexcept { return choices_; }
  TraceRecorder& trace() noexcept { return trace_; }
  const TraceRecorder& trace() const noexcept { return trace_; }
  const RunOptions& options() const noexcept { return *options_; }

  /// Keeps the failure, if it is the first (X3), and records it as an event.
  void fail(FailureKind kind, std::string message, std::string where = {});
  bool failed() const noexcept { return failure_.has_value(); }
  const std::optional<Failure>& failure() const noexcept { return failure_; }
  /// Counts a label of sometimes().
  void sometimes(bool condition, std::string_view label);
  const std::vector<Sometimes>& sometimes_seen() const noexcept { return sometimes_; }

  /// "host alice, task Task-2": who is running, as far as it is known; what fail() and require() say.
  std::string where() const;
  /// The execution of the calling thread; null outside one.
  static Execution* current() noexcept;

  /// Calls `look` once, after that step of every execution from now on: to look, and nothing else.
  void look_after(std::size_t step, std::function<void(const WorldCore&)> look) {
    look_after_ = step;
    look_ = std::move(look);
  }
  static constexpr std::size_t LAST_STEP = static_cast<std::size_t>(-1);  // whichever it will be
  /// Whether somebody wants to look now; `over` where no step will follow.
  bool to_be_looked_at(bool over) const noexcept {
    return look_ && (look_after_ == steps || (over && look_after_ == LAST_STEP));
  }
  void look(const WorldCore& world) { look_(world); }

  /// What the world reports at its end.
  std::size_t steps = 0;
  Duration virtual_time{};
  /// Whose turn it is; none between turns. The world keeps it up to date.
  NameId running_host = NameId::none;

 private:
  friend class CurrentExecution;
  static Execution*& current_of_thread() noexcept;

  Names names_;
  Choices choices_;
  TraceRecorder trace_;
  const RunOptions* options_ = nullptr;
  bool sealed_ = true;
  std::optional<Failure> failure_;
  std::vector<Sometimes> sometimes_;
  std::size_t look_after_ = LAST_STEP;
  std::function<void(const WorldCore&)> look_;  // empty: nobody looks
};

/// While it lives, `execution` is the one of this thread.
class CurrentExecution {
 public:
  explicit CurrentExecution(Execution& execution) noexcept { Execution::current_of_thread() = &execution; }
  ~CurrentExecution() { Execution::current_of_thread() = nullptr; }
  CurrentExecution(const CurrentExecution&) = delete;
  CurrentExecution& operator=(const CurrentExecution&) = delete;
};

}  // namespace asyncio::sim
