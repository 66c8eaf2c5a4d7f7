// eager.cpp: tasks whose first step runs at once. Rules S124 to S131.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::all_tasks;
using asyncio::await;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::get_running_loop;
using asyncio::sleep;

asyncio::ContextVar<std::string> user{"user", "nobody"};

void the_first_step_runs_inside_create_task() {  // S125, S126
  const auto me = current_task();
  auto task = create_task(
      [me] {
        say("in it: " + py(current_task() == me) + " " + py(all_tasks().size()));
        sleep(0s);
        say("later: " + py(all_tasks().size()));
        return std::string("result");
      },
      {.eager_start = true});
  say("created: " + py(current_task() == me) + " " + py(task.done()) + " " + py(all_tasks().size()));
  say(await(task));
}

void a_coroutine_that_ends_in_its_first_step() {  // S127
  get_running_loop().call_soon([] { say("callback"); });
  auto task = create_task(
      [] {
        say("work");
        return 7;
      },
      {.name = "quick", .eager_start = true});
  say(py(task.done()) + " " + py(task.result()) + " " + task.get_name() + " " + py(all_tasks().size()) + " " +
      py(!task.get_coro()));
  task.add_done_callback([task](asyncio::AnyFuture) { say("done callback " + py(task.result())); });
  say(py(await(task)));
  sleep(0s);
}

void an_error_in_the_first_step_is_kept() {  // S128
  auto task = create_task([] { throw Oops("early"); }, {.eager_start = true});
  say(py(task.done()) + " " + shown(task.exception()));
  say(awaited(task));
}

void an_exit_in_the_first_step_is_not() {  // S128
  say(outcome([] { create_task([] { throw asyncio::SystemExit(); }, {.eager_start = true}); }));
  say(py(static_cast<bool>(current_task())));
}

void cancelling_itself_in_the_first_step() {  // S129
  auto returned = create_task(
      [] {
        current_task().cancel("and returned");
        return 1;
      },
      {.eager_start = true});
  say(py(returned.done()) + " " + py(returned.cancelled()) + " " + awaited(returned));
  auto waiting = create_task(
      [] {
        current_task().cancel("and waited");
        sleep(100s);
      },
      {.eager_start = true});
  say(py(waiting.done()) + " " + py(waiting.cancelling()));
  say(awaited(waiting));
}

void an_eager_task_has_its_own_context() {  // S125
  const auto work = [] {
    user.set("eager");
    sleep(0s);
    return user.get();
  };
  user.set("mine");
  auto task = create_task(work, {.eager_start = true});
  say(user.get());
  say(await(task));
  const asyncio::Context given = asyncio::copy_context();
  task = create_task(work, {.context = given, .eager_start = true});
  say(user.get() + " " + given.get(user));
  await(task);
}

void the_eager_factory() {  // S131
  auto& loop = get_running_loop();
  const auto work = [](int n) {
    return [n] {
      say("work " + py(n));
      return n;
    };
  };
  loop.set_task_factory(asyncio::eager_task_factory);
  auto one = create_task(work(1));
  say("after one " + py(one.done()));
  const auto [two, three] = await(asyncio::gather(work(2), work(3)));
  say(py(two + three));
  loop.set_task_factory(nullptr);
  auto four = create_task(work(4));
  say("after four " + py(four.done()));
  await(four);
}

int level(int n) {
  const std::string name = current_task().get_name();
  say("enter " + py(n));
  if (n > 0) await(create_task([n] { return level(n - 1); }, {.name = "level " + py(n - 1)}));
  say("leave " + py(n) + " " + py(current_task().get_name() == name));
  return n;
}

void eager_tasks_that_start_eager_tasks() {  // S125
  get_running_loop().set_task_factory(asyncio::eager_task_factory);
  auto task = create_task([] { return level(2); }, {.name = "level 2"});
  const bool done = task.done();
  say(py(done) + " " + py(await(task)));
}

void an_eager_task_that_waits() {  // S124
  auto future = get_running_loop().create_future<std::string>();
  auto task = create_task(
      [future] {
        say("waits");
        return await(future);
      },
      {.eager_start = true});
  say("created");
  future.set_result("set");
  say(await(task));
}

void without_a_running_loop_the_start_is_not_eager() {  // S124
  auto loop = new_loop();
  auto task = loop->create_task([] { say("work"); }, {.eager_start = true});
  say(py(task.done()));
  loop->run_until_complete(task);
  loop->close();
}

void eager_children_of_a_group() {  // S131, S180
  get_running_loop().set_task_factory(asyncio::eager_task_factory);
  try {
    asyncio::task_group([](asyncio::TaskGroup& group) {
      group.create_task([] { say("work"); });
      group.create_task([] { throw Oops("eager failure"); });
      say("the body goes on");
      sleep(1s);
      say("never");
    });
  } catch (const asyncio::ExceptionGroup& errors) {
    say(shown(errors.exceptions()[0]).substr(6));
  }
}

}  // namespace

Group eager() {
  return {"Eager",
          "eager",
          {
              {"the_first_step_runs_inside_create_task", the_first_step_runs_inside_create_task},
              {"a_coroutine_that_ends_in_its_first_step", a_coroutine_that_ends_in_its_first_step},
              {"an_error_in_the_first_step_is_kept", an_error_in_the_first_step_is_kept},
              {"an_exit_in_the_first_step_is_not", an_exit_in_the_first_step_is_not,
               "a world fails where SystemExit is left unheard"},
              {"cancelling_itself_in_the_first_step", cancelling_itself_in_the_first_step},
              {"an_eager_task_has_its_own_context", an_eager_task_has_its_own_context},
              {"the_eager_factory", the_eager_factory},
              {"eager_tasks_that_start_eager_tasks", eager_tasks_that_start_eager_tasks},
              {"an_eager_task_that_waits", an_eager_task_that_waits},
              {"eager_children_of_a_group", eager_children_of_a_group},
          },
          {
              {"without_a_running_loop_the_start_is_not_eager", without_a_running_loop_the_start_is_not_eager},
          }};
}

}  // namespace conformance
