// task_observer.hpp: sees the tasks of a loop come, run and go.
//
// Writes their events into the trace, numbers them, and watches that whoever steps a task does it as it must be
// done. The rules are those of asyncio for task types of any make (S115 to S119); a task type that breaks one
// fails the execution with FailureKind::lifecycle:
//
//   O1  A task that is done is not entered.
//   O2  Who enters a task leaves it before the handle ends in which it was entered.
//   O3  A task that was entered and is not done is not unregistered. (An eager start enters nobody: there a task
//       that runs is unregistered as an eager one, and registered as all others are, S125.)
//
// That nobody enters a second task, or leaves one that is not current, the loop itself sees to (S116).
#pragma once

#include <asyncio/instrument.hpp>
#include <asyncio/tasks.hpp>

#include <asyncio/sim/trace.hpp>

#include <string>

namespace asyncio::sim {

class SimHost;
class WorldCore;

/// The instrument of a loop in a world.
class TaskObserver final : public Instrument {
 public:
  TaskObserver(WorldCore& world, SimHost& host) noexcept : world_(world), host_(host) {}

  void task_registered(const AnyTask& task) override;
  void task_entered(const AnyTask& task) override;
  void task_left(const AnyTask& task) override;
  void task_unregistered(const AnyTask& task) override;

  /// To be called after each handle: nobody may be current then (O2).
  void handle_ended(TaskState* current);
  /// Sees nothing from now on: the host has crashed, or the execution is over.
  void go_blind() noexcept { blind_ = true; }

 private:
  void record(EventKind kind, TaskState& task);
  void fail(TaskState& task, const std::string& what);

  WorldCore& world_;
  SimHost& host_;
  const TaskState* entered_ = nullptr;  // only compared: it may be gone
  bool blind_ = false;
};

}  // namespace asyncio::sim
