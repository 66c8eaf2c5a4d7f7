// gathering.cpp: gather(): results, errors and cancellation of several at once. Rules S136 to S143.
#include <tuple>

#include "tests/conformance/coroutines.hpp"
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::gather;
using asyncio::get_running_loop;
using asyncio::sleep;

/// How a gather() ends, without its results.
template <class F>
std::string ending(const F& outer) {
  return outcome([&] { static_cast<void>(await(outer)); });
}

template <class T>
std::string boxed(const asyncio::Outcome<T>& element) {
  return element.has_value() ? py(element.value()) : shown(element.exception());
}

void results_stand_in_the_order_of_the_arguments() {  // S136
  const auto [a, b, c] =
      await(gather(after(30, std::string("a")), after(10, std::string("b")), after(20, std::string("c"))));
  say(a + b + c);
}

void children_start_in_the_order_of_the_arguments() {  // S136
  const auto work = [](int n) { return [n] { say("work " + py(n)); }; };
  auto outer = gather(work(1), work(2), work(3));
  say("gathered");
  await(outer);
}

void nothing_to_gather() {  // S136
  auto outer = gather(std::vector<asyncio::Task<int>>{});
  say(py(outer.done()) + " " + py(await(outer).size()));
}

void the_same_child_twice() {  // S136
  auto task = create_task(after(10, std::string("x")));
  const auto [a, b] = await(gather(task, task));
  say(a + b);
}

void the_first_error_wins_and_the_others_go_on() {  // S137
  auto other = create_task(watched("other", 50));
  say(ending(gather(other, fail(20, "second"), fail(10, "first"))));
  say(py(other.done()));
  say(await(other));
}

void errors_as_results() {  // S138
  const auto [a, b, c] = await(gather(asyncio::return_exceptions, after(1, 7), fail(2, "boxed"), after(3, 9)));
  say(boxed(a) + " " + boxed(b) + " " + boxed(c));
}

void a_cancelled_child_is_an_error() {  // S138
  auto child = create_task(watched("child", 50));
  auto outer = gather(child, after(10, 1));
  sleep(0s);
  child.cancel("its own");
  say(ending(outer));
  say(py(outer.cancelled()) + " " + py(outer.done()) + " " + py(asyncio::current_task().cancelling()));
}

void a_cancelled_child_as_a_result() {  // S138
  auto child = create_task(watched("child", 50));
  auto outer = gather(asyncio::return_exceptions, child, after(10, 1));
  sleep(0s);
  child.cancel("its own");
  const auto [a, b] = await(outer);
  say(boxed(a) + " " + boxed(b));
}

void cancelling_the_outer_future() {  // S139
  auto outer = gather(watched("a", 50), watched("b", 50));
  sleep(10ms);
  const bool accepted = outer.cancel("all");
  say(py(accepted) + " " + py(outer.done()));
  say(ending(outer));
  say(py(outer.cancelled()) + " " + py(outer.cancel()));
}

void cancelling_the_waiting_task() {  // S139
  auto task = create_task([] { await(gather(watched("a", 50), watched("b", 50))); });
  sleep(10ms);
  task.cancel("the waiter");
  say(awaited(task));
  say(py(task.cancelled()));
}

void cancelling_before_the_children_began() {  // S139
  auto outer = gather(watched("a", 50), watched("b", 50));
  outer.cancel();
  say(ending(outer));
}

auto stubborn(std::string value) {
  return [=] {
    try {
      sleep(1s);
    } catch (const CancelledError&) {
      say(value + " stays");
    }
    return value;
  };
}

void children_that_swallow_the_cancellation() {  // S140
  auto outer = gather(stubborn("a"), stubborn("b"));
  sleep(0s);
  outer.cancel();
  say(ending(outer));
  auto boxing = gather(asyncio::return_exceptions, stubborn("c"));
  sleep(0s);
  boxing.cancel();
  say(ending(boxing));
}

void cancelling_after_an_error() {  // S141
  auto slow = create_task(watched("slow", 30));
  auto outer = gather(slow, fail(10, "quick"));
  say(ending(outer));
  const bool accepted = outer.cancel();
  say(py(accepted) + " " + py(slow.cancelled()));
  await(slow);
}

void children_that_are_done_already() {  // S142
  auto& loop = get_running_loop();
  auto one = loop.create_future<int>();
  auto two = loop.create_future<int>();
  one.set_result(1);
  two.set_result(2);
  auto outer = gather(one, two);
  const bool done = outer.done();
  const auto [first, second] = await(outer);
  say(py(done) + " [" + py(first) + ", " + py(second) + "]");
  two = loop.create_future<int>();
  two.set_exception(Oops("failed before"));
  outer = gather(loop.create_future<int>(), two);
  say(py(outer.done()) + " " + ending(outer));
}

void gathering_gathers() {
  auto left = gather(after(10, 1), after(20, 2));
  auto right = gather(after(15, 3));
  const auto [both, single] = await(gather(left, right));
  say(py(std::get<0>(both)) + " " + py(std::get<1>(both)) + " " + py(std::get<0>(single)));
}

void later_errors_are_not_reported() {  // S137
  get_running_loop().set_exception_handler(
      [](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) { say("report " + context.message); });
  say(ending(gather(fail(10, "first"), fail(20, "second"))));
  sleep(50ms);
  say("no report");
}

void a_gather_that_nobody_awaits() {  // S75
  get_running_loop().set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    say(context.message + shown(context.exception).substr(4));
  });
  auto outer = gather(fail(10, "lost"));
  sleep(50ms);
  say(py(outer.done()));
  outer = {};
}

void done_callbacks_of_a_gather() {
  auto outer = gather(after(10, 1), after(5, 2));
  outer.add_done_callback([outer](asyncio::AnyFuture) {
    const auto [one, two] = outer.result();
    say(py(one + two) + " in the callback");
  });
  await(outer);
  sleep(0s);
}

void futures_of_two_loops() {  // S136
  auto other = new_loop();
  auto mine = get_running_loop().create_future<int>();
  say(outcome([&] { gather(mine, other->create_future<int>()); }));
  other->close();
}

void what_a_cancelled_gather_says() {  // S110, S140
  // It is what the last of the arguments has to say: nothing, where that one was not cancelled.
  const auto stubborn = [] {
    try {
      sleep(1s);
    } catch (const CancelledError&) {
      say("stays");
    }
    return std::string("value");
  };
  const auto said = [](const asyncio::AnyFuture& outer) {
    sleep(0s);
    outer.cancel("all");
    try {
      await(outer);
    } catch (const CancelledError& error) {
      say(args(error));
    }
  };
  said(gather(asyncio::return_exceptions, stubborn, watched("last", 50)));
  said(gather(asyncio::return_exceptions, watched("first", 50), stubborn));
  said(gather(stubborn, stubborn));
}

void errors_beside_those_that_a_cancelled_gather_drops() {  // S75, S140
  get_running_loop().set_exception_handler(
      [](auto&, const asyncio::ExceptionContext& context) { say("report " + context.message); });
  auto outer = gather(asyncio::return_exceptions, fail(0, "seen"), watched("other", 50));
  sleep(10ms);
  outer.cancel();
  say(ending(outer));
  outer = {};
  sleep(0s);
  say("no report");
}

}  // namespace

Group gathering() {
  return {"Gathering",
          "gathering",
          {
              {"results_stand_in_the_order_of_the_arguments", results_stand_in_the_order_of_the_arguments},
              {"children_start_in_the_order_of_the_arguments", children_start_in_the_order_of_the_arguments},
              {"nothing_to_gather", nothing_to_gather},
              {"the_same_child_twice", the_same_child_twice},
              {"the_first_error_wins_and_the_others_go_on", the_first_error_wins_and_the_others_go_on},
              {"errors_as_results", errors_as_results},
              {"a_cancelled_child_is_an_error", a_cancelled_child_is_an_error},
              {"a_cancelled_child_as_a_result", a_cancelled_child_as_a_result},
              {"cancelling_the_outer_future", cancelling_the_outer_future},
              {"cancelling_the_waiting_task", cancelling_the_waiting_task},
              {"cancelling_before_the_children_began", cancelling_before_the_children_began},
              {"children_that_swallow_the_cancellation", children_that_swallow_the_cancellation},
              {"cancelling_after_an_error", cancelling_after_an_error},
              {"children_that_are_done_already", children_that_are_done_already},
              {"gathering_gathers", gathering_gathers},
              {"later_errors_are_not_reported", later_errors_are_not_reported},
              {"a_gather_that_nobody_awaits", a_gather_that_nobody_awaits},
              {"done_callbacks_of_a_gather", done_callbacks_of_a_gather},
              {"futures_of_two_loops", futures_of_two_loops},
              {"what_a_cancelled_gather_says", what_a_cancelled_gather_says},
              {"errors_beside_those_that_a_cancelled_gather_drops", errors_beside_those_that_a_cancelled_gather_drops},
          },
          {}};
}

}  // namespace conformance
