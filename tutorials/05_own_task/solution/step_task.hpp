// A solution of the exercise of chapter 5.
//
// What was entered is left on every way out; so the exception is caught, kept, and dealt with after leave_task(). The
// order matters: who hears of the end, a done callback for example, must not find this task to be the current one. A
// guard object whose destructor leaves does the same; reference/src/tasks.cpp has one, called Entered, since it has
// four ways out.
//
// catch (...) and not std::exception: CancelledError is none. It ends a task as cancelled, not as failed.
#pragma once

#include <asyncio/asyncio.hpp>

#include <functional>
#include <string>
#include <utility>
#include <vector>

/// A task that calls one function after the other, one in each turn of the loop.
class StepTask final : public asyncio::TaskState {
 public:
  StepTask(std::vector<std::function<void()>> steps, std::string name)
      : TaskState(asyncio::get_running_loop(), &nothing_, {.name = std::move(name)}, std::source_location::current()),
        steps_(std::move(steps)) {}

  void start() {
    step_soon();
    asyncio::register_task(self());
  }
  bool cancel(std::string) override { return false; }

 private:
  void step() {
    asyncio::enter_task(loop(), self());
    std::exception_ptr error;
    try {
      steps_.at(next_++)();
    } catch (...) {
      error = std::current_exception();
    }
    asyncio::leave_task(loop(), self());
    if (!error && next_ < steps_.size()) return step_soon();
    if (!error) {
      finish();
    } else if (asyncio::holds<asyncio::CancelledError>(error)) {
      finish_cancelled();
    } else {
      finish_with(error);
    }
    asyncio::unregister_task(self());
  }

  void step_soon() {
    loop().call_soon([kept = asyncio::Ref<StepTask>(this)] { kept->step(); });
  }
  asyncio::AnyTask self() { return asyncio::AnyTask(asyncio::Ref<TaskState>(this)); }

  asyncio::Slot<void> nothing_;
  std::vector<std::function<void()>> steps_;  // at least one
  std::size_t next_ = 0;
};
