// foreign_task.hpp: a task type that is not ours, complete, on C++20 coroutines.
//
// Nothing in reference/ knows what a co_await is. Still such a task is a child of a TaskGroup, runs under a timeout(),
// is awaited by gather() and shield(): all of them ask current_task() and all_tasks(), and these know what four public
// functions were told. Those four are the whole of it (S123):
//
//     create_task ─► register_task ─► ( enter_task ─► resume ─► leave_task )* ─► unregister_task
//
// A coroutine here is a Body. The innermost of those that await each other goes on when the task is resumed; what it
// stopped for goes the other way. Both lie in the task's Talk:
//
//     Task::step() ── talk.thrown ──► co_await ends, or throws
//     Task::settle_stopped() ◄── talk.awaited ── co_await stops
//
// co_await takes a future, a task of either type, another Body, and give_way. on_a_fiber() awaits a plain function
// that suspends as ours do: so a foreign task can use a timeout() or a task_group(), and be current all the while.
//
// To forget one of the four calls is possible on request: what happens then is what CPython does, too.
//
// Source: CPython Lib/asyncio/tasks.py, class Task (the pure Python form). An eager start is not there: with one, three
// more functions take part, see tests/properties/breakable_task.hpp.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/graph.hpp>
#include <asyncio/tasks.hpp>

#include <coroutine>
#include <string>
#include <utility>

namespace foreign {

// ---- Coroutines ----

/// What a task and its coroutines tell each other.
struct Talk {
  std::coroutine_handle<> innermost;                // what goes on when the task is resumed
  asyncio::Ref<asyncio::FutureState> awaited = {};  // what it stopped for; null: it gives way
  std::exception_ptr thrown = {};                   // what the co_await is to throw; null: it goes on normally
};

template <class T>
class Body;
class Stopping;
struct GiveWay {};

/// co_await give_way: the task goes on in the next iteration.
inline constexpr GiveWay give_way{};

// What co_await makes of what it is given.
template <class T>
Body<T> awaiting(asyncio::Future<T> future);
template <class T>
Body<T> awaiting(asyncio::Task<T> task);
Body<void> awaiting(GiveWay);
template <class T>
Body<T> awaiting(Body<T> body) {
  return body;
}
Stopping awaiting(Stopping stopping);

/// What every coroutine has, whatever it returns.
struct AnyPromise {
  Talk* talk = nullptr;           // null until somebody enters it
  std::coroutine_handle<> outer;  // who co_awaits it; null: the task itself runs it
  std::exception_ptr error;       // what left it

  struct GoOutwards {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      const AnyPromise& promise = ended.promise();
      return promise.outer ? promise.outer : std::noop_coroutine();
    }
    void await_resume() const noexcept {}
  };
  std::suspend_always initial_suspend() const noexcept { return {}; }
  GoOutwards final_suspend() const noexcept { return {}; }
  void unhandled_exception() { error = std::current_exception(); }
  template <class A>
  auto await_transform(A awaited) {
    return awaiting(std::move(awaited));
  }
};

template <class T>
struct PromiseOf : AnyPromise {
  asyncio::Slot<T> slot;
  template <class U>
  void return_value(U&& value) {
    slot.emplace(std::forward<U>(value));
  }
};
template <>
struct PromiseOf<void> : AnyPromise {
  asyncio::Slot<void> slot;
  void return_void() {}
};

/// A coroutine that ends with its owner: suspended, or never entered, it is destroyed with all that lies on it.
class AnyBody {
 public:
  AnyBody(std::coroutine_handle<> handle, AnyPromise& promise, asyncio::AnySlot& slot)
      : handle_(handle), promise_(&promise), slot_(&slot) {}
  AnyBody(AnyBody&& other) noexcept
      : handle_(std::exchange(other.handle_, {})), promise_(other.promise_), slot_(other.slot_) {}
  AnyBody& operator=(AnyBody&&) = delete;
  ~AnyBody() { destroy(); }

  void destroy() {
    if (const auto destroyed = std::exchange(handle_, {})) destroyed.destroy();
  }
  std::coroutine_handle<> handle() const { return handle_; }
  AnyPromise& promise() const { return *promise_; }
  asyncio::AnySlot& slot() const { return *slot_; }

 private:
  std::coroutine_handle<> handle_;
  AnyPromise* promise_;
  asyncio::AnySlot* slot_;
};

/// What a function with co_await in it returns. Nobody has entered it yet; another one can co_await it.
template <class T>
class Body : public AnyBody {
 public:
  struct promise_type : PromiseOf<T> {
    Body get_return_object() { return Body(*this); }
  };

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> outer) {
    promise().talk = outer.promise().talk;
    promise().outer = outer;
    return handle();
  }
  T await_resume() const {
    if (promise().error) std::rethrow_exception(promise().error);
    if constexpr (!std::is_void_v<T>) return static_cast<asyncio::Slot<T>&>(slot()).take();
  }

 private:
  explicit Body(promise_type& promise)
      : AnyBody(std::coroutine_handle<promise_type>::from_promise(promise), promise, promise.slot) {}
};

/// Stops the whole task; co_await gives what is to be thrown when it goes on.
class Stopping {
 public:
  /// \param future  what the task waits for; null to give way
  explicit Stopping(asyncio::FutureState* future) : future_(future) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> stopped) {
    talk_ = stopped.promise().talk;
    talk_->innermost = stopped;
    talk_->awaited = future_;
  }
  std::exception_ptr await_resume() { return std::exchange(talk_->thrown, nullptr); }

 private:
  asyncio::Ref<asyncio::FutureState> future_;
  Talk* talk_ = nullptr;
};
inline Stopping awaiting(Stopping stopping) { return stopping; }

// ---- What can be awaited ----

template <class T>
Body<T> awaiting(asyncio::Future<T> future) {
  if (!future.done()) {
    future.get()->set_blocking(true);
    const std::exception_ptr thrown = co_await Stopping(future.get());
    if (thrown) std::rethrow_exception(thrown);
    if (!future.done()) throw asyncio::RuntimeError("await wasn't used with future");
  }
  co_return future.result();
}
template <class T>
Body<T> awaiting(asyncio::Task<T> task) {
  return awaiting(static_cast<asyncio::Future<T>>(task));
}
inline Body<void> awaiting(GiveWay) {
  const std::exception_ptr thrown = co_await Stopping(nullptr);
  if (thrown) std::rethrow_exception(thrown);
}

/// Time passes on the loop's clock.
inline Body<void> sleep(asyncio::Duration delay) {
  struct Timer {
    asyncio::TimerHandle handle;
    ~Timer() { handle.cancel(); }
  };
  asyncio::AbstractEventLoop& loop = asyncio::get_running_loop();
  const auto future = loop.create_future<void>();
  const Timer timer{loop.call_later(delay, [future] { asyncio::set_result_unless_cancelled(future); })};
  co_await future;
}

/// Runs a coroutine of ours up to its end, on its own stack, as the task that co_awaits this.
inline Body<void> drive(asyncio::Coroutine coroutine) {
  std::exception_ptr thrown;
  for (;;) {
    const asyncio::Stop stop = thrown ? coroutine.throw_in(std::exchange(thrown, nullptr)) : coroutine.send();
    if (stop.why == asyncio::Stop::Why::returned) co_return;
    if (stop.why == asyncio::Stop::Why::threw) std::rethrow_exception(stop.error);
    thrown = co_await Stopping(stop.future);  // null where it only yielded
  }
}

/// Calls a plain function that may suspend: sleep(), timeout(), task_group() and all the others are there.
///
/// A closure that holds more than references and numbers is given a name before: g++ 12 destroys one that is written
/// into a co_await expression twice.
template <class F>
Body<std::invoke_result_t<F&>> on_a_fiber(F fn) {
  using Result = std::invoke_result_t<F&>;
  const asyncio::Coroutine coroutine(std::move(fn));
  co_await drive(coroutine);
  if constexpr (!std::is_void_v<Result>) {
    co_return static_cast<asyncio::Slot<Result>&>(coroutine.get()->slot()).take();
  }
}

// ---- The task ----

/// Which of the four calls a task forgets.
enum class Forgets { nothing, to_register, to_enter, to_leave, to_unregister };

class Task final : public asyncio::TaskState {
 public:
  Task(asyncio::AbstractEventLoop& loop, AnyBody body, asyncio::Coroutine coroutine, asyncio::TaskOptions options,
       Forgets forgets)
      : TaskState(loop, coroutine ? &coroutine.get()->slot() : &body.slot(), std::move(options),
                  std::source_location::current()),
        body_(std::move(body)),
        coroutine_(std::move(coroutine)),
        forgets_(forgets) {}

  void start() {
    step_soon({});
    if (forgets_ != Forgets::to_register) asyncio::register_task(self());
  }

  bool cancel(std::string message) override {
    mark_retrieved();
    if (done()) return false;
    ++num_cancels_requested_;
    const asyncio::Ref<asyncio::FutureState> future = waits_for_;
    if (future && future->cancel(message)) return true;
    must_cancel_ = true;
    set_cancel_message(std::move(message));
    return true;
  }
  int uncancel() override {
    if (TaskState::uncancel() == 0) must_cancel_ = false;
    return num_cancels_requested_;
  }
  asyncio::FutureState* waits_for() const noexcept override { return waits_for_.get(); }
  asyncio::Coroutine get_coro() const override { return coroutine_; }
  const char* kind() const noexcept override { return "ForeignTask"; }
  void abandon() override {
    const asyncio::Ref<Task> kept(this);
    report_pending();
    stop_waiting();
    body_.destroy();
    if (core().loop()) asyncio::unregister_task(self());
  }

 private:
  asyncio::AnyTask self() { return asyncio::AnyTask(asyncio::Ref<TaskState>(this)); }

  void step_soon(std::exception_ptr error) {
    loop().call_soon([kept = asyncio::Ref<Task>(this), error] { kept->step(error); }, get_context());
  }

  void step(std::exception_ptr error) {
    if (done()) return;  // it was abandoned meanwhile
    if (std::exchange(must_cancel_, false) && !asyncio::holds<asyncio::CancelledError>(error)) {
      error = make_cancelled_error();
    }
    if (forgets_ != Forgets::to_enter) asyncio::enter_task(loop(), self());
    std::exception_ptr leaves_the_loop;
    try {
      resume_and_settle(std::move(error));
    } catch (...) {
      leaves_the_loop = std::current_exception();
    }
    if (forgets_ != Forgets::to_leave) asyncio::leave_task(loop(), self());
    if (done() && forgets_ != Forgets::to_unregister) asyncio::unregister_task(self());
    if (leaves_the_loop) std::rethrow_exception(leaves_the_loop);
  }

  void resume_and_settle(std::exception_ptr error) {
    if (error && !talk_.innermost) return settle_threw(error);  // it has not begun, and never does (S102)
    if (!talk_.innermost) talk_.innermost = body_.handle();
    body_.promise().talk = &talk_;
    talk_.thrown = std::move(error);
    talk_.innermost.resume();
    if (!body_.handle().done()) return settle_stopped(std::exchange(talk_.awaited, {}));
    body_.promise().error ? settle_threw(body_.promise().error) : settle_returned();
  }

  void settle_returned() { std::exchange(must_cancel_, false) ? finish_cancelled() : finish(); }

  void settle_threw(const std::exception_ptr& error) {
    if (asyncio::holds<asyncio::CancelledError>(error)) {
      save_cancelled_error(error);
      set_cancel_message({});
      return finish_cancelled();
    }
    finish_with(error);
    const bool leaves = asyncio::holds<asyncio::KeyboardInterrupt>(error) || asyncio::holds<asyncio::SystemExit>(error);
    if (leaves) std::rethrow_exception(error);
  }

  void settle_stopped(const asyncio::Ref<asyncio::FutureState>& future) {
    if (!future) return step_soon({});
    const auto refuse = [this](const std::string& why) {
      step_soon(std::make_exception_ptr(asyncio::RuntimeError(why)));
    };
    const asyncio::AnyFuture awaited(future);
    const bool blocking = future->blocking();
    future->set_blocking(false);
    if (&future->core() != &core()) {
      return refuse("Task " + repr() + " got Future " + awaited.repr() + " attached to a different loop");
    }
    if (!blocking) return refuse("yield was used instead of yield from in task " + repr() + " with " + awaited.repr());
    if (future.get() == this) return refuse("Task cannot await on itself: " + repr());
    wait_for(awaited);
  }

  void wait_for(const asyncio::AnyFuture& future) {
    asyncio::future_add_to_awaited_by(future, self());
    wakeup_ = future.add_done_callback(
        [kept = asyncio::Ref<Task>(this)](const asyncio::AnyFuture& done) {
          kept->stop_waiting();
          kept->step(done.get()->take_error());
        },
        get_context());
    waits_for_ = asyncio::Ref<asyncio::FutureState>(future.get());
    if (must_cancel_ && future.cancel(cancel_message())) must_cancel_ = false;
  }

  void stop_waiting() {
    const asyncio::Ref<asyncio::FutureState> future = std::move(waits_for_);
    if (!future) return;
    future->remove_done_callback(wakeup_);
    asyncio::future_discard_from_awaited_by(asyncio::AnyFuture(future), self());
  }

  AnyBody body_;
  asyncio::Coroutine coroutine_;  // what the body drives, where the task was made of one
  Talk talk_;
  asyncio::Ref<asyncio::FutureState> waits_for_;
  asyncio::CallbackId wakeup_{};  // its callback there
  bool must_cancel_ = false;
  Forgets forgets_;
};

/// Starts a foreign task of the running loop.
template <class T>
asyncio::Task<T> create_task(Body<T> body, asyncio::TaskOptions options = {}, Forgets forgets = Forgets::nothing) {
  const auto task = asyncio::make_ref<Task>(asyncio::get_running_loop(), std::move(body), asyncio::Coroutine(),
                                            std::move(options), forgets);
  task->start();
  return asyncio::Task<T>(asyncio::AnyTask(asyncio::Ref<asyncio::TaskState>(task)));
}

/// A task factory: whatever a loop, or a group, makes a task of becomes a foreign one.
inline asyncio::TaskFactory task_factory() {
  return [](asyncio::AbstractEventLoop& loop, asyncio::Coroutine coroutine, asyncio::TaskOptions options) {
    const auto task = asyncio::make_ref<Task>(loop, drive(coroutine), coroutine, std::move(options), Forgets::nothing);
    task->start();
    return asyncio::AnyTask(asyncio::Ref<asyncio::TaskState>(task));
  };
}

}  // namespace foreign
