// task_observer.cpp: one event for each thing that happens to a task.
#include "task_observer.hpp"

#include "host.hpp"
#include "world_core.hpp"

namespace asyncio::sim {

void TaskObserver::record(EventKind kind, TaskState& task) {
  // A task type that does not register its tasks is seen when it first enters one.
  if (task.tag() == 0) task.set_tag(world_.new_task_tag(task));
  world_.record({.kind = kind, .host = host_.name_id(), .subject = world_.task_name(task.tag()), .a = task.tag()});
}

void TaskObserver::fail(TaskState& task, const std::string& what) {
  world_.fail(FailureKind::lifecycle, task.repr() + what, "host " + host_.name());
}

void TaskObserver::task_registered(const AnyTask& task) {
  if (!blind_) record(EventKind::task_register, *task.get());
}

void TaskObserver::task_entered(const AnyTask& task) {
  if (blind_) return;
  record(EventKind::task_enter, *task.get());
  entered_ = task.get();
  if (task.done()) fail(*task.get(), " was entered although it is done");  // O1
}

void TaskObserver::task_left(const AnyTask& task) {
  entered_ = nullptr;
  if (!blind_) record(EventKind::task_leave, *task.get());
}

void TaskObserver::task_unregistered(const AnyTask& task) {
  if (blind_) return;
  record(EventKind::task_unregister, *task.get());
  if (task.get() == entered_ && !task.done()) {
    fail(*task.get(), " was unregistered while it runs, and it is not done");  // O3
  }
}

void TaskObserver::handle_ended(TaskState* current) {
  if (!current || blind_) return;
  fail(*current, " was entered and never left");  // O2
}

}  // namespace asyncio::sim
