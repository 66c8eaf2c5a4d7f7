// gathering_scenarios.cpp: what gather(), wait(), as_completed() and shield() promise, whoever is cancelled when.
#include "workers.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;

namespace asyncio::properties {
namespace {

constexpr int FAILS = 3;  // the child of this number throws

/// Some tasks; each gives its number, but for one that fails.
std::vector<Task<int>> some_tasks() {
  std::vector<Task<int>> tasks;
  const int count = 1 + static_cast<int>(sim::World::current().choose(4, "how many tasks"));
  for (int i = 0; i < count; ++i) {
    tasks.push_back(create_task([i] {
      linger("in a task");
      if (i == FAILS) throw std::logic_error("a task failed");
      return i;
    }));
  }
  return tasks;
}

bool all_done(const std::vector<Task<int>>& tasks) {
  return std::ranges::all_of(tasks, [](const Task<int>& task) { return task.done(); });
}

/// Waits for a task, whoever cancels this worker meanwhile. \suspends until the task is done
void outlast(const Task<int>& task) {
  while (!task.done()) {
    try {
      wait(std::vector{task});
    } catch (const CancelledError&) {
      // It is doomed already, or has ended its round.
    }
  }
}

/// Waits for what still runs, and looks at every failure. \suspends until all have ended
void finish(const std::vector<Task<int>>& tasks) {
  for (const auto& task : tasks) {
    outlast(task);
    if (!task.cancelled()) static_cast<void>(task.exception());
  }
}

// S136 to S143: each outcome at the place of its task; one who cancels gather() cancels all, and waits for them.
void gather_keeps_every_place(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker&) {
      const std::vector<Task<int>> tasks = some_tasks();
      try {
        const auto outcomes = await(gather(return_exceptions, tasks));
        sim::require(outcomes.size() == tasks.size(), "gather() gave another number of outcomes");
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
          const bool as_expected = i == FAILS ? !outcomes[i].has_value()
                                              : outcomes[i].has_value() && outcomes[i].value() == static_cast<int>(i);
          sim::require(as_expected, "the outcome at place " + std::to_string(i) + " is not that of its task");
        }
      } catch (const CancelledError&) {
        sim::require(all_done(tasks), "gather() was cancelled, and a task goes on");
        finish(tasks);
        throw;
      }
    });
  });
}
ORRERY_SCENARIO(gather_keeps_every_place, "gather: each outcome at its place; cancelling it ends all")

// S144 to S148: wait() takes nothing away from the tasks, however it ends, and done and pending are all of them.
void wait_leaves_the_tasks_alone(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker&) {
      const std::vector<Task<int>> tasks = some_tasks();
      try {
        const auto [done, pending] = wait(tasks, {.return_when = FIRST_COMPLETED});
        sim::require(!done.empty(), "wait() came back, and no task was done");
        sim::require(done.size() + pending.size() == tasks.size(), "a task is neither done nor pending");
        for (const auto& task : done) sim::require(task.done(), "a task among the done ones is not done");
        for (const auto& task : pending) sim::require(!task.done(), "a task among the pending ones is done");
      } catch (const CancelledError&) {
        for (const auto& task : tasks) sim::require(!task.cancelled(), "wait() has cancelled a task");
        finish(tasks);
        throw;
      }
      finish(tasks);
    });
  });
}
ORRERY_SCENARIO(wait_leaves_the_tasks_alone, "wait: done and pending are all there is, and nothing is cancelled")

// S157 to S160: each task once, and each is done when it is given.
void as_completed_gives_each_once(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker&) {
      const std::vector<Task<int>> tasks = some_tasks();
      std::vector<Task<int>> seen;
      try {
        for (const auto& task : as_completed(tasks)) {
          sim::require(task.done(), "a task was given that is not done");
          sim::require(std::ranges::find(seen, task) == seen.end(), "a task was given twice");
          seen.push_back(task);
        }
        sim::require(seen.size() == tasks.size(), "a task was not given");
      } catch (const CancelledError&) {
        finish(tasks);
        throw;
      }
      finish(tasks);
    });
  });
}
ORRERY_SCENARIO(as_completed_gives_each_once, "as_completed: each task once, when it is done")

// S154 to S156: what is shielded goes on, and its value comes out.
void shield_keeps_what_is_inside(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker&) {
      const auto inside = create_task([] {
        linger("inside the shield");
        return 42;
      });
      try {
        sim::require(await(shield(inside)) == 42, "another value came out");
      } catch (const CancelledError&) {
        sim::require(!inside.cancelled(), "the cancellation went through the shield");
        outlast(inside);
        sim::require(inside.result() == 42, "what was shielded did not go on to its end");
        throw;
      }
    });
  });
}
ORRERY_SCENARIO(shield_keeps_what_is_inside, "shield: what is inside goes on, whoever is cancelled outside")

}  // namespace
}  // namespace asyncio::properties
