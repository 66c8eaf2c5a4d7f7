// cancellation_test.cpp: asking a task to stop, and when it hears of it.
#include <asyncio/tasks.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Cancellation : public testing::Test {
 protected:
  /// A task that waits for `awaited` and has begun to.
  Task<void> waiter() {
    const auto task = loop.create_task([this] { await(awaited); });
    loop.turn();
    return task;
  }

  ScriptedLoop loop;
  Future<void> awaited = loop.create_future<void>();
  std::vector<std::string> seen;
};

using ADoneTask = Cancellation;
using AWaitingTask = Cancellation;
using ATaskNotYetStarted = Cancellation;
using ATaskThatCancelsItself = Cancellation;
using ACancelledTask = Cancellation;
using ANestOfTasks = Cancellation;
using ALateCancellation = Cancellation;
using SeveralCancellations = Cancellation;
using Uncancel = Cancellation;
using AMessage = Cancellation;

// S99.
TEST_F(ADoneTask, CannotBeCancelled) {
  const auto task = loop.create_task([] { return 1; });
  loop.turn();

  EXPECT_FALSE(task.cancel());

  EXPECT_EQ(task.cancelling(), 0);
  EXPECT_EQ(task.result(), 1);
}

// S99: its never-retrieved report is switched off.
TEST_F(ADoneTask, IsNotReportedAfterACancel) {
  {
    const auto task = loop.create_task([] { throw std::logic_error("given up"); });
    loop.turn();
    EXPECT_FALSE(task.cancel());
  }

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S100, S103: cancel() asks; the error arrives through the normal wake-up.
TEST_F(AWaitingTask, IsToldAtItsNextStep) {
  const auto task = waiter();

  EXPECT_TRUE(task.cancel());
  EXPECT_FALSE(task.done());
  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 1);
  EXPECT_TRUE(awaited.cancelled());
  loop.turn();

  EXPECT_TRUE(task.cancelled());
}

// S84, S101, S102: the undelivered request is thrown in by the next step; nothing of the body runs.
TEST_F(ATaskNotYetStarted, NeverEntersItsBody) {
  const auto task = loop.create_task([&] { seen.push_back("entered"); });

  EXPECT_TRUE(task.cancel());
  loop.turn();

  EXPECT_TRUE(task.cancelled());
  EXPECT_THAT(seen, IsEmpty());
}

// S101: waiting for a future that is done already. S106: its result is discarded.
TEST_F(ALateCancellation, DiscardsAResultThatHasNotArrived) {
  const auto task = waiter();

  awaited.set_result();
  EXPECT_TRUE(task.cancel());
  loop.turn();

  EXPECT_TRUE(task.cancelled());
}

// S107: an exception is replaced, and counts as retrieved.
TEST_F(ALateCancellation, ReplacesAnExceptionThatHasNotArrived) {
  const auto task = waiter();

  awaited.set_exception(std::logic_error("replaced"));
  EXPECT_TRUE(task.cancel());
  loop.turn();
  EXPECT_TRUE(task.cancelled());
  awaited = {};

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S101: a future that refuses to be cancelled.
TEST_F(AWaitingTask, IsToldAtOnceWhereWhatItWaitsForIsNotCancelled) {
  const auto inner = loop.create_task([&] {
    try {
      await(awaited);
    } catch (const CancelledError&) {
      seen.push_back("inner swallows");
    }
  });
  const auto outer = loop.create_task([&] { await(inner); });
  loop.turn();

  EXPECT_TRUE(outer.cancel());  // goes to `inner`
  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre("inner swallows"));
  EXPECT_FALSE(outer.cancelled());  // S105
}

// S104: innermost first, one iteration a level.
TEST_F(ANestOfTasks, IsCancelledFromTheInside) {
  std::vector<int> when;
  const auto note = [&](auto body) {
    return [&, body] {
      try {
        body();
      } catch (const CancelledError&) {
        when.push_back(loop.iterations);
        throw;
      }
    };
  };
  const auto inner = loop.create_task(note([&] { await(awaited); }));
  const auto outer = loop.create_task(note([&] { await(inner); }));
  const auto outermost = loop.create_task(note([&] { await(outer); }));
  loop.turn();

  const int now = loop.iterations;
  outermost.cancel();
  loop.turn(3);

  EXPECT_THAT(when, ElementsAre(now + 1, now + 2, now + 3));
  EXPECT_TRUE(inner.cancelled() && outer.cancelled() && outermost.cancelled());
}

// S105: the outer task receives the value, though its count stays raised.
TEST_F(ANestOfTasks, MaySwallowACancellationInside) {
  const auto inner = loop.create_task([&] {
    try {
      await(awaited);
    } catch (const CancelledError&) {
    }
    return 7;
  });
  const auto outer = loop.create_task([&] { return await(inner); });
  loop.turn();

  outer.cancel();
  loop.turn(2);

  EXPECT_EQ(outer.result(), 7);
  EXPECT_EQ(outer.cancelling(), 1);
  EXPECT_EQ(inner.cancelling(), 1);
}

// S114.
TEST_F(ANestOfTasks, KeepsTasksThatWereOnlyCreated) {
  Task<void> child;
  const auto parent = loop.create_task([&] {
    child = create_task([&] { await(awaited); });
    await(loop.create_future<void>());
  });
  loop.turn(2);

  parent.cancel();
  loop.turn();

  EXPECT_TRUE(parent.cancelled());
  EXPECT_FALSE(child.done());
}

// Tasks that wait for each other can only be told so: CPython throws RecursionError, and here no stack overflows.
TEST_F(ANestOfTasks, ThatIsARingCannotBeCancelled) {
  Task<void> one;
  Task<void> other;
  one = loop.create_task([&] { await(other); });
  other = loop.create_task([&] { await(one); });
  loop.turn();

  EXPECT_THAT(text_of<RuntimeError>([&] { one.cancel(); }), testing::HasSubstr("maximum recursion depth exceeded"));

  EXPECT_FALSE(one.done() || other.done());
  EXPECT_GE(one.cancelling(), 1);
}

// S108: at its next real suspension; awaiting a done future does not deliver it.
TEST_F(ATaskThatCancelsItself, IsToldAtItsNextRealSuspension) {
  awaited.set_result();
  const auto task = loop.create_task([&] {
    current_task().cancel();
    await(awaited);
    seen.push_back("awaited what was done");
    give_way();
    seen.push_back("never");
  });

  loop.turn(2);

  EXPECT_TRUE(task.cancelled());
  EXPECT_THAT(seen, ElementsAre("awaited what was done"));
}

// S89: with a request undelivered, the future it begins to wait for is cancelled at once.
TEST_F(ATaskThatCancelsItself, CancelsWhatItThenAwaits) {
  const auto task = loop.create_task([&] {
    current_task().cancel("enough");
    await(awaited);
  });

  loop.turn();
  EXPECT_TRUE(awaited.cancelled());
  EXPECT_FALSE(task.done());
  loop.turn();

  EXPECT_EQ(text_of<CancelledError>([&] { task.result(); }), "enough");
}

// S85: asked to stop, and returned before it was told: the value is lost.
TEST_F(ATaskThatCancelsItself, IsCancelledByItsReturn) {
  const auto task = loop.create_task([] {
    current_task().cancel("too late");
    return 1;
  });

  loop.turn();

  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(text_of<CancelledError>([&] { task.result(); }), "too late");
}

// S88: any other exception wins, even if a cancel is undelivered.
TEST_F(ATaskThatCancelsItself, FailsWhereItThrows) {
  const auto task = loop.create_task([] {
    current_task().cancel();
    throw std::logic_error("failed");
  });

  loop.turn();

  EXPECT_FALSE(task.cancelled());
  EXPECT_TRUE(holds<std::logic_error>(task.exception()));
}

// S86: whether or not cancel() was ever called.
TEST_F(ACancelledTask, IsOneThatThrowsCancelledError) {
  const auto task = loop.create_task([] { throw CancelledError("by hand"); });

  loop.turn();

  EXPECT_TRUE(task.cancelled());
  EXPECT_EQ(task.cancelling(), 0);
}

// S76, S86: the saved error goes to the first who asks; the next gets a fresh one without a message.
TEST_F(ACancelledTask, GivesItsSavedErrorOnce) {
  const auto task = loop.create_task([] { throw CancelledError("by hand"); });
  loop.turn();

  EXPECT_EQ(text_of<CancelledError>([&] { task.result(); }), "by hand");
  EXPECT_EQ(text_of<CancelledError>([&] { task.result(); }), "");
  EXPECT_EQ(text_of<CancelledError>([&] { task.exception(); }), "");
}

// S111: swallowing leaves the count raised.
TEST_F(ACancelledTask, MaySwallowTheErrorAndGoOn) {
  const auto task = loop.create_task([&] {
    try {
      await(awaited);
    } catch (const CancelledError&) {
    }
    give_way();
    return current_task().cancelling();
  });
  loop.turn();

  task.cancel();
  loop.turn(2);

  EXPECT_EQ(task.result(), 1);
}

// S101: at any suspension, and one in a destructor is one. There it must be caught.
TEST_F(ACancelledTask, MayBeToldInADestructorThatCatches) {
  struct Flushes {
    const Future<void>& flushed;
    std::vector<std::string>& seen;
    ~Flushes() {
      try {
        await(flushed);
      } catch (const CancelledError& error) {
        seen.emplace_back(error.message());
      }
    }
  };
  const auto flushed = loop.create_future<void>();
  const auto task = loop.create_task([&] { const Flushes flushes{flushed, seen}; });
  loop.turn();

  task.cancel("hurry");
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("hurry"));
  EXPECT_FALSE(task.cancelled());
}

// S113.
TEST_F(ACancelledTask, IsNotCaughtByHandlersOfOrdinaryErrors) {
  const auto task = loop.create_task([&] {
    try {
      await(awaited);
    } catch (const std::exception&) {
      seen.push_back("caught");
    }
  });
  loop.turn();

  task.cancel();
  loop.turn();

  EXPECT_TRUE(task.cancelled());
  EXPECT_THAT(seen, IsEmpty());
}

// S109: one CancelledError only; the count is 2; the message is that of the first, which cancelled the future.
TEST_F(SeveralCancellations, AreDeliveredOnce) {
  const auto task = loop.create_task([&] {
    seen.push_back(text_of<CancelledError>([&] { await(awaited); }));
    give_way();
    seen.push_back("no second error");
  });
  loop.turn();

  task.cancel("first");
  task.cancel("second");
  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre("first", "no second error"));
  EXPECT_EQ(task.cancelling(), 2);
}

// S109: of a task not yet started, the last message wins.
TEST_F(SeveralCancellations, OfATaskNotYetStartedGiveTheLastMessage) {
  const auto task = loop.create_task([] {});

  task.cancel("first");
  task.cancel("second");
  loop.turn();

  EXPECT_EQ(text_of<CancelledError>([&] { task.result(); }), "second");
}

// S100: a second cancel reaches the future again.
TEST_F(SeveralCancellations, ReachAnInnerTaskEachTime) {
  const auto inner = loop.create_task([&] {
    for (int i = 0; i < 2; ++i) {
      seen.push_back(text_of<CancelledError>([&] { await(loop.create_future<void>()); }));
    }
  });
  const auto outer = loop.create_task([&] { await(inner); });
  loop.turn();

  outer.cancel("first");
  loop.turn();
  outer.cancel("second");
  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre("first", "second"));
  EXPECT_FALSE(outer.cancelled());
  EXPECT_EQ(outer.cancelling(), 2);
}

// S110.
TEST_F(AMessage, TravelsWithTheCancellation) {
  const auto inner = waiter();
  const auto outer = loop.create_task([&] { seen.push_back(text_of<CancelledError>([&] { await(inner); })); });
  loop.turn();

  outer.cancel("shutting down");
  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre("shutting down"));
}

// S112: never below 0.
TEST_F(Uncancel, CountsDownToZero) {
  const auto task = waiter();
  task.cancel();
  task.cancel();

  EXPECT_EQ(task.uncancel(), 1);
  EXPECT_EQ(task.uncancel(), 0);
  EXPECT_EQ(task.uncancel(), 0);
  EXPECT_EQ(task.cancelling(), 0);
}

// S112: on reaching 0 a cancel that was not yet thrown is rescinded.
TEST_F(Uncancel, TakesBackACancellationThatWasNotThrown) {
  const auto task = loop.create_task([] { return 1; });

  task.cancel();
  task.uncancel();
  loop.turn();

  EXPECT_EQ(task.result(), 1);
}

// S112: only on reaching 0.
TEST_F(Uncancel, LeavesACancellationWhileOthersAreCounted) {
  const auto task = loop.create_task([] { return 1; });

  task.cancel();
  task.cancel();
  task.uncancel();
  loop.turn();

  EXPECT_TRUE(task.cancelled());
}

// S112.
TEST_F(Uncancel, CannotTakeBackWhatHasCancelledTheFuture) {
  const auto task = waiter();

  task.cancel();
  task.uncancel();
  loop.turn();

  EXPECT_TRUE(task.cancelled());
}

// Re-entrancy: a callback of the cancelled future's loop cancels the task again before it is stepped.
TEST_F(AWaitingTask, MayBeCancelledByWhatRunsBeforeIt) {
  Task<void> task;
  awaited.add_done_callback([&](AnyFuture) { task.cancel("again"); });
  task = waiter();

  task.cancel("once");
  loop.turn();

  EXPECT_EQ(text_of<CancelledError>([&] { task.result(); }), "once");
  EXPECT_EQ(task.cancelling(), 2);
}

}  // namespace
}  // namespace asyncio
