// breakable_task.hpp: a task type that is not ours, and that makes one mistake on request.
//
// Two uses. Without a mistake it shows that a task type from outside can do everything ours does, by calling
// the public functions of tasks.hpp (S123). With one it shows that the properties of task lifetimes notice:
// a property that no mistake breaks proves nothing.
//
// The life of a task, and where each mistake is made:
//
//     create ─► register ─► ( enter ─► resume ─► leave )* ─► unregister
//               skips       skips                skips       skips, twice, before leave, at the first step
//               late        twice                twice       ... and a step after the end
//
// Source: CPython Lib/asyncio/tasks.py, class Task (the pure Python form), line by line.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/tasks.hpp>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace asyncio {

/// What a BreakableTask does wrong.
enum class Mistake {
  none,
  skips_register,
  registers_after_the_first_step,
  skips_enter,
  enters_twice,
  skips_leave,
  leaves_twice,
  leaves_before_resuming,
  skips_unregister,
  unregisters_twice,
  unregisters_before_leaving,
  unregisters_at_the_first_step,
  steps_when_done,
  skips_eager_register,
  skips_eager_unregister,
  skips_swapping_in,
  skips_swapping_back,
  skips_leave_when_interrupted,
  skips_unregister_when_cancelled,
  skips_swapping_back_when_interrupted,
};

inline constexpr std::array MISTAKES{
    std::pair{Mistake::skips_register, "skips_register"},
    std::pair{Mistake::registers_after_the_first_step, "registers_after_the_first_step"},
    std::pair{Mistake::skips_enter, "skips_enter"},
    std::pair{Mistake::enters_twice, "enters_twice"},
    std::pair{Mistake::skips_leave, "skips_leave"},
    std::pair{Mistake::leaves_twice, "leaves_twice"},
    std::pair{Mistake::leaves_before_resuming, "leaves_before_resuming"},
    std::pair{Mistake::skips_unregister, "skips_unregister"},
    std::pair{Mistake::unregisters_twice, "unregisters_twice"},
    std::pair{Mistake::unregisters_before_leaving, "unregisters_before_leaving"},
    std::pair{Mistake::unregisters_at_the_first_step, "unregisters_at_the_first_step"},
    std::pair{Mistake::steps_when_done, "steps_when_done"},
    std::pair{Mistake::skips_eager_register, "skips_eager_register"},
    std::pair{Mistake::skips_eager_unregister, "skips_eager_unregister"},
    std::pair{Mistake::skips_swapping_in, "skips_swapping_in"},
    std::pair{Mistake::skips_swapping_back, "skips_swapping_back"},
    std::pair{Mistake::skips_leave_when_interrupted, "skips_leave_when_interrupted"},
    std::pair{Mistake::skips_unregister_when_cancelled, "skips_unregister_when_cancelled"},
    std::pair{Mistake::skips_swapping_back_when_interrupted, "skips_swapping_back_when_interrupted"},
};

/// Is told of each call of unregister_task() that a BreakableTask makes: a second one changes nothing (S119), so
/// no instrument hears of it.
using UnregisterLog = std::function<void(const AnyTask&)>;

/// A task over a Coroutine, made of nothing but public functions.
class BreakableTask final : public TaskState {
 public:
  BreakableTask(AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options, Mistake mistake, UnregisterLog log)
      : TaskState(loop, &coroutine.get()->slot(), std::move(options), coroutine.where()),
        coroutine_(std::move(coroutine)),
        mistake_(mistake),
        log_(std::move(log)) {}

  void start(bool eagerly) {
    if (eagerly && loop().is_running()) return eager_start();
    step_soon({});
    if (!makes(Mistake::skips_register) && !makes(Mistake::registers_after_the_first_step)) register_task(self());
  }

  bool cancel(std::string message) override {
    mark_retrieved();
    if (done()) return false;
    ++num_cancels_requested_;
    const Ref<FutureState> future = fut_waiter_;
    if (future && future->cancel(message)) return true;
    must_cancel_ = true;
    set_cancel_message(std::move(message));
    return true;
  }
  int uncancel() override {
    if (TaskState::uncancel() == 0) must_cancel_ = false;
    return num_cancels_requested_;
  }
  FutureState* waits_for() const noexcept override { return fut_waiter_.get(); }
  void abandon() override {
    const Ref<BreakableTask> kept(this);
    if (const Ref<FutureState> future = std::move(fut_waiter_)) future->remove_done_callback(wakeup_);
    coroutine_.close();
  }

 private:
  bool makes(Mistake mistake) const { return mistake_ == mistake; }
  AnyTask self() { return AnyTask(Ref<TaskState>(this)); }

  void eager_start() {
    const AnyTask self = this->self();
    AnyTask before;
    if (!makes(Mistake::skips_swapping_in)) before = swap_current_task(loop(), self);
    if (!makes(Mistake::skips_eager_register)) register_eager_task(self);
    std::exception_ptr escaped;
    try {
      get_context().run([this] { run_and_settle({}); });
    } catch (...) {
      escaped = std::current_exception();
    }
    if (!makes(Mistake::skips_eager_unregister)) unregister_eager_task(self);
    const bool stays = makes(Mistake::skips_swapping_back) || makes(Mistake::skips_swapping_in) ||
                       (escaped && makes(Mistake::skips_swapping_back_when_interrupted));
    if (!stays) swap_current_task(loop(), before);
    if (!done()) register_task(self);
    if (escaped) std::rethrow_exception(escaped);
  }

  void step(std::exception_ptr error) {
    if (done()) return step_again();
    if (std::exchange(must_cancel_, false) && !holds<CancelledError>(error)) error = make_cancelled_error();
    fut_waiter_ = {};

    if (!makes(Mistake::skips_enter)) enter_task(loop(), self());
    if (makes(Mistake::enters_twice)) enter_task(loop(), self());
    if (makes(Mistake::leaves_before_resuming)) leave_task(loop(), self());
    if (makes(Mistake::unregisters_at_the_first_step)) unregister();
    try {
      run_and_settle(std::move(error));
    } catch (...) {
      if (!makes(Mistake::skips_leave_when_interrupted)) leave();
      throw;
    }
    leave();
  }

  // Only where the mistake is to be stepped when done.
  void step_again() {
    enter_task(loop(), self());
    leave_task(loop(), self());
  }

  void leave() {
    if (done() && makes(Mistake::unregisters_before_leaving)) unregister();
    const bool left =
        makes(Mistake::skips_leave) || makes(Mistake::skips_enter) || makes(Mistake::leaves_before_resuming);
    if (!left) leave_task(loop(), self());
    if (makes(Mistake::leaves_twice)) leave_task(loop(), self());
    if (makes(Mistake::registers_after_the_first_step) && !done()) register_task(self());
    if (!done()) return;
    const bool unregistered = makes(Mistake::skips_unregister) || makes(Mistake::unregisters_before_leaving) ||
                              makes(Mistake::unregisters_at_the_first_step) ||
                              (cancelled() && makes(Mistake::skips_unregister_when_cancelled));
    if (!unregistered) unregister();
    if (makes(Mistake::unregisters_twice)) unregister();
    if (makes(Mistake::steps_when_done)) step_soon({});
  }

  void unregister() {
    if (log_) log_(self());
    unregister_task(self());
  }

  void run_and_settle(std::exception_ptr error) {
    const Stop stop = error ? coroutine_.throw_in(std::move(error)) : coroutine_.send();
    switch (stop.why) {
      case Stop::Why::yielded: return step_soon({});
      case Stop::Why::awaits: return park(*stop.future);
      case Stop::Why::returned: return std::exchange(must_cancel_, false) ? finish_cancelled() : finish();
      case Stop::Why::threw: return settle_threw(stop.error);
    }
  }

  void step_soon(std::exception_ptr error) {
    loop().call_soon([kept = Ref<BreakableTask>(this), error] { kept->step(error); }, get_context());
  }

  void park(FutureState& future) {
    if (!future.blocking() || &future == this) {
      return step_soon(std::make_exception_ptr(RuntimeError("this cannot be awaited")));
    }
    future.set_blocking(false);
    wakeup_ = future.add_done_callback(
        [kept = Ref<BreakableTask>(this)](AnyFuture done) { kept->step(done.get()->take_error()); }, get_context());
    fut_waiter_ = Ref<FutureState>(&future);
    if (must_cancel_ && future.cancel(cancel_message())) must_cancel_ = false;
  }

  void settle_threw(const std::exception_ptr& error) {
    if (holds<CancelledError>(error)) {
      save_cancelled_error(error);
      set_cancel_message({});
      return finish_cancelled();
    }
    finish_with(error);
    if (holds<KeyboardInterrupt>(error) || holds<SystemExit>(error)) std::rethrow_exception(error);
  }

  Coroutine coroutine_;
  Mistake mistake_;
  UnregisterLog log_;
  Ref<FutureState> fut_waiter_;
  CallbackId wakeup_{};
  bool must_cancel_ = false;
};

/// A task factory that makes BreakableTasks.
///
/// \param mistake  what the task named `culprit` does wrong; the others do everything right
inline TaskFactory breakable_tasks(Mistake mistake, std::string culprit, UnregisterLog log) {
  return [=](AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
    const bool eagerly = options.eager_start.value_or(false);
    const Mistake made = options.name == culprit ? mistake : Mistake::none;
    const auto task = make_ref<BreakableTask>(loop, std::move(coroutine), std::move(options), made, log);
    task->start(eagerly);
    return AnyTask(Ref<TaskState>(task));
  };
}

}  // namespace asyncio
