// runners.cpp: run() and Runner: the way in and the way out. Rules S221 to S227.
#include <algorithm>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::get_running_loop;
using asyncio::Runner;
using asyncio::sleep;
using asyncio::Task;

asyncio::ContextVar<std::string> user{"user", "nobody"};

void run_gives_the_result() {  // S221
  const auto main = [] {
    sleep(1s);
    return std::string("result");
  };
  say(asyncio::run(main, {.loop_factory = new_loop}));
  say(outcome([] { asyncio::run([] { throw Oops("failed"); }, {.loop_factory = new_loop}); }));
  say(outcome([] {
    asyncio::run(
        [] {
          current_task().cancel("myself");
          sleep(0s);
        },
        {.loop_factory = new_loop});
  }));
}

void run_inside_a_running_loop() {  // S221
  const auto never = [] { say("never"); };
  say(outcome([&] { asyncio::run(never); }));
  Runner runner{{.loop_factory = new_loop}};
  say(outcome([&] { runner.run(never); }));
  runner.close();
}

void what_is_left_is_cancelled() {  // S227
  Task<void> left;
  say(asyncio::run(
      [&] {
        left = create_task([] {
          try {
            sleep(100s);
          } catch (const CancelledError&) {
            say("cancelled at the end");
            sleep(1s);
            say("after a second of cleaning up");
            throw;
          }
        });
        sleep(0s);
        return std::string("main ends");
      },
      {.loop_factory = new_loop}));
  say(py(left.cancelled()));
}

void what_fails_at_the_end_is_reported() {  // S227
  Task<void> left;
  asyncio::run(
      [&] {
        get_running_loop().set_exception_handler(
            [](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
              say(context.message + shown(context.exception).substr(4) + " " + context.task.get_name());
            });
        left = create_task(
            [] {
              try {
                sleep(100s);
              } catch (const CancelledError&) {
                throw Oops("while being cancelled");
              }
            },
            {.name = "stubborn"});
        sleep(0s);
      },
      {.loop_factory = new_loop});
  say("ended");
}

void what_swallows_the_cancellation_at_the_end() {  // S227
  Task<std::string> left;
  asyncio::run(
      [&] {
        left = create_task([] {
          try {
            sleep(100s);
          } catch (const CancelledError&) {
          }
          return std::string("stayed");
        });
        sleep(0s);
      },
      {.loop_factory = new_loop});
  say(left.result() + " " + py(left.cancelled()));
}

void several_runs_of_one_runner() {  // S222, S223
  {
    Runner runner({.loop_factory = new_loop});
    const auto work = [&](std::string name) {
      return [&runner, name] {
        const std::string before = user.get();
        user.set(name);
        return before + " " + py(&get_running_loop() == &runner.get_loop());
      };
    };
    say(runner.run(work("one")));
    say(runner.run(work("two")));
    const asyncio::Context given = asyncio::copy_context();
    say(runner.run(work("given"), {.context = given}));
    const std::string third = runner.run(work("three"));
    say(third + " " + given.get(user));
  }
  say(user.get());
}

void a_closed_runner() {  // S222
  Runner runner{{.loop_factory = new_loop}};
  say(py(runner.get_loop().is_closed()));
  runner.close();
  runner.close();
  say(outcome([&] { runner.get_loop(); }));
  say(outcome([&] { runner.run([] { say("never"); }); }));
  Runner unused;
  unused.close();
  say("closed without a loop");
}

void tasks_live_from_run_to_run() {  // S223
  std::vector<Task<void>> tasks;
  {
    Runner runner({.loop_factory = new_loop});
    runner.run([&] {
      for (int n : {1, 2, 3}) {
        tasks.push_back(create_task([n] {
          sleep(n * 1s);
          say("tick " + py(n));
        }));
      }
    });
    say("between");
    runner.run([] { sleep(1500ms); });
    say(py(std::ranges::count_if(tasks, [](const auto& task) { return task.done(); })));
  }
  say(py(std::ranges::count_if(tasks, [](const auto& task) { return task.cancelled(); })));
}

void which_loop_is_set() {  // S222
  asyncio::set_event_loop(nullptr);
  Runner runner{{.loop_factory = new_loop}};
  auto& loop = runner.get_loop();
  say(outcome([] { get_running_loop(); }));
  say(py(dynamic_cast<ClockworkLoop*>(&loop) != nullptr));
  say(py(runner.run([&] { return asyncio::get_event_loop() == &loop; })));
  runner.close();
}

void the_debug_argument() {  // S222
  const auto mode = [] { return get_running_loop().get_debug(); };
  say(py(asyncio::run(mode, {.debug = true, .loop_factory = new_loop})));
  say(py(asyncio::run(mode, {.debug = false, .loop_factory = new_loop})));
  say(py(asyncio::run(mode, {.loop_factory = new_loop})));
  Runner runner{{.debug = true, .loop_factory = new_loop}};
  say(py(runner.get_loop().get_debug()));
  runner.close();
}

void an_error_leaves_the_runner_usable() {  // S222
  Runner runner{{.loop_factory = new_loop}};
  say(outcome([&] { runner.run([] { throw Oops("first"); }); }));
  say(runner.run([] { return std::string("second"); }));
}

void an_exit_out_of_main() {  // S87, S227
  struct CleanUp {
    ~CleanUp() { say("background cleaned up"); }
  };
  Task<void> left;
  say(outcome([&] {
    asyncio::run(
        [&] {
          left = create_task([] {
            const CleanUp clean_up;
            sleep(100s);
          });
          sleep(0s);
          throw asyncio::SystemExit();
        },
        {.loop_factory = new_loop});
  }));
  say(py(left.cancelled()));
}

void the_name_of_the_main_task() {  // S360
  say(py(asyncio::run([] { return current_task().get_name().starts_with("Task-"); }, {.loop_factory = new_loop})));
}

}  // namespace

Group runners() {
  return {"Runners",
          "runners",
          {
              {"run_inside_a_running_loop", run_inside_a_running_loop},
          },
          {
              {"run_gives_the_result", run_gives_the_result},
              {"what_is_left_is_cancelled", what_is_left_is_cancelled},
              {"what_fails_at_the_end_is_reported", what_fails_at_the_end_is_reported},
              {"what_swallows_the_cancellation_at_the_end", what_swallows_the_cancellation_at_the_end},
              {"several_runs_of_one_runner", several_runs_of_one_runner},
              {"a_closed_runner", a_closed_runner},
              {"tasks_live_from_run_to_run", tasks_live_from_run_to_run},
              {"which_loop_is_set", which_loop_is_set},
              {"the_debug_argument", the_debug_argument},
              {"an_error_leaves_the_runner_usable", an_error_leaves_the_runner_usable},
              {"an_exit_out_of_main", an_exit_out_of_main},
              {"the_name_of_the_main_task", the_name_of_the_main_task},
          }};
}

}  // namespace conformance
