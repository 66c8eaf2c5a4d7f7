// own_task.cpp: a task class on C++20 coroutines, which asyncio's own functions see like any other.
//
// Nothing in reference/ knows what a co_await is, and nothing here is a fiber. That both kinds of task meet in
// all_tasks() and current_task() is owed to four calls, which OwnTask makes.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <coroutine>
#include <iomanip>
#include <iostream>
#include <string>
#include <utility>

#include "tutorials/lanes.hpp"

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

namespace {

// [coroutine]
/// What a function with co_await in it returns here. Nobody has entered it yet.
struct Body {
  struct promise_type {
    asyncio::AnyFuture awaited;  // what it stopped for
    std::exception_ptr error;    // what left it; null where it just ended

    Body get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { error = std::current_exception(); }

    /// co_await of a future: stops where it is pending, and gives its result.
    template <class T>
    auto await_transform(asyncio::Future<T> future) {
      struct Awaiter {
        asyncio::Future<T> future;
        bool await_ready() const { return future.done(); }
        void await_suspend(std::coroutine_handle<promise_type> stopped) { stopped.promise().awaited = future; }
        T await_resume() const { return future.result(); }
      };
      return Awaiter{std::move(future)};
    }
  };

  std::coroutine_handle<promise_type> handle;
};
// [coroutine]

// [task]
class OwnTask final : public asyncio::TaskState {
 public:
  OwnTask(Body body, std::string name)
      : TaskState(asyncio::get_running_loop(), &nothing_, {.name = std::move(name)}, std::source_location::current()),
        body_(body.handle) {}
  ~OwnTask() override { body_.destroy(); }

  void start() {
    step_soon();
    asyncio::register_task(self());  // R: from here on all_tasks() has it
  }

  bool cancel(std::string message) override {
    if (done() || !body_.promise().awaited) return false;
    ++num_cancels_requested_;
    return body_.promise().awaited.cancel(std::move(message));  // co_await throws CancelledError then
  }

 private:
  // [step]
  void step() {
    asyncio::enter_task(loop(), self());  // E: from here on current_task() is this one
    body_.resume();                       // the coroutine runs in here, until it stops
    asyncio::leave_task(loop(), self());  // L: and from here on it is nobody
    if (body_.done()) return end(body_.promise().error);
    body_.promise().awaited.add_done_callback([kept = self()](asyncio::AnyFuture) { of(kept).step(); });
  }

  void end(const std::exception_ptr& error) {
    if (!error) {
      finish();
    } else if (asyncio::holds<asyncio::CancelledError>(error)) {
      finish_cancelled();
    } else {
      finish_with(error);
    }
    asyncio::unregister_task(self());  // U: all_tasks() has it no more
  }
  // [step]

  void step_soon() {
    loop().call_soon([kept = self()] { of(kept).step(); });
  }
  asyncio::AnyTask self() { return asyncio::AnyTask(asyncio::Ref<TaskState>(this)); }
  static OwnTask& of(const asyncio::AnyTask& task) { return static_cast<OwnTask&>(*task.get()); }

  asyncio::Slot<void> nothing_;  // where the result of another task would lie
  std::coroutine_handle<Body::promise_type> body_;
};

asyncio::Task<void> own_task(Body body, std::string name) {
  const auto task = asyncio::make_ref<OwnTask>(body, std::move(name));
  task->start();
  return asyncio::Task<void>(asyncio::AnyTask(asyncio::Ref<asyncio::TaskState>(task)));
}
// [task]

/// Says who is running, and which tasks there are.
void look(const std::string& when) {
  std::set<std::string> names;  // all_tasks() has no order that means anything
  for (const asyncio::AnyTask& task : asyncio::all_tasks()) names.insert(task.get_name());
  const asyncio::AnyTask current = asyncio::current_task();
  std::cout << std::left << std::setw(20) << when << "current " << std::setw(6)
            << (current ? current.get_name() : "none") << "all";
  for (const std::string& name : names) std::cout << ' ' << name;
  std::cout << '\n';
}

// [eggs]
asyncio::Future<void> after(asyncio::Duration delay) {
  asyncio::AbstractEventLoop& loop = asyncio::get_running_loop();
  const auto future = loop.create_future<void>();
  loop.call_later(delay, [future] { future.set_result(); });
  return future;
}

Body boil() {
  look("the eggs are in");
  co_await after(20ms);
  look("the eggs are done");
}
// [eggs]

// [kitchen]
void kitchen() {
  asyncio::current_task().set_name("main");
  const auto tea = asyncio::create_task([] { asyncio::sleep(10ms); }, {.name = "tea"});  // asyncio's Task, on a fiber
  const auto eggs = own_task(boil(), "eggs");                                            // ours, on a C++20 coroutine
  look("two were made");
  asyncio::get_running_loop().call_later(15ms, [] { look("in a callback"); });
  asyncio::await(tea);
  look("the tea is ready");
  asyncio::await(eggs);
  look("breakfast");
}
// [kitchen]

}  // namespace

int main() {
  const auto world = [](sim::World& w) { w.client("kitchen", kitchen); };
  const sim::RunResult result = sim::run(world, {.strategy = sim::fifo(), .trace = true});
  if (result.failure) std::cout << "FAIL  " << result.failure->message << '\n';
  std::cout << '\n';
  tutorials::draw_lanes(result.trace);
  return result.failure ? 1 : 0;
}
