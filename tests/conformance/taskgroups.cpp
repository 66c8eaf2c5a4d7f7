// taskgroups.cpp: task groups: what ends together, what fails together. Rules S177 to S192.
#include <functional>

#include "tests/conformance/coroutines.hpp"
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::ExceptionGroup;
using asyncio::sleep;
using asyncio::task_group;
using asyncio::TaskGroup;

/// Fails when it is cancelled.
void untidy() {
  try {
    sleep(1s);
  } catch (const CancelledError&) {
    throw Oops("untidy");
  }
}

std::string members(const ExceptionGroup& group) {
  std::string line;
  for (const auto& error : group.exceptions()) line += (line.empty() ? "" : " ") + shown(error);
  return line;
}

std::string cancelling() { return py(current_task().cancelling()); }

void a_group_waits_for_its_tasks() {  // S183
  asyncio::Task<int> one;
  asyncio::Task<int> two;
  task_group([&](TaskGroup& group) {
    one = group.create_task(after(20, 1));
    two = group.create_task(after(10, 2), {.name = "two"});
    say("body ends " + py(one.done()) + " " + two.get_name());
  });
  say(py(one.result() + two.result()));
}

void an_empty_group() {  // S93
  task_group([](TaskGroup&) {});
  say("left");
}

void one_failure_cancels_the_others() {  // S182, S185
  try {
    task_group([](TaskGroup& group) {
      group.create_task(watched("sibling", 500));
      group.create_task(fail(10, "the failure"));
      sleep(1s);
      say("never");
    });
  } catch (const ExceptionGroup& errors) {
    say("ExceptionGroup " + errors.message() + ": " + members(errors) + " " + cancelling());
  }
}

void failures_of_one_iteration() {  // S182
  try {
    task_group([](TaskGroup& group) {
      for (const char* text : {"one", "two", "three"}) group.create_task(fail(0, text));
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
    say(errors.what());
  }
}

void a_failure_while_being_cancelled() {  // S182
  try {
    task_group([](TaskGroup& group) {
      group.create_task(untidy);
      group.create_task(fail(10, "first"));
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
  }
}

void the_body_fails() {  // S183, S185
  try {
    task_group([](TaskGroup& group) {
      group.create_task(watched("child", 500));
      sleep(0s);
      throw Oops("the body");
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
  }
}

void the_body_and_a_child_fail() {  // S185
  try {
    task_group([](TaskGroup& group) {
      group.create_task(fail(10, "child"));
      try {
        sleep(1s);
      } catch (const CancelledError&) {
        throw Oops("body");
      }
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
  }
}

void a_cancelled_child_is_ignored() {  // S181
  asyncio::AnyTask one;
  task_group([&](TaskGroup& group) {
    one = group.create_task(watched("one", 500));
    group.create_task(watched("two", 20));
    sleep(10ms);
    one.cancel();
  });
  say(py(one.cancelled()) + " no error");
}

void a_child_that_raises_a_cancelled_error() {  // S181
  const auto task = task_group([](TaskGroup& group) {
    auto by_hand = group.create_task([] { throw CancelledError("by hand"); });
    group.create_task(watched("other", 10));
    return by_hand;
  });
  say(py(task.cancelled()));
}

void grow(TaskGroup& group, int n) {
  say("child " + py(n));
  sleep(10ms);
  if (n < 3) group.create_task([&group, n] { grow(group, n + 1); });
}

void children_add_children() {  // S178, S179
  task_group([](TaskGroup& group) {
    group.create_task([&group] { grow(group, 1); });
    say("body ends");
  });
  say("all have ended");
}

std::string refusal(TaskGroup& group) {
  return outcome([&] { group.create_task(after(0)); });
}

void when_a_group_takes_no_tasks() {  // S178
  TaskGroup once;
  say(refusal(once));
  once.run([](TaskGroup&) { sleep(0s); });
  say(refusal(once));
  try {
    task_group([](TaskGroup& group) {
      group.create_task([&] {
        try {
          sleep(1s);
        } catch (const CancelledError&) {
          say(refusal(group));
          throw;
        }
      });
      group.create_task(fail(10, "x"));
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
  }
}

void a_group_serves_once() {  // S177
  TaskGroup group;
  group.run([](TaskGroup&) {});
  say(outcome([&] { group.run([](TaskGroup&) { say("never"); }); }));
}

void cancelled_from_outside() {  // S183, S184
  auto task = create_task([] {
    task_group([](TaskGroup& group) {
      group.create_task(watched("child", 500));
      sleep(1s);
    });
  });
  sleep(10ms);
  task.cancel("outside");
  say(awaited(task));
  say(py(task.cancelled()) + " " + py(task.cancelling()));
}

void cancelled_from_outside_while_leaving() {  // S183
  auto task = create_task([] {
    task_group([](TaskGroup& group) { group.create_task(watched("child", 500)); });
    say("never");
  });
  sleep(10ms);
  task.cancel("outside");
  say(awaited(task));
}

void cancelled_from_outside_and_a_failure() {  // S184, S186
  auto task = create_task([] {
    try {
      task_group([](TaskGroup& group) { group.create_task(untidy); });
    } catch (const ExceptionGroup& errors) {
      say(members(errors) + " " + cancelling());
      sleep(0s);
      say("never");
    }
  });
  sleep(10ms);
  task.cancel("outside");
  say(awaited(task));
}

void groups_in_groups() {  // S187
  try {
    task_group([](TaskGroup& outer) {
      outer.create_task(watched("outer child", 500));
      task_group([](TaskGroup& inner) {
        inner.create_task(fail(10, "inner failure"));
        inner.create_task(watched("inner child", 500));
      });
    });
  } catch (const ExceptionGroup& errors) {
    try {
      std::rethrow_exception(errors.exceptions().front());
    } catch (const ExceptionGroup& inner) {
      say("ExceptionGroup: " + members(inner) + " " + cancelling());
    }
  }
}

void groups_that_fail_at_the_same_time() {  // S187
  try {
    task_group([](TaskGroup& outer) {
      outer.create_task(fail(10, "outer failure"));
      task_group([](TaskGroup& inner) { inner.create_task(fail(10, "inner failure")); });
    });
  } catch (const ExceptionGroup& errors) {
    std::string line;
    for (const auto& error : errors.exceptions()) line += (line.empty() ? "" : " ") + asyncio::type_name(error);
    say(line);
    say(cancelling());
  }
}

void an_exit_in_a_child() {  // S184, S87
  auto loop = new_loop();
  auto task = loop->create_task([] {
    task_group([](TaskGroup& group) {
      group.create_task(watched("sibling", 500));
      group.create_task([] {
        sleep(10ms);
        throw asyncio::KeyboardInterrupt();
      });
    });
  });
  say(outcome([&] { loop->run_until_complete(task); }));
  say(py(task.done()));
  say(outcome([&] { loop->run_until_complete(task); }));
  say(py(task.done()) + " " + shown(task.exception()));
  loop->close();
}

void a_body_that_raises_a_cancelled_error() {  // S183
  say(awaited(create_task([] {
    task_group([](TaskGroup& group) {
      group.create_task(watched("child", 500));
      sleep(0s);
      throw CancelledError("a body's own");
    });
  })));
}

void a_deadline_around_a_group() {  // S171, S184
  try {
    asyncio::timeout(20ms, [] { task_group([](TaskGroup& group) { group.create_task(watched("child", 500)); }); });
  } catch (const asyncio::TimeoutError&) {
    say("timeout " + cancelling());
  }
}

void the_count_is_the_same_afterwards() {  // S192
  for (const bool fails : {false, true}) {
    try {
      task_group([&](TaskGroup& group) {
        group.create_task([&] {
          sleep(5ms);
          if (fails) throw Oops("x");
        });
        sleep(10ms);
      });
    } catch (const ExceptionGroup&) {
      say("failed");
    }
    say(cancelling());
    sleep(0s);
  }
}

void a_body_that_swallows_the_cancellation() {  // S182, S184
  try {
    task_group([](TaskGroup& group) {
      group.create_task(fail(10, "child"));
      try {
        sleep(1s);
      } catch (const CancelledError&) {
        say("swallowed " + cancelling());
      }
      sleep(10ms);
      say("the body ends by itself");
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors) + " " + cancelling());
  }
}

void ending_a_group_early() {  // S190
  TaskGroup group;
  group.run([](TaskGroup& same) {
    same.create_task(watched("child", 500));
    sleep(0s);
    same.cancel();
    say("the body goes on");
    sleep(1s);
    say("never");
  });
  say("left without an error " + cancelling());
  group.cancel();
  sleep(0s);
}

void ending_a_group_before_it_begins() {  // S190
  TaskGroup group;
  group.cancel();
  group.run([](TaskGroup&) {
    say("the body begins");
    sleep(1s);
    say("never");
  });
  say("left");
}

void ending_the_inner_of_two_groups() {  // S190
  task_group([](TaskGroup& outer) {
    outer.create_task(watched("outer", 50));
    task_group([](TaskGroup& inner) {
      inner.create_task(watched("inner", 500));
      sleep(0s);
      inner.cancel();
      inner.cancel();
    });
    say("the inner one is left " + cancelling());
  });
  say("both are left");
}

void ending_a_group_that_somebody_cancels() {  // S190
  const auto task = create_task([] {
    task_group([](TaskGroup& group) {
      group.create_task(watched("child", 500));
      sleep(0s);
      group.cancel();
      asyncio::current_task().cancel("outside");
      sleep(1s);
    });
  });
  say(awaited(task).substr(0, 14));
  say(py(task.cancelled()) + " " + py(task.cancelling()));
}

void joining_a_group_that_ends() {  // S178, S190
  TaskGroup group;
  group.run([&](TaskGroup&) {
    group.create_task(watched("child", 500));
    sleep(0s);
    group.cancel();
    const std::string refused = outcome([&] { group.create_task([] { say("never"); }); });
    say(refused.substr(refused.size() - 16));
  });
  say(group.repr());
}

void a_child_ends_the_group() {  // S190
  task_group([](TaskGroup& group) {
    group.create_task(watched("slow", 500));
    group.create_task([&] {
      sleep(10ms);
      group.cancel();
    });
  });
  say("left");
}

void ending_a_group_that_fails() {  // S190
  TaskGroup failing;
  try {
    failing.run([](TaskGroup& group) {
      group.create_task(fail(10, "a failure"));
      sleep(20ms);
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
    failing.cancel();
  }
  try {
    task_group([](TaskGroup& group) {
      group.cancel();
      throw Oops("from the body");
    });
  } catch (const ExceptionGroup& errors) {
    say(members(errors));
  }
}

void cancelled_from_outside_while_a_body_that_failed_is_leaving() {  // S184, S186
  auto task = create_task([] {
    try {
      task_group([](TaskGroup& group) {
        group.create_task([] {
          try {
            sleep(1s);
          } catch (const CancelledError&) {
            sleep(50ms);
          }
        });
        sleep(0s);
        throw Oops("the body");
      });
    } catch (const ExceptionGroup& errors) {
      say(members(errors) + " " + cancelling());
      sleep(0s);
      say("never");
    }
  });
  sleep(10ms);
  task.cancel("outside");
  say(awaited(task));
}

}  // namespace

Group taskgroups() {
  return {"TaskGroups",
          "taskgroups",
          {
              {"a_group_waits_for_its_tasks", a_group_waits_for_its_tasks},
              {"an_empty_group", an_empty_group},
              {"one_failure_cancels_the_others", one_failure_cancels_the_others},
              {"failures_of_one_iteration", failures_of_one_iteration},
              {"a_failure_while_being_cancelled", a_failure_while_being_cancelled},
              {"the_body_fails", the_body_fails},
              {"the_body_and_a_child_fail", the_body_and_a_child_fail},
              {"a_cancelled_child_is_ignored", a_cancelled_child_is_ignored},
              {"a_child_that_raises_a_cancelled_error", a_child_that_raises_a_cancelled_error},
              {"children_add_children", children_add_children},
              {"when_a_group_takes_no_tasks", when_a_group_takes_no_tasks},
              {"a_group_serves_once", a_group_serves_once},
              {"cancelled_from_outside", cancelled_from_outside},
              {"cancelled_from_outside_while_leaving", cancelled_from_outside_while_leaving},
              {"cancelled_from_outside_and_a_failure", cancelled_from_outside_and_a_failure},
              {"groups_in_groups", groups_in_groups},
              {"groups_that_fail_at_the_same_time", groups_that_fail_at_the_same_time},
              {"a_body_that_raises_a_cancelled_error", a_body_that_raises_a_cancelled_error},
              {"a_deadline_around_a_group", a_deadline_around_a_group},
              {"the_count_is_the_same_afterwards", the_count_is_the_same_afterwards},
              {"a_body_that_swallows_the_cancellation", a_body_that_swallows_the_cancellation},
              {"ending_a_group_early", ending_a_group_early},
              {"ending_a_group_before_it_begins", ending_a_group_before_it_begins},
              {"ending_the_inner_of_two_groups", ending_the_inner_of_two_groups},
              {"ending_a_group_that_somebody_cancels", ending_a_group_that_somebody_cancels},
              {"joining_a_group_that_ends", joining_a_group_that_ends},
              {"a_child_ends_the_group", a_child_ends_the_group},
              {"ending_a_group_that_fails", ending_a_group_that_fails},
              {"cancelled_from_outside_while_a_body_that_failed_is_leaving",
               cancelled_from_outside_while_a_body_that_failed_is_leaving},
          },
          {
              {"an_exit_in_a_child", an_exit_in_a_child},
          }};
}

}  // namespace conformance
