// tools.hpp: what all tasks of a loop are doing: a table, a tree, and both of a program that runs.
//
// Python answers this from outside: `python -m asyncio ps PID` and `pstree PID` read another process. Here the
// program answers itself, which needs no rights and no debugger:
//
//     std::cerr << format_task_tree(loop);                   now
//     const TaskDumpOnSignal dump(loop);                     whenever somebody says: kill -USR1 PID
//
//     Task-1 (waiting)  made at main.cpp:12                  a task that nobody waits for
//     │  main::{lambda#1}  main.cpp:9                        its calls, the oldest first
//     │  asyncio::TaskGroup::run
//     ├── fetch (waiting)  made at main.cpp:10               what it waits for
//     │     shop::fetch  shop.cpp:41
//     └── store (ready)  made at main.cpp:11
//
// A tree is drawn from those who wait for nobody's sake down to those who are waited for. A task that two others
// wait for is drawn once and named the second time. Tasks that wait for each other in a ring have no beginning:
// the oldest of them is taken for it, and the place where the ring closes is marked.
//
// Both texts are made from a copy, TaskInfo, so that a program can make a picture of its own.
//
// Source: CPython Lib/asyncio/tools.py, build_task_table, build_async_tree.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/traceback.hpp>

#include <csignal>
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio {

/// What a task was doing at one moment: values only, which outlive the task.
struct TaskInfo {
  /// What a task that is not done can be in.
  enum class State {
    running,  ///< it is the current task, or was one when it started another eagerly
    ready,    ///< its next step is due
    waiting,  ///< it waits for a future
  };
  std::string task_name = {};                      ///< its name, as Task::get_name() gives it
  State state = State::ready;                      ///< what it was doing
  int cancelling = 0;                              ///< how many cancellations have been asked for
  std::source_location where = {};                 ///< where it was made
  std::string waits_for = {};                      ///< the future it waits for, as its repr(); empty where it does not
  std::vector<FrameSummary> coroutine_stack = {};  ///< the oldest call first
  std::vector<std::size_t> awaited_by = {};        ///< which tasks wait for it: indices into the same vector
};

/// "running", "ready", "waiting".
std::string_view to_string(TaskInfo::State state) noexcept;

/// Looks at all tasks of a loop that are not done, in the order in which they were registered.
///
/// To be called on the loop's thread, from a task, a callback, or between two runs. Nothing is disturbed.
///
/// \return  one entry for each task
std::vector<TaskInfo> get_all_awaited_by(AbstractEventLoop& loop);

/// The tasks as a table, a line each: name, state, who waits for it, where it is, where it was made.
///
/// \return  with a heading; every line ends with an end of line
/// \source CPython Lib/asyncio/tools.py, build_task_table
std::string format_task_table(std::span<const TaskInfo> tasks);
/// \overload
std::string format_task_table(AbstractEventLoop& loop);

/// The tasks as a tree: below each task those that it waits for.
///
/// \return  every line ends with an end of line; one line that says so where there is no task
/// \source CPython Lib/asyncio/tools.py, build_async_tree, which refuses a cycle
std::string format_task_tree(std::span<const TaskInfo> tasks);
/// \overload
std::string format_task_tree(AbstractEventLoop& loop);

/// The keywords of TaskDumpOnSignal.
struct TaskDumpOptions {
  int signal = SIGUSR1;          ///< which signal asks for it
  std::ostream* file = nullptr;  ///< where to; null: standard error
};

/// As long as it lives, a signal makes the program print its tasks: `kill -USR1 PID`.
///
/// The signal's handler only wakes the loop; the tree is made and printed by a callback, like any other. So it waits
/// for the step that is running, and a step that never ends prints nothing.
///
/// One at a time for each signal. The handler that the signal had before comes back at the end.
class TaskDumpOnSignal {
 public:
  /// \param loop     must outlive this object, and have add_reader(); not closed
  /// \param options  which signal, and where to
  /// \throws std::invalid_argument  where the signal cannot be caught, or another TaskDumpOnSignal has it
  /// \throws std::system_error      where the system has no descriptor left
  explicit TaskDumpOnSignal(AbstractEventLoop& loop, TaskDumpOptions options = {});
  ~TaskDumpOnSignal();
  TaskDumpOnSignal(const TaskDumpOnSignal&) = delete;
  TaskDumpOnSignal& operator=(const TaskDumpOnSignal&) = delete;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace asyncio
