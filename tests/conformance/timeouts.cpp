// timeouts.cpp: timeout() and timeout_at(). Rules S167 to S176.
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
using asyncio::Timeout;
using asyncio::timeout;
using asyncio::TimeoutError;

std::string now() { return py(get_running_loop().time().time_since_epoch() / 1ms); }

void a_deadline_that_passes() {  // S170, S171
  std::optional<bool> expired;
  try {
    timeout(20ms, [&](Timeout& scope) {
      try {
        sleep(1s);
      } catch (const CancelledError& error) {
        expired = scope.expired();
        say("inside (" + std::string(error.message()) + ") " + py(*expired) + " " + py(current_task().cancelling()));
        throw;
      }
    });
  } catch (const TimeoutError& error) {
    say(std::string("outside (") + error.what() + ") " + py(*expired) + " " + py(current_task().cancelling()) + " " +
        now());
  }
}

void a_deadline_that_does_not_pass() {  // S167
  Timeout scope{get_running_loop().time() + 1s};
  scope.run([&] {
    sleep(10ms);
    say(py(scope.expired()));
  });
  say(py(scope.expired()) + " " + py(scope.when()->time_since_epoch() / 1s));
  sleep(2s);
  say("nothing happens later");
}

void no_deadline() {  // S167
  bool expired = timeout(std::nullopt, [](Timeout& scope) {
    sleep(100s);
    say(scope.when() ? "a deadline" : "None");
    return scope.expired();
  });
  say(py(expired));
}

void moving_the_deadline() {  // S168, S169
  auto& loop = get_running_loop();
  Timeout scope{loop.time() + 10ms};
  scope.run([&] {
    scope.reschedule(loop.time() + 1s);
    sleep(500ms);
    say("moved away");
    scope.reschedule(std::nullopt);
    sleep(5s);
    say("taken away");
  });
  say(outcome([&] { scope.reschedule(loop.time() + 1s); }));
  Timeout other{std::nullopt};
  try {
    other.run([&](Timeout& same) {
      same.reschedule(loop.time() + 10ms);
      sleep(1s);
    });
  } catch (const TimeoutError&) {
    say("put there");
  }
  say(outcome([&] { other.reschedule({}); }));
}

void a_deadline_in_the_past() {  // S169
  try {
    timeout(-1s, [](Timeout& scope) {
      say("the body begins " + py(scope.expired()));
      sleep(0s);
      say("one iteration later");
      sleep(0s);
      say("never");
    });
  } catch (const TimeoutError&) {
    say("timeout");
  }
}

void a_body_that_does_not_suspend() {  // S175
  const bool expired = timeout(0s, [](Timeout& scope) {
    say("no suspension");
    return scope.expired();
  });
  say(py(expired));
  sleep(0s);
  sleep(0s);
  say("no timeout");
}

void a_time_on_the_clock() {  // S167
  try {
    asyncio::timeout_at(get_running_loop().time() + 50ms, [] { sleep(1s); });
  } catch (const TimeoutError&) {
    say(now());
  }
  asyncio::timeout_at(std::nullopt, [] { sleep(50ms); });
  say(now());
}

void a_body_that_swallows_it() {  // S173
  const bool expired = timeout(10ms, [](Timeout& scope) {
    try {
      sleep(1s);
    } catch (const CancelledError&) {
      say("swallowed");
    }
    return scope.expired();
  });
  say(py(expired) + " " + py(current_task().cancelling()));
  sleep(0s);
  say("goes on");
}

void a_body_that_fails_meanwhile() {  // S172
  try {
    timeout(10ms, [] {
      try {
        sleep(1s);
      } catch (const CancelledError&) {
        throw Oops("instead");
      }
    });
  } catch (const Oops& error) {
    say(std::string(error.what()) + " " + py(current_task().cancelling()));
  }
  try {
    timeout(1s, [] { throw Oops("in time"); });
  } catch (const Oops& error) {
    say(error.what());
  }
}

/// An error, what it was thrown in the middle of, and so on.
std::string chain(const std::exception_ptr& error) {
  const std::string text = shown(error);
  const std::exception_ptr context = asyncio::context_of(error);
  return text.substr(0, text.find(':')) + (context ? " " + chain(context) : "");
}

void what_an_error_was_raised_in_the_middle_of() {  // S171, S172
  const auto under_a_timeout = [](void (*answer)(), asyncio::Duration delay = 1s) -> std::string {
    try {
      timeout(delay, [&] {
        try {
          sleep(100s);
        } catch (const CancelledError&) {
          answer();
        }
      });
    } catch (const std::exception&) {
      return chain(std::current_exception());
    }
    return "None";
  };
  const auto again = [] { throw; };
  const auto directly = [] { std::throw_with_nested(Oops("instead")); };
  const auto indirectly = [] {
    try {
      std::throw_with_nested(Oops("instead"));
    } catch (const Oops&) {
      std::throw_with_nested(std::out_of_range("worse"));
    }
  };
  say(under_a_timeout(again));
  say(under_a_timeout(directly));
  say(under_a_timeout(indirectly));
  say(under_a_timeout(directly, 0s));
}

void the_inner_deadline_passes() {  // S176
  timeout(1s, [](Timeout& outer) {
    Timeout inner{get_running_loop().time() + 10ms};
    try {
      inner.run([] { sleep(5s); });
    } catch (const TimeoutError&) {
      say("inner " + py(inner.expired()) + " " + py(outer.expired()));
    }
    sleep(10ms);
  });
  say("outer is left in time");
}

void the_outer_deadline_passes() {  // S176
  try {
    timeout(10ms, [](Timeout& outer) {
      Timeout inner{get_running_loop().time() + 1s};
      try {
        inner.run([] { sleep(5s); });
      } catch (const TimeoutError&) {
        say("never");
      } catch (const CancelledError&) {
        say("inner " + py(inner.expired()) + " " + py(outer.expired()));
        throw;
      }
    });
  } catch (const TimeoutError&) {
    say("outer " + py(current_task().cancelling()));
  }
}

void both_deadlines_pass() {  // S176
  say(awaited(create_task([] {
    Timeout outer{get_running_loop().time() + 10ms};
    Timeout inner{get_running_loop().time() + 20ms};
    try {
      outer.run([&] {
        try {
          inner.run([] {
            try {
              sleep(5s);
            } catch (const CancelledError&) {
              sleep(50ms);
              throw;
            }
          });
        } catch (const TimeoutError&) {
          say("inner timeout");
          throw;
        }
      });
    } catch (const TimeoutError&) {
      say("outer timeout " + py(inner.expired()) + " " + py(outer.expired()) + " " + py(current_task().cancelling()));
    }
  })));
}

void wait_a_long_time_for(asyncio::Duration limit) {
  try {
    timeout(limit, [] { sleep(5s); });
  } catch (const TimeoutError&) {
    say("never");
  }
}

void a_cancellation_from_outside() {  // S174
  auto task = create_task([] { wait_a_long_time_for(1s); });
  sleep(10ms);
  task.cancel("outside");
  say(awaited(task));
  say(py(task.cancelling()));
}

void a_cancellation_together_with_the_deadline() {  // S174
  auto& loop = get_running_loop();
  auto task = create_task([] { wait_a_long_time_for(10ms); });
  sleep(0s);
  loop.call_later(9900us, [&loop, task] { loop.call_later(100us, [task] { task.cancel("too"); }); });
  const std::string how = awaited(task);
  say(how.substr(0, how.find(':')));
  say(py(task.cancelled()) + " " + py(task.cancelling()));
}

void in_a_task_that_was_cancelled_before() {  // S169, S171
  auto task = create_task([] {
    try {
      sleep(1s);
    } catch (const CancelledError&) {
    }
    try {
      timeout(10ms, [] { sleep(1s); });
    } catch (const TimeoutError&) {
      return "timeout at count " + py(current_task().cancelling());
    }
    return std::string("None");
  });
  sleep(0s);
  task.cancel();
  say(awaited(task));
}

void a_timeout_serves_once() {  // S168
  Timeout scope{std::nullopt};
  say(outcome([&] { scope.reschedule(std::nullopt); }));
  scope.run([] {});
  say(outcome([&] { scope.run([] { say("never"); }); }));
}

void a_timeout_needs_a_task() {  // S168
  auto loop = new_loop();
  loop->call_soon([&] {
    say(outcome([] { timeout(std::nullopt, [] {}); }));
    loop->stop();
  });
  loop->run_forever();
  loop->close();
}

void the_body_gives_a_value() {
  say(timeout(1s, [] { return sleep(10ms, std::string("from the body")); }));
}

void a_task_awaited_under_a_deadline() {  // S171, S104
  auto task = create_task([] {
    try {
      sleep(1s);
    } catch (const CancelledError&) {
      say("the task hears of it");
      throw;
    }
  });
  try {
    timeout(10ms, [&] { await(task); });
  } catch (const TimeoutError&) {
    say("timeout " + py(task.cancelled()));
  }
}

}  // namespace

Group timeouts() {
  return {"Timeouts",
          "timeouts",
          {
              {"a_deadline_that_passes", a_deadline_that_passes},
              {"a_deadline_that_does_not_pass", a_deadline_that_does_not_pass},
              {"no_deadline", no_deadline},
              {"moving_the_deadline", moving_the_deadline},
              {"a_deadline_in_the_past", a_deadline_in_the_past},
              {"a_body_that_does_not_suspend", a_body_that_does_not_suspend},
              {"a_time_on_the_clock", a_time_on_the_clock},
              {"a_body_that_swallows_it", a_body_that_swallows_it},
              {"a_body_that_fails_meanwhile", a_body_that_fails_meanwhile},
              {"what_an_error_was_raised_in_the_middle_of", what_an_error_was_raised_in_the_middle_of},
              {"the_inner_deadline_passes", the_inner_deadline_passes},
              {"the_outer_deadline_passes", the_outer_deadline_passes},
              {"both_deadlines_pass", both_deadlines_pass},
              {"a_cancellation_from_outside", a_cancellation_from_outside},
              {"a_cancellation_together_with_the_deadline", a_cancellation_together_with_the_deadline},
              {"in_a_task_that_was_cancelled_before", in_a_task_that_was_cancelled_before},
              {"a_timeout_serves_once", a_timeout_serves_once},
              {"the_body_gives_a_value", the_body_gives_a_value},
              {"a_task_awaited_under_a_deadline", a_task_awaited_under_a_deadline},
          },
          {
              {"a_timeout_needs_a_task", a_timeout_needs_a_task},
          }};
}

}  // namespace conformance
