// tasks.hpp: a future that is fulfilled by running a coroutine, step by step.
//
//                    ┌───────────── the future is done ─────────────┐
//                    ▼                                              │
//   create_task ──► scheduled ─── step() ───► running ─── await ──► waiting
//                    ▲                          │ │
//                    └──────── sleep(0) ────────┘ └── returns or throws ──► done
//
// A task is nothing that the loop knows. The loop runs handles; a step of a task is one of them. What
// makes a task visible to all_tasks() and current_task() are seven plain functions, which the task calls
// on its way (register, enter, leave, unregister, and three for eager starts). Anybody may call them:
// that is how a task type that is not ours takes part.
//
//   T1  A task that is done is never stepped again.
//   T2  A task is waiting exactly while its wake-up is among the callbacks of fut_waiter.
//   T3  Every step is enclosed by enter_task() and leave_task(), on every way out.
//
// This header has what every task has. runners.hpp starts the first one, coroutines to wait for several
// are in gather.hpp, waiting.hpp and timeouts.hpp.
//
// Source: CPython Lib/asyncio/tasks.py. Rules: S80 to S131.
#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/traceback.hpp>

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace asyncio {

class AnyTask;

/// The keywords of create_task().
struct TaskOptions {
  std::optional<std::string> name = {};  ///< default "Task-N", N counting up
  std::optional<Context> context = {};   ///< run in this very context; default: a copy of the current one
  std::optional<bool> eager_start = {};  ///< run the first step at once; default false
};

/// What lies behind every task, of whatever type: a future with a name, a context and a count of cancellations.
///
/// A task type of one's own derives from this, completes itself with the protected functions of
/// FutureState, and makes itself visible with register_task() and its sisters.
class TaskState : public FutureState {
 public:
  /// \param loop     whose task it is
  /// \param slot     where the result will lie; null where set_slot() says it later
  /// \param options  name and context are taken from here
  /// \param where    where the task was made, for reports
  TaskState(AbstractEventLoop& loop, AnySlot* slot, TaskOptions options, std::source_location where);
  ~TaskState() override;

  /// See AnyTask::get_name().
  std::string get_name() const;
  /// See AnyTask::set_name().
  void set_name(std::string name) { name_ = std::move(name); }
  /// See AnyTask::get_context().
  const Context& get_context() const noexcept { return context_; }

  /// The coroutine that the task runs; none by default.
  virtual Coroutine get_coro() const { return {}; }
  /// Asks the task to stop. See AnyFuture::cancel().
  bool cancel(std::string message) override = 0;
  /// How many cancellations were asked for and not taken back.
  int cancelling() const noexcept { return num_cancels_requested_; }
  /// Takes one cancellation back; at zero the task forgets an undelivered one (S112).
  virtual int uncancel();
  /// What the task waits for; null where it does not wait.
  virtual FutureState* waits_for() const noexcept { return nullptr; }

  /// A task's outcome is its coroutine's: both throw RuntimeError (S96).
  void set_result() override;
  void set_exception(std::exception_ptr error) override;
  void check_settable() const override;

  /// Whether destroying the task while it is pending is reported (asyncio's _log_destroy_pending).
  void set_log_destroy_pending(bool report) noexcept { log_destroy_pending_ = report; }

  /// Called when the loop closes with this task still pending and registered: lets go of what the task
  /// holds, so that a ring of futures and stacks that only hold each other is freed.
  virtual void abandon() {}

  /// A number for whoever observes the loop, a trace for example; 0 until one was set.
  std::uint32_t tag() const noexcept { return tag_; }
  /// Sets that number; its meaning is the observer's.
  void set_tag(std::uint32_t tag) noexcept { tag_ = tag; }

  /// Writes the name into a buffer of `size` bytes without allocating: for messages of last resort.
  void write_name(char* buffer, std::size_t size) const noexcept;

  std::string repr() const override;
  const char* kind() const noexcept override { return "Task"; }

 protected:
  /// What cancelling() gives.
  int num_cancels_requested_ = 0;

  /// Reports "Task was destroyed but it is pending!", once and unless that is switched off.
  void report_pending() noexcept;
  void last_owner_gone() noexcept override;

 private:
  friend class LoopCore;

  std::optional<std::string> name_;  // empty: "Task-" and number_
  std::uint64_t number_ = 0;
  Context context_;
  bool log_destroy_pending_ = true;
  // The loop's list of tasks, see LoopCore: a weak set, guarded by its lock. In there while one of these is true.
  bool registered_ = false;
  bool registered_eagerly_ = false;
  std::uint32_t tag_ = 0;
  TaskState* previous_task_ = nullptr;
  TaskState* next_task_ = nullptr;
};

/// The keywords of get_stack().
struct StackOptions {
  std::optional<int> limit = {};  ///< at most so many frames, the newest; none for zero and less
};

/// The keywords of print_stack().
struct PrintStackOptions {
  std::optional<int> limit = {};  ///< as in StackOptions
  std::ostream* file = nullptr;   ///< where to; null: standard output
};

/// A task of any result type.
class AnyTask : public AnyFuture {
 public:
  /// No task: converts to false.
  AnyTask() = default;
  /// For those who write task types.
  explicit AnyTask(Ref<TaskState> state) noexcept : AnyFuture(Ref<FutureState>(std::move(state))) {}

  /// The task's name: the one given, or "Task-N".
  std::string get_name() const { return task().get_name(); }
  /// Gives the task another name.
  void set_name(std::string name) const { task().set_name(std::move(name)); }
  /// The coroutine it runs; none after an eager start that ended at once (S95).
  Coroutine get_coro() const { return task().get_coro(); }
  /// The context its steps run in.
  Context get_context() const { return task().get_context(); }
  /// The calls that the task is in the middle of: the whole stack where it is suspended, or running.
  ///
  /// The task is not disturbed, see Coroutine::get_stack(). A task that has not started has one frame, the place
  /// where it was made. A done task has none: an exception in C++ leaves no trace of the stack it came from.
  ///
  /// \param options  how many
  /// \return         the oldest call first; what the frames say depends on the build, see traceback.hpp
  /// \source CPython Lib/asyncio/tasks.py, Task.get_stack; Lib/asyncio/base_tasks.py, _task_get_stack
  std::vector<FrameSummary> get_stack(StackOptions options = {}) const;
  /// Prints get_stack() as Python prints a traceback, and the exception of a task that failed.
  ///
  /// \param options  how many frames, and where to
  /// \source CPython Lib/asyncio/base_tasks.py, _task_print_stack
  void print_stack(PrintStackOptions options = {}) const;

  /// How many cancel() calls have not been taken back by uncancel().
  int cancelling() const { return task().cancelling(); }
  /// Takes one cancel() back.
  ///
  /// \return how many are left
  int uncancel() const { return task().uncancel(); }

  /// The part behind the handle, for those who write task types.
  TaskState* get() const noexcept { return static_cast<TaskState*>(AnyFuture::get()); }

 protected:
  /// The part behind the handle.
  ///
  /// \throws RuntimeError  where this is no task
  TaskState& task() const { return static_cast<TaskState&>(state()); }
};

/// A task whose coroutine returns a T.
template <class T>
class Task : public AnyTask {
 public:
  /// No task: converts to false.
  Task() = default;
  /// \throws std::invalid_argument  where the coroutine of `task` does not return a T
  explicit Task(AnyTask task) : AnyTask(std::move(task)) {
    if (*this) check_result_type(*this, typeid(T));
  }

  /// What the coroutine returned. See Future::result().
  T result() const { return future().result(); }

  /// Every task is a future.
  operator Future<T>() const { return future(); }  // NOLINT(google-explicit-constructor)

 private:
  Future<T> future() const { return Future<T>(static_cast<const AnyFuture&>(*this)); }
};

/// Waits for a task and gives what its coroutine returned. See await(Future).
template <class T>
T await(const Task<T>& task) {
  const Future<T> future = task;
  return await(future);
}

/// Runs a coroutine right here, in the calling task: Python's `await f()`. The same as calling it.
///
/// \return  what `fn` returns
/// \throws (anything)  that `fn` throws
/// \suspends where `fn` does
template <class F>
  requires(std::is_invocable_v<F&> && !std::is_base_of_v<AnyFuture, std::remove_cvref_t<F>>)
decltype(auto) await(F&& fn) {
  return std::forward<F>(fn)();
}

// ---- The life of a task, for those who write task types. Rules S115 to S123. ----

/// Makes a task visible to all_tasks(). Again is harmless (S119).
///
/// \source CPython Lib/asyncio/tasks.py, _register_task
void register_task(AnyTask task);
/// Makes a task invisible again. Unknown tasks are ignored (S119).
void unregister_task(AnyTask task);
/// Makes a task the current one of the loop, before it is resumed.
///
/// \throws RuntimeError  where a task is current already, even this one, or where `loop` is not the
///                       running loop of this thread (S116, S117); nothing is changed then
void enter_task(AbstractEventLoop& loop, AnyTask task);
/// Ends what enter_task() began, after the task has been suspended or has ended.
///
/// \throws RuntimeError  where `task` is not the current one, or `loop` is not running here
void leave_task(AbstractEventLoop& loop, AnyTask task);
/// Replaces the current task; an empty one means none (S118).
///
/// \return the task that was current, or an empty one
/// \throws RuntimeError  where `loop` is not the running loop of this thread
AnyTask swap_current_task(AbstractEventLoop& loop, AnyTask task);
/// Makes a task visible while its first step runs inside create_task() (S125).
void register_eager_task(AnyTask task);
/// Ends what register_eager_task() began.
void unregister_eager_task(AnyTask task);

/// The task that is running now.
///
/// \return an empty task in a plain callback
/// \throws RuntimeError  where no loop is running in this thread
AnyTask current_task();
/// The same for a loop that may run in another thread; empty where it runs nowhere (S122).
AnyTask current_task(AbstractEventLoop& loop);

/// The tasks of the running loop that are not done (S120).
///
/// \throws RuntimeError  where no loop is running in this thread
std::set<AnyTask> all_tasks();
/// The tasks of that loop; may be called from any thread (S121).
std::set<AnyTask> all_tasks(AbstractEventLoop& loop);

/// Makes a task out of a coroutine, instead of Task itself: see AbstractEventLoop::set_task_factory().
using TaskFactory = std::function<AnyTask(AbstractEventLoop&, Coroutine, TaskOptions)>;

/// Makes a task of this library's own type: what a loop without a task factory does.
///
/// \param loop       the loop whose steps it will be
/// \param coroutine  what it runs; must not have been started
/// \param options    name, context, eager_start
AnyTask make_task(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options);

/// A task for `coroutine` that runs its first step at once. A task factory:
/// loop.set_task_factory(asyncio::eager_task_factory) (S131).
AnyTask eager_task_factory(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options);
/// An eager factory for another task type.
///
/// \param make  makes the task; is called with eager_start set
TaskFactory create_eager_task_factory(TaskFactory make);

}  // namespace asyncio

/// See std::hash<asyncio::AnyFuture>.
template <>
struct std::hash<asyncio::AnyTask> : std::hash<asyncio::AnyFuture> {};
/// See std::hash<asyncio::AnyFuture>.
template <class T>
struct std::hash<asyncio::Task<T>> : std::hash<asyncio::AnyFuture> {};
