// locks_test.cpp: Lock, Event, Condition, Semaphore, Barrier. Rules: semantics.md S93, S193 to S212.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "iterations.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::Barrier;
using asyncio::BoundedSemaphore;
using asyncio::BrokenBarrierError;
using asyncio::CancelledError;
using asyncio::Condition;
using asyncio::create_task;
using asyncio::Event;
using asyncio::Lock;
using asyncio::RuntimeError;
using asyncio::Semaphore;
using asyncio::Task;

void turn() { asyncio::sleep(0s); }

/// Tasks that each run `body(name)`, started in the order of the names.
template <class Body>
std::vector<Task<void>> start(const std::string& names, Body body) {
  std::vector<Task<void>> tasks;
  for (const char name : names) tasks.push_back(create_task([body, name] { body(name); }));
  turn();
  return tasks;
}

// ---- Lock ----

// S93: uncontended 0.
TEST(Lock, ThatIsFreeIsTakenWithoutSuspending) {
  asyncio::run([] {
    Lock lock;
    EXPECT_EQ(iterations_of([&] { EXPECT_TRUE(lock.acquire()); }), 0);
    EXPECT_TRUE(lock.locked());
  });
}

// S194, S197: strict FIFO.
TEST(Lock, IsGivenInTheOrderOfAsking) {
  asyncio::run([] {
    Lock lock;
    std::string order;
    auto tasks = start("abcd", [&](char name) {
      const std::scoped_lock guard(lock);
      order += name;
      turn();
    });

    await(gather(tasks));

    EXPECT_EQ(order, "abcd");
    EXPECT_FALSE(lock.locked());
  });
}

// S195: observably unlocked until the waiter resumes; S194: nobody overtakes it; S93: +1.
TEST(Lock, IsKeptForTheTaskThatWasWoken) {
  asyncio::run([] {
    Lock lock;
    std::string order;
    lock.acquire();
    auto waiting = start("a", [&](char name) {
      lock.acquire();
      order += name;
      lock.release();
    });

    lock.release();
    EXPECT_FALSE(lock.locked());
    EXPECT_EQ(iterations_of([&] { lock.acquire(); }), 2);  // a goes first, then hands over

    EXPECT_EQ(order, "a");
  });
}

// S195: the owner is not checked; releasing an unlocked lock is refused.
TEST(Lock, MayBeReleasedByAnybodyButOnlyOnce) {
  asyncio::run([] {
    Lock lock;
    lock.acquire();
    await(create_task([&] { lock.release(); }));
    EXPECT_THROW(lock.release(), RuntimeError);
  });
}

// S196: cancelled before being woken.
TEST(Lock, IsNotGivenToACancelledTask) {
  asyncio::run([] {
    Lock lock;
    std::string order;
    lock.acquire();
    auto tasks = start("abc", [&](char name) {
      const std::scoped_lock guard(lock);
      order += name;
    });

    tasks[0].cancel();
    tasks[1].cancel();
    lock.release();
    await(gather(asyncio::return_exceptions, tasks));

    EXPECT_EQ(order, "c");
  });
}

// S196: cancelled after being woken: the next one is woken.
TEST(Lock, PassesFromAWokenAndCancelledTaskToTheNext) {
  asyncio::run([] {
    Lock lock;
    std::string order;
    lock.acquire();
    auto tasks = start("ab", [&](char name) {
      const std::scoped_lock guard(lock);
      order += name;
    });

    lock.release();
    tasks[0].cancel();
    await(gather(asyncio::return_exceptions, tasks));

    EXPECT_EQ(order, "b");
    EXPECT_TRUE(tasks[0].cancelled());
  });
}

// S195: where Python's `async with` throws, a destructor reports.
TEST(Lock, ReportsAReleaseTooManyInADestructor) {
  std::vector<std::string> reports;
  asyncio::run([&] {
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
          reports.push_back(asyncio::describe(context.exception));
        });
    Lock lock;
    const std::scoped_lock guard(lock);
    lock.release();
  });
  EXPECT_EQ(reports, std::vector<std::string>{"RuntimeError: Lock is not acquired."});
}

// S193: binds to the loop under which it first had to block, and not before.
TEST(Lock, BelongsToTheLoopWhereATaskFirstWaited) {
  Lock lock;
  asyncio::run([&] { const std::scoped_lock guard(lock); });
  asyncio::run([&] {
    lock.acquire();
    start("a", [&](char) { const std::scoped_lock guard(lock); });
    lock.release();
    turn();
  });
  asyncio::run([&] {
    lock.acquire();
    EXPECT_THROW(lock.acquire(), RuntimeError);
    lock.release();
  });
}

// S93: a hand-over takes one iteration.
TEST(Lock, IsHandedOverInOneIteration) {
  asyncio::run([] {
    Lock lock;
    lock.acquire();
    auto tasks = start("a", [&](char) { lock.acquire(); });

    lock.release();
    turn();

    EXPECT_TRUE(tasks[0].done());
  });
}

// ---- Event ----

// S198, S93: all are woken, +1, and a clear() right after does not stop them.
TEST(Event, WakesAllWhoWait) {
  asyncio::run([] {
    Event event;
    std::string order;
    auto tasks = start("abc", [&](char name) {
      EXPECT_TRUE(event.wait());
      order += name;
    });

    event.set();
    event.clear();
    turn();

    EXPECT_EQ(order, "abc");
    EXPECT_FALSE(event.is_set());
  });
}

TEST(Event, ThatIsSetLetsTasksPass) {
  asyncio::run([] {
    Event event;
    event.set();
    EXPECT_EQ(iterations_of([&] { EXPECT_TRUE(event.wait()); }), 0);
  });
}

// ---- Condition ----

// S199: need the lock to be held.
TEST(Condition, IsRefusedWithoutItsLock) {
  asyncio::run([] {
    Condition condition;
    EXPECT_THROW(condition.wait(), RuntimeError);
    EXPECT_THROW(condition.notify(), RuntimeError);
    EXPECT_THROW(condition.notify_all(), RuntimeError);
  });
}

TEST(Condition, SharesALockThatItIsGiven) {
  asyncio::run([] {
    Lock lock;
    Condition condition(lock);
    const std::scoped_lock guard(condition);
    EXPECT_TRUE(lock.locked());
  });
}

// S202: the first n, in order; they go on when the lock is free.
TEST(Condition, NotifiesTheFirstWhoWait) {
  asyncio::run([] {
    Condition condition;
    std::string order;
    auto tasks = start("abc", [&](char name) {
      const std::scoped_lock guard(condition);
      EXPECT_TRUE(condition.wait());
      order += name;
    });

    condition.acquire();
    condition.notify(2);
    condition.release();
    for (int i = 0; i < 4; ++i) turn();
    EXPECT_EQ(order, "ab");

    condition.acquire();
    condition.notify_all();
    condition.release();
    await(gather(tasks));
    EXPECT_EQ(order, "abc");
  });
}

// S93: a hand-over takes one iteration.
TEST(Condition, IsHandedOverInOneIteration) {
  asyncio::run([] {
    Condition condition;
    auto tasks = start("a", [&](char) {
      const std::scoped_lock guard(condition);
      condition.wait();
    });

    condition.acquire();
    condition.notify();
    condition.release();
    turn();

    EXPECT_TRUE(tasks[0].done());
  });
}

// S203: tests first and after each wake-up, and returns the last value.
TEST(Condition, WaitsUntilThePredicateIsTrue) {
  asyncio::run([] {
    Condition condition;
    std::optional<int> item;
    auto task = create_task([&] {
      const std::scoped_lock guard(condition);
      return *condition.wait_for([&] { return item; });
    });
    turn();
    for (const std::optional<int> next : {std::optional<int>{}, std::optional<int>{4}}) {
      const std::scoped_lock guard(condition);
      item = next;
      condition.notify();
    }

    EXPECT_EQ(await(task), 4);
  });
}

// S200: always re-acquires, however often it is cancelled, and raises the last cancellation.
TEST(Condition, HoldsItsLockWhenItThrows) {
  asyncio::run([] {
    Condition condition;
    auto task = create_task([&] {
      condition.acquire();
      EXPECT_THROW(condition.wait(), CancelledError);
      EXPECT_TRUE(condition.locked());
      condition.release();
    });
    turn();
    condition.acquire();
    task.cancel();
    turn();
    task.cancel();  // while it waits for the lock
    turn();
    EXPECT_FALSE(task.done());

    condition.release();
    await(task);
  });
}

// S201: a notify is not lost.
TEST(Condition, PassesFromANotifiedAndCancelledTaskToTheNext) {
  asyncio::run([] {
    Condition condition;
    std::string order;
    auto tasks = start("ab", [&](char name) {
      const std::scoped_lock guard(condition);
      condition.wait();
      order += name;
    });
    condition.acquire();
    condition.notify();
    condition.release();
    tasks[0].cancel();

    await(gather(asyncio::return_exceptions, tasks));

    EXPECT_EQ(order, "b");
  });
}

// A coroutine that is destroyed in wait() cannot take the lock again; nothing terminates.
TEST(Condition, LetsATaskDieThatWaitsWhenTheLoopCloses) {
  const auto loop = asyncio::new_event_loop();
  loop->set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) {});
  Condition condition;
  Task<void> task;

  loop->run_until_complete([&] {
    task = create_task([&] {
      const std::scoped_lock guard(condition);
      condition.wait();
    });
    turn();
  });
  loop->close();

  EXPECT_FALSE(condition.locked());
}

// ---- Semaphore ----

// S204.
TEST(Semaphore, RefusesANegativeValue) {
  EXPECT_THROW(Semaphore(-1), std::invalid_argument);
  EXPECT_TRUE(Semaphore(0).locked());
}

// S93: uncontended 0.
TEST(Semaphore, LetsAsManyPassAsItHasPermits) {
  asyncio::run([] {
    Semaphore semaphore(2);
    EXPECT_EQ(iterations_of([&] { semaphore.acquire(), semaphore.acquire(); }), 0);
    EXPECT_TRUE(semaphore.locked());
  });
}

// S205: handed over at once, FIFO; S204: locked while somebody is in line.
TEST(Semaphore, HandsThePermitToTheFirstInLine) {
  asyncio::run([] {
    Semaphore semaphore(1);
    std::string order;
    semaphore.acquire();
    auto tasks = start("ab", [&](char name) {
      semaphore.acquire();
      order += name;
      semaphore.release();
    });

    semaphore.release();
    EXPECT_TRUE(semaphore.locked());
    await(gather(tasks));

    EXPECT_EQ(order, "ab");
    EXPECT_FALSE(semaphore.locked());
  });
}

// S206: a waiter cancelled after it was handed a permit returns it.
TEST(Semaphore, GetsThePermitOfACancelledTaskBack) {
  asyncio::run([] {
    Semaphore semaphore(0);
    std::string order;
    auto tasks = start("ab", [&](char name) {
      semaphore.acquire();
      order += name;
    });

    semaphore.release();
    tasks[0].cancel();
    await(gather(asyncio::return_exceptions, tasks));

    EXPECT_EQ(order, "b");
    EXPECT_TRUE(semaphore.locked());
  });
}

// S93: a hand-over takes one iteration.
TEST(Semaphore, IsHandedOverInOneIteration) {
  asyncio::run([] {
    Semaphore semaphore(0);
    auto tasks = start("a", [&](char) { semaphore.acquire(); });

    semaphore.release();
    turn();

    EXPECT_TRUE(tasks[0].done());
  });
}

// S207.
TEST(BoundedSemaphore, RefusesMorePermitsThanAtTheBeginning) {
  asyncio::run([] {
    BoundedSemaphore semaphore(1);
    {
      const std::scoped_lock guard(semaphore);
    }
    EXPECT_THROW(semaphore.release(), std::invalid_argument);
  });
}

// ---- Barrier ----

// S208.
TEST(Barrier, RefusesLessThanOneParty) { EXPECT_THROW(Barrier(0), std::invalid_argument); }

// S209: the last arriver does not suspend; all get their index. S212.
TEST(Barrier, LetsAllGoWhenTheLastArrives) {
  asyncio::run([] {
    Barrier barrier(3);
    std::string order;
    auto tasks = start("ab", [&](char name) { order += name + std::to_string(barrier.wait()); });
    EXPECT_EQ(barrier.n_waiting(), 2);

    EXPECT_EQ(iterations_of([&] { EXPECT_EQ(barrier.wait(), 2); }), 0);
    EXPECT_EQ(barrier.n_waiting(), 0);
    await(gather(tasks));

    EXPECT_EQ(order, "a0b1");
  });
}

// S210: opens again, and can be used again; a cancelled waiter just leaves.
TEST(Barrier, CanBeUsedAgain) {
  asyncio::run([] {
    Barrier barrier(2);
    auto gone = start("a", [&](char) { barrier.wait(); });
    gone[0].cancel();
    turn();
    EXPECT_EQ(barrier.n_waiting(), 0);

    for (int round = 0; round < 2; ++round) {
      auto tasks = start("ab", [&](char) { barrier.wait(); });
      await(gather(tasks));
    }
    EXPECT_FALSE(barrier.broken());
  });
}

// S211: reset with waiters.
TEST(Barrier, SendsThoseWhoWaitAwayWhenItIsReset) {
  asyncio::run([] {
    Barrier barrier(2);
    auto tasks = start("a", [&](char) { EXPECT_THROW(barrier.wait(), BrokenBarrierError); });

    barrier.reset();
    await(gather(tasks));

    EXPECT_FALSE(barrier.broken());
    EXPECT_EQ(barrier.n_waiting(), 0);
  });
}

// S211: abort; reset without waiters opens a broken barrier.
TEST(Barrier, StaysBrokenUntilItIsReset) {
  asyncio::run([] {
    Barrier barrier(2);
    auto tasks = start("a", [&](char) { EXPECT_THROW(barrier.wait(), BrokenBarrierError); });
    barrier.abort();
    await(gather(tasks));
    EXPECT_TRUE(barrier.broken());
    EXPECT_THROW(barrier.wait(), BrokenBarrierError);

    barrier.reset();

    EXPECT_FALSE(barrier.broken());
  });
}

}  // namespace
