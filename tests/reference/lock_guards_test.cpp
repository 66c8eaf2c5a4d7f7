// lock_guards_test.cpp: the standard library's guards over locks of tasks. Rules: S193 to S206.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <string>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

class AGuard : public testing::Test {
 protected:
  template <class F>
  void run(F main) {
    loop.run_until_complete(main);
  }
  ScriptedLoop loop;
};

// Two tasks that take two locks in opposite orders: neither waits for ever, as each gives back what it has.
TEST_F(AGuard, TakesSeveralLocksWithoutADeadlock) {
  run([] {
    Lock left, right;
    std::string order;
    const auto work = [&](char name, Lock& first, Lock& second) {
      return [&, name] {
        for (int i = 0; i < 3; ++i) {
          const std::scoped_lock both(first, second);
          order += name;
          asyncio::sleep(1ms);
          order += name;
        }
      };
    };
    await(gather(work('a', left, right), work('b', right, left)));
    EXPECT_EQ(order.size(), 12u);
    for (std::size_t i = 0; i < order.size(); i += 2) EXPECT_EQ(order[i], order[i + 1]) << order;
    EXPECT_FALSE(left.locked() || right.locked());
  });
}

TEST_F(AGuard, MayBeALockGuardOrAUniqueLock) {
  run([] {
    Lock lock;
    {
      const std::lock_guard guard(lock);
      EXPECT_TRUE(lock.locked());
      EXPECT_FALSE(std::unique_lock(lock, std::try_to_lock));
    }
    std::unique_lock guard(lock, std::defer_lock);
    EXPECT_TRUE(guard.try_lock());
    guard.unlock();
    EXPECT_FALSE(lock.locked());
    Condition condition(lock);
    const std::unique_lock other(condition);
    EXPECT_TRUE(lock.locked());
  });
}

// S194: nobody overtakes a task in line, not even without waiting.
TEST_F(AGuard, ThatOnlyTriesDoesNotOvertake) {
  run([] {
    Lock lock;
    lock.acquire();
    const auto waiter = create_task([&] { const std::scoped_lock guard(lock); });
    asyncio::sleep(0s);
    lock.release();
    EXPECT_FALSE(lock.locked());
    EXPECT_FALSE(lock.try_lock());
    await(waiter);
    EXPECT_TRUE(lock.try_lock());
  });
}

// S204, S206.
TEST_F(AGuard, TakesAPermitOfASemaphore) {
  run([] {
    Semaphore permits(1);
    EXPECT_TRUE(permits.try_lock());
    EXPECT_FALSE(permits.try_lock());
    permits.release();
    Lock lock;
    const std::scoped_lock both(lock, permits);
    EXPECT_TRUE(permits.locked());
  });
}

// A task that is cancelled while it waits for the second lock gives the first one back.
TEST_F(AGuard, GivesBackWhatItHasWhereItsTaskIsCancelled) {
  run([] {
    Lock free, taken;
    taken.acquire();
    const auto task = create_task([&] { const std::scoped_lock both(free, taken); });
    asyncio::sleep(0s);
    task.cancel();
    EXPECT_THROW(await(task), CancelledError);
    EXPECT_FALSE(free.locked());
  });
}

}  // namespace
}  // namespace asyncio
