// tasks.cpp: Task itself, a coroutine that is resumed by handles of its loop.
//
//     loop runs the step handle ─► step() ─► enter ─► coroutine.send() ─┬─ yielded ──► step handle, next turn
//                                                                       ├─ awaits f ─► step handle, when f is done
//                                                                       ├─ returned ─► the future is finished
//                                                                       └─ threw ────► finished or cancelled
//
// A task has one handle for all of its steps, because it never has two steps outstanding: either the
// handle is on the ready queue, or in the list of callbacks of the one future that the task waits for,
// or the task is running, or done. While the handle lies in a queue it owns the task; this is what keeps
// a suspended task alive (S97).
//
//   T1  A task that is done is never stepped again.
//   T2  A task is waiting exactly while its step handle is among the callbacks of fut_waiter_.
//   T3  Every step is enclosed by enter and leave, on every way out.
//   T4  The step handle is armed (owns its task) exactly while it lies in a queue.
//
// Source: CPython Lib/asyncio/tasks.py, class Task. Rules: S80 to S114, S124 to S131.
#include <asyncio/tasks.hpp>

#include <asyncio/events.hpp>
#include <asyncio/handle_state.hpp>

#include "context_state.hpp"
#include "guarded_run.hpp"
#include "thread_state.hpp"

#include <cassert>

namespace asyncio {

/// Task: what create_task() makes unless a task factory makes something else.
class FiberTask final : public TaskState {
 public:
  FiberTask(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options);
  ~FiberTask() override;

  /// Queues the first step and registers the task, or runs the first step at once (S81, S124).
  void start(bool eagerly);

  bool cancel(std::string message) override;
  int uncancel() override;
  Coroutine get_coro() const override { return finished_eagerly_ ? Coroutine{} : coroutine_; }
  FutureState* waits_for() const noexcept override { return fut_waiter_.get(); }
  void abandon() override;

 private:
  class StepHandle;
  class Entered;

  void step();
  void run_and_settle();
  Stop resume();
  Stop send_or_throw_in();
  void eager_start();

  void park(FutureState& future);
  void refuse(const FutureState& future, bool blocking);
  void stop_waiting() noexcept;
  void step_soon();
  void settle_returned();
  void settle_threw(std::exception_ptr error);
  Ref<HandleState> arm();

  const Coroutine coroutine_;
  Ref<FutureState> fut_waiter_;            // what the task waits for (T2); also an edge of the call graph (S89)
  Ref<StepHandle> step_handle_;            // never null
  std::exception_ptr throw_next_;          // what the next step throws in; null: it goes on normally
  ContextState* inner_context_ = nullptr;  // the context of a run() that the coroutine suspended in
  bool must_cancel_ = false;               // a cancellation that no future could take; the next step throws it
  bool passes_cancel_on_ = false;          // inside the cancel() of what the task waits for
  bool finished_eagerly_ = false;          // S95
};

/// The handle of every step of one task.
class FiberTask::StepHandle final : public HandleState {
 public:
  StepHandle(AbstractEventLoop& loop, Context context) : HandleState({}, loop, std::move(context)) {}

  void arm(FiberTask& task) {
    assert(!task_);  // T4
    task.retain();
    task_ = &task;
  }
  void future_done(FutureState&) override {}  // the task holds it (T2)
  void drop() override {
    HandleState::drop();
    const Ref<FiberTask> dropped = disarm();
  }
  void run() override {
    const Ref<FiberTask> task = disarm();  // T4: also where the context cannot be entered (S82)
    if (!task) return;                     // dropped while it waited
    run_guarded([&task]() __attribute__((always_inline)) { task->step(); });
  }
  TaskState* steps_task() const noexcept override { return task_; }

 private:
  Ref<FiberTask> disarm() noexcept { return Ref<FiberTask>::adopt(std::exchange(task_, nullptr)); }

  FiberTask* task_ = nullptr;  // owned; null unless armed
};

/// enter_task() now, leave_task() on every way out (T3). A task that has ended is not seen any more after that.
class FiberTask::Entered {
 public:
  explicit Entered(FiberTask& task) : task_(task) { task_.core().enter(task_); }
  ~Entered() {
    try {
      task_.core().leave(task_);
    } catch (...) {  // the coroutine left the task itself, and did not enter it again
      task_.loop().call_exception_handler({.message = "Exception in callback", .exception = std::current_exception()});
    }
    if (task_.done()) task_.core().unregister_task(task_, false);
  }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  FiberTask& task_;
};

// ---- The beginning ----

FiberTask::FiberTask(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options)
    : TaskState(loop, &coroutine.get()->slot(), std::move(options), coroutine.where()),
      coroutine_(std::move(coroutine)),
      step_handle_(make_ref<StepHandle>(loop, get_context())) {
  const auto write_name = [](const void* owner, char* buffer, std::size_t size) {
    static_cast<const FiberTask*>(owner)->write_name(buffer, size);
  };
  coroutine_.get()->set_owner(write_name, this);
}

FiberTask::~FiberTask() {
  stop_waiting();
  // The coroutine may live on, in somebody's hands; it must not name a task that is gone.
  coroutine_.get()->set_owner(nullptr, nullptr);
}

void FiberTask::start(bool eagerly) {
  if (eagerly && loop().is_running()) return eager_start();
  step_soon();
  core().register_task(*this, false);  // S119: after the first step was queued
}

void FiberTask::eager_start() {
  AbstractEventLoop& loop = this->loop();
  const AnyTask self{Ref<TaskState>(this)};
  const AnyTask before = swap_current_task(loop, self);
  register_eager_task(self);

  std::exception_ptr escaped;
  try {
    get_context().run([this] { run_and_settle(); });
  } catch (...) {
    // Either the context was entered already (S130), or this is KeyboardInterrupt or SystemExit (S128).
    escaped = std::current_exception();
  }

  unregister_eager_task(self);
  swap_current_task(loop, before);
  if (done()) {
    finished_eagerly_ = true;
  } else if (escaped) {
    set_log_destroy_pending(false);
  } else {
    register_task(self);
  }
  if (escaped) std::rethrow_exception(escaped);
}

// ---- One step ----

// From a handle's run() down to send() every function is inlined into the one before: guarded_run.hpp says why.

/// Runs the task up to its next suspension, and settles what it stopped for. Where the task has waited for a future,
/// that is done: a failure is thrown in; a result is not passed on, await() reads it from the future itself.
[[gnu::always_inline]] inline void FiberTask::step() {
  if (const Ref<FutureState> future = std::move(fut_waiter_)) {
    future->discard_awaited_by(*this);
    if (future->failed()) throw_next_ = future->take_error();
  }
  if (done()) throw InvalidStateError("step(): already done: " + repr());  // T1
  if (std::exchange(must_cancel_, false) && !holds<CancelledError>(throw_next_)) {
    // cancel() found no future to pass the request on to and left it here, for the next step.
    throw_next_ = make_cancelled_error();
  }

  const Entered scope(*this);
  run_and_settle();
}

[[gnu::always_inline]] inline void FiberTask::run_and_settle() {
  const Stop stop = resume();  // the coroutine runs in here, until it stops
  switch (stop.why) {
    case Stop::Why::yielded: return step_soon();
    case Stop::Why::awaits: return park(*stop.future);
    case Stop::Why::returned: return settle_returned();
    case Stop::Why::threw: return settle_threw(stop.error);
  }
}

[[gnu::always_inline]] inline Stop FiberTask::resume() {
  // A coroutine can suspend inside Context::run(). Its inner context is then put aside, so that the loop
  // and the other tasks do not see it, and comes back with the coroutine.
  ThreadState& thread = this_thread();
  ContextState* const own = thread.context;
  if (inner_context_) thread.context = std::exchange(inner_context_, nullptr);
  const Stop stop = send_or_throw_in();
  if (thread.context != own) inner_context_ = std::exchange(thread.context, own);
  return stop;
}

[[gnu::always_inline]] inline Stop FiberTask::send_or_throw_in() {
  try {
    return throw_next_ ? coroutine_.throw_in(std::exchange(throw_next_, nullptr)) : coroutine_.send_kept();
  } catch (...) {
    // It could not be resumed: no memory for its stack, or somebody has closed it. For the task that is the end.
    return {.why = Stop::Why::threw, .error = std::current_exception()};
  }
}

// ---- What a step stopped for ----

inline Ref<HandleState> FiberTask::arm() {
  step_handle_->arm(*this);
  return step_handle_;
}

void FiberTask::step_soon() { loop().call_soon_handle(arm()); }

/// Makes the task wait for a future.
void FiberTask::park(FutureState& future) {
  const bool blocking = future.blocking();
  future.set_blocking(false);
  if (&future.core() != &core() || !blocking || &future == this) return refuse(future, blocking);

  future.add_waiter(arm());
  fut_waiter_ = Ref<FutureState>(&future);  // T2
  future.add_awaited_by(*this);
  if (must_cancel_ && future.cancel(cancel_message())) must_cancel_ = false;
}

/// What cannot be waited for is an error, one turn later (S90).
void FiberTask::refuse(const FutureState& future, bool blocking) {
  std::string why = "Task cannot await on itself: " + repr();
  if (&future.core() != &core()) {  // not loop(): that one may be gone
    why = "Task " + repr() + " got Future " + future.repr() + " attached to a different loop";
  } else if (!blocking) {
    why = "yield was used instead of yield from in task " + repr() + " with " + future.repr();
  }
  throw_next_ = std::make_exception_ptr(RuntimeError(why));
  step_soon();
}

/// Forgets what the task has waited for, on both sides.
void FiberTask::stop_waiting() noexcept {
  if (const Ref<FutureState> future = std::move(fut_waiter_)) future->discard_awaited_by(*this);
}

void FiberTask::settle_returned() {
  // Asked to stop, and returned before it was told: the value is lost (S85).
  if (std::exchange(must_cancel_, false)) {
    finish_cancelled();
  } else {
    finish();
  }
}

void FiberTask::settle_threw(std::exception_ptr error) {
  if (holds<CancelledError>(error)) {
    // The saved error carries the message to whoever asks first; those who ask later get none (S76).
    save_cancelled_error(std::move(error));
    set_cancel_message({});
    return finish_cancelled();
  }
  const bool leaves_the_loop = holds<KeyboardInterrupt>(error) || holds<SystemExit>(error);
  finish_with(error);
  if (leaves_the_loop) std::rethrow_exception(error);  // S87
}

// ---- Cancelling ----

namespace {

/// Sets a flag for as long as it lives.
class Passing {
 public:
  explicit Passing(bool& flag) : flag_(flag) { flag_ = true; }
  ~Passing() { flag_ = false; }
  Passing(const Passing&) = delete;
  Passing& operator=(const Passing&) = delete;

 private:
  bool& flag_;
};

}  // namespace

bool FiberTask::cancel(std::string message) {
  mark_retrieved();  // S99
  if (done()) return false;
  ++num_cancels_requested_;
  if (fut_waiter_) {
    // The future stays in fut_waiter_, so that a second cancel() can reach it again (S100). Tasks that wait for
    // each other in a ring would pass the request on for ever; CPython throws RecursionError there.
    if (passes_cancel_on_) throw RuntimeError("maximum recursion depth exceeded: " + repr() + " waits for itself");
    const Passing scope(passes_cancel_on_);
    const Ref<FutureState> future = fut_waiter_;
    if (future->cancel(message)) return true;
  }
  must_cancel_ = true;  // S101
  set_cancel_message(std::move(message));
  return true;
}

int FiberTask::uncancel() {
  if (TaskState::uncancel() == 0) must_cancel_ = false;  // S112
  return num_cancels_requested_;
}

void FiberTask::abandon() {
  const Ref<FiberTask> self(this);
  report_pending();
  if (const Ref<FutureState> future = fut_waiter_) {
    stop_waiting();
    future->remove_done_callback(step_handle_->id());
  }
  try {
    coroutine_.close();
  } catch (...) {  // it ignored the request, or a destructor on its stack threw
    loop().call_exception_handler({.message = "Exception while closing an abandoned task",
                                   .exception = std::current_exception(),
                                   .task = AnyTask(Ref<TaskState>(this))});
  }
  core().unregister_task(*this, false);
}

// ---- Making tasks ----

AnyTask make_task(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
  if (!coroutine) throw std::invalid_argument("a coroutine was expected, and an empty one was given");
  const bool eagerly = options.eager_start.value_or(false);
  const auto task = make_ref<FiberTask>(loop, std::move(coroutine), std::move(options));
  task->start(eagerly);
  return AnyTask(Ref<TaskState>(task));
}

AnyTask eager_task_factory(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
  if (!options.eager_start) options.eager_start = true;
  return make_task(loop, std::move(coroutine), std::move(options));
}

TaskFactory create_eager_task_factory(TaskFactory make) {
  return [make = std::move(make)](AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
    if (!options.eager_start) options.eager_start = true;
    return make(loop, std::move(coroutine), std::move(options));
  };
}

}  // namespace asyncio
