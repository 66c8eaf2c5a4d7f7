// queues_test.cpp: Queue, LifoQueue, PriorityQueue. Rules: semantics.md S93, S213 to S220.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "iterations.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::Queue;
using asyncio::QueueEmpty;
using asyncio::QueueFull;
using asyncio::QueueShutDown;
using asyncio::Task;

void turn() { asyncio::sleep(0s); }

// S213: maxsize <= 0 is unbounded and never full.
TEST(Queue, WithoutALimitIsNeverFull) {
  for (const int maxsize : {0, -1}) {
    Queue<int> queue(maxsize);
    for (int i = 0; i < 1000; ++i) queue.put_nowait(i);
    EXPECT_FALSE(queue.full());
    EXPECT_EQ(queue.qsize(), 1000);
  }
}

// S93: 0 iterations where there is nothing to wait for.
TEST(Queue, GivesItemsInOrderWithoutSuspending) {
  asyncio::run([] {
    Queue<std::string> queue(2);
    const auto body = [&] {
      queue.put("a");
      queue.put("b");
      EXPECT_TRUE(queue.full());
      EXPECT_EQ(queue.get(), "a");
      EXPECT_EQ(queue.get(), "b");
    };
    EXPECT_EQ(iterations_of(body), 0);
    EXPECT_TRUE(queue.empty());
  });
}

TEST(Queue, TakesItemsThatCanOnlyBeMoved) {
  asyncio::run([] {
    Queue<std::unique_ptr<int>> queue;
    queue.put(std::make_unique<int>(3));
    EXPECT_EQ(*queue.get(), 3);
  });
}

// S214, S93: hand-over 1.
TEST(Queue, WakesATaskThatWaitsForAnItem) {
  asyncio::run([] {
    Queue<int> queue;
    auto getter = create_task([&] { return queue.get(); });
    turn();

    queue.put_nowait(5);
    turn();

    ASSERT_TRUE(getter.done());
    EXPECT_EQ(getter.result(), 5);
  });
}

// S214: put waits while full.
TEST(Queue, WakesATaskThatWaitsForRoom) {
  asyncio::run([] {
    Queue<int> queue(1);
    queue.put_nowait(1);
    auto putter = create_task([&] { queue.put(2); });
    turn();
    EXPECT_FALSE(putter.done());

    EXPECT_EQ(queue.get_nowait(), 1);
    turn();

    EXPECT_TRUE(putter.done());
    EXPECT_EQ(queue.get_nowait(), 2);
  });
}

// S214: nothing is reserved; the loser queues again at the end.
TEST(Queue, SendsAWokenTaskToTheEndOfTheLineWhereTheItemIsGone) {
  asyncio::run([] {
    Queue<int> queue;
    std::string order;
    const auto fetch = [&](char name) {
      return create_task([&, name] {
        queue.get();
        order += name;
      });
    };
    auto a = fetch('a');
    auto b = fetch('b');
    turn();

    queue.put_nowait(1);  // wakes a
    queue.get_nowait();   // but we are faster
    turn();
    queue.put_nowait(2);
    queue.put_nowait(3);
    await(gather(a, b));

    EXPECT_EQ(order, "ba");
  });
}

// S215: a cancelled waiter that had been woken passes the wake-up on.
TEST(Queue, PassesFromAWokenAndCancelledTaskToTheNext) {
  asyncio::run([] {
    Queue<int> queue;
    auto a = create_task([&] { return queue.get(); });
    auto b = create_task([&] { return queue.get(); });
    turn();

    queue.put_nowait(1);
    a.cancel();

    EXPECT_EQ(await(b), 1);
    EXPECT_TRUE(a.cancelled());
  });
}

// S215: the same for a put.
TEST(Queue, PassesRoomFromACancelledTaskToTheNext) {
  asyncio::run([] {
    Queue<int> queue(1);
    queue.put_nowait(0);
    auto a = create_task([&] { queue.put(1); });
    auto b = create_task([&] { queue.put(2); });
    turn();

    queue.get_nowait();
    a.cancel();
    await(b);

    EXPECT_EQ(queue.get_nowait(), 2);
  });
}

// S216.
TEST(Queue, RefusesAtOnceWhatWouldHaveToWait) {
  Queue<int> queue(1);
  EXPECT_THROW(queue.get_nowait(), QueueEmpty);
  queue.put_nowait(1);
  EXPECT_THROW(queue.put_nowait(2), QueueFull);

  queue.shutdown();

  EXPECT_THROW(queue.put_nowait(2), QueueShutDown);
  EXPECT_EQ(queue.get_nowait(), 1);
  EXPECT_THROW(queue.get_nowait(), QueueShutDown);
}

// S217: join() returns when every item was reported as done.
TEST(Queue, IsJoinedWhenAllItemsAreDealtWith) {
  asyncio::run([] {
    Queue<int> queue;
    EXPECT_EQ(iterations_of([&] { queue.join(); }), 0);
    queue.put_nowait(1);
    queue.put_nowait(2);
    auto joined = create_task([&] { queue.join(); });
    for (int i = 0; i < 2; ++i) {
      turn();
      EXPECT_FALSE(joined.done());
      queue.get_nowait();
      queue.task_done();
    }
    await(joined);
  });
}

// S217.
TEST(Queue, RefusesMoreTaskDoneThanPuts) {
  Queue<int> queue;
  queue.put_nowait(1);
  queue.task_done();
  EXPECT_THROW(queue.task_done(), std::invalid_argument);
}

// S218: also for blocked putters and blocked getters.
TEST(Queue, ThatIsShutDownSendsThoseWhoWaitAway) {
  asyncio::run([] {
    Queue<int> full(1);
    full.put_nowait(1);
    Queue<int> empty;
    auto putter = create_task([&] { full.put(2); });
    auto getter = create_task([&] { empty.get(); });
    turn();

    full.shutdown();
    empty.shutdown();

    EXPECT_THROW(await(putter), QueueShutDown);
    EXPECT_THROW(await(getter), QueueShutDown);
    EXPECT_EQ(full.get_nowait(), 1);
  });
}

// S218: unfinished items still count for join.
TEST(Queue, ThatIsShutDownIsJoinedAsBefore) {
  asyncio::run([] {
    Queue<int> queue;
    queue.put_nowait(1);
    queue.shutdown();
    auto joined = create_task([&] { queue.join(); });
    turn();
    EXPECT_FALSE(joined.done());

    queue.get();
    queue.task_done();

    await(joined);
  });
}

// S219: items are dropped and taken off the count; an item fetched but not done still holds join().
TEST(Queue, ThatIsShutDownImmediatelyDropsItsItems) {
  asyncio::run([] {
    Queue<int> queue;
    queue.put_nowait(1);
    queue.put_nowait(2);
    queue.get_nowait();
    queue.shutdown({.immediate = true});
    EXPECT_TRUE(queue.empty());
    auto joined = create_task([&] { queue.join(); });
    turn();
    EXPECT_FALSE(joined.done());

    queue.task_done();

    await(joined);
  });
}

// S220.
TEST(LifoQueue, GivesTheNewestFirst) {
  asyncio::LifoQueue<std::unique_ptr<int>> queue;
  for (int i = 1; i <= 3; ++i) queue.put_nowait(std::make_unique<int>(i));
  EXPECT_EQ(*queue.get_nowait(), 3);
  EXPECT_EQ(*queue.get_nowait(), 2);
}

// S220; S358: our order among equals is that of putting.
TEST(PriorityQueue, GivesTheSmallestFirstAndEqualOnesInOrder) {
  struct ByNumber {
    bool operator()(const std::pair<int, char>& a, const std::pair<int, char>& b) const { return a.first < b.first; }
  };
  asyncio::PriorityQueue<std::pair<int, char>, ByNumber> queue;
  for (const auto& item : {std::pair{2, 'a'}, {1, 'b'}, {2, 'c'}, {1, 'd'}, {2, 'e'}}) queue.put_nowait(item);

  std::string order;
  while (!queue.empty()) order += queue.get_nowait().second;

  EXPECT_EQ(order, "bdace");
}

TEST(PriorityQueue, TakesAnotherOrder) {
  asyncio::PriorityQueue<int, std::greater<int>> queue;
  for (const int i : {1, 3, 2}) queue.put_nowait(i);
  EXPECT_EQ(queue.get_nowait(), 3);
  EXPECT_EQ(queue.qsize(), 2);
}

}  // namespace
