// cancellation.cpp: cancelling tasks: when it arrives, how often, and what becomes of it. Rules S99 to S114.
#include <functional>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::get_running_loop;
using asyncio::sleep;
using asyncio::Task;

auto sleeper(std::string name = "sleeper") {
  return [name] {
    say(name + " begins");
    try {
      sleep(100s);
    } catch (const CancelledError& error) {
      say(name + " sees " + args(error));
      throw;
    }
  };
}

void cancelling_before_the_first_step() {  // S102
  auto task = create_task(sleeper());
  const bool accepted = task.cancel();
  say(py(accepted) + " " + py(task.cancelled()) + " " + py(task.cancelling()));
  say(awaited(task));
  say(py(task.cancelled()) + " " + py(task.cancelling()));
}

void the_last_message_wins_before_the_first_step() {  // S109
  auto task = create_task(sleeper());
  task.cancel("first");
  task.cancel("second");
  say(awaited(task));
  say(py(task.cancelling()));
}

void the_first_message_wins_once_it_waits() {  // S109
  auto task = create_task(sleeper());
  sleep(0s);
  const bool first = task.cancel("first");
  const bool second = task.cancel("second");
  say(py(first) + " " + py(second) + " " + py(task.cancelling()));
  say(awaited(task));
}

void cancelling_a_done_task() {  // S99
  auto task = create_task([] { return 1; });
  await(task);
  const bool accepted = task.cancel();
  say(py(accepted) + " " + py(task.cancelling()) + " " + py(task.cancelled()) + " " + py(task.result()));
  auto cancelled = create_task(sleeper());
  sleep(0s);
  cancelled.cancel("once");
  say(awaited(cancelled));
  const bool again = cancelled.cancel("twice");
  say(py(again) + " " + py(cancelled.cancelling()) + " " + awaited(cancelled));
}

void the_message_travels() {  // S110
  auto task = create_task([] { await(create_task(sleeper("inner"))); });
  sleep(0s);
  sleep(0s);
  task.cancel("from afar");
  say(awaited(task));
  say(outcome([&] { task.result(); }));
}

void level(int n) {
  try {
    if (n > 0) {
      await(create_task([n] { level(n - 1); }));
    } else {
      sleep(100s);
    }
  } catch (const CancelledError&) {
    say("level " + py(n));
    throw;
  }
}

void the_innermost_hears_of_it_first() {  // S104
  auto task = create_task([] { level(3); });
  sleep(10ms);
  task.cancel();
  for (int n = 0; n < 4; ++n) {
    get_running_loop().call_soon([n] { say("iteration " + py(n + 1)); });
    sleep(0s);
  }
  say(py(task.cancelled()));
}

void an_inner_task_that_swallows_it() {  // S105
  const auto inner = [] {
    try {
      sleep(100s);
    } catch (const CancelledError&) {
    }
    return std::string("kept");
  };
  auto task = create_task([&] {
    const std::string result = await(create_task(inner));
    return result + " " + py(current_task().cancelling());
  });
  sleep(10ms);
  task.cancel();
  say(awaited(task));
  say(py(task.cancelled()) + " " + py(task.cancelling()));
}

void a_result_that_came_just_before() {  // S106
  auto future = get_running_loop().create_future<std::string>();
  auto task = create_task([future] { return awaited(future); });
  sleep(0s);
  future.set_result("too late");
  say(py(task.cancel("now")));
  say(awaited(task));
  say(future.result());
}

void an_error_that_came_just_before() {  // S107
  auto future = get_running_loop().create_future<std::string>();
  auto task = create_task([future] { return awaited(future); });
  sleep(0s);
  future.set_exception(Oops("replaced"));
  task.cancel();
  say(awaited(task));
}

void a_task_that_cancels_itself() {  // S108
  auto done = get_running_loop().create_future<std::string>();
  done.set_result("done");
  auto task = create_task([done] {
    say(py(current_task().cancel("myself")));
    say(await(done));
    try {
      sleep(0s);
    } catch (const CancelledError& error) {
      say("at the next suspension: " + std::string(error.message()));
      throw;
    }
  });
  say(awaited(task));
}

void cancelled_and_returning() {  // S85
  auto returns = create_task([] {
    current_task().cancel("lost");
    return std::string("value");
  });
  const std::string how = awaited(returns);
  say(how + " " + py(returns.cancelled()));
  auto raises = create_task([] {
    current_task().cancel("ignored");
    throw Oops("stronger");
  });
  const std::string how_else = awaited(raises);
  say(how_else + " " + py(raises.cancelled()));
}

void swallowing_it_leaves_the_count() {  // S111
  auto task = create_task([] {
    for (int n = 0; n < 3; ++n) {
      try {
        sleep(10ms);
      } catch (const CancelledError&) {
        say("swallowed " + py(current_task().cancelling()));
      }
    }
    return std::string("done");
  });
  sleep(0s);
  task.cancel();
  sleep(0s);
  task.cancel();
  say(awaited(task));
  say(py(task.cancelled()) + " " + py(task.cancelling()));
}

void taking_it_back() {  // S112
  say(awaited(create_task([] {
    const auto me = current_task();
    me.cancel();
    me.cancel();
    std::string line = py(me.cancelling());
    for (int n = 0; n < 3; ++n) line += " " + py(me.uncancel());
    say(line + " " + py(me.cancelling()));
    sleep(0s);
    return std::string("not cancelled");
  })));
}

void taking_it_back_in_part() {  // S112
  say(awaited(create_task([] {
    const auto me = current_task();
    me.cancel("a");
    me.cancel("b");
    me.uncancel();
    sleep(0s);
  })));
}

void taking_it_back_too_late() {  // S112
  auto task = create_task([] { sleep(100s); });
  sleep(0s);
  task.cancel("sent");
  say(py(task.uncancel()));
  say(awaited(task));
}

void taking_it_back_before_the_first_step() {  // S112
  auto task = create_task([] { return std::string("ran all the same"); });
  task.cancel();
  say(py(task.uncancel()));
  say(awaited(task));
}

void the_second_result_has_no_message() {  // S76
  auto task = create_task([] { throw CancelledError("only once"); });
  asyncio::wait(std::vector{task});
  say(outcome([&] { task.result(); }));
  say(outcome([&] { task.result(); }));
  say(outcome([&] { task.exception(); }));
}

void ordinary_handlers_let_it_pass() {  // S113
  struct CleanUp {
    ~CleanUp() { say("cleaned up"); }
  };
  auto task = create_task([] {
    const CleanUp clean_up;
    try {
      sleep(100s);
    } catch (const std::exception&) {
      say("never");
    }
  });
  sleep(0s);
  task.cancel();
  say(awaited(task));
}

void children_live_on() {  // S114
  Task<std::string> child;
  auto task = create_task([&] {
    child = create_task([] {
      sleep(10ms);
      return std::string("child lives");
    });
    sleep(100s);
  });
  sleep(0s);
  task.cancel();
  say(awaited(task));
  say(await(child));
}

void cleaning_up_takes_time() {  // S103
  auto task = create_task([] {
    try {
      sleep(100s);
    } catch (const CancelledError&) {
      sleep(20ms);
      say("cleaned up");
      throw;
    }
  });
  sleep(0s);
  task.cancel();
  sleep(10ms);
  say(py(task.done()) + " " + py(task.cancelled()) + " " + py(task.cancelling()));
  say(awaited(task));
}

void cancelled_while_cleaning_up() {  // S100, S109
  auto task = create_task([] {
    try {
      sleep(100s);
    } catch (const CancelledError& error) {
      say("first " + std::string(error.message()));
      try {
        sleep(100s);
      } catch (const CancelledError& again) {
        say("second " + std::string(again.message()));
      }
      throw;
    }
  });
  sleep(0s);
  task.cancel("one");
  sleep(0s);
  task.cancel("two");
  say(awaited(task));
  say(py(task.cancelling()));
}

void cancelled_errors_become_other_errors() {  // S88
  auto task = create_task([] {
    try {
      sleep(100s);
    } catch (const CancelledError&) {
      throw Oops("instead");
    }
  });
  sleep(0s);
  task.cancel();
  const std::string how = awaited(task);
  say(how + " " + py(task.cancelled()));
}

void several_waiters_and_one_is_cancelled() {  // S100
  auto inner = create_task([] {
    sleep(10ms);
    return std::string("result");
  });
  auto one = create_task([=] { return await(inner); });
  auto two = create_task([=] { return await(inner); });
  sleep(0s);
  one.cancel();
  say(awaited(one));
  say(awaited(two));
  say(py(inner.cancelled()) + " " + py(two.cancelling()));
}

void cancelled_between_two_waits() {  // S101
  auto task = create_task([] {
    sleep(0s);
    say("step 2");
    sleep(0s);
    say("step 3");
  });
  sleep(0s);
  get_running_loop().call_soon([] { say("between"); });
  task.cancel("after the first");
  say(awaited(task));
}

void cancelling_the_caller() {  // S104
  const auto caller = current_task();
  auto task = create_task([caller] {
    caller.cancel("by my own child");
    sleep(10ms);
    return std::string("never seen");
  });
  say(awaited(task));
  say(py(task.cancelled()) + " " + py(caller.cancelling()));
  caller.uncancel();
}

void an_error_by_hand_is_a_cancellation() {  // S86
  auto task = create_task([] { throw CancelledError("by hand"); });
  const std::string how = awaited(task);
  say(how + " " + py(task.cancelled()) + " " + py(task.cancelling()));
}

}  // namespace

Group cancellation() {
  return {"Cancellation",
          "cancellation",
          {
              {"cancelling_before_the_first_step", cancelling_before_the_first_step},
              {"the_last_message_wins_before_the_first_step", the_last_message_wins_before_the_first_step},
              {"the_first_message_wins_once_it_waits", the_first_message_wins_once_it_waits},
              {"cancelling_a_done_task", cancelling_a_done_task},
              {"the_message_travels", the_message_travels},
              {"the_innermost_hears_of_it_first", the_innermost_hears_of_it_first},
              {"an_inner_task_that_swallows_it", an_inner_task_that_swallows_it},
              {"a_result_that_came_just_before", a_result_that_came_just_before},
              {"an_error_that_came_just_before", an_error_that_came_just_before},
              {"a_task_that_cancels_itself", a_task_that_cancels_itself},
              {"cancelled_and_returning", cancelled_and_returning},
              {"swallowing_it_leaves_the_count", swallowing_it_leaves_the_count},
              {"taking_it_back", taking_it_back},
              {"taking_it_back_in_part", taking_it_back_in_part},
              {"taking_it_back_too_late", taking_it_back_too_late},
              {"taking_it_back_before_the_first_step", taking_it_back_before_the_first_step},
              {"the_second_result_has_no_message", the_second_result_has_no_message},
              {"ordinary_handlers_let_it_pass", ordinary_handlers_let_it_pass},
              {"children_live_on", children_live_on},
              {"cleaning_up_takes_time", cleaning_up_takes_time},
              {"cancelled_while_cleaning_up", cancelled_while_cleaning_up},
              {"cancelled_errors_become_other_errors", cancelled_errors_become_other_errors},
              {"several_waiters_and_one_is_cancelled", several_waiters_and_one_is_cancelled},
              {"cancelled_between_two_waits", cancelled_between_two_waits},
              {"cancelling_the_caller", cancelling_the_caller},
              {"an_error_by_hand_is_a_cancellation", an_error_by_hand_is_a_cancellation},
          },
          {}};
}

}  // namespace conformance
