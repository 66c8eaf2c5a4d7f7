// introspection.cpp: what a task is in the middle of, and who waits for whom. Rules S98, S344 to S348.
#include <algorithm>
#include <functional>
#include <set>
#include <sstream>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::AnyFuture;
using asyncio::AnyTask;
using asyncio::await;
using asyncio::capture_call_graph;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::sleep;
using asyncio::Task;

void stacks_of_tasks() {  // S98
  const auto future = get_running_loop().create_future<void>();
  const auto wait = [=] { await(future); };
  const auto task = create_task(wait);
  const auto failing = create_task([] { throw Oops("failed"); });
  say("not begun " + py(task.get_stack().size()));
  sleep(0s);
  say("waiting " + py(!task.get_stack().empty()));
  say("at most none " + py(task.get_stack({.limit = 0}).size()) + ", at most one " +
      py(task.get_stack({.limit = 1}).size()));
  future.set_result();
  await(task);
  say("returned " + py(task.get_stack().size()));
  const auto cancelled = create_task(wait);
  cancelled.cancel();
  asyncio::wait(std::vector{cancelled, failing});
  say("cancelled " + py(cancelled.get_stack().size()));
  failing.exception();
}

void printed_stacks() {  // S98
  const auto future = get_running_loop().create_future<void>();
  const auto task = create_task([=] { await(future); }, {.name = "it"});
  const auto printed = [&](std::optional<int> limit) {
    std::ostringstream text;
    task.print_stack({.limit = limit, .file = &text});
    std::string lines = text.str();
    const std::string first = lines.substr(0, lines.find('\n'));
    return first.substr(0, first.find("name=")) + py(first.ends_with("(most recent call last):")) + " " +
           py(std::ranges::count(lines, '\n') > 1);
  };
  sleep(0s);
  say(printed({}));
  say(printed(0));
  future.set_result();
  await(task);
  say(printed({}));
}

/// A graph as text: each future with those who wait for it in brackets.
std::string shape(const asyncio::FutureCallGraph& graph) {
  const auto* const task = dynamic_cast<asyncio::TaskState*>(graph.future.get());
  std::set<std::string> sorted;
  for (const auto& waiter : graph.awaited_by) sorted.insert(shape(waiter));
  std::string waiters;
  for (const std::string& waiter : sorted) waiters += (waiters.empty() ? "(" : " ") + waiter;
  return (task ? task->get_name() : "future") + waiters + (waiters.empty() ? "" : ")");
}

std::string who_waits_for(const AnyFuture& future) { return shape(capture_call_graph(future).value()); }

void who_waits_for_whom() {  // S344, S347
  const auto future = get_running_loop().create_future<void>();
  const auto worker = create_task([=] { await(future); }, {.name = "worker"});
  const auto other = create_task([=] { await(future); }, {.name = "other"});
  const auto boss = create_task([=] { await(worker); }, {.name = "boss"});
  say(who_waits_for(future));
  sleep(0s);
  say(who_waits_for(future));
  future.set_result();
  await(boss);
  say(who_waits_for(future));
  say(who_waits_for(worker));
  say(py(other.done()));
}

void the_edges_of_every_wait() {  // S344
  using How = std::function<void(const Task<void>&)>;
  const std::vector<How> ways{
      [](const Task<void>& task) { await(task); },
      [](const Task<void>& task) { await(asyncio::gather(task)); },
      [](const Task<void>& task) { asyncio::wait(std::vector{task}); },
      [](const Task<void>& task) { asyncio::wait_for(task, 9s); },
      [](const Task<void>& task) { await(asyncio::shield(task)); },
      [](const Task<void>& task) {
        for (const auto& completed : asyncio::as_completed(std::vector{task})) await(completed);
      },
  };
  for (const How& how : ways) {
    const auto task = create_task([] { sleep(1s); }, {.name = "task"});
    const auto waiter = create_task([&] { how(task); }, {.name = "waiter"});
    sleep(500ms);
    const std::string during = who_waits_for(task);
    await(waiter);
    say(during + " " + who_waits_for(task));
  }
}

void the_edges_of_a_group() {  // S344
  asyncio::current_task().set_name("main");
  Task<void> two;
  asyncio::task_group([&](asyncio::TaskGroup& group) {
    const auto one = group.create_task([] { sleep(1s); }, {.name = "one"});
    two = group.create_task([] { sleep(2s); }, {.name = "two"});
    sleep(1500ms);
    say(who_waits_for(one) + " " + who_waits_for(two));
  });
  say(who_waits_for(two));
}

void edges_made_by_hand() {  // S345
  const auto one = get_running_loop().create_future<void>();
  const auto two = get_running_loop().create_future<void>();
  asyncio::future_add_to_awaited_by(one, two);
  asyncio::future_add_to_awaited_by(one, two);
  say(who_waits_for(one));
  asyncio::future_discard_from_awaited_by(one, two);
  asyncio::future_discard_from_awaited_by(one, two);
  say(who_waits_for(one));
}

void where_nobody_runs() {  // S346, S348
  const auto loop = new_loop();
  const auto future = loop->create_future<void>();
  say(outcome([] { capture_call_graph(); }));
  say(who_waits_for(future));
  loop->call_soon(
      [] { say(std::string(capture_call_graph() ? "a graph" : "None") + " '" + asyncio::format_call_graph() + "'"); });
  loop->call_later(1s, [&] { loop->stop(); });
  loop->run_forever();
  loop->close();
}

void how_much_of_a_stack() {  // S347
  const auto future = get_running_loop().create_future<void>();
  const auto task = create_task([=] { await(future); });
  sleep(0s);
  for (const int limit : {0, 1, -1}) {
    say(py(capture_call_graph(task, {.limit = limit}).value().call_stack.size()));
  }
  say(py(capture_call_graph(future).value().call_stack.size()));
  say(py(capture_call_graph(future, {.limit = 0}).value().awaited_by.at(0).call_stack.size()));
  task.cancel();
}

}  // namespace

Group introspection() {
  return {"Introspection",
          "introspection",
          {
              {"stacks_of_tasks", stacks_of_tasks},
              {"printed_stacks", printed_stacks},
              {"who_waits_for_whom", who_waits_for_whom},
              {"the_edges_of_every_wait", the_edges_of_every_wait},
              {"the_edges_of_a_group", the_edges_of_a_group},
              {"edges_made_by_hand", edges_made_by_hand},
              {"how_much_of_a_stack", how_much_of_a_stack},
          },
          {
              {"where_nobody_runs", where_nobody_runs},
          }};
}

}  // namespace conformance
