// inspect.hpp: what all tasks are doing at one step of an execution.
//
// A trace says what happened; it does not say what the tasks that did nothing were waiting for. inspect() runs an
// execution again up to a step, looks at the tasks of every host, and lets it run on to its end:
//
//     step 1 ─► … ─► step N ─► look ─► step N+1 ─► … ─► the end ─► the same trace hash as without looking
//
// To look changes nothing: the trace hash is checked as by replay().
#pragma once

#include <asyncio/sim/run.hpp>
#include <asyncio/tools.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::sim {

/// What the tasks of one host were doing.
struct HostTasks {
  std::string host = {};             ///< its name
  bool running = true;               ///< it was up; no tasks where it had crashed or ended
  std::vector<TaskInfo> tasks = {};  ///< those that were not done, the oldest first
};

/// What a world looked like after a step.
struct Inspection {
  RunResult result = {};              ///< of the whole execution
  std::size_t step = 0;               ///< after which step; 0: before the first
  Duration time{};                    ///< of the world's clock
  std::vector<HostTasks> hosts = {};  ///< in the order in which they were added
};

/// Runs the execution that a token stands for, and looks at its tasks on the way.
///
/// Stacks are what this build knows of them, see traceback.hpp; all else is the same in every build.
///
/// \param scenario  builds the world
/// \param token     as in RunResult::token; a leading "name@" is ignored
/// \param step      after which step, as the trace counts them; empty: after the last, when the failure was noticed
/// \return          what the world looked like then, and how the execution ended
/// \throws std::out_of_range  where the execution ends before that step
/// \throws MalformedToken     where it is no token
/// \throws StaleTape          where it no longer fits the scenario
Inspection inspect(Scenario scenario, std::string token, std::optional<std::size_t> step = {});

}  // namespace asyncio::sim
