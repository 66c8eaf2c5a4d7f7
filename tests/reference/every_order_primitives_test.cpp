// every_order_primitives_test.cpp: what locks and queues promise whatever the order is.
//
// Each body is written once and says only what is true under every schedule, so it holds on a real loop, in a world
// where turns of the loop take any time, and in one where whatever is ready may go next. What hangs on the order
// that asyncio keeps is the matter of the other tests.
#include <algorithm>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/reference/both_loops.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

// ---- Locks, events, conditions, semaphores, barriers ----

void a_lock_lets_one_in() {  // S194
  Lock lock;
  int inside = 0, visits = 0;
  together(4, [&](int) {
    for (int round = 0; round < 3; ++round) {
      const std::scoped_lock guard{lock};
      require(++inside == 1, "nobody else is inside");
      sleep(0s);
      --inside;
      ++visits;
    }
  });
  require(visits == 12 && !lock.locked(), "each came in as often as it wanted, and the lock is free");
}

void a_lock_outlives_cancelled_waiters() {  // S196
  Lock lock;
  int entered = 0;
  const auto tasks = start(4, [&](int) {
    const std::scoped_lock guard{lock};
    sleep(1ms);
    ++entered;
  });
  sleep(0s);
  const int doomed = tasks[1].cancel() + tasks[2].cancel();
  await(gather(return_exceptions, tasks));
  require(entered >= 4 - doomed, "who was not cancelled came in");
  require(!lock.locked() && lock.acquire(), "the lock is free");
  lock.release();
}

void an_event_wakes_all_who_wait() {  // S198
  Event event;
  int waiting = 0, woken = 0;
  task_group([&](TaskGroup& group) {
    for (int n = 0; n < 4; ++n) {
      group.create_task([&] {
        ++waiting;
        event.wait();
        ++woken;
      });
    }
    until([&] { return waiting == 4; });
    event.set();
    event.clear();
  });
  require(woken == 4, "all went on, although the event was cleared at once");
}

void an_event_that_is_set_does_not_suspend() {  // S198
  Event event;
  event.set();
  bool others_ran = false;
  get_running_loop().call_soon([&] { others_ran = true; });
  event.wait();
  require(!others_ran, "nothing ran in between");
  until([&] { return others_ran; });
}

void a_condition_loses_no_notification() {  // S200, S201
  Condition condition;
  int items = 0, taken = 0;
  task_group([&](TaskGroup& group) {
    for (int n = 0; n < 3; ++n) {
      group.create_task([&] {
        for (int round = 0; round < 2; ++round) {
          const std::scoped_lock guard{condition};
          condition.wait_for([&] { return items > 0; });
          --items;
          ++taken;
        }
      });
    }
    for (int n = 0; n < 6; ++n) {
      {
        const std::scoped_lock guard{condition};
        ++items;
        condition.notify();
      }
      sleep(0s);
    }
  });
  require(taken == 6 && items == 0, "each item was taken once");
}

void a_cancelled_waiter_of_a_condition_has_its_lock() {  // S200
  Condition condition;
  bool waits = false, locked = false;
  const auto task = create_task([&] {
    const std::scoped_lock guard{condition};
    try {
      waits = true;
      condition.wait();
    } catch (const CancelledError&) {
      locked = condition.locked();
      throw;
    }
  });
  until([&] { return waits; });
  task.cancel();
  await(gather(return_exceptions, std::vector{task}));
  require(task.cancelled() && locked && !condition.locked(), "it left with the lock, and gave it back");
}

void a_semaphore_admits_so_many() {  // S204
  Semaphore semaphore{2};
  int inside = 0, most = 0;
  together(5, [&](int) {
    for (int round = 0; round < 2; ++round) {
      const std::scoped_lock guard{semaphore};
      most = std::max(most, ++inside);
      sleep(1ms);
      --inside;
    }
  });
  require(most == 2, "two at a time, and no more");
}

void a_semaphore_keeps_its_permits() {  // S206, S207
  BoundedSemaphore semaphore{2};
  const auto tasks = start(5, [&](int) {
    const std::scoped_lock guard{semaphore};
    sleep(1ms);
  });
  sleep(0s);
  for (const int victim : {0, 2, 3}) tasks[victim].cancel();
  await(gather(return_exceptions, tasks));
  for (int n = 0; n < 2; ++n) {
    require(!semaphore.locked(), "no permit is lost");
    semaphore.acquire();
  }
  require(semaphore.locked(), "none was made up");
  for (int n = 0; n < 2; ++n) semaphore.release();
}

void a_barrier_lets_all_go_together() {  // S209, S210
  Barrier barrier{3};
  std::vector<int> arrived(2);
  std::vector<std::set<int>> numbers(2);
  together(3, [&](int) {
    for (int round = 0; round < 2; ++round) {
      ++arrived[round];
      numbers[round].insert(barrier.wait());
      require(arrived[round] == 3, "nobody goes on before the last has come");
    }
  });
  for (const auto& round : numbers) require(round == std::set{0, 1, 2}, "each has a number of its own");
}

void a_barrier_that_is_aborted_fails_for_all() {  // S211
  Barrier barrier{3};
  int broken = 0;
  task_group([&](TaskGroup& group) {
    for (int n = 0; n < 2; ++n) {
      group.create_task([&] { broken += fails_with<BrokenBarrierError>([&] { barrier.wait(); }); });
    }
    until([&] { return barrier.n_waiting() == 2; });
    barrier.abort();
  });
  require(broken == 2, "who waited is told");
  require(fails_with<BrokenBarrierError>([&] { barrier.wait(); }), "who comes later as well");
}

// ---- Queues ----

void a_queue_gives_what_was_put_in_its_order() {  // S214
  Queue<int> queue{2};
  std::vector<int> received;
  task_group([&](TaskGroup& group) {
    group.create_task([&] {
      while (received.size() < 10) received.push_back(queue.get());
    });
    for (int n = 0; n < 10; ++n) {
      queue.put(n);
      require(queue.qsize() <= 2, "the queue keeps its bound");
    }
  });
  std::vector<int> put(10);
  std::iota(put.begin(), put.end(), 0);
  require(received == put, "all items, in order");
}

void a_queue_of_many_loses_nothing() {  // S214, S218
  Queue<int> queue{1};
  std::vector<int> received;
  task_group([&](TaskGroup& group) {
    for (int n = 0; n < 3; ++n) {
      group.create_task([&] {
        require(fails_with<QueueShutDown>([&] {
                  while (true) received.push_back(queue.get());
                }),
                "a consumer is told of the end");
      });
    }
    together(2, [&](int producer) {
      for (int n = 0; n < 5; ++n) queue.put(producer * 5 + n);
    });
    queue.shutdown();
  });
  std::ranges::sort(received);
  require(received == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, "each item was received once");
}

void a_queue_is_joined_when_all_is_done() {  // S217
  Queue<int> queue;
  int done = 0;
  for (int n = 0; n < 5; ++n) queue.put_nowait(n);
  const auto workers = start(2, [&](int) {
    while (true) {
      queue.get();
      sleep(1ms);
      ++done;
      queue.task_done();
    }
  });
  queue.join();
  require(done == 5, "nothing is left to be done");
  for (const auto& worker : workers) worker.cancel();
  await(gather(return_exceptions, workers));
}

void a_cancelled_get_takes_nothing() {  // S215
  Queue<int> queue;
  std::vector<int> received;
  const auto task = create_task([&] { received.push_back(queue.get()); });
  sleep(0s);
  queue.put_nowait(1);
  task.cancel();
  await(gather(return_exceptions, std::vector{task}));
  require(static_cast<std::int64_t>(received.size()) + queue.qsize() == 1, "the item is here or there");
}

void a_priority_queue_gives_the_smallest() {  // S213
  PriorityQueue<int> queue;
  together(4, [&](int n) { queue.put((n * 7 + 3) % 5); });
  std::vector<int> received;
  while (!queue.empty()) received.push_back(queue.get());
  require(received.size() == 4 && std::ranges::is_sorted(received), "from the smallest to the largest");
}

const Body BODIES[] = {
    {"a_lock_lets_one_in", a_lock_lets_one_in},
    {"a_lock_outlives_cancelled_waiters", a_lock_outlives_cancelled_waiters},
    {"an_event_wakes_all_who_wait", an_event_wakes_all_who_wait},
    {"an_event_that_is_set_does_not_suspend", an_event_that_is_set_does_not_suspend},
    {"a_condition_loses_no_notification", a_condition_loses_no_notification},
    {"a_cancelled_waiter_of_a_condition_has_its_lock", a_cancelled_waiter_of_a_condition_has_its_lock},
    {"a_semaphore_admits_so_many", a_semaphore_admits_so_many},
    {"a_semaphore_keeps_its_permits", a_semaphore_keeps_its_permits},
    {"a_barrier_lets_all_go_together", a_barrier_lets_all_go_together},
    {"a_barrier_that_is_aborted_fails_for_all", a_barrier_that_is_aborted_fails_for_all},
    {"a_queue_gives_what_was_put_in_its_order", a_queue_gives_what_was_put_in_its_order},
    {"a_queue_of_many_loses_nothing", a_queue_of_many_loses_nothing},
    {"a_queue_is_joined_when_all_is_done", a_queue_is_joined_when_all_is_done},
    {"a_cancelled_get_takes_nothing", a_cancelled_get_takes_nothing},
    {"a_priority_queue_gives_the_smallest", a_priority_queue_gives_the_smallest},
};

class APrimitiveInEveryOrder : public testing::TestWithParam<Body> {};

TEST_P(APrimitiveInEveryOrder, HoldsOnARealLoop) { expect_on_a_real_loop(GetParam().run); }

TEST_P(APrimitiveInEveryOrder, HoldsInAWorld) {
  expect_in_every_order([](sim::World& world) { world.client("main", GetParam().run); });
}

INSTANTIATE_TEST_SUITE_P(Each, APrimitiveInEveryOrder, testing::ValuesIn(BODIES),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace asyncio
