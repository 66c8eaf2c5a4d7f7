// queues.cpp: queues: items, waiters, join and shutdown. Rules S213 to S220.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::create_task;
using asyncio::gather;
using asyncio::Queue;
using asyncio::sleep;
using asyncio::Task;

void first_in_first_out() {  // S213
  Queue<int> queue;
  for (int n = 0; n < 3; ++n) queue.put_nowait(n);
  say(py(queue.qsize()) + " " + py(queue.empty()) + " " + py(queue.full()) + " " + py(queue.maxsize()));
  const int first = queue.get();
  say(py(first) + " " + py(queue.get()));
  const int last = queue.get_nowait();
  say(py(last) + " " + py(queue.empty()));
  say(outcome([&] { return queue.get_nowait(); }));
}

void a_queue_with_a_limit() {  // S213, S216
  Queue<std::string> queue{1};
  queue.put_nowait("a");
  say(py(queue.full()) + " " + outcome([&] { queue.put_nowait("b"); }));
  auto putter = create_task([&] { queue.put("b"); });
  sleep(0s);
  say(py(putter.done()) + " " + py(queue.qsize()));
  say(queue.get());
  await(putter);
  say(py(queue.qsize()));
  Queue<int> unlimited{-1};
  for (int n = 0; n < 100; ++n) unlimited.put_nowait(n);
  say(py(unlimited.full()) + " " + py(unlimited.qsize()));
}

void getters_are_served_in_order() {  // S214
  Queue<int> queue;
  std::vector<Task<void>> tasks;
  for (char name : {'a', 'b', 'c'}) {
    tasks.push_back(create_task([&queue, name] {
      const int item = queue.get();
      say(std::string(1, name) + " got " + py(item));
    }));
  }
  sleep(0s);
  for (int n = 0; n < 3; ++n) queue.put_nowait(n);
  await(gather(tasks));
}

void putters_are_served_in_order() {  // S214
  Queue<int> queue{1};
  queue.put_nowait(0);
  std::vector<Task<void>> tasks;
  for (int n : {1, 2, 3}) {
    tasks.push_back(create_task([&queue, n] {
      queue.put(n);
      say("put " + py(n));
    }));
  }
  sleep(0s);
  for (int n = 0; n < 4; ++n) say("got " + py(queue.get()));
  await(gather(tasks));
}

void a_woken_getter_that_comes_too_late() {  // S214
  Queue<std::string> queue;
  const auto getter = [&](std::string name) {
    return [&queue, name] {
      const std::string item = queue.get();
      say(name + " got " + item);
    };
  };
  auto one = create_task(getter("one"));
  sleep(0s);
  queue.put_nowait("x");
  say("taken " + queue.get_nowait());
  auto two = create_task(getter("two"));
  sleep(0s);
  sleep(0s);
  queue.put_nowait("y");
  queue.put_nowait("z");
  await(gather(one, two));
}

void a_cancelled_getter_passes_it_on() {  // S215
  Queue<std::string> queue;
  auto one = create_task([&] { return queue.get(); });
  auto two = create_task([&] { return queue.get(); });
  sleep(0s);
  queue.put_nowait("item");
  one.cancel();
  const std::string first = awaited(one);
  say(first + " " + awaited(two));
}

void a_cancelled_putter_puts_nothing() {  // S215
  Queue<std::string> queue{1};
  queue.put_nowait("first");
  auto one = create_task([&] { queue.put("one"); });
  auto two = create_task([&] { queue.put("two"); });
  sleep(0s);
  say(queue.get_nowait());
  one.cancel();
  say(awaited(one));
  await(two);
  say(queue.get_nowait());
}

void joining() {  // S217
  Queue<int> queue;
  queue.join();
  say("nothing to wait for");
  for (int n = 0; n < 3; ++n) queue.put_nowait(n);
  auto task = create_task([&] {
    while (true) {
      const int n = queue.get();
      sleep(10ms);
      say("done " + py(n));
      queue.task_done();
    }
  });
  queue.join();
  say("joined");
  task.cancel();
  say(awaited(task));
  say(outcome([&] { queue.task_done(); }));
}

void several_wait_in_join() {  // S217
  Queue<int> queue;
  queue.put_nowait(1);
  std::vector<Task<void>> tasks;
  for (int n = 0; n < 2; ++n) {
    tasks.push_back(create_task([&queue, n] {
      queue.join();
      say("joined " + py(n));
    }));
  }
  sleep(0s);
  queue.get_nowait();
  say("fetched");
  sleep(0s);
  queue.task_done();
  await(gather(tasks));
}

void shutting_down() {  // S218
  Queue<std::string> queue;
  queue.put_nowait("left");
  queue.shutdown();
  say(outcome([&] { queue.put("more"); }));
  say(outcome([&] { queue.put_nowait("more"); }));
  say(queue.get());
  say(outcome([&] { return queue.get(); }));
  say(outcome([&] { return queue.get_nowait(); }));
  queue.task_done();
  queue.join();
  queue.shutdown();
  say("joined");
}

void shutting_down_wakes_all() {  // S218
  Queue<int> queue;
  std::vector<Task<int>> getters;
  for (int n = 0; n < 2; ++n) getters.push_back(create_task([&] { return queue.get(); }));
  Queue<int> full{1};
  full.put_nowait(0);
  std::vector<Task<void>> putters;
  for (int n : {1, 2}) putters.push_back(create_task([&full, n] { full.put(n); }));
  sleep(0s);
  queue.shutdown();
  full.shutdown();
  for (const auto& task : getters) say(awaited(task));
  for (const auto& task : putters) say(awaited(task));
  say(py(full.qsize()));
}

void shutting_down_at_once() {  // S219
  Queue<int> queue;
  for (int n = 0; n < 3; ++n) queue.put_nowait(n);
  auto joiner = create_task([&] { queue.join(); });
  sleep(0s);
  queue.shutdown({.immediate = true});
  say(py(queue.qsize()) + " " + outcome([&] { return queue.get_nowait(); }));
  await(joiner);
  say("joined");
  Queue<std::string> held;
  held.put_nowait("in work");
  held.put_nowait("dropped");
  held.get_nowait();
  joiner = create_task([&] { held.join(); });
  sleep(0s);
  held.shutdown({.immediate = true});
  sleep(10ms);
  say(py(joiner.done()));
  held.task_done();
  await(joiner);
  say("joined as well");
}

void the_smallest_first() {  // S220
  asyncio::PriorityQueue<int> queue;
  for (int n : {5, 1, 4, 2, 3}) queue.put_nowait(n);
  std::string line = py(queue.get());
  while (!queue.empty()) line += " " + py(queue.get());
  say(line);
}

void the_newest_first() {  // S220
  asyncio::LifoQueue<int> queue;
  for (int n : {1, 2, 3}) queue.put(n);
  std::string line = py(queue.get());
  while (!queue.empty()) line += " " + py(queue.get());
  say(line);
}

void a_producer_and_two_consumers() {  // S214
  Queue<int> queue{2};
  const auto consumer = [&](std::string name) {
    return [&queue, name] {
      try {
        while (true) {
          const int item = queue.get();
          say(name + " got " + py(item));
          sleep(10ms);
        }
      } catch (const asyncio::QueueShutDown&) {
        say(name + " ends");
      }
    };
  };
  std::vector consumers{create_task(consumer("a")), create_task(consumer("b"))};
  for (int n = 0; n < 5; ++n) {
    queue.put(n);
    say("put " + py(n));
  }
  queue.shutdown();
  await(gather(consumers));
}

void a_get_with_a_deadline() {  // S215
  Queue<std::string> queue;
  say(outcome([&] { return asyncio::wait_for([&] { return queue.get(); }, 10ms); }));
  queue.put_nowait("not lost");
  say(asyncio::wait_for([&] { return queue.get(); }, 10ms));
}

}  // namespace

Group queues() {
  return {"Queues",
          "queues",
          {
              {"first_in_first_out", first_in_first_out},
              {"a_queue_with_a_limit", a_queue_with_a_limit},
              {"getters_are_served_in_order", getters_are_served_in_order},
              {"putters_are_served_in_order", putters_are_served_in_order},
              {"a_woken_getter_that_comes_too_late", a_woken_getter_that_comes_too_late},
              {"a_cancelled_getter_passes_it_on", a_cancelled_getter_passes_it_on},
              {"a_cancelled_putter_puts_nothing", a_cancelled_putter_puts_nothing},
              {"joining", joining},
              {"several_wait_in_join", several_wait_in_join},
              {"shutting_down", shutting_down},
              {"shutting_down_wakes_all", shutting_down_wakes_all},
              {"shutting_down_at_once", shutting_down_at_once},
              {"the_smallest_first", the_smallest_first},
              {"the_newest_first", the_newest_first},
              {"a_producer_and_two_consumers", a_producer_and_two_consumers},
              {"a_get_with_a_deadline", a_get_with_a_deadline},
          },
          {}};
}

}  // namespace conformance
