// task_lifetime.cpp: the functions that make a task visible, and what all task types have in common.
//
//     create_task ─► register_task ─► ( enter_task ─► resume ─► leave_task )* ─► unregister_task
//
// None of these functions asks what kind of task it is given. A task type that is not ours calls them in
// this order, and is seen by all_tasks(), current_task(), timeouts and task groups beside ours (S123).
//
// Source: CPython Lib/asyncio/tasks.py, the functions named. Rules: S115 to S123.
#include <asyncio/tasks.hpp>

#include <asyncio/events.hpp>
#include <asyncio/loop_core.hpp>

#include <algorithm>
#include <cstdio>

namespace asyncio {
namespace {

// The accelerated functions of CPython look only at the calling thread's loop (S117).
LoopCore& core_running_here(AbstractEventLoop& loop) {
  if (get_running_loop_or_null() != &loop) {
    throw RuntimeError("loop " + loop.class_name() + " is not the running loop");
  }
  return loop.core();
}

TaskState& state_of(const AnyTask& task) {
  if (!task) throw std::invalid_argument("an empty AnyTask was given where a task is needed");
  return *task.get();
}

AnyTask handle_of(TaskState* task) { return AnyTask(Ref<TaskState>(task)); }

}  // namespace

// ---- What every task has ----

TaskState::TaskState(AbstractEventLoop& loop, AnySlot* slot, TaskOptions options, std::source_location where)
    : FutureState(loop, slot, where),
      name_(std::move(options.name)),
      number_(name_ ? 0 : loop.next_task_number()),
      context_(options.context ? std::move(*options.context) : copy_context()) {}

TaskState::~TaskState() {
  // Entered, and never left: a mistake of whoever resumes it, but current_task() must not show a task that is gone.
  if (core().current_task() == this) core().set_current_task(nullptr);
  if (!registered_ && !registered_eagerly_) return;
  const std::lock_guard lock(core().mutex_);
  core().unlink(*this);
}

std::string TaskState::get_name() const { return name_ ? *name_ : "Task-" + std::to_string(number_); }

void TaskState::write_name(char* buffer, std::size_t size) const noexcept {
  if (name_) {
    std::snprintf(buffer, size, "%s", name_->c_str());
  } else {
    std::snprintf(buffer, size, "Task-%llu", static_cast<unsigned long long>(number_));
  }
}

int TaskState::uncancel() {
  if (num_cancels_requested_ > 0) --num_cancels_requested_;
  return num_cancels_requested_;
}

void TaskState::set_result() { throw RuntimeError("Task does not support set_result operation"); }
void TaskState::set_exception(std::exception_ptr) {
  throw RuntimeError("Task does not support set_exception operation");
}
void TaskState::check_settable() const { throw RuntimeError("Task does not support set_result operation"); }

std::string TaskState::repr() const {
  const std::string state = num_cancels_requested_ > 0 && !done() ? "cancelling" : state_text();
  return std::string("<") + kind() + " " + state + " name='" + get_name() + "'" + outcome_text() + created_text() + ">";
}

void TaskState::report_pending() noexcept {
  AbstractEventLoop* loop = core().loop();
  if (done() || !std::exchange(log_destroy_pending_, false) || !loop) return;
  ExceptionContext context{.message = "Task was destroyed but it is pending!"};
  context.task = handle_of(this);
  if (loop->get_debug()) context.source_traceback = where();
  context.source_stack = source();
  try {
    loop->call_exception_handler(context);
  } catch (...) {
    // Only KeyboardInterrupt and SystemExit get here, and nothing can be thrown out of a destruction.
  }
}

void TaskState::last_owner_gone() noexcept {
  if (!done() && log_destroy_pending_) {
    // Owned again while the report runs, as in FutureState::last_owner_gone().
    const Ref<TaskState> self(this);
    report_pending();
    log_destroy_pending_ = false;
    return;
  }
  FutureState::last_owner_gone();
}

// ---- Which tasks there are ----

void register_task(AnyTask task) {
  TaskState& state = state_of(task);
  state.loop().core().register_task(state, false);
}

void unregister_task(AnyTask task) {
  TaskState& state = state_of(task);
  state.loop().core().unregister_task(state, false);
}

void register_eager_task(AnyTask task) {
  TaskState& state = state_of(task);
  state.loop().core().register_task(state, true);
}

void unregister_eager_task(AnyTask task) {
  TaskState& state = state_of(task);
  state.loop().core().unregister_task(state, true);
}

std::set<AnyTask> all_tasks(AbstractEventLoop& loop) {
  std::set<AnyTask> tasks;
  for (Ref<TaskState>& task : loop.core().tasks()) {
    if (!task->done()) tasks.insert(AnyTask(std::move(task)));
  }
  return tasks;
}

std::set<AnyTask> all_tasks() { return all_tasks(get_running_loop()); }

// ---- Which task is current ----

void enter_task(AbstractEventLoop& loop, AnyTask task) {
  TaskState& state = state_of(task);
  LoopCore& core = core_running_here(loop);
  core.enter(state);
  core.keep_current_task(&state);
}

void leave_task(AbstractEventLoop& loop, AnyTask task) {
  TaskState& state = state_of(task);
  LoopCore& core = core_running_here(loop);
  core.leave(state);
  core.keep_current_task(nullptr);
}

AnyTask swap_current_task(AbstractEventLoop& loop, AnyTask task) {
  LoopCore& core = core_running_here(loop);
  AnyTask before = handle_of(core.current_task());
  core.set_current_task(task.get());
  core.keep_current_task(task.get());
  core.notify([&](Instrument& instrument) { instrument.task_swapped(before, task); });
  return before;
}

AnyTask current_task() { return handle_of(get_running_loop().core().current_task()); }

AnyTask current_task(AbstractEventLoop& loop) {
  if (get_running_loop_or_null() == &loop) return handle_of(loop.core().current_task());
  return AnyTask(loop.core().current_task_from_any_thread());
}

void LoopCore::refuse_enter(TaskState& task) const {
  throw RuntimeError("Cannot enter into task " + task.repr() + " while another task " + current_task()->repr() +
                     " is being executed.");
}

void LoopCore::refuse_leave(TaskState& task) const {
  const TaskState* current = current_task();
  throw RuntimeError("Leaving task " + task.repr() + " does not match the current task " +
                     (current ? current->repr() : "None") + ".");
}

void LoopCore::tell_entered(TaskState& task) const {
  notify([&](Instrument& instrument) { instrument.task_entered(handle_of(&task)); });
}

void LoopCore::tell_left(TaskState& task) const {
  notify([&](Instrument& instrument) { instrument.task_left(handle_of(&task)); });
}

}  // namespace asyncio
