// graph.hpp: who waits for whom, from one future outwards.
//
// A stack says where a task is; it does not say who needs the task to get on. That is the other half of a stack
// in an asynchronous program: the tasks that wait for this one, those that wait for them, and so on. Every wait
// of this library keeps the edges, always, since an edge costs a push to a vector:
//
//     await(f), wait_for(f, …)                      the running task ──► f, while it is suspended
//     wait, gather, shield, as_completed            the running task ──► each future, until that one is done
//     TaskGroup                                     the task of the body ──► each child, until that one is done
//
// Who waits in a way of his own, by add_done_callback(), makes the edge himself: future_add_to_awaited_by().
//
//     * Task(name='resize')                    print_call_graph(), called by the task 'resize'
//       + Call stack:
//       |   File 'shop.cpp', line 12, in shop::resize()
//       + Awaited by:
//         * Task(name='Task-1')
//           + Call stack:
//           |   File 'shop.cpp', line 30, in main::{lambda#1}()
//
// A ring of tasks that wait for each other is a bug worth seeing: where the walk meets a future for which it is
// on its way already, it says so and stops.
//
// Source: CPython Lib/asyncio/graph.py; Lib/asyncio/futures.py, future_add_to_awaited_by. Rules: S344 to S348.
#pragma once

#include <asyncio/tasks.hpp>
#include <asyncio/traceback.hpp>

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace asyncio {

/// Records that `future` is awaited by `waiter`, for waits that this library does not know of.
///
/// The waiter is kept alive until the edge is discarded or the future is gone. Again is harmless, and so is an empty
/// handle, which is ignored (S345).
void future_add_to_awaited_by(const AnyFuture& future, const AnyFuture& waiter);
/// Removes that edge; harmless where there is none. See future_add_to_awaited_by().
void future_discard_from_awaited_by(const AnyFuture& future, const AnyFuture& waiter);

/// One call on a task's stack.
struct FrameCallGraphEntry {
  FrameSummary frame;  ///< what it is, as far as this build knows: see traceback.hpp
};

/// A future, what it is in the middle of, and who waits for it.
struct FutureCallGraph {
  AnyFuture future = {};                             ///< the future, or task
  std::vector<FrameCallGraphEntry> call_stack = {};  ///< of a task: the newest call first; empty for a plain future
  std::vector<FutureCallGraph> awaited_by = {};      ///< in the order in which they began to wait
  bool cyclic = false;  ///< it waits for itself, by way of those above it: nothing more is said here
};

/// The keywords of capture_call_graph() and format_call_graph().
struct CallGraphOptions {
  int depth = 1;                  ///< of the current task, leave out all but one of so many newest calls; at least 1
  std::optional<int> limit = {};  ///< n > 0: the n oldest calls of each stack; n < 0: the newest; 0: none (S347)
};

/// The keywords of print_call_graph().
struct PrintCallGraphOptions {
  std::ostream* file = nullptr;   ///< where to; null: standard output
  int depth = 1;                  ///< as in CallGraphOptions
  std::optional<int> limit = {};  ///< as in CallGraphOptions
};

/// Captures who waits for a future, and where they are.
///
/// \param future   by default the current task
/// \param options  how much of each stack
/// \return         empty where no task is current, and no future was given (S346)
/// \throws RuntimeError  where no loop is running here and no future was given; where the waits are nested more
///                       than 256 deep ("maximum recursion depth exceeded")
/// \source CPython Lib/asyncio/graph.py, capture_call_graph
std::optional<FutureCallGraph> capture_call_graph(const AnyFuture& future = {}, CallGraphOptions options = {});

/// The same as text, without a final end of line. See capture_call_graph().
///
/// \return  empty where no task is current (S348)
/// \throws RuntimeError  as capture_call_graph()
std::string format_call_graph(const AnyFuture& future = {}, CallGraphOptions options = {});

/// Prints the text of format_call_graph(), and an end of line.
///
/// \param future   by default the current task
/// \param options  where to, and how much of each stack
/// \throws RuntimeError  as capture_call_graph()
void print_call_graph(const AnyFuture& future = {}, PrintCallGraphOptions options = {});

}  // namespace asyncio
