// tasks.cpp: tasks: names, steps, results, and what each await costs. Rules S80 to S98, S132 to S135.
#include <cmath>
#include <functional>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::get_running_loop;
using asyncio::sleep;
using asyncio::Task;

asyncio::ContextVar<std::string> user{"user", "nobody"};

void creating_runs_nothing_yet() {  // S81
  auto& loop = get_running_loop();
  loop.call_soon([] { say("callback 1"); });
  auto task = create_task([] {
    say("work");
    return 1;
  });
  loop.call_soon([] { say("callback 2"); });
  say("created");
  say(py(await(task)));
}

void names_of_tasks() {  // S80, S360
  const auto work = [] { return current_task().get_name(); };
  auto named = create_task(work, {.name = "worker"});
  auto plain = create_task(work);
  const std::string plain_name = plain.get_name();
  say(named.get_name() + " " + py(plain_name.starts_with("Task-")));
  named.set_name("renamed");
  plain.set_name("no longer plain");
  say(await(named) + " " + await(plain));
  auto one = create_task(work);
  auto two = create_task(work);
  say(py(std::stoi(two.get_name().substr(5)) - std::stoi(one.get_name().substr(5))));
  await(asyncio::gather(one, two));
}

template <class F>
void result_of(F work) {
  auto task = create_task(work);
  say(outcome([&] { return task.result(); }));
  say(awaited(task));
  say(py(task.done()) + " " + py(task.cancelled()) + " " + outcome([&] { return shown(task.exception()); }));
}

void results_of_tasks() {  // S85, S88
  result_of([] { return std::string("value"); });
  result_of([] {});
  result_of([] { throw Oops("error"); });
}

void a_task_cannot_be_completed_by_hand() {  // S96
  auto task = create_task([] { return 1; });
  asyncio::Future<int> future = task;
  say(outcome([&] { future.set_result(2); }));
  say(outcome([&] { task.set_exception(Oops("x")); }));
  say(py(await(task)));
}

void steps_interleave() {  // S91
  const auto work = [](std::string name, int steps) {
    return [=] {
      for (int n = 0; n < steps; ++n) {
        say(name + py(n));
        sleep(0s);
      }
      return name;
    };
  };
  const std::vector tasks{create_task(work("a", 3)), create_task(work("b", 1)), create_task(work("c", 2))};
  std::string names;
  for (const Task<std::string>& task : tasks) names += await(task);
  say(names);
}

void awaiting_a_coroutine_is_calling_it() {  // S93
  get_running_loop().call_soon([] { say("callback"); });
  const auto inner = [] {
    say("inner");
    return current_task();
  };
  say(py(await(inner) == current_task()));
  sleep(0s);
}

/// How many iterations of the loop an await takes.
template <class A>
std::string iterations(A awaitable) {
  auto& loop = get_running_loop();
  int count = -1;
  asyncio::Handle next;
  std::function<void()> tick = [&] {
    ++count;
    next = loop.call_soon([&] { tick(); });
  };
  tick();
  const std::string result = awaited(awaitable);
  next.cancel();  // what it would call is on this stack
  return py(count) + " " + result;
}

void what_awaiting_costs() {  // S93
  auto& loop = get_running_loop();
  const auto quick = [] { return std::string("quick"); };
  auto done = loop.create_future<std::string>();
  done.set_result("done");
  say("coroutine " + iterations(quick));
  say("done future " + iterations(done));
  say("sleep(0) " + iterations([] { return sleep(0s, std::string("slept")); }));
  say("task " + iterations([&] { return await(create_task(quick)); }));
  say("gather " + iterations([&] { return std::get<0>(await(asyncio::gather(quick))); }));
  say("shield " + iterations([&] { return await(asyncio::shield(quick)); }));
  say("wait_for " + iterations([&] { return asyncio::wait_for(quick, 1s); }));
  say("wait_for 0 " + iterations([&] { return asyncio::wait_for(quick, 0s); }));

  const auto waited = [](asyncio::AnyFuture future, asyncio::WaitOptions options = {}) {
    const auto [done, pending] = asyncio::wait(std::vector{future}, options);
    return py(done.size()) + " " + py(pending.size());
  };
  say("wait " + iterations([&] { return waited(create_task(quick)); }));
  say("wait done " + iterations([&] { return waited(done); }));
  auto pending = loop.create_future<void>();
  say("wait timeout 0 " + iterations([&] { return waited(pending, {.timeout = 0s}); }));

  const auto group = [&](int count) {
    asyncio::task_group([&](asyncio::TaskGroup& tasks) {
      for (int n = 0; n < count; ++n) tasks.create_task(quick);
    });
  };
  say("group of none " + iterations([&] { group(0); }));
  say("group of one " + iterations([&] { group(1); }));
  say("timeout 0 " + iterations([&] { asyncio::timeout(0s, [&] { await(pending); }); }));
}

void what_locks_cost() {  // S93
  auto& loop = get_running_loop();
  asyncio::Lock lock;
  say("lock " + iterations([&] { return lock.acquire(); }));
  const auto hand_over = [&] {
    auto waiter = create_task([&] { return lock.acquire(); });
    sleep(0s);
    lock.release();
    return iterations(waiter);
  };
  say("hand over " + hand_over());
  asyncio::Queue<int> queue;
  say("put " + iterations([&] { queue.put(1); }));
  say("get " + iterations([&] { return queue.get(); }));
  asyncio::Event event;
  loop.call_soon([&] { event.set(); });
  say("event " + iterations([&] { return event.wait(); }));
  say("set event " + iterations([&] { return event.wait(); }));
  asyncio::Semaphore semaphore{1};
  say("semaphore " + iterations([&] { return semaphore.acquire(); }));
  loop.call_soon([&] { semaphore.release(); });
  say("handed permit " + iterations([&] { return semaphore.acquire(); }));
}

void a_task_that_awaits_itself() {  // S90
  Task<std::string> task;
  task = create_task(
      [&] {
        const std::string refusal = awaited(task);
        say(refusal.substr(0, refusal.find(':')));
        return std::string("alive");
      },
      {.name = "t"});
  say(await(task));
}

void level(int n) {
  if (n == 0) throw Oops("deep");
  await(create_task([n] { level(n - 1); }));
}

void tasks_that_await_tasks() {  // S92
  auto task = create_task([] { level(3); });
  say(awaited(task));
  say(shown(task.exception()));
}

void several_await_one_task() {  // S92
  auto task = create_task([] {
    sleep(10ms);
    return std::string("result");
  });
  const auto waiter = [task](int n) { return [=] { say(py(n) + " " + await(task)); }; };
  await(asyncio::gather(waiter(0), waiter(1), waiter(2)));
  say(await(task));
}

void a_task_works_on_a_copy_of_the_context() {  // S83, S351
  user.set("mine");
  auto task = create_task([] {
    say("sees " + user.get());
    user.set("the task's");
    sleep(0s);
    say("still " + user.get());
  });
  user.set("changed");
  await(task);
  say(user.get() + " " + task.get_context().get(user));
}

void tasks_share_a_given_context() {  // S82, S351
  const asyncio::Context shared = asyncio::copy_context();
  const auto work = [](std::string name) {
    return [=] {
      say(name + " sees " + user.get());
      user.set(name);
      sleep(0s);
      say(name + " then sees " + user.get());
    };
  };
  // As arguments of one call the two would be made in whatever order the compiler likes.
  auto a = create_task(work("a"), {.context = shared});
  auto b = create_task(work("b"), {.context = shared});
  await(asyncio::gather(a, b));
  say(shared.get(user) + " " + user.get());
}

void done_callbacks_of_a_task() {  // S68
  auto task = create_task([] {
    say("work");
    return 3;
  });
  task.add_done_callback([task](asyncio::AnyFuture t) { say("callback " + py(task.result()) + " " + py(t == task)); });
  say(py(await(task)));
  sleep(0s);
  task.add_done_callback([](asyncio::AnyFuture) { say("added late"); });
  sleep(0s);
}

void a_task_factory_makes_the_tasks() {  // S135
  auto& loop = get_running_loop();
  say(py(loop.get_task_factory() != nullptr));
  const auto work = [] { return current_task().get_name(); };
  loop.set_task_factory(
      [](asyncio::AbstractEventLoop& owner, asyncio::Coroutine coroutine, asyncio::TaskOptions options) {
        say("making " + options.name.value_or("None"));
        return asyncio::make_task(owner, coroutine, options);
      });
  say(py(loop.get_task_factory() != nullptr));
  say(await(loop.create_task(work, {.name = "one"})));
  say(await(create_task(work, {.name = "two"})));
  loop.set_task_factory(nullptr);
  say(await(create_task(work, {.name = "three"})));
}

void create_task_needs_a_running_loop() {  // S134
  const auto work = [] { return std::string("made before the run"); };
  say(outcome([&] { create_task(work); }));
  auto loop = new_loop();
  auto task = loop->create_task(work);
  say(loop->run_until_complete(task));
  loop->close();
}

void ensuring_a_future() {  // S133
  auto future = get_running_loop().create_future<void>();
  say(py(asyncio::ensure_future(future) == future));
  const auto work = [] { return std::string("work"); };
  auto task = create_task(work);
  say(py(asyncio::ensure_future(task) == task));
  auto made = asyncio::ensure_future(work);
  say(py(asyncio::isfuture(made)) + " " + await(made) + " " + await(task));
  auto other = new_loop();
  say(outcome([&] { asyncio::ensure_future(future, {.loop = other.get()}); }));
  other->close();
}

void fractions_of_seconds() {  // S14, S132
  auto& loop = get_running_loop();
  const auto begin = loop.time();
  const auto passed = [&] { return py((loop.time() - begin) / 1ms); };
  sleep(0.5s);
  say(passed());
  loop.call_later(0.25s, [] { say("called"); });
  sleep(0.75s);
  say(passed());
  say(outcome([&] { asyncio::wait_for(loop.create_future<void>(), 0.125s); }));
  say(passed());
  say(outcome([] { sleep(std::chrono::duration<double>(std::nan(""))); }));
}

void sleeping() {  // S132
  auto& loop = get_running_loop();
  const auto start = loop.time();
  say(sleep(250ms, std::string("result")));
  say(sleep(-1s, std::string("at once")));
  sleep(250ms);
  say(py((loop.time() - start) / 1ms));
}

void a_cancelled_sleep() {  // S132
  auto task = create_task([] { return sleep(100s, std::string("never")); });
  sleep(10ms);
  task.cancel();
  say(awaited(task));
  say(py(get_running_loop().time().time_since_epoch() / 10ms));
}

class Strange {};

void errors_of_every_kind() {  // S86, S88
  const auto fails = [](auto error) {
    auto task = create_task([error] { throw error; });
    const std::string how = awaited(task);
    say(how + " " + py(task.cancelled()));
  };
  fails(Oops("an error"));
  fails(asyncio::TimeoutError("late"));
  fails(asyncio::CancelledError("by hand"));
  fails(Strange());
}

void one_task_awaits_another_that_fails_later() {  // S92
  auto task = create_task([] {
    sleep(10ms);
    throw Oops("later");
  });
  say(awaited([&] {
    try {
      await(task);
    } catch (const Oops& error) {
      sleep(10ms);
      say(std::string("handled ") + error.what());
      throw;
    }
  }));
}

}  // namespace

Group tasks() {
  return {"Tasks",
          "tasks",
          {
              {"creating_runs_nothing_yet", creating_runs_nothing_yet},
              {"names_of_tasks", names_of_tasks},
              {"results_of_tasks", results_of_tasks},
              {"a_task_cannot_be_completed_by_hand", a_task_cannot_be_completed_by_hand},
              {"steps_interleave", steps_interleave},
              {"awaiting_a_coroutine_is_calling_it", awaiting_a_coroutine_is_calling_it},
              {"what_awaiting_costs", what_awaiting_costs},
              {"what_locks_cost", what_locks_cost},
              {"a_task_that_awaits_itself", a_task_that_awaits_itself},
              {"tasks_that_await_tasks", tasks_that_await_tasks},
              {"several_await_one_task", several_await_one_task},
              {"a_task_works_on_a_copy_of_the_context", a_task_works_on_a_copy_of_the_context},
              {"tasks_share_a_given_context", tasks_share_a_given_context},
              {"done_callbacks_of_a_task", done_callbacks_of_a_task},
              {"a_task_factory_makes_the_tasks", a_task_factory_makes_the_tasks},
              {"ensuring_a_future", ensuring_a_future},
              {"fractions_of_seconds", fractions_of_seconds},
              {"sleeping", sleeping},
              {"a_cancelled_sleep", a_cancelled_sleep},
              {"errors_of_every_kind", errors_of_every_kind},
              {"one_task_awaits_another_that_fails_later", one_task_awaits_another_that_fails_later},
          },
          {
              {"create_task_needs_a_running_loop", create_task_needs_a_running_loop},
          }};
}

}  // namespace conformance
