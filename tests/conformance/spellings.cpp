// spellings.cpp: the same thing said in other words: what may be passed where, and what may be left out.
#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::create_task;
using asyncio::gather;
using asyncio::get_running_loop;
using asyncio::sleep;

int plain() { return 4; }

struct Worker {
  int n;
  int run() const {
    sleep(0s);
    return n;
  }
  int operator()() const { return run(); }
};

void what_callbacks_return_is_dropped() {  // S68
  auto& loop = get_running_loop();
  auto future = loop.create_future<int>();
  loop.call_soon(plain);
  loop.call_soon([future] { return future.cancel(); });
  loop.call_later(0s, &plain);
  future.add_done_callback([](asyncio::AnyFuture f) { return f.cancelled(); });
  say(awaited(future));
}

void coroutines_of_every_kind() {  // S80
  const Worker worker{3};
  const std::function<int()> seven = [] { return 3 + 4; };
  say(py(await(create_task(worker))));
  say(py(await(create_task(std::bind(std::plus<int>{}, 1, 2)))));
  const auto [a, b, c] = await(gather([&] { return worker.run(); }, seven, Worker{5}));
  say(py(a + b + c));
  say(py(asyncio::wait_for(std::bind(&Worker::run, &worker), std::nullopt)));
}

void lists_in_braces() {  // S136, S144, S157
  const auto work = [](int n) {
    return [n] {
      sleep(n * 10ms);
      return n;
    };
  };
  auto one = create_task(work(1));
  auto two = create_task(work(2));
  const auto [done, pending] = asyncio::wait({one, two}, {.return_when = asyncio::FIRST_COMPLETED});
  say(py(done.size()) + " " + py(pending.size()));
  for (auto& task : asyncio::as_completed({one, two})) say(py(await(task)));
  const std::vector<int> results = await(gather({one, two}));
  say(py(results[0] + results[1]));
}

void all_tasks_but_this_one() {  // S120, S138
  for (int n : {1, 2, 3}) create_task([n] { sleep(n * 1s); }, {.name = "w" + py(n)});
  std::set<asyncio::AnyTask> others = asyncio::all_tasks();
  others.erase(asyncio::current_task());
  say(py(others.size()));
  asyncio::wait(others, {.timeout = 1500ms});
  say(py(std::ranges::count_if(others, [](const auto& task) { return task.done(); })));
  for (const asyncio::AnyTask& task : others) task.cancel();
  const auto results = await(gather(asyncio::return_exceptions, std::vector(others.begin(), others.end())));
  say(py(std::ranges::count_if(
      results, [](const auto& result) { return asyncio::holds<asyncio::CancelledError>(result.exception()); })));
}

void awaiting_without_the_type() {  // S72
  const asyncio::AnyTask task = create_task([] {
    sleep(10ms);
    return std::string("not looked at");
  });
  await(task);
  say(py(task.done()));
  const asyncio::AnyFuture failing = create_task([]() -> int { throw Oops("thrown all the same"); });
  say(awaited(failing));
}

void results_that_can_only_be_moved() {  // S65
  using Box = std::unique_ptr<int>;
  const auto make = [](int n) {
    return [n] {
      sleep(10ms);
      return std::make_unique<int>(n);
    };
  };
  Box box = await(create_task(make(1)));
  say(py(*box));
  box = asyncio::wait_for(make(2), 1s);
  say(py(*box));
  const auto [a, b] = await(gather(make(3), make(4)));
  say(py(*a + *b));
  box = await(asyncio::shield(make(5)));
  say(py(*box));
  asyncio::Queue<Box> queue;
  queue.put_nowait(std::make_unique<int>(6));
  box = queue.get();
  say(py(*box));
  const std::vector<Box> boxes = await(gather({make(7), make(8)}));
  say(py(*boxes[0] + *boxes[1]));
}

void names_and_contexts_together() {  // S80
  const auto work = [] { return asyncio::current_task().get_name(); };
  const asyncio::Context context = asyncio::copy_context();
  say(await(create_task(work, {.name = "n", .context = context})));
  const auto task = asyncio::task_group(
      [&](asyncio::TaskGroup& group) { return group.create_task(work, {.name = "g", .context = context}); });
  say(task.result());
}

void structures_as_results() {  // S85
  const auto optional = [](bool empty) { return [empty] { return empty ? std::nullopt : std::optional(5); }; };
  const auto [number, text] = await(create_task([] { return std::pair(1, std::string("two")); }));
  say(py(number) + " " + text);
  const auto nothing = await(create_task(optional(true)));
  const auto something = await(create_task(optional(false)));
  say((nothing ? py(*nothing) : "None") + " " + py(*something));
}

void bodies_that_give_values() {
  const auto grouped = [] {
    return asyncio::task_group(
        [](asyncio::TaskGroup& group) { return await(group.create_task([] { return sleep(10ms, 2); })); });
  };
  say(py(asyncio::timeout(1s, [&] { return grouped() + 1; })));
}

const std::string& shared_name() {
  static const std::string name = "the name";
  return name;
}

void references_are_copied() {  // S85
  int counter = 1;
  const auto reference = [&]() -> int& { return counter; };
  auto task = create_task(reference);
  say(await(create_task(shared_name)));
  counter = 2;
  say(py(await(task)) + " " + py(asyncio::wait_for(reference, 1s)));
  const auto [name, number] = await(gather(shared_name, reference));
  say(name + " " + py(number) + " " + asyncio::timeout(1s, shared_name));
  counter = 3;
  say(py(number) + " " + py(asyncio::task_group([&](asyncio::TaskGroup&) -> int& { return counter; })));
}

void fractions_of_seconds_added_to_times() {  // S14, S169
  auto& loop = get_running_loop();
  const asyncio::TimePoint start = loop.time();
  const auto milliseconds = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(loop.time() - start).count();
  };
  loop.call_at(start + 0.25s, [&] { say("at " + py(milliseconds())); });
  loop.call_at(start + std::chrono::duration<double>(0.5), [&] { say("at " + py(milliseconds())); });
  sleep(1s);
  const auto limited = [&](auto when) {
    const std::string end = outcome([&] { asyncio::timeout_at(when, [] { sleep(5s); }); });
    say(end + " at " + py(milliseconds()));
  };
  limited(loop.time() + 0.5s);
  limited(start + 2s);
  say(outcome([&] {
    asyncio::timeout(5s, [&](asyncio::Timeout& scope) {
      scope.reschedule(loop.time() + 0.25s);
      scope.reschedule(*scope.when() + 0.25s);
      sleep(5s);
    });
  }));
  say(py(milliseconds()));
}

void sets_of_tasks() {  // S136, S157
  std::set<asyncio::Task<int>> tasks;
  for (int n : {3, 1, 2}) {
    tasks.insert(create_task([n] {
      sleep(n * 10ms);
      return n;
    }));
  }
  auto ended = asyncio::as_completed(tasks);
  for (auto next = ended.begin(); next != ended.end(); ++next) say(py(next->result()));
  const std::vector<int> results = await(gather(tasks));
  say(py(results[0] + results[1] + results[2]));
  say(py(await(gather(asyncio::return_exceptions, tasks)).size()));
}

void shielding_without_the_type() {  // S154, S155
  const asyncio::AnyTask task = create_task([] { sleep(20ms); });
  const asyncio::AnyFuture outer = asyncio::shield(task);
  outer.cancel();
  for (const asyncio::AnyFuture& shielded : {outer, asyncio::shield(task)}) {
    const std::string end = awaited(shielded);
    say(end + " " + py(task.done()));
  }
  say(py(asyncio::shield(task) == task));
}

void errors_without_a_text() {
  const auto thrown = [](auto error) { say(outcome([&] { throw error; })); };
  thrown(asyncio::RuntimeError());
  thrown(asyncio::InvalidStateError());
  thrown(asyncio::BrokenBarrierError());
  thrown(asyncio::TimeoutError());
}

}  // namespace

Group spellings() {
  return {"Spellings",
          "spellings",
          {
              {"what_callbacks_return_is_dropped", what_callbacks_return_is_dropped},
              {"coroutines_of_every_kind", coroutines_of_every_kind},
              {"lists_in_braces", lists_in_braces},
              {"all_tasks_but_this_one", all_tasks_but_this_one},
              {"awaiting_without_the_type", awaiting_without_the_type},
              {"results_that_can_only_be_moved", results_that_can_only_be_moved},
              {"names_and_contexts_together", names_and_contexts_together},
              {"structures_as_results", structures_as_results},
              {"bodies_that_give_values", bodies_that_give_values},
              {"references_are_copied", references_are_copied},
              {"fractions_of_seconds_added_to_times", fractions_of_seconds_added_to_times},
              {"sets_of_tasks", sets_of_tasks},
              {"shielding_without_the_type", shielding_without_the_type},
              {"errors_without_a_text", errors_without_a_text},
          },
          {}};
}

}  // namespace conformance
