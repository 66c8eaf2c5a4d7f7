// locks.cpp: locks, events, conditions, semaphores, barriers: who is woken, in which order. Rules S193 to S212.
#include <algorithm>
#include <mutex>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::create_task;
using asyncio::gather;
using asyncio::sleep;
using asyncio::Task;

/// Starts fn(0) … fn(count - 1) as tasks.
template <class Fn>
std::vector<Task<void>> start(int count, Fn fn) {
  std::vector<Task<void>> tasks;
  for (int n = 0; n < count; ++n) tasks.push_back(create_task([fn, n] { fn(n); }));
  return tasks;
}

void a_lock_is_taken_and_freed() {  // S194, S195
  asyncio::Lock lock;
  std::string line = py(lock.locked());
  line += " " + py(lock.acquire());
  say(line + " " + py(lock.locked()));
  lock.release();
  say(py(lock.locked()));
  say(outcome([&] { lock.release(); }));
  {
    const std::scoped_lock guard{lock};
    say(py(lock.locked()));
  }
  say(py(lock.locked()));
}

void waiters_of_a_lock_come_in_order() {  // S197
  asyncio::Lock lock;
  await(gather(start(4, [&](int n) {
    const std::lock_guard guard{lock};
    say("in " + py(n));
    sleep(0s);
  })));
  say(py(lock.locked()));
}

void nobody_overtakes_a_woken_waiter() {  // S194, S195
  asyncio::Lock lock;
  lock.acquire();
  const auto enter = [&](std::string name) {
    return [&lock, name] {
      std::unique_lock guard{lock};
      say(name);
    };
  };
  auto task = create_task(enter("waiter"));
  sleep(0s);
  lock.release();
  say(py(lock.locked()));
  await(gather(enter("late"), task));
}

void a_cancelled_waiter_of_a_lock() {  // S196
  asyncio::Lock lock;
  lock.acquire();
  auto tasks = start(3, [&](int n) {
    const std::scoped_lock guard{lock};
    say("in " + py(n));
  });
  sleep(0s);
  tasks[0].cancel();
  lock.release();
  tasks[1].cancel();
  asyncio::wait(tasks);
  say(py(tasks[0].cancelled()) + " " + py(tasks[1].cancelled()) + " " + py(lock.locked()));
}

void a_waiter_cancelled_after_it_was_woken() {  // S196
  asyncio::Lock lock;
  lock.acquire();
  auto tasks = start(2, [&](int n) {
    const std::scoped_lock guard{lock};
    say("in " + py(n));
  });
  sleep(0s);
  lock.release();
  tasks[0].cancel();
  asyncio::wait(tasks);
  say(py(tasks[0].cancelled()) + " " + py(lock.locked()));
}

void an_event_wakes_all() {  // S198
  asyncio::Event event;
  auto tasks = start(3, [&](int n) { say(py(n) + " " + py(event.wait())); });
  sleep(0s);
  event.set();
  event.set();
  event.clear();
  say(py(event.is_set()));
  await(gather(tasks));
  event.set();
  say(py(event.is_set()) + " " + py(event.wait()));
}

void a_cancelled_waiter_of_an_event() {  // S198
  asyncio::Event event;
  auto one = create_task([&] { return event.wait(); });
  auto two = create_task([&] { return event.wait(); });
  sleep(0s);
  one.cancel();
  event.set();
  const std::string first = awaited(one);
  say(first + " " + awaited(two));
}

void a_condition_needs_its_lock() {  // S199
  asyncio::Condition condition;
  say(outcome([&] { return condition.wait(); }));
  say(outcome([&] { condition.notify(); }));
  say(outcome([&] { condition.notify_all(); }));
  say(outcome([&] { condition.release(); }));
  condition.acquire();
  say(py(condition.locked()));
  condition.notify();
  condition.release();
}

void notifying_some() {  // S200, S202
  asyncio::Condition condition;
  auto tasks = start(4, [&](int n) {
    const std::scoped_lock guard{condition};
    const bool woken = condition.wait();
    say(py(n) + " woken " + py(woken) + " " + py(condition.locked()));
  });
  sleep(0s);
  {
    const std::scoped_lock guard{condition};
    condition.notify(2);
    say("notified two");
  }
  sleep(10ms);
  {
    const std::scoped_lock guard{condition};
    condition.notify_all();
    say("notified all");
  }
  await(gather(tasks));
}

void waiting_for_a_predicate() {  // S203
  asyncio::Condition condition;
  int level = 0;
  auto task = create_task([&] {
    const std::scoped_lock guard{condition};
    const std::optional<std::string> reached =
        condition.wait_for([&] { return level >= 2 ? std::optional("level " + py(level)) : std::nullopt; });
    return *reached;
  });
  for (int n = 0; n < 3; ++n) {
    sleep(10ms);
    const std::scoped_lock guard{condition};
    ++level;
    say("raised to " + py(level));
    condition.notify();
  }
  say(await(task));
}

void a_cancelled_condition_has_the_lock() {  // S200
  asyncio::Condition condition;
  auto task = create_task([&] {
    const std::scoped_lock guard{condition};
    try {
      condition.wait();
    } catch (const asyncio::CancelledError& error) {
      say("cancelled " + std::string(error.message()) + " " + py(condition.locked()));
      throw;
    }
  });
  sleep(0s);
  condition.acquire();
  task.cancel("one");
  sleep(10ms);
  say("waits for the lock " + py(task.done()));
  task.cancel("two");
  sleep(10ms);
  say("still " + py(task.done()));
  condition.release();
  say(awaited(task));
}

void a_notified_waiter_that_is_cancelled() {  // S201
  asyncio::Condition condition;
  auto tasks = start(2, [&](int n) {
    const std::scoped_lock guard{condition};
    condition.wait();
    say(py(n) + " woken");
  });
  sleep(0s);
  {
    const std::scoped_lock guard{condition};
    condition.notify();
    tasks[0].cancel();
  }
  say(awaited(tasks[0]));
  say(awaited(tasks[1]));
}

void two_conditions_on_one_lock() {  // S199
  asyncio::Lock lock;
  asyncio::Condition empty{lock};
  asyncio::Condition full{lock};
  std::vector<int> items;
  auto task = create_task([&] {
    for (int n = 0; n < 3; ++n) {
      const std::scoped_lock guard{full};
      full.wait_for([&] { return !items.empty(); });
      say("took " + py(items.back()));
      items.pop_back();
      empty.notify();
    }
  });
  for (int n = 0; n < 3; ++n) {
    const std::scoped_lock guard{empty};
    empty.wait_for([&] { return items.empty(); });
    items.push_back(n);
    say("put " + py(n));
    full.notify();
  }
  await(task);
  say(py(lock.locked()));
}

void permits_of_a_semaphore() {  // S204
  asyncio::Semaphore semaphore{2};
  semaphore.acquire();
  say(py(semaphore.locked()));
  semaphore.acquire();
  say(py(semaphore.locked()));
  semaphore.release();
  semaphore.release();
  semaphore.release();
  say(py(semaphore.locked()));
  say(outcome([] { asyncio::Semaphore{-1}; }));
  say(py(asyncio::Semaphore{0}.locked()));
}

void a_permit_is_handed_over() {  // S204, S205
  asyncio::Semaphore semaphore{1};
  semaphore.acquire();
  const auto waiter = [&](std::string name) {
    return [&semaphore, name] {
      semaphore.acquire();
      say(name);
    };
  };
  auto first = create_task(waiter("first"));
  sleep(0s);
  semaphore.release();
  say(py(semaphore.locked()));
  auto second = create_task(waiter("second"));
  await(first);
  sleep(0s);
  say(py(second.done()));
  semaphore.release();
  await(second);
}

void a_woken_waiter_stands_in_line_until_it_runs() {  // S204
  asyncio::Semaphore semaphore{2};
  semaphore.acquire();
  semaphore.acquire();
  auto task = create_task([&] {
    semaphore.acquire();
    say("waiter");
  });
  sleep(0s);
  semaphore.release();
  semaphore.release();
  say(py(semaphore.locked()));
  semaphore.acquire();
  say("newcomer");
  await(task);
}

void a_cancelled_waiter_of_a_semaphore() {                         // S206
  const auto semaphore = std::make_shared<asyncio::Semaphore>(0);  // under another order one task may wait for ever
  auto tasks = start(3, [semaphore](int n) {
    semaphore->acquire();
    say(py(n) + " in");
  });
  sleep(0s);
  semaphore->release();
  tasks[0].cancel();
  say(awaited(tasks[0]));
  sleep(0s);
  say(py(std::ranges::count_if(tasks, [](const auto& task) { return task.done(); })));
  semaphore->release();
  await(tasks[2]);
  say(py(semaphore->locked()));
}

void a_semaphore_limits_how_many() {  // S205
  asyncio::Semaphore semaphore{2};
  int inside = 0;
  int most = 0;
  await(gather(start(5, [&](int n) {
    const std::scoped_lock guard{semaphore};
    most = std::max(most, ++inside);
    sleep((n + 1) * 10ms);
    say("leaves " + py(n));
    --inside;
  })));
  say(py(most));
}

void a_bounded_semaphore() {  // S207
  asyncio::BoundedSemaphore semaphore{1};
  say(outcome([&] { semaphore.release(); }));
  {
    const std::scoped_lock guard{semaphore};
    say(py(semaphore.locked()));
  }
  say(outcome([&] { semaphore.release(); }));
}

void a_barrier_lets_all_go() {  // S208, S209
  asyncio::Barrier barrier{3};
  say(outcome([] { asyncio::Barrier{0}; }));
  const auto work = [&](int n) {
    const auto position = barrier.wait();
    say(py(n) + " was " + py(position) + " " + py(barrier.n_waiting()));
  };
  auto tasks = start(2, work);
  sleep(0s);
  say(py(barrier.n_waiting()) + " " + py(barrier.parties()) + " " + py(barrier.broken()));
  work(2);
  say("the last one did not wait");
  await(gather(tasks));
  say(py(barrier.n_waiting()));
}

void a_barrier_again_and_again() {  // S209, S210
  asyncio::Barrier barrier{2};
  const auto work = [&](std::string name) {
    return [&barrier, name] {
      for (int turn = 0; turn < 3; ++turn) {
        barrier.wait();
        say(name + " " + py(turn));
      }
    };
  };
  await(gather(work("a"), work("b")));
}

void a_barrier_that_is_reset() {  // S211
  asyncio::Barrier barrier{3};
  std::vector<Task<int>> tasks;
  for (int n = 0; n < 2; ++n) tasks.push_back(create_task([&] { return barrier.wait(); }));
  sleep(0s);
  barrier.reset();
  for (const auto& task : tasks) {
    const std::string how = awaited(task);
    say(how.substr(0, how.find(':')));
  }
  say(py(barrier.broken()) + " " + py(barrier.n_waiting()));
  tasks.clear();
  for (int n = 0; n < 3; ++n) tasks.push_back(create_task([&] { return barrier.wait(); }));
  say(py(std::ranges::max(await(gather(tasks)))));
}

void a_barrier_that_is_broken() {  // S211
  asyncio::Barrier barrier{2};
  auto task = create_task([&] { return barrier.wait(); });
  sleep(0s);
  barrier.abort();
  say(awaited(task));
  const bool broken = barrier.broken();
  say(py(broken) + " " + outcome([&] { return barrier.wait(); }));
  barrier.reset();
  say(py(barrier.broken()));
}

void a_cancelled_waiter_of_a_barrier() {  // S210
  asyncio::Barrier barrier{2};
  auto task = create_task([&] { return barrier.wait(); });
  sleep(0s);
  task.cancel();
  say(awaited(task));
  say(py(barrier.n_waiting()) + " " + py(barrier.broken()));
  const auto [one, two] = await(gather([&] { return barrier.wait(); }, [&] { return barrier.wait(); }));
  say(py(one + two));
}

void a_lock_belongs_to_the_loop_it_blocked_on() {  // S193
  asyncio::Lock lock;
  auto loop = new_loop();
  say(py(loop->run_until_complete([&] {
    lock.acquire();
    auto task = create_task([&] { return lock.acquire(); });
    sleep(0s);
    lock.release();
    await(task);
    return lock.locked();
  })));
  loop->close();
  loop = new_loop();
  const std::string how = loop->run_until_complete([&] { return outcome([&] { return lock.acquire(); }); });
  say(how.substr(0, how.find(':')));
  loop->close();
}

void an_error_inside_the_lock_frees_it() {  // S195
  asyncio::Lock lock;
  say(outcome([&] {
    const std::scoped_lock guard{lock};
    throw Oops("inside");
  }));
  say(py(lock.locked()));
}

void how_many_wait_at_a_barrier() {  // S208, S212
  asyncio::Barrier barrier(3);
  say(py(barrier.parties()) + " " + py(barrier.n_waiting()) + " " + py(barrier.broken()));
  const std::vector<Task<int>> tasks{create_task([&] { return barrier.wait(); }),
                                     create_task([&] { return barrier.wait(); })};
  sleep(0s);
  say(py(barrier.n_waiting()));
  say(py(barrier.wait()));
  say(py(barrier.n_waiting()));
  auto order = await(asyncio::gather(tasks));
  std::ranges::sort(order);
  say("[" + py(order[0]) + ", " + py(order[1]) + "]");
  say(py(barrier.n_waiting()));
  barrier.abort();
  say(py(barrier.n_waiting()) + " " + py(barrier.broken()));
}

}  // namespace

Group locks() {
  return {"Locks",
          "locks",
          {
              {"a_lock_is_taken_and_freed", a_lock_is_taken_and_freed},
              {"waiters_of_a_lock_come_in_order", waiters_of_a_lock_come_in_order},
              {"nobody_overtakes_a_woken_waiter", nobody_overtakes_a_woken_waiter},
              {"a_cancelled_waiter_of_a_lock", a_cancelled_waiter_of_a_lock},
              {"a_waiter_cancelled_after_it_was_woken", a_waiter_cancelled_after_it_was_woken},
              {"an_event_wakes_all", an_event_wakes_all},
              {"a_cancelled_waiter_of_an_event", a_cancelled_waiter_of_an_event},
              {"a_condition_needs_its_lock", a_condition_needs_its_lock},
              {"notifying_some", notifying_some},
              {"waiting_for_a_predicate", waiting_for_a_predicate},
              {"a_cancelled_condition_has_the_lock", a_cancelled_condition_has_the_lock},
              {"a_notified_waiter_that_is_cancelled", a_notified_waiter_that_is_cancelled},
              {"two_conditions_on_one_lock", two_conditions_on_one_lock},
              {"permits_of_a_semaphore", permits_of_a_semaphore},
              {"a_permit_is_handed_over", a_permit_is_handed_over},
              {"a_woken_waiter_stands_in_line_until_it_runs", a_woken_waiter_stands_in_line_until_it_runs},
              {"a_cancelled_waiter_of_a_semaphore", a_cancelled_waiter_of_a_semaphore},
              {"a_semaphore_limits_how_many", a_semaphore_limits_how_many},
              {"a_bounded_semaphore", a_bounded_semaphore},
              {"a_barrier_lets_all_go", a_barrier_lets_all_go},
              {"a_barrier_again_and_again", a_barrier_again_and_again},
              {"a_barrier_that_is_reset", a_barrier_that_is_reset},
              {"a_barrier_that_is_broken", a_barrier_that_is_broken},
              {"a_cancelled_waiter_of_a_barrier", a_cancelled_waiter_of_a_barrier},
              {"an_error_inside_the_lock_frees_it", an_error_inside_the_lock_frees_it},
              {"how_many_wait_at_a_barrier", how_many_wait_at_a_barrier},
          },
          {
              {"a_lock_belongs_to_the_loop_it_blocked_on", a_lock_belongs_to_the_loop_it_blocked_on},
          }};
}

}  // namespace conformance
