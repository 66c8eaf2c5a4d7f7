// gather_test.cpp: gather() in all its forms. Rules: semantics.md S93, S136 to S143, S344.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "iterations.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::AnyFuture;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::Future;
using asyncio::gather;
using asyncio::return_exceptions;
using asyncio::Task;
using testing::IsEmpty;

template <class T>
Future<T> pending() {
  return asyncio::get_running_loop().create_future<T>();
}
void nothing() {}
void sleep_long() { asyncio::sleep(1h); }
int fail() { throw std::logic_error("bad"); }

// S136: children are created in argument order; positions follow the arguments.
TEST(Gather, GivesResultsInTheOrderOfTheArguments) {
  asyncio::run([] {
    std::string started;
    auto slow = [&] {
      started += 'a';
      asyncio::sleep(2ms);
      return 1;
    };
    auto fast = [&] {
      started += 'b';
      return std::string("two");
    };

    const auto [one, two, none] = await(gather(slow, fast, create_task(nothing)));

    EXPECT_EQ(one, 1);
    EXPECT_EQ(two, "two");
    EXPECT_EQ(none, std::monostate{});
    EXPECT_EQ(started, "ab");
  });
}

TEST(Gather, OfAVectorGivesAVector) {
  asyncio::run([] {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 3; ++i) tasks.push_back(create_task([i] { return i * i; }));
    EXPECT_EQ(await(gather(tasks)), (std::vector{0, 1, 4}));
  });
}

TEST(Gather, OfVoidTasksGivesVoid) {
  asyncio::run([] {
    Future<void> all = gather(std::vector{create_task(nothing), create_task(nothing)});
    await(all);
    EXPECT_TRUE(all.done());
  });
}

TEST(Gather, MovesResultsThatCannotBeCopied) {
  asyncio::run([] {
    auto [boxed] = await(gather([] { return std::make_unique<int>(5); }));
    EXPECT_EQ(*boxed, 5);
  });
}

// S136: duplicates share one child.
TEST(Gather, CountsAFutureThatStandsThereTwiceOnce) {
  asyncio::run([] {
    auto future = pending<int>();
    auto both = gather(future, future);
    future.set_result(8);
    EXPECT_EQ(await(both), std::tuple(8, 8));
  });
}

// S136: no arguments.
TEST(Gather, OfNothingIsDoneAtOnce) {
  asyncio::run([] {
    EXPECT_EQ(gather().result(), std::tuple<>());
    EXPECT_TRUE(gather(std::vector<Task<int>>{}).result().empty());
    EXPECT_TRUE(gather(return_exceptions, std::vector<Task<void>>{}).result().empty());
  });
}

// S137: the first child exception completes the outer future; the others keep running.
TEST(Gather, FailsWithTheFirstErrorAndLetsTheOthersRun) {
  asyncio::run([] {
    auto slow = create_task([] { asyncio::sleep(2ms); });

    EXPECT_THROW(await(gather(slow, fail)), std::logic_error);

    EXPECT_FALSE(slow.done());
    EXPECT_EQ(slow.cancelling(), 0);
    await(slow);
  });
}

// S137: later exceptions count as retrieved.
TEST(Gather, SwallowsTheErrorsThatComeLater) {
  int reports = 0;
  asyncio::run([&] {
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) { ++reports; });
    auto later = [] {
      asyncio::sleep(0s);
      return fail();
    };
    EXPECT_THROW(await(gather(fail, later)), std::logic_error);
    for (int i = 0; i < 4; ++i) asyncio::sleep(0s);
  });
  EXPECT_EQ(reports, 0);
}

// S138: a cancelled child counts as a CancelledError exception; the outer future is not cancelled.
TEST(Gather, FinishesWithCancelledErrorWhereAChildIsCancelled) {
  asyncio::run([] {
    auto child = pending<int>();
    auto all = gather(child);
    child.cancel();

    EXPECT_THROW(await(all), CancelledError);

    EXPECT_FALSE(all.cancelled());
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S138: with return_exceptions the list holds a new CancelledError.
TEST(Gather, ThatReturnsExceptionsGivesAnOutcomeForEach) {
  asyncio::run([] {
    auto cancelled = pending<std::string>();
    cancelled.cancel("why");

    auto [good, bad, gone, none] = await(gather(return_exceptions, [] { return 1; }, fail, cancelled, nothing));

    EXPECT_EQ(good.value(), 1);
    EXPECT_EQ(good.exception(), nullptr);
    EXPECT_THROW(bad.value(), std::logic_error);
    EXPECT_FALSE(bad.has_value());
    EXPECT_TRUE(asyncio::holds<CancelledError>(gone.exception()));
    EXPECT_NO_THROW(none.value());
  });
}

TEST(Gather, ThatReturnsExceptionsGivesAVectorOfOutcomes) {
  asyncio::run([] {
    std::vector<asyncio::Outcome<int>> all =
        await(gather(return_exceptions, std::vector{create_task(fail), create_task([] { return 2; })}));
    EXPECT_THROW(all.at(0).value(), std::logic_error);
    EXPECT_EQ(all.at(1).value(), 2);
  });
}

// S139: outer.cancel() cancels every child, and the outer future stays pending.
TEST(Gather, ThatIsCancelledCancelsItsChildren) {
  asyncio::run([] {
    auto a = create_task(sleep_long);
    auto b = create_task(sleep_long);
    auto all = gather(a, b);
    asyncio::sleep(0s);

    EXPECT_TRUE(all.cancel());

    EXPECT_FALSE(all.done());
    EXPECT_EQ(a.cancelling() + b.cancelling(), 2);
    EXPECT_THROW(await(all), CancelledError);
    EXPECT_FALSE(all.cancel());
  });
}

// S139: true only where a child accepted.
TEST(Gather, RefusesACancellationThatNoChildAccepts) {
  asyncio::run([] {
    auto child = pending<int>();
    auto all = gather(child);
    child.set_result(1);

    EXPECT_FALSE(all.cancel());

    EXPECT_EQ(await(all), std::tuple(1));
  });
}

// S140: also with return_exceptions, and where every child swallowed the cancel.
TEST(Gather, ThatWasCancelledNeverEndsWithAResult) {
  asyncio::run([] {
    auto stubborn = create_task([] { EXPECT_THROW(asyncio::sleep(1h), CancelledError); });
    auto all = gather(return_exceptions, stubborn);
    asyncio::sleep(0s);

    all.cancel();

    EXPECT_THROW(await(all), CancelledError);
    EXPECT_FALSE(stubborn.cancelled());
  });
}

// S142, S93: all done: done on return, awaiting costs 0.
TEST(Gather, OfWhatIsDoneIsDoneOnReturn) {
  asyncio::run([] {
    auto future = pending<int>();
    future.set_result(3);
    auto all = gather(future, future);
    EXPECT_TRUE(all.done());
    EXPECT_EQ(iterations_of([&] { await(all); }), 0);
  });
}

// S93.
TEST(Gather, OfOneCallableTakesThreeIterations) {
  EXPECT_EQ(iterations_alone([] { await(gather(nothing)); }), 3);
}

// S143: children created by gather do not report "destroyed but pending".
TEST(Gather, MakesTasksThatNobodyMisses) {
  int reports = 0;
  {
    const auto loop = asyncio::new_event_loop();
    loop->set_exception_handler([&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) { ++reports; });
    loop->run_until_complete([] { gather(nothing); });
    loop->close();
  }
  EXPECT_EQ(reports, 0);
}

TEST(Gather, RefusesFuturesOfSeveralLoops) {
  const auto other = asyncio::new_event_loop();
  asyncio::run([&] { EXPECT_THROW(gather(pending<int>(), other->create_future<int>()), std::invalid_argument); });
  other->close();
}

// S344: the edge goes to the task that gathers, as in CPython, and ends with the child.
TEST(Gather, IsSeenInTheCallGraph) {
  asyncio::run([] {
    auto child = pending<int>();
    auto other = pending<int>();
    auto all = gather(child, other);
    EXPECT_EQ(child.asyncio_awaited_by(), std::vector<AnyFuture>{asyncio::current_task()});

    child.set_result(1);
    asyncio::sleep(0s);
    EXPECT_THAT(child.asyncio_awaited_by(), IsEmpty());
    EXPECT_EQ(other.asyncio_awaited_by(), std::vector<AnyFuture>{asyncio::current_task()});
    other.set_result(2);
    await(all);
    EXPECT_THAT(other.asyncio_awaited_by(), IsEmpty());
  });
}

// S344: outside a task nobody is there to wait.
TEST(Gather, InACallbackHasNoEdge) {
  asyncio::run([] {
    auto child = pending<int>();
    asyncio::Future<std::tuple<int>> all;
    asyncio::get_running_loop().call_soon([&] { all = gather(child); });
    asyncio::sleep(0s);

    EXPECT_THAT(child.asyncio_awaited_by(), IsEmpty());
    child.set_result(1);
    await(all);
  });
}

// S344: also where the gathering future is cancelled, or fails first.
TEST(Gather, LeavesNoEdgeWhateverItEndsWith) {
  asyncio::run([] {
    auto cancelled = pending<int>();
    auto failing = pending<int>();
    auto late = pending<int>();
    auto all = gather(cancelled);
    auto first = gather(failing, late);

    all.cancel();
    failing.set_exception(std::runtime_error("no"));
    EXPECT_THROW(await(all), CancelledError);
    EXPECT_THROW(await(first), std::runtime_error);

    EXPECT_THAT(cancelled.asyncio_awaited_by(), IsEmpty());
    EXPECT_THAT(failing.asyncio_awaited_by(), IsEmpty());
    late.set_result(1);
    asyncio::sleep(0s);
    EXPECT_THAT(late.asyncio_awaited_by(), IsEmpty());
  });
}

/// Of one's own, and only movable, which no trait can see: std::vector claims to be copyable.
struct Parcel {
  explicit Parcel(int n) { parts.push_back(std::make_unique<int>(n)); }
  Parcel(Parcel&&) = default;  // so it says so
  Parcel& operator=(Parcel&&) = default;
  std::vector<std::unique_ptr<int>> parts;
};

TEST(Gather, MovesOutWhatHoldsSomethingThatCanOnlyBeMoved) {
  asyncio::run([] {
    const auto parts = [] { return Parcel(7).parts; };
    const auto [outcome, parcel] = await(gather(return_exceptions, parts, [] { return Parcel(8); }));
    EXPECT_EQ(*outcome.value().front(), 7);
    EXPECT_EQ(*parcel.value().parts.front(), 8);
    const auto either = await(create_task([&] { return std::variant<int, decltype(parts())>(parts()); }));
    EXPECT_EQ(*std::get<1>(either).front(), 7);
  });
}

}  // namespace
