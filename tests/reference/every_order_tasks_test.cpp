// every_order_tasks_test.cpp: what tasks, groups and deadlines promise whatever the order is. How such bodies are
// written: every_order_primitives_test.cpp.
#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/reference/both_loops.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

// ---- Groups and deadlines ----

void a_group_waits_for_the_children_of_its_children() {  // S183
  int ended = 0;
  task_group([&](TaskGroup& group) {
    for (int n = 0; n < 3; ++n) {
      group.create_task([&] {
        sleep(0s);
        group.create_task([&] {
          sleep(1ms);
          ++ended;
        });
      });
    }
  });
  require(ended == 3, "all grandchildren have ended");
}

void a_group_ends_the_others_where_one_fails() {  // S182
  int started = 0, cleaned_up = 0;
  try {
    task_group([&](TaskGroup& group) {
      for (int n = 0; n < 3; ++n) {
        group.create_task([&] {
          try {
            ++started;
            for_ever();
          } catch (const CancelledError&) {
            sleep(1ms);
            ++cleaned_up;
            throw;
          }
        });
      }
      group.create_task([] { throw std::out_of_range("the one that fails"); });
      for_ever();
    });
    require(false, "the group fails");
  } catch (const BaseExceptionGroup& error) {
    require(error.exceptions().size() == 1, "cancellations are no errors");
  }
  require(started == cleaned_up, "whoever began has cleaned up");
  require(current_task().cancelling() == 0, "the cancellation of the parent is taken back");
}

void a_deadline_ends_what_takes_too_long() {  // S171
  bool cleaned_up = false;
  require(fails_with<TimeoutError>([&] {
            timeout(1ms, [&] {
              try {
                for_ever();
              } catch (const CancelledError&) {
                cleaned_up = true;
                throw;
              }
            });
          }),
          "the deadline passed");
  require(cleaned_up && current_task().cancelling() == 0, "the body was told, and nothing of it is left");
}

void a_deadline_passes_or_not() {  // S170, S171
  bool ended = false;
  const bool passed = fails_with<TimeoutError>([&] {
    timeout(1ms, [&] {
      sleep(1ms);
      ended = true;
    });
  });
  require(ended || passed, "one of the two was first");
  require(current_task().cancelling() == 0, "either way nothing of it is left");
}

void an_inner_deadline_is_not_the_outer_one() {  // S174
  bool went_on = false;
  timeout(std::nullopt, [&] {
    went_on = fails_with<TimeoutError>([] { timeout(1ms, for_ever); });
    sleep(0s);
  });
  require(went_on, "the outer body goes on");
}

void a_cancellation_is_no_deadline() {  // S174
  bool began = false;
  const auto task = create_task([&] {
    timeout(std::nullopt, [&] {
      began = true;
      for_ever();
    });
  });
  until([&] { return began; });
  task.cancel();
  await(gather(return_exceptions, std::vector{task}));
  require(task.cancelled(), "cancelled, and no TimeoutError");
}

void waiting_with_a_deadline_waits_for_the_end() {  // S151
  bool cleaned_up = false;
  const auto task = create_task([&] {
    try {
      for_ever();
    } catch (const CancelledError&) {
      sleep(1ms);
      cleaned_up = true;
      throw;
    }
  });
  sleep(1ms);
  require(fails_with<TimeoutError>([&] { wait_for(task, 1ms); }), "the deadline passed");
  require(task.done() && (cleaned_up || task.cancelled()), "it is done when wait_for() returns");
}

// ---- Several at once ----

void waiting_divides_the_futures() {  // S144
  const auto tasks = start(4, [](int n) { sleep(n * 1ms); });
  const auto [done, pending] = wait(tasks, {.return_when = FIRST_COMPLETED});
  require(!done.empty() && done.size() + pending.size() == 4, "at least one is done, and none is forgotten");
  for (const auto& task : done) require(task.done(), "what is done is done");
  wait(tasks);
  for (const auto& task : tasks) require(task.done(), "now all are");
}

void waiting_ends_at_the_first_error() {  // S146
  const auto failing = create_task([] { throw std::out_of_range("fails"); });
  const auto hanging = create_task(for_ever);
  const auto result = wait({failing, hanging}, {.return_when = FIRST_EXCEPTION});
  require(result.done == std::vector{failing} && result.pending == std::vector{hanging}, "the other one goes on");
  require(failing.exception() != nullptr, "there is the error");
  hanging.cancel();
  await(gather(return_exceptions, std::vector{hanging}));
}

void gathering_keeps_the_order_of_its_arguments() {  // S136
  std::vector<Task<int>> tasks;
  for (int n = 0; n < 4; ++n) {
    tasks.push_back(create_task([n] {
      sleep((4 - n) * 1ms);
      return n;
    }));
  }
  require(await(gather(tasks)) == std::vector{0, 1, 2, 3}, "whoever was first");
}

void gathering_outcomes_has_each_of_them() {  // S137
  const auto work = [](int n) {
    return create_task([n] {
      sleep(n % 2 * 1ms);
      if (n == 2) throw std::out_of_range("fails");
      return n;
    });
  };
  const auto outcomes = await(gather(return_exceptions, std::vector{work(0), work(1), work(2), work(3)}));
  require(outcomes[2].exception() != nullptr, "the error is one of them");
  for (const int n : {0, 1, 3}) require(outcomes[n].value() == n, "the others have their values");
}

void completions_come_once_each() {  // S157
  std::vector<Task<int>> tasks;
  for (int n = 0; n < 4; ++n) {
    tasks.push_back(create_task([n] {
      if (n % 2 == 0) sleep(1ms);
      return n;
    }));
  }
  std::set<int> seen;
  for (const auto& task : as_completed(tasks)) {
    require(task.done(), "what comes is done");
    require(seen.insert(await(task)).second, "it did not come before");
  }
  require(seen.size() == 4, "all came");
}

void a_shield_keeps_the_cancellation_off() {  // S155
  Event go;
  const auto inner = create_task([&] {
    go.wait();
    return 7;
  });
  const auto outer = shield(inner);
  require(outer.cancel(), "the outer one is cancelled");
  sleep(1ms);
  require(outer.cancelled() && !inner.done(), "the inner one goes on");
  go.set();
  require(await(inner) == 7, "and ends");
}

// ---- Tasks, callbacks, generators, threads ----

void an_error_is_there_for_each_who_awaits() {  // S74
  const auto failing = create_task([]() -> int { throw std::out_of_range("fails"); });
  together(3, [&](int) { require(fails_with<std::out_of_range>([&] { await(failing); }), "the error of the task"); });
}

void a_cancelled_task_that_goes_on_has_a_value() {  // S85, S112
  bool began = false;
  const auto task = create_task([&] {
    try {
      began = true;
      for_ever();
    } catch (const CancelledError&) {
      current_task().uncancel();
    }
    sleep(0s);
    return 7;
  });
  until([&] { return began; });
  task.cancel();
  require(await(task) == 7 && !task.cancelled(), "it took the cancellation back");
}

void a_callback_runs_once_or_never() {  // S6, S17
  auto& loop = get_running_loop();
  std::vector<int> runs(6);
  std::vector<Handle> handles;
  for (int n = 0; n < 6; ++n) handles.push_back(loop.call_soon([&runs, n] { ++runs[n]; }));
  for (const int cancelled : {1, 4}) handles[cancelled].cancel();
  until([&] { return std::accumulate(runs.begin(), runs.end(), 0) == 4; });
  sleep(1ms);
  require(runs == std::vector{1, 0, 1, 1, 0, 1}, "those that were not cancelled, once");
}

void a_timer_is_not_early() {  // S10
  auto& loop = get_running_loop();
  const TimePoint when = loop.time() + 2ms;
  std::optional<TimePoint> ran;
  loop.call_at(when, [&] { ran = loop.time(); });
  until([&] { return ran.has_value(); });
  require(*ran + 1ms >= when, "at its time or later");
}

void a_task_has_its_own_copy_of_the_context() {  // S351
  static ContextVar<int> level("level");
  level.set(0);
  together(3, [&](int n) {
    require(level.get() == 0, "what was set before it was made");
    level.set(n + 1);
    sleep(0s);
    require(level.get() == n + 1, "its own value");
  });
  require(level.get() == 0, "nothing of it is seen outside");
}

void a_generator_gives_its_values_in_order() {
  const AsyncGenerator<int> numbers([](auto& yield) {
    for (int n = 0; n < 4; ++n) {
      sleep(n % 2 * 1ms);
      yield(n);
    }
  });
  std::vector<int> seen;
  for (const int n : numbers) seen.push_back(n);
  require(seen == std::vector{0, 1, 2, 3}, "each of them once");
}

void a_generator_that_is_closed_cleans_up() {
  bool cleaned_up = false;
  const AsyncGenerator<int> numbers([&](auto& yield) {
    try {
      while (true) yield(1);
    } catch (...) {
      sleep(0s);
      cleaned_up = true;
      throw;
    }
  });
  numbers.anext();
  numbers.aclose();
  require(cleaned_up, "what it left open is closed");
  require(fails_with<StopAsyncIteration>([&] { numbers.anext(); }), "it gives nothing more");
}

void a_thread_gives_its_value() {  // S162
  static ContextVar<int> level("level in a thread");
  level.set(3);
  const auto [a, b] = await(gather([] { return to_thread([] { return level.get(); }); },
                                   get_running_loop().run_in_executor(nullptr, [] { return 4; })));
  require(a == 3 && b == 4, "one has the context, both have values");
}

const Body BODIES[] = {
    {"a_group_waits_for_the_children_of_its_children", a_group_waits_for_the_children_of_its_children},
    {"a_group_ends_the_others_where_one_fails", a_group_ends_the_others_where_one_fails},
    {"a_deadline_ends_what_takes_too_long", a_deadline_ends_what_takes_too_long},
    {"a_deadline_passes_or_not", a_deadline_passes_or_not},
    {"an_inner_deadline_is_not_the_outer_one", an_inner_deadline_is_not_the_outer_one},
    {"a_cancellation_is_no_deadline", a_cancellation_is_no_deadline},
    {"waiting_with_a_deadline_waits_for_the_end", waiting_with_a_deadline_waits_for_the_end},
    {"waiting_divides_the_futures", waiting_divides_the_futures},
    {"waiting_ends_at_the_first_error", waiting_ends_at_the_first_error},
    {"gathering_keeps_the_order_of_its_arguments", gathering_keeps_the_order_of_its_arguments},
    {"gathering_outcomes_has_each_of_them", gathering_outcomes_has_each_of_them},
    {"completions_come_once_each", completions_come_once_each},
    {"a_shield_keeps_the_cancellation_off", a_shield_keeps_the_cancellation_off},
    {"an_error_is_there_for_each_who_awaits", an_error_is_there_for_each_who_awaits},
    {"a_cancelled_task_that_goes_on_has_a_value", a_cancelled_task_that_goes_on_has_a_value},
    {"a_callback_runs_once_or_never", a_callback_runs_once_or_never},
    {"a_timer_is_not_early", a_timer_is_not_early},
    {"a_task_has_its_own_copy_of_the_context", a_task_has_its_own_copy_of_the_context},
    {"a_generator_gives_its_values_in_order", a_generator_gives_its_values_in_order},
    {"a_generator_that_is_closed_cleans_up", a_generator_that_is_closed_cleans_up},
    {"a_thread_gives_its_value", a_thread_gives_its_value},
};

class ATaskInEveryOrder : public testing::TestWithParam<Body> {};

TEST_P(ATaskInEveryOrder, HoldsOnARealLoop) { expect_on_a_real_loop(GetParam().run); }

TEST_P(ATaskInEveryOrder, HoldsInAWorld) {
  expect_in_every_order([](sim::World& world) { world.client("main", GetParam().run); });
}

INSTANTIATE_TEST_SUITE_P(Each, ATaskInEveryOrder, testing::ValuesIn(BODIES),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace asyncio
