// foreign.cpp: a task type that is not ours, and what happens where it forgets a call. Rules S115 to S123.
#include "tests/reference/foreign_task.hpp"

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::AnyTask;
using asyncio::CancelledError;
using asyncio::ExceptionGroup;
using asyncio::get_running_loop;
using asyncio::sleep;
using asyncio::Task;
using asyncio::TaskGroup;
using asyncio::timeout;
using asyncio::TimeoutError;
using foreign::Body;
using foreign::Forgets;
using foreign::give_way;
using foreign::on_a_fiber;

template <class T>
Task<T> start(Body<T> body, std::string name = "foreign", Forgets forgets = Forgets::nothing) {
  return foreign::create_task(std::move(body), {.name = std::move(name)}, forgets);
}

std::string names() {
  std::set<std::string> sorted;
  for (const AnyTask& task : asyncio::all_tasks()) sorted.insert(task.get_name());
  std::string text;
  for (const std::string& name : sorted) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string current() {
  const AnyTask task = asyncio::current_task();
  return task ? task.get_name() : "None";
}

int cancelling() { return asyncio::current_task().cancelling(); }

void report(asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
  say(context.message.substr(0, 21) + ": " + shown(context.exception));
}

/// Sleeps for long; what a task of either type does that is to be cancelled.
void wait(const std::string& name) {
  try {
    sleep(100s);
  } catch (const CancelledError& error) {
    say(name + " is told " + args(error));
    throw;
  }
}
Body<void> waiting(std::string name) {
  const auto waits = [=] { wait(name); };
  co_await on_a_fiber(waits);
}

template <class T>
Body<T> work(T value, asyncio::Duration delay = 1s) {
  co_await foreign::sleep(delay);
  co_return value;
}
Body<void> fail() {
  throw Oops("failed");
  co_return;
}
void fail_later() {
  sleep(1s);
  throw Oops("failed");
}

void it_is_seen_like_any_other() {  // S115, S120, S123
  asyncio::current_task().set_name("main");
  const auto look = []() -> Body<std::string> {
    say(current() + " of " + names());
    co_await foreign::sleep(1s);
    say(current() + " of " + names());
    co_return "done";
  };
  const auto task = start(look());
  say(current() + " of " + names());
  say(asyncio::await(task));
  say(current() + " of " + names());
}

Body<void> await_it(const Task<void>& task) { co_await task; }

void it_awaits_and_is_awaited() {  // S92, S123
  const auto one = asyncio::create_task([] { return sleep(1s, 1); });
  const auto two = start(work(2));
  const auto sum_up = [&]() -> Body<int> {
    const int sum = co_await one + co_await two;
    co_return sum + co_await work(3);
  };
  say(awaited(start(sum_up())));
  const auto sum_up_what_fails = [&]() -> Body<int> {
    co_await one;
    co_await start(fail());
    co_return 0;
  };
  say(awaited(start(sum_up_what_fails())));
  Task<void> holder;
  holder = start(await_it(holder), "me");
  say(awaited(holder));
}

void it_is_cancelled() {  // S99 to S103, S109, S112
  const auto early = start(waiting("early"));
  say(py(early.cancel("at once")));
  say(awaited(early));
  const auto late = start(waiting("late"));
  const auto state = [&](bool accepted) {
    say(py(accepted) + " " + py(late.cancelled()) + " " + py(late.cancelling()));
  };
  sleep(1s);
  state(late.cancel("later"));
  say(awaited(late));
  state(late.cancel());
  const auto by_itself = [](bool takes_back) -> Body<std::string> {
    asyncio::current_task().cancel("myself");
    if (takes_back) asyncio::current_task().uncancel();
    co_await give_way;
    co_return "not cancelled";
  };
  say(awaited(start(by_itself(true))));
  say(awaited(start(by_itself(false))));
}

std::string text_of(const ExceptionGroup& errors) {
  return std::string(errors.message()) + " " + py(errors.exceptions().size());
}

void it_is_a_child_of_a_group() {  // S181, S182, S185
  get_running_loop().set_task_factory(foreign::task_factory());
  Task<void> child;
  try {
    asyncio::task_group([&](TaskGroup& group) {
      child = group.create_task([] { wait("a sibling"); });
      group.create_task([] { wait("a sibling"); });
      group.create_task(fail_later);
    });
  } catch (const ExceptionGroup& errors) {
    say(text_of(errors));
  }
  say(std::string(child.get()->kind()) + " " + py(child.cancelled()) + " " + py(cancelling()));
}

Body<int> parent_of(std::function<void()> child) {
  const auto parent = [child] {
    try {
      asyncio::task_group([&](TaskGroup& group) {
        group.create_task(child);
        wait("body");
      });
    } catch (const ExceptionGroup& errors) {
      say(text_of(errors));
    }
    return cancelling();
  };
  co_return co_await on_a_fiber(parent);
}

void it_is_the_parent_of_a_group() {  // S183, S184, S186
  say(awaited(start(parent_of(fail_later))));
  const auto task = start(parent_of([] { wait("child"); }));
  sleep(1s);
  task.cancel("outside");
  say(awaited(task));
  say(py(task.cancelling()));
}

Body<int> slow(std::optional<asyncio::Duration> outer, std::optional<asyncio::Duration> inner) {
  co_return co_await on_a_fiber([=] {
    try {
      timeout(outer, [&] {
        try {
          timeout(inner, [] { sleep(100s); });
        } catch (const TimeoutError&) {
          say("the inner one");
        }
      });
    } catch (const TimeoutError&) {
      say("the outer one");
    }
    sleep(1s);
    return cancelling();
  });
}

void it_has_timeouts() {  // S170, S171, S174, S176
  say(awaited(start(slow(5s, 1s))));
  say(awaited(start(slow(1s, 5s))));
  const auto task = start(slow(1s, {}));
  get_running_loop().call_later(1s, [task] { task.cancel("outside"); });
  say(awaited(task));
  say(py(task.cancelling()));
}

void it_is_waited_for_in_every_way() {  // S136, S145, S150, S154, S158
  const auto one = start(work(std::string("a"), 2s));
  const auto two = start(work(std::string("b"), 1s));
  const auto [a, b] = asyncio::await(asyncio::gather(one, two));
  say("['" + a + "', '" + b + "']");
  const auto three = start(work(std::string("c"), 1s));
  const auto four = start(work(std::string("d"), 2s));
  const auto waited = asyncio::wait(std::vector{three, four}, {.timeout = 1500ms});
  say(py(waited.done.size()) + " " + py(waited.pending.size()));
  say(outcome([] { asyncio::wait_for(start(waiting("e")), 1s); }));
  say(outcome([] { asyncio::wait_for(start(waiting("f")), 0s); }));
  say(asyncio::await(asyncio::shield(start(work(std::string("g"))))));
  const auto five = start(work(std::string("h"), 2s));
  const auto six = start(work(std::string("i"), 1s));
  for (const auto& task : asyncio::as_completed(std::vector{five, six})) say(task.result());
}

void it_is_cancelled_at_the_end_of_the_run() {  // S123, S227
  Task<void> task;
  asyncio::run(
      [&] {
        task = start(waiting("left behind"));
        sleep(0s);
      },
      {.loop_factory = new_loop});
  say(py(task.cancelled()));
}

void where_it_does_not_register() {  // S119, S120
  asyncio::current_task().set_name("main");
  const auto look = []() -> Body<void> {
    say(current() + " of " + names());
    co_await give_way;
  };
  say(awaited(start(look(), "foreign", Forgets::to_register)));
}

void what_does_not_register_outlives_the_run() {  // S119, S227
  Task<void> task;
  asyncio::run(
      [&] {
        task = start(waiting("never"), "foreign", Forgets::to_register);
        sleep(0s);
      },
      {.loop_factory = new_loop});
  say(py(task.done()));
  task.get()->abandon();  // its loop did not know of it: what it waits for and it hold each other
}

void where_it_does_not_enter() {  // S116, S168, S177
  get_running_loop().set_exception_handler(report);
  const auto look = []() -> Body<std::string> {
    say(current());
    say(outcome([] { timeout(1s, [] { say("never"); }); }));
    const std::string refused = outcome([] { asyncio::task_group([](TaskGroup&) { say("never"); }); });
    say(refused.substr(refused.size() - 32));
    co_await give_way;
    say(current());
    co_return "done";
  };
  say(awaited(start(look(), "foreign", Forgets::to_enter)));
}

void where_it_does_not_leave() {  // S116
  const auto look = []() -> Body<void> {
    say(current());
    co_await give_way;
    say("never");
  };
  const auto other = []() -> Body<void> {
    say("never");
    co_return;
  };
  std::vector<Task<void>> tasks;
  const auto loop = new_loop();
  loop->set_exception_handler(report);
  loop->call_soon([&] { tasks = {start(look(), "it", Forgets::to_leave), start(other(), "other")}; });
  loop->call_later(1s, [] { say(current()); });
  loop->call_later(2s, [&] { asyncio::leave_task(*loop, tasks[0]); });
  loop->call_later(3s, [] { say(current()); });
  loop->call_later(4s, [&] { loop->stop(); });
  loop->run_forever();
  say(py(tasks[0].done()) + " " + py(tasks[1].done()));
  for (const auto& task : tasks) task.get()->set_log_destroy_pending(false);
  loop->close();
}

void where_it_does_not_unregister() {  // S119, S120
  asyncio::current_task().set_name("main");
  const auto look = []() -> Body<void> {
    co_await give_way;
    say(current() + " of " + names());
  };
  const auto task = start(look(), "foreign", Forgets::to_unregister);
  asyncio::await(task);
  say(current() + " of " + names());
  say(py(task.done()));
}

void calls_that_do_not_fit() {  // S116
  const auto loop = new_loop();
  const auto never = []() -> Body<void> { co_return; };
  loop->call_soon([&] {
    const AnyTask one = start(never(), "one");
    const AnyTask two = start(never(), "two");
    say(outcome([&] { asyncio::leave_task(*loop, one); }));
    asyncio::enter_task(*loop, one);
    say(outcome([&] { asyncio::enter_task(*loop, one); }));
    say(outcome([&] { asyncio::enter_task(*loop, two); }));
    say(outcome([&] { asyncio::leave_task(*loop, two); }));
    say(current());
    asyncio::leave_task(*loop, one);
    asyncio::unregister_task(one);
    asyncio::unregister_task(one);
    asyncio::register_task(two);
    say(names());
  });
  loop->call_later(1s, [&] { loop->stop(); });
  loop->run_forever();
  loop->close();
}

}  // namespace

Group foreign_tasks() {
  return {"ForeignTasks",
          "foreign",
          {
              {"it_is_seen_like_any_other", it_is_seen_like_any_other},
              {"it_awaits_and_is_awaited", it_awaits_and_is_awaited},
              {"it_is_cancelled", it_is_cancelled},
              {"it_is_a_child_of_a_group", it_is_a_child_of_a_group},
              {"it_is_the_parent_of_a_group", it_is_the_parent_of_a_group},
              {"it_has_timeouts", it_has_timeouts},
              {"it_is_waited_for_in_every_way", it_is_waited_for_in_every_way},
              {"where_it_does_not_register", where_it_does_not_register},
              {"where_it_does_not_enter", where_it_does_not_enter},
              {"where_it_does_not_unregister", where_it_does_not_unregister},
          },
          {
              {"it_is_cancelled_at_the_end_of_the_run", it_is_cancelled_at_the_end_of_the_run},
              {"what_does_not_register_outlives_the_run", what_does_not_register_outlives_the_run},
              {"where_it_does_not_leave", where_it_does_not_leave},
              {"calls_that_do_not_fit", calls_that_do_not_fit},
          }};
}

}  // namespace conformance
