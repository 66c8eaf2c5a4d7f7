// running.cpp: running, stopping and closing a loop; which loop runs. Rules S24 to S43.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::sleep;

void stop_before_the_run_means_one_iteration() {  // S27
  auto loop = new_loop();
  loop->call_soon([&] {
    say("one");
    loop->call_soon([] { say("two"); });
  });
  loop->stop();
  loop->run_forever();
  say("between");
  loop->stop();
  loop->run_forever();
  loop->close();
}

void stop_does_not_cut_an_iteration_short() {  // S26
  auto loop = new_loop();
  loop->call_soon([] { say("before"); });
  loop->call_soon([&] { loop->stop(); });
  loop->call_soon([&] {
    say("after");
    loop->call_soon([] { say("in the next run"); });
  });
  loop->run_forever();
  say("stopped");
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  loop->close();
}

void stopping_twice_is_stopping_once() {  // S28
  auto loop = new_loop();
  loop->call_soon([&] { loop->stop(); });
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  loop->call_soon([&] {
    loop->call_soon([&] {
      say("two iterations later");
      loop->stop();
    });
  });
  loop->run_forever();
  loop->close();
}

void run_until_complete_gives_the_result() {  // S29, S31
  auto loop = new_loop();
  say(py(loop->run_until_complete([] { return 42; })));
  say(outcome([&] { return loop->run_until_complete([]() -> int { throw Oops("failed"); }); }));
  auto future = loop->create_future<std::string>();
  future.set_result("done already");
  say(loop->run_until_complete(future));
  future = loop->create_future<std::string>();
  loop->call_later(1s, [future] { future.set_result("after a second"); });
  say(loop->run_until_complete(future));
  auto cancelled = loop->create_future<void>();
  cancelled.cancel("by hand");
  say(outcome([&] { loop->run_until_complete(cancelled); }));
  loop->close();
}

void a_run_that_is_stopped_too_early() {  // S30
  auto loop = new_loop();
  auto future = loop->create_future<int>();
  loop->call_soon([&] { loop->stop(); });
  say(outcome([&] { return loop->run_until_complete(future); }));
  say(py(future.done()));
  loop->stop();
  say(loop->run_until_complete([] { return std::string("in one step"); }));
  loop->close();
}

void callbacks_beside_the_stop_still_run() {  // S32
  auto loop = new_loop();
  auto future = loop->create_future<std::string>();
  loop->call_soon([&loop, future] {
    future.set_result("result");
    loop->call_soon([] { say("same iteration"); });
  });
  say(loop->run_until_complete(future));
  loop->close();
}

void another_loops_future_is_refused() {  // S29
  auto loop = new_loop();
  auto other = new_loop();
  say(outcome([&] { loop->run_until_complete(other->create_future<void>()); }));
  loop->close();
  other->close();
}

void a_running_loop_cannot_be_run_or_closed() {  // S24, S36
  auto& loop = get_running_loop();
  say(outcome([&] { loop.run_forever(); }));
  say(outcome([&] { loop.run_until_complete(loop.create_future<void>()); }));
  say(outcome([&] { loop.close(); }));
  auto other = new_loop();
  say(outcome([&] { other->run_forever(); }));
  say(outcome([&] { other->run_until_complete(other->create_future<void>()); }));
  say(py(loop.is_running()) + " " + py(other->is_running()) + " " + py(&get_running_loop() == &loop));
  other->close();
  say(py(loop.is_closed()) + " " + py(other->is_closed()));
}

void a_closed_loop_refuses() {  // S37
  auto loop = new_loop();
  loop->close();
  loop->close();
  const auto never = [] { say("never"); };
  say(outcome([&] { loop->call_soon(never); }));
  say(outcome([&] { loop->call_later(1s, never); }));
  say(outcome([&] { loop->call_at(asyncio::TimePoint{1s}, never); }));
  say(outcome([&] { loop->call_soon_threadsafe(never); }));
  say(outcome([&] { loop->create_task(never); }));
  say(outcome([&] { loop->run_forever(); }));
  say(outcome([&] { loop->run_until_complete(never); }));
  say(outcome([&] { loop->run_until_complete(loop->create_future<void>()); }));
  loop->stop();
  say(py(loop->is_closed()) + " " + py(loop->is_running()) + " " + py(loop->create_future<int>().done()));
}

void completing_a_future_of_a_closed_loop() {  // S71
  auto loop = new_loop();
  auto quiet = loop->create_future<int>();
  auto future = loop->create_future<int>();
  future.add_done_callback([](asyncio::AnyFuture) { say("never"); });
  loop->close();
  quiet.set_result(1);
  say(outcome([&] { future.set_result(2); }));
  say(py(quiet.result()) + " " + py(future.done()) + " " + py(future.result()));
}

void an_exit_leaves_the_loop_at_once() {  // S57
  auto loop = new_loop();
  loop->call_soon([] { say("before"); });
  loop->call_soon([] { throw asyncio::KeyboardInterrupt(); });
  loop->call_soon([] { say("left over"); });
  say(outcome([&] { loop->run_forever(); }));
  say(py(loop->is_running()) + " " + py(loop->is_closed()));
  loop->call_soon([&] { loop->stop(); });
  loop->call_soon([] { say("new"); });
  loop->run_forever();
  loop->close();
}

void a_task_that_exits() {  // S34, S87
  auto loop = new_loop();
  auto task = loop->create_task([] {
    sleep(0s);
    throw asyncio::SystemExit();
  });
  say(outcome([&] { loop->run_until_complete(task); }));
  say(py(task.done()) + " " + py(task.cancelled()) + " " + outcome([&] { task.result(); }));
  loop->call_later(1s, [&] {
    say("the next run is whole");
    loop->stop();
  });
  loop->run_forever();
  loop->close();
}

void which_loop_is_current() {  // S25, S41, S42
  asyncio::set_event_loop(nullptr);
  say(outcome([] { get_running_loop(); }));
  auto loop = new_loop();
  asyncio::set_event_loop(loop.get());
  say(py(asyncio::get_event_loop() == loop.get()));
  say(outcome([] { get_running_loop(); }));
  auto other = new_loop();
  say(py(other->run_until_complete(
      [&] { return asyncio::get_event_loop() == other.get() && &get_running_loop() == other.get(); })));
  say(py(asyncio::get_event_loop() == loop.get()));
  asyncio::set_event_loop(nullptr);
  loop->close();
  other->close();
}

void nested_calls_inside_callbacks() {  // S24
  auto loop = new_loop();
  loop->call_soon([&] { say(outcome([&] { loop->run_forever(); })); });
  loop->call_soon([&] { say(py(loop->is_running())); });
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  say(py(loop->is_running()));
  loop->close();
}

void a_loop_runs_again_and_again() {  // S28, S31
  auto loop = new_loop();
  int count = 0;
  const auto step = [&] {
    ++count;
    sleep(1s);
    return count;
  };
  const asyncio::TimePoint start = loop->time();
  int sum = 0;
  for (int n = 0; n < 4; ++n) sum += loop->run_until_complete(step);
  say(py(sum));
  say(py((loop->time() - start) / 1s));
  loop->close();
}

void an_error_in_a_callback_does_not_end_the_run() {  // S56
  auto loop = new_loop();
  loop->set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    say("reported " + outcome([&] { std::rethrow_exception(context.exception); }).substr(6));
  });
  loop->call_soon([] { throw Oops("in a callback"); });
  loop->call_soon([] { say("goes on"); });
  loop->call_soon([&] { loop->stop(); });
  loop->run_forever();
  loop->close();
}

void a_task_left_over_from_a_run() {  // S30, S97
  auto loop = new_loop();
  std::vector<std::string> reports;
  loop->set_exception_handler([&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    reports.push_back(context.message);
  });
  auto task = loop->run_until_complete([] {
    auto background = create_task([] {
      say("background begins");
      sleep(1s);
      say("background ends");
    });
    sleep(0s);
    return background;
  });
  say(py(task.done()));
  loop->run_until_complete(task);
  say(py(task.done()) + (reports.empty() ? " []" : " reports"));
  loop->close();
}

void the_debug_flag() {  // S49
  auto loop = new_loop();
  say(py(loop->get_debug()));
  loop->set_debug(true);
  say(py(loop->get_debug()));
  loop->close();
}

void closing_with_pending_tasks() {  // S36, S97, S359
  auto loop = new_loop();
  loop->set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    say(context.message + " " + context.task.get_name());
  });
  loop->create_task([] { sleep(100s); }, {.name = "sleeper"});
  loop->stop();
  loop->run_forever();
  loop->close();
}

}  // namespace

Group running() {
  return {"Running",
          "running",
          {
              {"a_running_loop_cannot_be_run_or_closed", a_running_loop_cannot_be_run_or_closed},
          },
          {
              {"stop_before_the_run_means_one_iteration", stop_before_the_run_means_one_iteration},
              {"stop_does_not_cut_an_iteration_short", stop_does_not_cut_an_iteration_short},
              {"stopping_twice_is_stopping_once", stopping_twice_is_stopping_once},
              {"run_until_complete_gives_the_result", run_until_complete_gives_the_result},
              {"a_run_that_is_stopped_too_early", a_run_that_is_stopped_too_early},
              {"callbacks_beside_the_stop_still_run", callbacks_beside_the_stop_still_run},
              {"another_loops_future_is_refused", another_loops_future_is_refused},
              {"a_closed_loop_refuses", a_closed_loop_refuses},
              {"completing_a_future_of_a_closed_loop", completing_a_future_of_a_closed_loop},
              {"an_exit_leaves_the_loop_at_once", an_exit_leaves_the_loop_at_once},
              {"a_task_that_exits", a_task_that_exits},
              {"which_loop_is_current", which_loop_is_current},
              {"nested_calls_inside_callbacks", nested_calls_inside_callbacks},
              {"a_loop_runs_again_and_again", a_loop_runs_again_and_again},
              {"an_error_in_a_callback_does_not_end_the_run", an_error_in_a_callback_does_not_end_the_run},
              {"a_task_left_over_from_a_run", a_task_left_over_from_a_run},
              {"the_debug_flag", the_debug_flag},
              {"closing_with_pending_tasks", closing_with_pending_tasks},
          }};
}

}  // namespace conformance
