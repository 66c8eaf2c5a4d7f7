// futures_test.cpp: completing a future, and who hears of it. F1 to F4 are in futures.hpp.
#include <asyncio/futures.hpp>
#include <asyncio/tasks.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AFuture : public testing::Test {
 protected:
  template <class T = int>
  Future<T> future() {
    return loop.create_future<T>();
  }

  ScriptedLoop loop;
};

using ADoneFuture = AFuture;
using ACancelledFuture = AFuture;
using APendingFuture = AFuture;
using AnExceptionNobodyRetrieved = AFuture;
using AwaitingAFuture = AFuture;
using ARenewedFuture = AFuture;

// States ------------------------------------------------------------------------------------------------

// S64.
TEST_F(AFuture, IsPendingAtFirst) {
  const auto pending = future();

  EXPECT_FALSE(pending.done());
  EXPECT_FALSE(pending.cancelled());
  EXPECT_EQ(&pending.get_loop(), &loop);
  EXPECT_EQ(pending.repr(), "<Future pending>");
}

// S64, S65.
TEST_F(AFuture, HoldsAResult) {
  const auto done = future();

  done.set_result(3);

  EXPECT_TRUE(done.done());
  EXPECT_FALSE(done.cancelled());
  EXPECT_EQ(done.result(), 3);
  EXPECT_EQ(done.result(), 3);
  EXPECT_EQ(done.exception(), nullptr);
}

// S64, S65.
TEST_F(AFuture, HoldsAnException) {
  const auto failed = future();

  failed.set_exception(std::logic_error("failed"));

  EXPECT_TRUE(failed.done());
  EXPECT_FALSE(failed.cancelled());
  EXPECT_EQ(text_of<std::logic_error>([&] { failed.result(); }), "failed");
  EXPECT_TRUE(holds<std::logic_error>(failed.exception()));
}

TEST_F(AFuture, GivesAValueThatCanOnlyBeMovedOnce) {
  const auto done = future<std::unique_ptr<int>>();

  done.set_result(std::make_unique<int>(3));

  EXPECT_EQ(*done.result(), 3);
}

// S64, S65: the only transitions are those out of pending.
TEST_F(ADoneFuture, RefusesASecondOutcome) {
  const auto done = future();
  done.set_result(1);

  EXPECT_THROW(done.set_result(2), InvalidStateError);
  EXPECT_THROW(done.set_exception(std::logic_error("late")), InvalidStateError);
  EXPECT_FALSE(done.cancel());

  EXPECT_EQ(done.result(), 1);
}

// S65.
TEST_F(APendingFuture, HasNoOutcomeToGive) {
  const auto pending = future();

  EXPECT_EQ(text_of<InvalidStateError>([&] { pending.result(); }), "Result is not set.");
  EXPECT_EQ(text_of<InvalidStateError>([&] { pending.exception(); }), "Exception is not set.");
}

// S65, S66.
TEST_F(ACancelledFuture, ThrowsItsMessage) {
  const auto cancelled = future();

  EXPECT_TRUE(cancelled.cancel("too slow"));

  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_EQ(text_of<CancelledError>([&] { cancelled.result(); }), "too slow");
  EXPECT_EQ(text_of<CancelledError>([&] { cancelled.exception(); }), "too slow");
  EXPECT_THROW(cancelled.set_result(1), InvalidStateError);
}

// S66.
TEST_F(ACancelledFuture, RefusesToBeCancelledAgain) {
  const auto cancelled = future();
  cancelled.cancel("first");

  EXPECT_FALSE(cancelled.cancel("second"));

  EXPECT_EQ(text_of<CancelledError>([&] { cancelled.result(); }), "first");
}

// S67: a CancelledError may be set; the future is then finished, not cancelled.
TEST_F(AFuture, IsNotCancelledByACancelledErrorThatIsSet) {
  const auto finished = future();

  finished.set_exception(CancelledError("set by hand"));

  EXPECT_FALSE(finished.cancelled());
  EXPECT_TRUE(holds<CancelledError>(finished.exception()));
}

// S67: what is no exception is refused.
TEST_F(AFuture, RefusesANullException) {
  const auto pending = future();

  EXPECT_THROW(pending.set_exception(std::exception_ptr()), std::invalid_argument);

  EXPECT_FALSE(pending.done());
}

// A value may need a stricter alignment than malloc() gives.
TEST_F(AFuture, LiesWhereItsValueCanLie) {
  struct alignas(64) Wide {
    char bytes[64] = {};
  };
  std::vector<Future<Wide>> futures;

  for (int i = 0; i < 20; ++i) futures.push_back(future<Wide>());

  for (const auto& future : futures) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(future.get()) % 64, 0u);
}

TEST_F(AFuture, RefusesToBeReadAsAnotherType) {
  const AnyFuture any = future<int>();

  EXPECT_NO_THROW(Future<int>{any});
  EXPECT_THROW(Future<long>{any}, std::invalid_argument);
}

TEST_F(AFuture, IsEqualToItsCopiesOnly) {
  const auto one = future();

  EXPECT_EQ(one, Future<int>(one));
  EXPECT_NE(one, future());
  EXPECT_TRUE(isfuture(one));
  EXPECT_FALSE(isfuture(Future<int>()));
  EXPECT_THROW(Future<int>().done(), RuntimeError);
}

// A value whose copy throws leaves the future as it was.
TEST_F(APendingFuture, StaysSoWhereItsValueCannotBeStored) {
  struct Throws {
    Throws() = default;
    Throws(const Throws&) { throw std::logic_error("no copy"); }
  };
  const auto pending = future<Throws>();
  const Throws value;

  EXPECT_THROW(pending.set_result(value), std::logic_error);

  EXPECT_FALSE(pending.done());
}

// What a timer does whose waiter may have been cancelled.
TEST_F(AFuture, TakesAResultUnlessItIsCancelled) {
  const auto pending = future();
  const auto cancelled = future<void>();
  cancelled.cancel();

  set_result_unless_cancelled(pending, 3);
  set_result_unless_cancelled(cancelled);

  EXPECT_EQ(pending.result(), 3);
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_THROW(set_result_unless_cancelled(pending, 4), InvalidStateError);
}

// Awaiting ----------------------------------------------------------------------------------------------

// S72, S93: no suspension, no iteration.
TEST_F(AwaitingAFuture, ThatIsDoneCostsNothing) {
  const auto done = future();
  done.set_result(5);
  int before = 0;
  int after = 0;

  loop.run_until_complete([&] {
    before = loop.iterations;
    EXPECT_EQ(await(done), 5);
    after = loop.iterations;
  });

  EXPECT_EQ(before, after);
}

// S72: whatever loop it belongs to.
TEST_F(AwaitingAFuture, ThatIsDoneIgnoresItsLoop) {
  ScriptedLoop other;
  const auto done = other.create_future<int>();
  done.set_result(5);

  EXPECT_EQ(loop.run_until_complete([&] { return await(done); }), 5);
}

// S72: outside a task too.
TEST_F(AwaitingAFuture, ThatIsDoneNeedsNoTask) {
  const auto done = future();
  done.set_result(5);

  EXPECT_EQ(await(done), 5);
  EXPECT_THROW(await(future()), RuntimeError);
}

// S73: something that is no task resumes the waiting coroutine too early.
TEST_F(AwaitingAFuture, NoticesThatItIsResumedTooEarly) {
  const auto pending = future();
  std::string said;
  const Coroutine coroutine([&] { said = text_of<RuntimeError>([&] { await(pending); }); });

  const Stop stop = coroutine.send();
  EXPECT_EQ(stop.why, Stop::Why::awaits);
  EXPECT_TRUE(pending.get()->blocking());
  coroutine.send();

  EXPECT_EQ(said, "await wasn't used with future");
}

// The awaiting stack keeps the future, whatever happens to the caller's handle.
TEST_F(AwaitingAFuture, KeepsItAlive) {
  auto handle = std::make_unique<Future<int>>(future());
  int seen = 0;
  const auto task = loop.create_task([&] { seen = await(*handle); });
  loop.turn();

  const Future<int> completer = *handle;
  handle.reset();
  completer.set_result(6);
  loop.turn();

  EXPECT_EQ(seen, 6);
}

// S344, S345: the edge of the call graph lasts as long as the wait.
TEST_F(AwaitingAFuture, IsAnEdgeOfTheCallGraph) {
  const auto awaited = future();
  const auto task = loop.create_task([&] { await(awaited); });

  loop.turn();
  EXPECT_THAT(awaited.get()->awaited_by(), ElementsAre(task.get()));
  awaited.set_result(1);
  loop.turn();

  EXPECT_THAT(awaited.get()->awaited_by(), IsEmpty());
  awaited.get()->discard_awaited_by(*task.get());  // S345: harmless
}

// S344: several tasks may await one future; the edges are in the order in which they began.
TEST_F(AwaitingAFuture, IsAnEdgeForEachTask) {
  const auto awaited = future();
  const auto first = loop.create_task([&] { await(awaited); });
  const auto second = loop.create_task([&] { await(awaited); });
  const auto third = loop.create_task([&] { await(awaited); });
  loop.turn();
  EXPECT_THAT(awaited.get()->awaited_by(), ElementsAre(first.get(), second.get(), third.get()));

  awaited.get()->discard_awaited_by(*first.get());
  awaited.get()->add_awaited_by(*second.get());  // is one already

  EXPECT_THAT(awaited.get()->awaited_by(), ElementsAre(second.get(), third.get()));
}

// S344: and is removed where the wait is cancelled.
TEST_F(AwaitingAFuture, IsNoEdgeAfterACancellation) {
  const auto awaited = future();
  const auto task = loop.create_task([&] { await(awaited); });
  loop.turn();

  task.cancel();
  loop.turn();

  EXPECT_THAT(awaited.get()->awaited_by(), IsEmpty());
}

// Exceptions that nobody looked at -----------------------------------------------------------------------

// S75, F4.
TEST_F(AnExceptionNobodyRetrieved, IsReportedWhenTheFutureGoes) {
  {
    const auto failed = future();
    failed.set_exception(std::logic_error("lost"));
    EXPECT_THAT(loop.reports, IsEmpty());
  }

  ASSERT_EQ(loop.reports.size(), 1u);
  EXPECT_THAT(loop.reports[0], HasSubstr("Future exception was never retrieved"));
  EXPECT_THAT(loop.reports[0], HasSubstr("lost"));
}

// S75: message, exception, future, and in debug mode where it was made.
TEST_F(AnExceptionNobodyRetrieved, IsReportedWithItsFuture) {
  std::optional<ExceptionContext> report;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) { report = context; });
  loop.set_debug(true);

  future().set_exception(std::logic_error("lost"));

  ASSERT_TRUE(report);
  EXPECT_EQ(report->message, "Future exception was never retrieved");
  EXPECT_TRUE(holds<std::logic_error>(report->exception));
  EXPECT_TRUE(report->future);
  EXPECT_THAT(report->source_traceback.value().file_name(), HasSubstr("futures_test"));
  report.reset();
}

// S74.
TEST_F(AnExceptionNobodyRetrieved, IsNotReportedAfterALook) {
  {
    const auto by_exception = future();
    by_exception.set_exception(std::logic_error("seen"));
    by_exception.exception();
    const auto by_result = future();
    by_result.set_exception(std::logic_error("seen"));
    EXPECT_THROW(by_result.result(), std::logic_error);
  }

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S66: cancel() switches the report off, although the answer is false.
TEST_F(AnExceptionNobodyRetrieved, IsNotReportedAfterACancel) {
  {
    const auto failed = future();
    failed.set_exception(std::logic_error("given up"));
    EXPECT_FALSE(failed.cancel());
  }

  EXPECT_THAT(loop.reports, IsEmpty());
}

// F4, S359: the handler may keep the future; it goes for good when the handler lets go, without a second report.
TEST_F(AnExceptionNobodyRetrieved, MayBeKeptByTheHandler) {
  std::vector<AnyFuture> kept;
  int reports = 0;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) {
    kept.push_back(context.future);
    ++reports;
  });

  future().set_exception(std::logic_error("lost"));
  EXPECT_TRUE(kept.at(0).done());
  kept.clear();

  EXPECT_EQ(reports, 1);
}

// Nothing can be thrown out of a destruction.
TEST_F(AnExceptionNobodyRetrieved, CannotBeAnsweredWithAnInterrupt) {
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw KeyboardInterrupt(); });

  EXPECT_NO_THROW(future().set_exception(std::logic_error("lost")));
}

// A loop that is gone ------------------------------------------------------------------------------------

TEST(AFutureThatOutlivesItsLoop, CanStillBeCompletedAndRead) {
  auto loop = std::make_unique<ScriptedLoop>();
  const auto future = loop->create_future<int>();
  loop.reset();

  future.set_result(3);

  EXPECT_EQ(future.result(), 3);
  EXPECT_THROW(future.get_loop(), RuntimeError);
}

// As S71 has it for a closed loop.
TEST(AFutureThatOutlivesItsLoop, CannotCallBack) {
  auto loop = std::make_unique<ScriptedLoop>();
  const auto future = loop->create_future<int>();
  future.add_done_callback([](AnyFuture) { FAIL(); });
  loop.reset();

  EXPECT_THROW(future.cancel(), RuntimeError);
  EXPECT_THROW(future.add_done_callback([](AnyFuture) {}), RuntimeError);

  EXPECT_TRUE(future.cancelled());
}

// There is nobody to report to.
TEST(AFutureThatOutlivesItsLoop, TakesItsExceptionWithIt) {
  auto loop = std::make_unique<ScriptedLoop>();
  auto future = loop->create_future<int>();
  loop.reset();

  future.set_exception(std::logic_error("unheard"));
  future = {};

  SUCCEED();
}

// Using a future again ----------------------------------------------------------------------------------

TEST_F(ARenewedFuture, IsPendingWithANumberOfItsOwn) {
  const auto once = future<void>();
  const std::uint64_t number = once.get()->number();
  once.set_result();

  EXPECT_TRUE(once.get()->renew(loop));

  EXPECT_FALSE(once.done());
  EXPECT_GT(once.get()->number(), number);
  bool told = false;
  once.add_done_callback([&](const AnyFuture& done) { told = done.done(); });
  once.set_result();
  loop.turn();
  EXPECT_TRUE(told);
}

TEST_F(ARenewedFuture, IsRefusedWhereAnybodyCouldTell) {
  ScriptedLoop another;
  const auto pending = future<void>(), shared = future<void>(), failed = future<void>(), cancelled = future<void>();
  shared.set_result();
  const AnyFuture copy = shared;
  failed.set_exception(std::runtime_error("e"));
  EXPECT_NE(failed.exception(), nullptr);
  cancelled.cancel();

  for (const auto* kept : {&pending, &shared, &failed, &cancelled}) EXPECT_FALSE(kept->get()->renew(loop));
  EXPECT_TRUE(copy.done());
  const auto alone = future<void>();
  alone.set_result();
  EXPECT_FALSE(alone.get()->renew(another));
  loop.set_debug(true);  // S53: where it was made is to be remembered
  EXPECT_FALSE(alone.get()->renew(loop));
}

}  // namespace
}  // namespace asyncio
