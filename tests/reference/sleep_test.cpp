// sleep_test.cpp: sleep() and ensure_future(). Rules: semantics.md S93, S132, S133.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "iterations.hpp"
#include "scripted_loop.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::CancelledError;

// S132, S93: zero is one bare yield.
TEST(Sleep, OfZeroTakesOneIteration) {
  EXPECT_EQ(iterations_alone([] { asyncio::sleep(0s); }), 1);
}

// S132: less than zero is the same as zero.
TEST(Sleep, OfANegativeTimeTakesOneIteration) {
  EXPECT_EQ(iterations_alone([] { asyncio::sleep(-1s); }), 1);
}

// S132: the delay is a time on the loop's clock.
TEST(Sleep, ReturnsNoEarlierThanAsked) {
  asyncio::run([] {
    auto& loop = asyncio::get_running_loop();
    const auto before = loop.time();

    asyncio::sleep(5ms);

    EXPECT_GE(loop.time() - before, 5ms - 1us);
  });
}

// S132: the second argument is the result.
TEST(Sleep, GivesItsSecondArgument) {
  asyncio::run([] {
    EXPECT_EQ(asyncio::sleep(0s, std::string("late")), "late");
    EXPECT_EQ(*asyncio::sleep(1ms, std::make_unique<int>(7)), 7);
  });
}

// S132: the timer is cancelled on every exit, so it keeps nothing.
TEST(Sleep, ThatIsCancelledThrowsAtOnce) {
  asyncio::run([] {
    auto task = asyncio::create_task([] { asyncio::sleep(1h); });
    asyncio::sleep(0s);

    task.cancel();

    EXPECT_EQ(iterations_of([&] { EXPECT_THROW(asyncio::await(task), CancelledError); }), 2);
  });
}

// S132: the timer goes with it, so the loop does not wait for its time.
TEST(Sleep, ThatIsCancelledIsNotWaitedFor) {
  asyncio::ScriptedLoop loop;
  const auto task = loop.create_task([] { asyncio::sleep(1h); });
  loop.turn();

  task.cancel();
  loop.run_until_idle();

  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(loop.now, asyncio::TimePoint{});
}

// S132: a sleep of zero is cancelled at the next step.
TEST(Sleep, OfZeroCanBeCancelled) {
  asyncio::run([] {
    auto task = asyncio::create_task([] { asyncio::sleep(0s); });
    asyncio::sleep(0s);

    task.cancel();
    asyncio::sleep(0s);

    EXPECT_TRUE(task.cancelled());
  });
}

TEST(Sleep, IsRefusedOutsideATask) {
  EXPECT_THROW(asyncio::sleep(0s), asyncio::RuntimeError);
  EXPECT_THROW(asyncio::sleep(1ms), asyncio::RuntimeError);
}

// S133: futures are returned as they are.
TEST(EnsureFuture, GivesAFutureBack) {
  asyncio::run([] {
    auto future = asyncio::get_running_loop().create_future<int>();
    auto task = asyncio::create_task([] { return 1; });

    EXPECT_EQ(asyncio::ensure_future(future), future);
    EXPECT_EQ(asyncio::ensure_future(task), task);
  });
}

// S133: a coroutine becomes a task.
TEST(EnsureFuture, MakesATaskOfACallable) {
  asyncio::run([] {
    asyncio::Task<int> task = asyncio::ensure_future([] { return 5; });

    EXPECT_FALSE(task.done());
    EXPECT_EQ(asyncio::await(task), 5);
  });
}

// S133: ValueError if loop= names another loop.
TEST(EnsureFuture, RefusesAFutureOfAnotherLoop) {
  const auto other = asyncio::new_event_loop();
  asyncio::run([&] {
    auto future = asyncio::get_running_loop().create_future<int>();

    EXPECT_THROW(asyncio::ensure_future(future, {.loop = other.get()}), std::invalid_argument);
    EXPECT_EQ(asyncio::ensure_future(future, {.loop = &asyncio::get_running_loop()}), future);
  });
  other->close();
}

}  // namespace
