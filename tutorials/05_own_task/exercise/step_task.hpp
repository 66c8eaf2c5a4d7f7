// The exercise of chapter 5: a task class that forgets itself where something is thrown.
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
  // TODO(ch05): a function that throws ends the task with what it threw, and the task leaves like any other.
  void step() {
    asyncio::enter_task(loop(), self());
    steps_.at(next_++)();
    asyncio::leave_task(loop(), self());
    if (next_ < steps_.size()) return step_soon();
    finish();
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
