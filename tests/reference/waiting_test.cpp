// waiting_test.cpp: wait(), wait_for(), shield(), as_completed(). Rules: semantics.md S93, S144 to S160, S344.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "iterations.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::AnyFuture;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::Future;
using asyncio::Task;
using asyncio::TimeoutError;

template <class T>
Future<T> pending() {
  return asyncio::get_running_loop().create_future<T>();
}
void nothing() {}
void sleep_long() { asyncio::sleep(1h); }

// ---- wait() ----

// S144: ValueError for an empty set or an unknown return_when.
TEST(Wait, RefusesNoFuturesAndUnknownConditions) {
  asyncio::run([] {
    EXPECT_THROW(asyncio::wait(std::vector<Task<void>>{}), std::invalid_argument);
    const auto unknown = static_cast<asyncio::ReturnWhen>(17);
    EXPECT_THROW(asyncio::wait(std::vector{create_task(nothing)}, {.return_when = unknown}), std::invalid_argument);
  });
}

// S144: duplicates collapse. S353: our order is that of the arguments.
TEST(Wait, GivesEachFutureOnceInTheOrderOfTheArguments) {
  asyncio::run([] {
    auto a = create_task([] { asyncio::sleep(1ms); });
    auto b = create_task(nothing);

    const auto [done, pending] = asyncio::wait(std::vector{a, b, a, b});

    EXPECT_EQ(done, (std::vector{a, b}));
    EXPECT_TRUE(pending.empty());
  });
}

// S145: never raises because of an outcome, nor because of a timeout, and cancels nothing.
TEST(Wait, ThrowsNoOutcomeAndCancelsNothing) {
  asyncio::run([] {
    auto failed = create_task([] { throw std::runtime_error("bad"); });
    auto slow = create_task(sleep_long);

    const auto [done, pending] = asyncio::wait(std::vector{failed, slow}, {.timeout = 1ms});

    EXPECT_EQ(done, std::vector{failed});
    EXPECT_EQ(pending, std::vector{slow});
    EXPECT_EQ(slow.cancelling(), 0);
    EXPECT_THROW(failed.result(), std::runtime_error);
  });
}

// S145: also when it is cancelled itself; its callbacks are removed.
TEST(Wait, ThatIsCancelledLeavesTheFuturesAlone) {
  asyncio::run([] {
    auto future = pending<int>();
    auto waiter = create_task([=] { asyncio::wait(std::vector{future}); });
    asyncio::sleep(0s);

    waiter.cancel();
    EXPECT_THROW(asyncio::await(waiter), CancelledError);

    EXPECT_FALSE(future.done());
    EXPECT_TRUE(future.get()->awaited_by().empty());
  });
}

// S146: FIRST_COMPLETED counts a cancellation.
TEST(Wait, ForTheFirstReturnsWhereOneIsCancelled) {
  asyncio::run([] {
    auto a = pending<int>();
    auto b = pending<int>();
    a.cancel();

    const auto [done, left] = asyncio::wait(std::vector{a, b}, {.return_when = asyncio::FIRST_COMPLETED});

    EXPECT_EQ(done, std::vector{a});
    EXPECT_EQ(left, std::vector{b});
  });
}

// S146: FIRST_EXCEPTION does not count a cancellation.
TEST(Wait, ForTheFirstErrorIgnoresACancelledFuture) {
  asyncio::run([] {
    auto cancelled = create_task(sleep_long);
    auto fails = create_task([] {
      asyncio::sleep(1ms);
      throw std::runtime_error("bad");
    });
    auto slow = create_task(sleep_long);
    cancelled.cancel();

    const auto [done, left] =
        asyncio::wait(std::vector{cancelled, fails, slow}, {.return_when = asyncio::FIRST_EXCEPTION});

    EXPECT_EQ(done, (std::vector{cancelled, fails}));
    EXPECT_EQ(left, std::vector{slow});
  });
}

// S147: done and pending are computed anew after waking.
TEST(Wait, CountsWhatWasDoneBeforeItWentOn) {
  asyncio::run([] {
    auto a = pending<int>();
    auto b = pending<int>();
    auto& loop = asyncio::get_running_loop();
    loop.call_soon([&loop, a, b] {
      a.set_result(1);
      loop.call_soon([b] { b.set_result(2); });  // too late for the condition, in time for the result
    });

    const auto result = asyncio::wait(std::vector{a, b}, {.return_when = asyncio::FIRST_COMPLETED});

    EXPECT_EQ(result.done, (std::vector{a, b}));
  });
}

// S344: the edge exists while wait() waits, and is gone afterwards.
TEST(Wait, IsSeenInTheCallGraphWhileItWaits) {
  asyncio::run([] {
    auto future = pending<int>();
    auto waiter = create_task([=] { asyncio::wait(std::vector{future}); });
    asyncio::sleep(0s);

    EXPECT_EQ(future.asyncio_awaited_by(), std::vector<asyncio::AnyFuture>{waiter});

    future.set_result(1);
    asyncio::await(waiter);
    EXPECT_TRUE(future.get()->awaited_by().empty());
  });
}

// S93.
TEST(Wait, ForOneNewTaskTakesThreeIterations) {
  EXPECT_EQ(iterations_alone([] { asyncio::wait(std::vector{create_task(nothing)}); }), 3);
}

// S93, S148: always suspends.
TEST(Wait, ForWhatIsDoneTakesTwoIterations) {
  asyncio::run([] {
    auto future = pending<int>();
    future.set_result(1);
    EXPECT_EQ(iterations_of([&] { asyncio::wait(std::vector{future, future}); }), 2);
  });
}

// S93.
TEST(Wait, WithATimeoutOfZeroTakesTwoIterations) {
  asyncio::run([] {
    auto future = pending<int>();
    EXPECT_EQ(iterations_of([&] { asyncio::wait(std::vector{future}, {.timeout = 0s}); }), 2);
  });
}

// ---- wait_for() ----

// S149, S93: the callable runs in the calling task.
TEST(WaitFor, CallsACallableInTheCallingTask) {
  asyncio::run([] {
    const auto me = asyncio::current_task();
    EXPECT_EQ(iterations_of([&] { EXPECT_EQ(asyncio::wait_for([] { return asyncio::current_task(); }, 1h), me); }), 0);
  });
}

TEST(WaitFor, GivesWhatAFutureHolds) {
  asyncio::run([] {
    auto task = create_task([] { return std::make_unique<int>(4); });
    EXPECT_EQ(*asyncio::wait_for(task, 1h), 4);
    EXPECT_EQ(asyncio::wait_for([] { return 5; }, std::nullopt), 5);
  });
}

// S150, S93: a fresh coroutine never starts.
TEST(WaitFor, OfZeroNeverStartsACallable) {
  bool started = false;
  const auto body = [&] { EXPECT_THROW(asyncio::wait_for([&] { started = true; }, 0s), TimeoutError); };

  EXPECT_EQ(iterations_alone(body), 3);

  EXPECT_FALSE(started);
}

// S150: if done, its result.
TEST(WaitFor, OfZeroGivesWhatIsDone) {
  asyncio::run([] {
    auto future = pending<int>();
    future.set_result(3);
    EXPECT_EQ(iterations_of([&] { EXPECT_EQ(asyncio::wait_for(future, 0s), 3); }), 0);
  });
}

// S150, S151: a value returned by work that swallowed the cancel is returned.
TEST(WaitFor, ReturnsWhatStubbornWorkReturns) {
  const auto stubborn = [] {
    try {
      asyncio::sleep(1h);
    } catch (const CancelledError&) {
    }
    return std::string("all the same");
  };
  asyncio::run([&] {
    EXPECT_EQ(asyncio::wait_for(stubborn, 1ms), "all the same");

    auto started = create_task(stubborn);
    asyncio::sleep(0s);
    EXPECT_EQ(asyncio::wait_for(started, 0s), "all the same");
  });
}

// S151: only after the inner work has ended its cancellation.
TEST(WaitFor, WaitsForTheWorkToEndItsCancellation) {
  asyncio::run([] {
    bool ended = false;
    auto task = create_task([&] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        asyncio::sleep(0s);
        ended = true;
        throw;
      }
    });

    EXPECT_THROW(asyncio::wait_for(task, 1ms), TimeoutError);

    EXPECT_TRUE(ended);
    EXPECT_TRUE(task.cancelled());
  });
}

// S151: an exception raised during cleanup is raised.
TEST(WaitFor, ThrowsWhatCleaningUpThrows) {
  asyncio::run([] {
    const auto work = [] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        throw std::logic_error("cleanup");
      }
    };
    EXPECT_THROW(asyncio::wait_for(work, 1ms), std::logic_error);
  });
}

// S153: cancelling the waiter cancels the inner future.
TEST(WaitFor, PassesACancellationOn) {
  asyncio::run([] {
    auto future = pending<int>();
    auto waiter = create_task([=] { asyncio::wait_for(future, 1h); });
    asyncio::sleep(0s);

    waiter.cancel();
    EXPECT_THROW(asyncio::await(waiter), CancelledError);

    EXPECT_TRUE(future.cancelled());
  });
}

// S152: needs a current task.
TEST(WaitFor, IsRefusedOutsideATask) {
  EXPECT_THROW(asyncio::wait_for([] { return 1; }, 1h), asyncio::RuntimeError);
}

// ---- shield() ----

// S154: shield(done future) returns that very future.
TEST(Shield, GivesADoneFutureBack) {
  asyncio::run([] {
    auto future = pending<int>();
    future.set_result(1);
    EXPECT_EQ(asyncio::shield(future), future);
  });
}

// S154: result and exception are copied; S93.
TEST(Shield, EndsAsTheInnerOneDoes) {
  asyncio::run([] {
    EXPECT_EQ(iterations_of([] { EXPECT_EQ(asyncio::await(asyncio::shield([] { return 6; })), 6); }), 3);
    auto fails = []() -> int { throw std::logic_error("inner"); };
    EXPECT_THROW(asyncio::await(asyncio::shield(fails)), std::logic_error);
  });
}

// S154: inner cancel cancels the outer, without a message.
TEST(Shield, IsCancelledWithTheInnerOneButWithoutMessage) {
  asyncio::run([] {
    auto inner = pending<int>();
    auto outer = asyncio::shield(inner);
    inner.cancel("secret");
    try {
      asyncio::await(outer);
      FAIL() << "not cancelled";
    } catch (const CancelledError& error) {
      EXPECT_EQ(error.message(), "");
    }
    EXPECT_TRUE(outer.cancelled());
  });
}

// S155: cancelling the outer future leaves the inner running.
TEST(Shield, KeepsACancellationFromTheInnerTask) {
  asyncio::run([] {
    auto inner = create_task([] { asyncio::sleep(2ms); });
    auto waiter = create_task([=] { asyncio::await(asyncio::shield(inner)); });
    asyncio::sleep(0s);

    waiter.cancel();
    EXPECT_THROW(asyncio::await(waiter), CancelledError);

    EXPECT_EQ(inner.cancelling(), 0);
    asyncio::await(inner);
  });
}

// S155: if the inner later fails and nobody retrieves it, the normal report appears.
TEST(Shield, LeavesTheErrorOfAnAbandonedTaskToBeReported) {
  std::vector<std::string> reports;
  asyncio::run([&] {
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
          reports.push_back(context.message);
        });
    auto inner = create_task([] {
      asyncio::sleep(0s);
      throw std::runtime_error("nobody looks");
    });
    asyncio::shield(inner).cancel();
    for (int i = 0; i < 4; ++i) asyncio::sleep(0s);
    inner = {};
  });
  EXPECT_EQ(reports, std::vector<std::string>{"Task exception was never retrieved"});
}

// ---- as_completed() ----

// S158: each once, in completion order, the very tasks that were passed.
TEST(AsCompleted, GivesTheTasksInTheOrderInWhichTheyEnd) {
  asyncio::run([] {
    auto fast = create_task([] { asyncio::sleep(1ms); });
    auto slow = create_task([fast] { await(fast); });
    std::vector<Task<void>> order;

    for (const Task<void>& task : asyncio::as_completed(std::vector{slow, fast, slow})) order.push_back(task);

    EXPECT_EQ(order, (std::vector{fast, slow}));
  });
}

// S93.
TEST(AsCompleted, OfOneCallableTakesThreeIterations) {
  const auto body = [] {
    for (auto task : asyncio::as_completed(std::vector<std::function<int()>>{[] { return 1; }})) {
      EXPECT_EQ(asyncio::await(task), 1);
    }
  };
  EXPECT_EQ(iterations_alone(body), 3);
}

TEST(AsCompleted, OfNothingIsEmpty) {
  asyncio::run([] {
    auto range = asyncio::as_completed(std::vector<Task<int>>{});
    EXPECT_TRUE(range.begin() == range.end());
  });
}

// S159: each remaining step raises TimeoutError; children go on running.
TEST(AsCompleted, ThrowsTimeoutErrorForEachThatIsMissing) {
  asyncio::run([] {
    auto a = create_task(sleep_long);
    auto b = create_task(sleep_long);
    auto range = asyncio::as_completed(std::vector{a, b}, {.timeout = 1ms});

    EXPECT_THROW(range.begin(), TimeoutError);
    EXPECT_THROW(range.begin(), TimeoutError);
    EXPECT_TRUE(range.begin() == range.end());

    EXPECT_EQ(a.cancelling() + b.cancelling(), 0);
  });
}

// S160: cancelling a step in progress gives its place back.
TEST(AsCompleted, LosesNothingWhereAStepIsCancelled) {
  asyncio::run([] {
    auto future = pending<int>();
    auto range = asyncio::as_completed(std::vector{future});
    auto step = create_task([&] { range.begin(); });
    asyncio::sleep(0s);
    step.cancel();
    EXPECT_THROW(asyncio::await(step), CancelledError);

    future.set_result(9);

    EXPECT_EQ((*range.begin()).result(), 9);
  });
}

// S344: leaving the loop early takes callbacks and edges back.
TEST(AsCompleted, ThatIsLeftEarlyLeavesNoTrace) {
  asyncio::run([] {
    auto never = pending<int>();
    auto done = pending<int>();
    done.set_result(1);

    for (auto future : asyncio::as_completed(std::vector{never, done})) {
      EXPECT_EQ(future, done);
      EXPECT_EQ(never.get()->awaited_by().size(), 1U);
      break;
    }

    EXPECT_TRUE(never.get()->awaited_by().empty());
  });
}

}  // namespace
