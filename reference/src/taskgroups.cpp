// taskgroups.cpp: how a group ends.
//
// State is shared by the TaskGroup and by the done-callbacks of its tasks: a callback that lies on the
// ready queue may outlive the group, where the parent's coroutine was destroyed.
#include <asyncio/taskgroups.hpp>

#include <asyncio/coroutine.hpp>

#include <cassert>
#include <cstdint>
#include <map>
#include <vector>

namespace asyncio {
namespace {

/// What leaves a group alone, and not among others: S184 (1).
bool is_base_error(const std::exception_ptr& error) {
  return holds<SystemExit>(error) || holds<KeyboardInterrupt>(error);
}

}  // namespace

class TaskGroup::State final : public RefCounted {
 public:
  void enter();
  void check_open() const;
  void adopt(const AnyTask& task);
  void cancel();
  void leave(const std::exception_ptr& body_error);
  void disband() noexcept;
  std::string repr() const;
  AbstractEventLoop& loop() const { return parent_.get_loop(); }

 private:
  struct Child {
    AnyTask task;
    CallbackId callback;
    AwaitEdge edge;  // the parent waits for the child (S344)
  };

  void abort();
  void cancel_parent();
  void on_task_done(std::uint64_t number);
  std::exception_ptr wait_for_children(std::exception_ptr& cancelled);

  bool entered_ = false;
  bool exiting_ = false;   // the body has ended
  bool aborting_ = false;  // the children were cancelled; no more are accepted
  bool cancel_at_entry_ = false;
  bool parent_cancel_requested_ = false;  // P2
  AnyTask parent_;                        // whose body it is; empty before and after
  std::map<std::uint64_t, Child> tasks_;  // by order of creation; those whose end was not noticed yet
  std::uint64_t next_number_ = 0;
  std::vector<std::exception_ptr> errors_;
  std::exception_ptr base_error_;  // the first KeyboardInterrupt or SystemExit
  Future<void> on_completed_;      // what leave() waits for; empty while it does not wait
};

// ---- Entering, and tasks that join ----

void TaskGroup::State::enter() {
  if (entered_) throw RuntimeError("TaskGroup " + repr() + " has already been entered");
  AnyTask parent = current_task();
  if (!parent) throw RuntimeError("TaskGroup " + repr() + " cannot determine the parent task");
  entered_ = true;
  parent_ = std::move(parent);
  if (cancel_at_entry_) cancel();
}

void TaskGroup::State::check_open() const {
  if (!entered_) throw RuntimeError("TaskGroup " + repr() + " has not been entered");
  if (exiting_ && tasks_.empty()) throw RuntimeError("TaskGroup " + repr() + " is finished");
  if (aborting_) throw RuntimeError("TaskGroup " + repr() + " is shutting down");
}

void TaskGroup::State::adopt(const AnyTask& task) {
  const std::uint64_t number = next_number_++;
  const Ref<State> self(this);
  // Also for a task that is done: its end is noticed through the loop, like any other (S180).
  const CallbackId callback = task.add_done_callback([self, number](const AnyFuture&) { self->on_task_done(number); });
  tasks_.emplace(number, Child{task, callback, AwaitEdge(Ref<FutureState>(task.get()), *parent_.get())});
  if (aborting_ && !task.done()) task.cancel();  // an eager task that has cancelled the group itself (S191)
}

// ---- Aborting ----

/// Cancels the children. In the order in which they were created, which asyncio leaves open (S354).
void TaskGroup::State::abort() {
  aborting_ = true;
  for (const auto& [number, child] : tasks_) {
    if (!child.task.done()) child.task.cancel();
  }
}

void TaskGroup::State::cancel_parent() {
  assert(!parent_cancel_requested_);  // P2
  parent_cancel_requested_ = true;
  parent_.cancel();
}

void TaskGroup::State::cancel() {
  if (!entered_) {
    cancel_at_entry_ = true;
    return;
  }
  if (exiting_ && tasks_.empty()) return;
  if (aborting_) return;  // it ends anyhow
  abort();
  cancel_parent();
}

void TaskGroup::State::on_task_done(std::uint64_t number) {
  const auto node = tasks_.extract(number);
  if (node.empty()) return;  // disbanded
  const AnyTask& task = node.mapped().task;
  if (tasks_.empty() && on_completed_ && !on_completed_.done()) on_completed_.set_result();

  if (task.cancelled()) return;  // S181
  const std::exception_ptr error = task.exception();
  if (!error) return;
  errors_.push_back(error);
  if (is_base_error(error) && !base_error_) base_error_ = error;

  if (parent_.done()) {
    return loop().call_exception_handler({.message = "Task " + task.repr() + " has errored out but its parent task " +
                                                     parent_.repr() + " is already completed",
                                          .exception = error,
                                          .task = task});
  }
  if (!aborting_ && !parent_cancel_requested_) {  // S182
    abort();
    cancel_parent();
  }
}

// ---- Leaving ----

/// Ends the group.
///
/// \param body_error  what the body threw; null where it returned
/// \throws (what the rules make of it)
/// \suspends until no task is left
void TaskGroup::State::leave(const std::exception_ptr& body_error) {
  exiting_ = true;
  if (is_base_error(body_error) && !base_error_) base_error_ = body_error;
  const bool body_was_cancelled = holds<CancelledError>(body_error);
  std::exception_ptr cancelled = body_was_cancelled ? body_error : nullptr;
  if (body_error && !aborting_) abort();  // S183

  const std::exception_ptr cancelled_later = wait_for_children(cancelled);  // suspends
  assert(tasks_.empty());                                                   // P1

  const AnyTask parent = std::exchange(parent_, {});
  if (base_error_) std::rethrow_exception(base_error_);  // S184 (1)
  if (parent_cancel_requested_) {                        // P2, S184 (2)
    const bool nobody_else_asked = parent.uncancel() == 0;
    if (nobody_else_asked) {
      cancelled = nullptr;
    } else if (!cancelled) {
      cancelled = cancelled_later;
    }
  }
  if (cancelled && errors_.empty()) std::rethrow_exception(cancelled);   // P3, S184 (3)
  if (body_error && !body_was_cancelled) errors_.push_back(body_error);  // S184 (4)
  if (errors_.empty()) return;

  if (parent.cancelling() > 0) {
    // Somebody outside cancelled as well. The errors go first; the cancellation comes at the next
    // suspension, and the count stays as it is (P3, S186).
    parent.uncancel();
    parent.cancel();
  }
  std::rethrow_exception(make_exception_group("unhandled errors in a TaskGroup", std::exchange(errors_, {})));  // S185
}

/// \param cancelled  becomes the CancelledError that came from outside, where the group was not aborting yet
/// \return           the last CancelledError that reached the parent meanwhile: the group's own, or one that came
///                   while the group was aborting already. leave() finds out by counting; null where none did
std::exception_ptr TaskGroup::State::wait_for_children(std::exception_ptr& cancelled) {
  std::exception_ptr last;
  while (!tasks_.empty()) {
    on_completed_ = loop().create_future<void>();
    try {
      await(on_completed_);  // suspends
    } catch (const CancelledError&) {
      last = std::current_exception();
      if (!aborting_) {
        cancelled = last;
        abort();
      }
    }
    on_completed_ = {};
  }
  return last;
}

/// Lets go of everything; what a group does that cannot wait. Nothing is left to do after leave().
void TaskGroup::State::disband() noexcept {
  for (const auto& [number, child] : std::exchange(tasks_, {})) {
    child.task.remove_done_callback(child.callback);
    try {
      if (!child.task.done()) child.task.cancel();
    } catch (const std::exception&) {
      // The loop is closed: the task will never run again anyhow.
    }
  }
  on_completed_ = {};
  parent_ = {};
}

std::string TaskGroup::State::repr() const {
  std::string text = "<TaskGroup";
  if (!tasks_.empty()) text += " tasks=" + std::to_string(tasks_.size());
  if (!errors_.empty()) text += " errors=" + std::to_string(errors_.size());
  if (aborting_) {
    text += " cancelling";
  } else if (entered_) {
    text += " entered";
  }
  return text + ">";
}

// ---- The handle ----

TaskGroup::TaskGroup() : state_(make_ref<State>()) {}
TaskGroup::~TaskGroup() = default;

void TaskGroup::check_open() const { state_->check_open(); }
AbstractEventLoop& TaskGroup::loop() const { return state_->loop(); }
void TaskGroup::adopt(const AnyTask& task) { state_->adopt(task); }
void TaskGroup::cancel() { state_->cancel(); }
std::string TaskGroup::repr() const { return state_->repr(); }

void TaskGroup::run_body(UniqueFunction<void()> body) {
  state_->enter();
  struct Disband {
    State& state;
    ~Disband() { state.disband(); }
  } const on_every_way_out{*state_};

  std::exception_ptr error;
  try {
    body();  // suspends
  } catch (const CoroutineExit&) {
    throw;  // no more suspending: see the essay in the header
  } catch (...) {
    error = std::current_exception();
  }
  state_->leave(error);  // suspends
}

}  // namespace asyncio
