// run.hpp: run a scenario once, many times, again, and smaller.
//
//     run ──► one execution            explore ──► many; stops at the first that fails
//     replay ──► the same execution    shrink  ──► the same failure from fewer deviations
//
// An execution is brought back by its token: one line of letters, digits, dots and dashes, safe in any shell.
// Most tokens hold a seed and a strategy; those of shrunk executions hold the few choices that matter. Each
// token carries a part of the trace hash, so that a token that no longer fits its scenario says so.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/sim/choices.hpp>
#include <asyncio/sim/failure.hpp>
#include <asyncio/sim/strategy.hpp>
#include <asyncio/sim/trace.hpp>
#include <asyncio/sim/world.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio::sim {

/// In which order the ready callbacks of a loop run.
enum class ReadyOrder : std::uint8_t {
  fifo,  ///< asyncio's promise: in the order in which they were scheduled. Every failure found is possible on a real
         ///< loop.
  any,   ///< every ready callback may go next: finds what a program gets right only by luck
};

/// "fifo", "any".
std::string_view to_string(ReadyOrder order) noexcept;

/// How to run one execution.
struct RunOptions {
  std::uint64_t seed = 0;                        ///< what the strategy begins with
  Strategy strategy = random();                  ///< who makes the choices
  ReadyOrder ready = ReadyOrder::fifo;           ///< the order of ready callbacks
  Duration time_limit = std::chrono::hours(24);  ///< of virtual time; beyond it the execution fails
  std::size_t step_limit = 1'000'000;            ///< turns of loops; beyond it the execution fails
  bool trace = false;                            ///< keep the events and the labels of choices, not only their hash
};

/// What one execution gave.
struct RunResult {
  std::optional<Failure> failure = {};  ///< empty: everything held
  std::uint64_t trace_hash = 0;         ///< of all events; equal hashes mean equal traces
  Duration virtual_time{};              ///< how much time passed in the world
  std::size_t steps = 0;                ///< turns of loops
  Tape tape = {};                       ///< the choices made
  std::string token = {};               ///< brings this execution back
  Trace trace = {};                     ///< the events, where RunOptions::trace asked for them
};

/// Runs a scenario once.
///
/// \param scenario  builds the world
/// \param options   seed, strategy, limits, whether to keep the trace
/// \return          what happened; a failure is a result, not an exception
/// \throws (anything)  that `scenario` itself throws while it builds the world
/// \throws RuntimeError  where a loop is running in this thread
RunResult run(Scenario scenario, RunOptions options = {});

/// How far an exploration has come, for a progress line.
struct Progress {
  std::uint64_t executions = 0;       ///< done so far
  std::uint64_t distinct_traces = 0;  ///< different behaviours so far
  std::uint64_t last_new = 0;         ///< the execution that was the last to show a new behaviour
};

/// How to explore a scenario.
struct ExploreOptions {
  std::uint64_t executions = 1000;     ///< at most so many; seeds count up from run.seed
  unsigned jobs = 1;                   ///< threads that explore side by side, at least 1
  Duration budget = Duration::zero();  ///< of real time; zero: no limit
  RunOptions run = {};                 ///< for every execution
  /// Called at most ten times a second, by one thread at a time, and once at the end; false ends the exploration.
  std::function<bool(const Progress&)> progress = {};
  /// Called before an execution begins, with the token that would bring it back: for a note that outlives a crash.
  /// With several jobs it is called by several threads at once. Costs more than a small execution; see CrashNote.
  std::function<void(const std::string& token)> about_to_run = {};
};

/// What an exploration gave.
struct ExploreResult {
  std::uint64_t executions = 0;           ///< how many were run; with a failure: up to and including the first
  std::uint64_t distinct_traces = 0;      ///< how many different behaviours were seen
  std::optional<RunResult> failing = {};  ///< the failing execution with the lowest seed
  bool exhausted = false;                 ///< every execution there is was run: the scenario makes no choices
  std::map<std::string, std::uint64_t> sometimes = {};  ///< each label of sometimes(): in how many executions it held
};

/// Runs a scenario many times, with seeds that count up, until one fails or the bound is reached.
///
/// What comes out does not depend on the number of jobs. The execution that failed is run once more before it is
/// believed: where it goes another way, its failure is one of kind nondeterminism, which names the first choice
/// that differs. With RunOptions::trace only the failing execution keeps its trace.
///
/// \param scenario  builds the world, once for each execution; with several jobs in several threads at once
/// \param options   how many, how long, with which seeds
/// \return          counts, and the first failure, where there was one
/// \throws (anything)    that `scenario` throws while it builds the world
/// \throws RuntimeError  where a loop is running in this thread
/// \throws std::invalid_argument  where `jobs` is 0
ExploreResult explore(Scenario scenario, ExploreOptions options = {});

/// Runs the execution that a token stands for, with its trace.
///
/// \param scenario  the one that the token came from
/// \param token     as in RunResult::token; a leading "name@" is ignored
/// \return          what happened; a failure is a result, not an exception
/// \throws MalformedToken  where it is no token
/// \throws StaleTape       where it no longer fits the scenario; says at which choice
RunResult replay(Scenario scenario, std::string token);

/// How to shrink a failure.
struct ShrinkOptions {
  std::uint64_t executions = 10'000;           ///< at most so many tries
  Duration budget = std::chrono::seconds(10);  ///< of real time; zero: no limit
};

/// Looks for the same failure with as few deviations from plain FIFO as possible.
///
/// \param scenario  the one that failed
/// \param failing   an execution that failed
/// \param options   how many tries, how long
/// \return         the smallest one found that fails with the same kind and, where it can, the same message; its tape
///                 ends with its last deviation. The given one where nothing smaller was found.
/// \throws std::invalid_argument  where `failing` did not fail
/// \throws StaleTape              where it does not fail again
RunResult shrink(Scenario scenario, RunResult failing, ShrinkOptions options = {});

/// One choice of a tape that is not way 0.
struct Deviation {
  std::size_t index = 0;  ///< its place on the tape
  Choice choice = {};     ///< with its label
};

/// The deviations of an execution from plain FIFO, with their labels: runs it once more to get them.
///
/// \param scenario  the one it was an execution of
/// \param result    what run(), explore() or shrink() gave
std::vector<Deviation> deviations(Scenario scenario, const RunResult& result);

}  // namespace asyncio::sim
