// waiting.cpp: wait(), wait_for(), shield() and as_completed(). Rules S144 to S160.
#include <algorithm>

#include "tests/conformance/coroutines.hpp"
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::as_completed;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::shield;
using asyncio::sleep;
using asyncio::Task;
using asyncio::wait;
using asyncio::wait_for;

std::vector<Task<int>> tasks_after(std::initializer_list<int> times) {
  std::vector<Task<int>> tasks;
  for (int ms : times) tasks.push_back(create_task(after(ms, ms)));
  return tasks;
}

template <class F>
std::string sizes(const asyncio::WaitResult<F>& result) {
  return py(result.done.size()) + " " + py(result.pending.size());
}

void waiting_for_all() {  // S144, S146
  const auto result = wait(tasks_after({20, 10}));
  int smallest = 1000;
  for (const auto& task : result.done) smallest = std::min(smallest, task.result());
  say(sizes(result) + " " + py(smallest));
}

void waiting_for_the_first() {  // S146
  auto [done, pending] = wait(tasks_after({20, 10, 30}), {.return_when = asyncio::FIRST_COMPLETED});
  say(py(done.size()) + " " + py(pending.size()) + " " + py(done.front().result()));
  const auto second = wait(pending, {.return_when = asyncio::FIRST_COMPLETED});
  say(sizes(second));
  wait(second.pending);
}

template <class T>
bool among(const std::vector<T>& tasks, const asyncio::AnyFuture& task) {
  return std::ranges::any_of(tasks, [&](const auto& other) { return other == task; });
}

void waiting_for_the_first_error() {  // S146
  auto good = create_task(after(5, 1));
  auto cancelled = create_task(after(100, 2));
  auto bad = create_task(fail(20, "bad"));
  auto late = create_task(after(30, 3));
  get_running_loop().call_later(10ms, [&] { cancelled.cancel(); });
  const auto [done, pending] = wait(std::vector{good, cancelled, bad, late}, {.return_when = asyncio::FIRST_EXCEPTION});
  say(py(done.size()) + " " + py(among(pending, late)) + " " + py(among(done, cancelled)) + " " +
      shown(bad.exception()));
  await(late);
}

void waiting_with_a_timeout() {  // S145
  std::vector<Task<std::string>> tasks;
  for (int ms : {10, 30}) tasks.push_back(create_task(watched(py(ms) + " ms", ms)));
  say(sizes(wait(tasks, {.timeout = 20ms})));
  say(sizes(wait(tasks, {.timeout = 1s})));
}

void a_cancelled_wait_leaves_the_tasks_alone() {  // S145
  auto inner = create_task(watched("inner", 20));
  auto task = create_task([inner] { wait(std::vector{inner}); });
  sleep(0s);
  task.cancel("only the waiter");
  say(awaited(task));
  say(await(inner));
}

void what_wait_refuses() {  // S144
  auto task = create_task(after(1, 1));
  say(outcome([] { wait(std::vector<Task<int>>{}); }));
  await(task);
}

void the_same_future_twice_in_wait() {  // S144
  auto task = create_task(after(1, 1));
  say(sizes(wait(std::vector{task, task})));
}

void what_ended_meanwhile_is_done_too() {  // S147
  auto& loop = get_running_loop();
  auto one = loop.create_future<int>();
  auto two = loop.create_future<int>();
  loop.call_soon([&loop, one, two] {
    one.set_result(1);
    loop.call_soon([two] { two.set_result(2); });
  });
  say(sizes(wait(std::vector{one, two}, {.return_when = asyncio::FIRST_COMPLETED})));
}

void in_time() {  // S149
  say(wait_for(after(10, std::string("in time")), 1s));
  say(wait_for(after(10, std::string("no limit")), std::nullopt));
  say(outcome([] { return wait_for(fail(10, "its error"), 1s); }));
}

void too_late() {  // S149, S151
  say(outcome([] { return wait_for(watched("late", 100), 10ms); }));
  auto task = create_task(watched("late task", 100));
  say(outcome([&] { return wait_for(task, 10ms); }));
  say(py(task.cancelled()) + " " + py(asyncio::current_task().cancelling()));
}

void it_runs_in_the_calling_task() {  // S149
  const auto me = asyncio::current_task();
  say(py(wait_for([me] { return asyncio::current_task() == me; }, 1s)));
}

void no_time_at_all() {  // S150
  auto& loop = get_running_loop();
  const auto work = [] { say("never begins"); };
  say(outcome([&] { wait_for(work, 0s); }));
  say(outcome([&] { wait_for(work, -1s); }));
  auto done = loop.create_future<std::string>();
  done.set_result("done before");
  say(wait_for(done, 0s));
  auto pending = loop.create_future<int>();
  say(outcome([&] { return wait_for(pending, 0s); }));
  say(py(pending.cancelled()));
  auto failed = loop.create_future<int>();
  failed.set_exception(Oops("failed before"));
  say(outcome([&] { return wait_for(failed, 0s); }));
}

std::string stubborn(asyncio::Duration clean_up, std::string result) {
  try {
    sleep(1s);
  } catch (const CancelledError&) {
    sleep(clean_up);
  }
  return result;
}

void angry(const std::string& text) {
  try {
    sleep(1s);
  } catch (const CancelledError&) {
    throw Oops(text);
  }
}

void no_time_and_a_stubborn_task() {  // S150
  auto one = create_task([] { return stubborn(10ms, "all the same"); });
  auto two = create_task([] { angry("while cancelled"); });
  sleep(0s);
  say(outcome([&] { return wait_for(one, 0s); }));
  say(outcome([&] { wait_for(two, 0s); }));
}

void a_value_after_the_deadline() {  // S151
  say(outcome([] { return wait_for([] { return stubborn(50ms, "returned all the same"); }, 10ms); }));
  say(outcome([] { wait_for([] { angry("raised instead"); }, 10ms); }));
  say(py(asyncio::current_task().cancelling()));
}

void cancelling_who_waits() {  // S153
  auto inner = create_task(watched("inner", 100));
  auto task = create_task([inner] { wait_for(inner, 1s); });
  sleep(10ms);
  task.cancel("outer");
  say(awaited(task));
  say(py(inner.cancelled()) + " " + py(task.cancelled()));
}

void shielding_a_task() {  // S154, S155
  auto inner = create_task(watched("inner", 20));
  auto outer = shield(inner);
  sleep(0s);
  say(py(outer.cancel("the outer")));
  say(awaited(outer));
  say(py(inner.cancelled()));
  say(await(inner));
}

void shielding_from_the_waiter() {  // S155
  auto inner = create_task(watched("inner", 20));
  auto task = create_task([inner] { return await(shield(inner)); });
  sleep(10ms);
  task.cancel();
  say(awaited(task));
  say(await(inner));
}

void a_shield_passes_outcomes_on() {  // S154
  say(await(shield(after(10, std::string("result")))));
  say(awaited(shield(fail(10, "error"))));
  auto inner = create_task(watched("inner", 20));
  auto outer = shield(inner);
  sleep(0s);
  inner.cancel("by itself");
  say(awaited(outer));
  say(py(outer.cancelled()) + " " + py(inner.cancelled()));
}

void a_shield_around_what_is_done() {  // S154
  auto task = create_task(after(0, std::string("x")));
  await(task);
  say(py(shield(task) == task));
}

void in_the_order_of_completion() {  // S158
  const auto tasks = tasks_after({30, 10, 20});
  for (const auto& task : as_completed(tasks)) {
    say(py(among(tasks, task)) + " " + py(await(task)));
  }
}

void completions_with_errors() {  // S158
  for (asyncio::Task<int> task : as_completed(std::vector{create_task(fail(10, "first")), create_task(after(20, 2))})) {
    say(awaited(task));
  }
}

void completions_with_a_deadline() {  // S159
  const auto tasks = tasks_after({10, 30});
  try {
    for (auto task : as_completed(tasks, {.timeout = 20ms})) say(py(await(task)));
  } catch (const asyncio::TimeoutError& error) {
    const auto done = std::ranges::count_if(tasks, [](const auto& task) { return task.done(); });
    say("timeout (" + std::string(error.what()) + ") " + py(done));
  }
  say(py(await(tasks[1])));
}

void completions_of_what_is_done() {  // S157
  auto& loop = get_running_loop();
  std::vector futures{loop.create_future<std::string>(), loop.create_future<std::string>()};
  futures[1].set_result("done before");
  loop.call_later(10ms, [later = futures[0]] { later.set_result("later"); });
  for (auto future : as_completed(futures)) say(await(future));
}

void leaving_early() {  // S158
  std::vector<Task<std::string>> tasks;
  for (int ms : {10, 20}) tasks.push_back(create_task(watched(py(ms) + " ms", ms)));
  for (auto task : as_completed(tasks)) {
    say("first " + await(task));
    break;
  }
  say(await(tasks[1]));
}

void cancelling_a_step_of_as_completed() {  // S160
  const auto tasks = tasks_after({20, 30});
  auto task = create_task([tasks] {
    for (auto next : as_completed(tasks)) say(py(await(next)));
  });
  sleep(10ms);
  task.cancel();
  say(awaited(task));
  int sum = 0;
  for (int result : await(asyncio::gather(tasks))) sum += result;
  say(py(sum));
}

void an_error_behind_a_cancelled_shield() {  // S155
  get_running_loop().set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    say(context.message + shown(context.exception).substr(4));
  });
  auto inner = create_task(fail(10, "nobody looks"));
  auto outer = shield(inner);
  sleep(0s);
  outer.cancel();
  say(awaited(outer));
  sleep(20ms);
  say(py(inner.done()));
  inner = {};
  say("dropped");
}

void waiting_for_what_is_done_suspends() {  // S148
  auto& loop = get_running_loop();
  const auto future = loop.create_future<int>();
  future.set_result(1);
  loop.call_soon([] { say("a callback"); });
  say(sizes(wait(std::vector{future})));
}

void wait_for_outside_a_task() {  // S152
  auto& loop = get_running_loop();
  const auto future = loop.create_future<void>();
  loop.call_soon([=] { say(outcome([&] { wait_for(future, 1s); })); });
  loop.call_soon([=] { say(outcome([&] { wait_for(future, {}); })); });
  sleep(0s);
  say(py(future.cancelled()));
}

}  // namespace

Group waiting() {
  return {"Waiting",
          "waiting",
          {
              {"waiting_for_all", waiting_for_all},
              {"waiting_for_the_first", waiting_for_the_first},
              {"waiting_for_the_first_error", waiting_for_the_first_error},
              {"waiting_with_a_timeout", waiting_with_a_timeout},
              {"a_cancelled_wait_leaves_the_tasks_alone", a_cancelled_wait_leaves_the_tasks_alone},
              {"what_wait_refuses", what_wait_refuses},
              {"the_same_future_twice_in_wait", the_same_future_twice_in_wait},
              {"what_ended_meanwhile_is_done_too", what_ended_meanwhile_is_done_too},
              {"in_time", in_time},
              {"too_late", too_late},
              {"it_runs_in_the_calling_task", it_runs_in_the_calling_task},
              {"no_time_at_all", no_time_at_all},
              {"no_time_and_a_stubborn_task", no_time_and_a_stubborn_task},
              {"a_value_after_the_deadline", a_value_after_the_deadline},
              {"cancelling_who_waits", cancelling_who_waits},
              {"shielding_a_task", shielding_a_task},
              {"shielding_from_the_waiter", shielding_from_the_waiter},
              {"a_shield_passes_outcomes_on", a_shield_passes_outcomes_on},
              {"a_shield_around_what_is_done", a_shield_around_what_is_done},
              {"in_the_order_of_completion", in_the_order_of_completion},
              {"completions_with_errors", completions_with_errors},
              {"completions_with_a_deadline", completions_with_a_deadline},
              {"completions_of_what_is_done", completions_of_what_is_done},
              {"leaving_early", leaving_early},
              {"cancelling_a_step_of_as_completed", cancelling_a_step_of_as_completed},
              {"an_error_behind_a_cancelled_shield", an_error_behind_a_cancelled_shield},
              {"waiting_for_what_is_done_suspends", waiting_for_what_is_done_suspends},
              {"wait_for_outside_a_task", wait_for_outside_a_task},
          },
          {}};
}

}  // namespace conformance
