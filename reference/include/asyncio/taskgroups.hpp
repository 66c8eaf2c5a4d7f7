// taskgroups.hpp: tasks that end together.
//
//     task_group([&](TaskGroup& group) {
//       group.create_task([&] { serve(a); });
//       group.create_task([&] { serve(b); });
//     });                                       // here both have ended, whatever happened
//
// A group does not return before its last task has ended. If one of them fails, the others are cancelled,
// and so is the task that runs the body; what failed is thrown at the end, all of it, as one ExceptionGroup.
//
//     body ends ──────────────────────────────┐
//     a child fails ──► abort(): cancel the   ├──► wait until no task is left ──► throw, or return
//     cancelled from ─► other children, and   │
//     outside           the body's task once ─┘
//
// The body is cancelled by the same means as anybody would use, so the group has to find out afterwards
// whether the CancelledError it meets is its own. It counts, as Timeout does: it takes its own cancel()
// back, and if the count is zero then, nobody else asked.
//
//   P1  When a group is left, none of its tasks is running (S183).
//   P2  The group cancels its parent at most once, and takes that back exactly once (S182, S192).
//   P3  A cancellation from outside is never lost: it is thrown, or asked for again (S184, S186).
//
// One exit cannot wait: when the parent's coroutine is destroyed, CoroutineExit passes through. The tasks
// are cancelled then and left to themselves, and P1 does not hold.
//
// Source: CPython Lib/asyncio/taskgroups.py. Rules: S177 to S192.
#pragma once

#include <asyncio/callback.hpp>
#include <asyncio/events.hpp>
#include <asyncio/exception_groups.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/ref.hpp>
#include <asyncio/result_slot.hpp>
#include <asyncio/tasks.hpp>

#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

namespace asyncio {

/// Tasks that are waited for together. Programs meet it as the argument of the body given to task_group().
class TaskGroup {
 public:
  TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  /// Starts a task that the group waits for. A task of the group may start others, to the very end.
  ///
  /// \param fn       the body of the task
  /// \param options  name, context, eager_start
  /// \param where    the caller's line, for reports
  /// \return         the task
  /// \throws RuntimeError  before run(), after it, and while the group is aborting (S178); `fn` is destroyed then
  template <class F>
  auto create_task(F fn, TaskOptions options = {}, std::source_location where = std::source_location::current()) {
    check_open();
    auto task = loop().create_task(std::move(fn), std::move(options), where);
    adopt(task);
    return task;
  }

  /// Ends the group: cancels its tasks and the body, and has run() return as if nothing had happened (S190).
  ///
  /// Before run() it takes effect there; afterwards it does nothing. The body goes on up to its next suspension.
  void cancel();

  /// One line for reports: "<TaskGroup tasks=2 entered>".
  std::string repr() const;

  /// Runs a body, and waits for all tasks that it started: Python's `async with`. Once for each group.
  ///
  /// \param body  takes this TaskGroup&; may suspend
  /// \return      what the body returned
  /// \throws ExceptionGroup  "unhandled errors in a TaskGroup": what the tasks threw, in the order in which it
  ///                         was noticed, and last what the body threw (S185)
  /// \throws BaseExceptionGroup  the same, where something among it is no std::exception
  /// \throws CancelledError  where the calling task was cancelled from outside, and nothing failed
  /// \throws KeyboardInterrupt, SystemExit  from a task or the body, alone
  /// \throws RuntimeError    outside a task, or the second time (S177); and where cancel() ended a body that
  ///                         should have returned a value
  /// \suspends until the body and all tasks have ended
  template <class Body>
  auto run(Body&& body) {
    using Result = ResultOf<Body&, TaskGroup&>;
    Slot<Result> result;
    run_body([&] {
      if constexpr (std::is_void_v<Result>) {
        body(*this);
      } else {
        result.emplace(body(*this));
      }
    });
    if constexpr (!std::is_void_v<Result>) {
      if (!result.has_value()) throw RuntimeError("TaskGroup was cancelled before its body returned a value");
      return std::move(result.value());
    }
  }

 private:
  class State;

  void check_open() const;
  AbstractEventLoop& loop() const;
  void adopt(const AnyTask& task);
  void run_body(UniqueFunction<void()> body);

  Ref<State> state_;  // never null; shared with the callbacks of the tasks
};

/// Runs a body that may start tasks, and waits for all of them. See TaskGroup::run().
///
/// \param body  takes a TaskGroup&
/// \return      what the body returns
/// \throws ExceptionGroup  what went wrong in the tasks and the body
/// \suspends until the body and all tasks have ended
template <class Body>
auto task_group(Body&& body) {
  return TaskGroup().run(std::forward<Body>(body));
}

}  // namespace asyncio
