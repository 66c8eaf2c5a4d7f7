// coroutine_test.cpp: coroutines by hand, without a loop or a task: how they run. How they are
// closed is in coroutine_closing_test.cpp. C1 to C5 are in coroutine.hpp.
#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cfenv>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio {
namespace {

using State = Coroutine::State;
using Why = Stop::Why;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

/// Tells a list when it is destroyed.
struct Says {
  std::vector<std::string>& to;
  std::string text;
  ~Says() { to.push_back(text); }
};

template <class T>
T& result(const Coroutine& coroutine) {
  return static_cast<Slot<T>&>(coroutine.get()->slot()).value();
}

/// Suspends in its destructor, as nobody should.
struct SuspendsWhenDestroyed {
  ~SuspendsWhenDestroyed() { Coroutine::suspend(); }
};

/// The text of the E that `act` throws.
template <class E, class F>
std::string thrown(F act) {
  try {
    act();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing";
}

FutureState* some_future() {
  static int place;
  return reinterpret_cast<FutureState*>(&place);  // never looked into
}

// Sending -----------------------------------------------------------------------------------------------

TEST(Coroutine, RunsNothingBeforeItsFirstSend) {
  bool ran = false;
  const Coroutine coroutine([&] { ran = true; });
  EXPECT_FALSE(ran);
  EXPECT_EQ(coroutine.state(), State::created);
}

TEST(Coroutine, ComesBackWhereItSuspends) {
  int steps = 0;
  const Coroutine coroutine([&] {
    ++steps;
    Coroutine::suspend();
    ++steps;
  });

  EXPECT_EQ(coroutine.send().why, Why::yielded);
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(coroutine.state(), State::suspended);

  EXPECT_EQ(coroutine.send().why, Why::returned);
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(coroutine.state(), State::closed);
}

TEST(Coroutine, SaysWhichFutureItAwaits) {
  const Coroutine coroutine([] { Coroutine::suspend(some_future()); });
  const Stop stop = coroutine.send();
  EXPECT_EQ(stop.why, Why::awaits);
  EXPECT_EQ(stop.future, some_future());
}

TEST(Coroutine, LeavesItsResultInItsSlot) {
  const Coroutine coroutine([] { return std::string("done"); });
  EXPECT_EQ(coroutine.send().why, Why::returned);
  EXPECT_EQ(result<std::string>(coroutine), "done");
}

TEST(Coroutine, TakesMoveOnlyCallablesAndResults) {
  auto seven = std::make_unique<int>(7);
  const Coroutine coroutine([seven = std::move(seven)]() mutable { return std::move(seven); });
  coroutine.send();
  EXPECT_EQ(*result<std::unique_ptr<int>>(coroutine), 7);
}

TEST(Coroutine, HandsOutWhatItsCallableThrew) {
  const Coroutine coroutine([] { throw std::runtime_error("oops"); });
  const Stop stop = coroutine.send();
  EXPECT_EQ(stop.why, Why::threw);
  EXPECT_EQ(describe(stop.error), "runtime_error: oops");
}

TEST(Coroutine, CannotBeSentIntoAfterItsEnd) {
  const Coroutine coroutine([] {});
  coroutine.send();
  EXPECT_EQ(thrown<RuntimeError>([&] { coroutine.send(); }), "cannot reuse already awaited coroutine");
}

TEST(Coroutine, CannotBeSentIntoWhileItRuns) {
  Coroutine coroutine;
  std::string refusal;
  coroutine = Coroutine([&] { refusal = thrown<RuntimeError>([&] { coroutine.send(); }); });
  coroutine.send();
  EXPECT_EQ(refusal, "coroutine already executing");
}

TEST(Coroutine, SuspendsOnlyInside) {
  EXPECT_FALSE(Coroutine::inside());
  EXPECT_EQ(thrown<RuntimeError>([] { Coroutine::suspend(); }),
            "suspend() was called outside a coroutine: only a task can wait. Give the function that waits to run() or "
            "create_task()");
}

TEST(Coroutine, KnowsThatItIsInside) {
  bool inside = false;
  Coroutine([&] { inside = Coroutine::inside(); }).send();
  EXPECT_TRUE(inside);
  EXPECT_FALSE(Coroutine::inside());
}

TEST(Coroutine, IsToldApartFromACallable) {
  const auto callable = [] {};

  EXPECT_TRUE(iscoroutine(Coroutine(callable)));
  EXPECT_FALSE(iscoroutine(Coroutine()));
  EXPECT_FALSE(iscoroutine(callable));
  EXPECT_TRUE(iscoroutinefunction(callable));
  EXPECT_FALSE(iscoroutinefunction([](int) {}));
  EXPECT_FALSE(iscoroutinefunction(1));
}

TEST(Coroutine, RemembersWhereItWasMade) {
  const auto line = std::source_location::current().line() + 1;
  const Coroutine coroutine([] {});
  EXPECT_EQ(coroutine.where().line(), line);
}

TEST(Coroutine, SuspendsItselfAloneWhenItResumedAnother) {
  std::vector<std::string> order;
  const Coroutine inner([&] {
    order.push_back("inner 1");
    Coroutine::suspend();
    order.push_back("inner 2");
  });
  const Coroutine outer([&] {
    inner.send();
    order.push_back("outer");
    Coroutine::suspend();
    inner.send();
  });

  outer.send();
  EXPECT_THAT(order, ElementsAre("inner 1", "outer"));
  outer.send();
  EXPECT_THAT(order, ElementsAre("inner 1", "outer", "inner 2"));
}

// C6: its runner keeps it.
TEST(Coroutine, MayLoseItsLastHandleWhileItRuns) {
  std::vector<std::string> said;
  Coroutine coroutine;
  coroutine = Coroutine([&, captured = std::make_unique<Says>(said, "captured")] {
    coroutine = Coroutine();
    said.push_back("still running");
  });
  coroutine.send();
  EXPECT_THAT(said, ElementsAre("still running", "captured"));
}

TEST(Coroutine, DropsItsCallableWhenItEnds) {
  const auto captured = std::make_shared<int>(1);
  const Coroutine coroutine([captured] { Coroutine::suspend(); });
  coroutine.send();
  EXPECT_EQ(captured.use_count(), 2);
  coroutine.send();
  EXPECT_EQ(captured.use_count(), 1);
}

// C1
TEST(Coroutine, HasAStackOnlyBetweenItsStartAndItsEnd) {
  const std::size_t before = stack_statistics().live;
  const Coroutine coroutine([] { Coroutine::suspend(); });
  EXPECT_EQ(stack_statistics().live, before);
  coroutine.send();
  EXPECT_EQ(stack_statistics().live, before + 1);
  coroutine.send();
  EXPECT_EQ(stack_statistics().live, before);
}

// Throwing in -------------------------------------------------------------------------------------------

TEST(ThrowIn, ThrowsAtTheSuspension) {
  std::string caught;
  const Coroutine coroutine([&] { caught = thrown<std::runtime_error>([] { Coroutine::suspend(); }); });
  coroutine.send();
  EXPECT_EQ(coroutine.throw_in(std::make_exception_ptr(std::runtime_error("wake up"))).why, Why::returned);
  EXPECT_EQ(caught, "wake up");
}

TEST(ThrowIn, ComesOutAgainWhereNobodyCatches) {
  const Coroutine coroutine([] { Coroutine::suspend(); });
  coroutine.send();
  const Stop stop = coroutine.throw_in(std::make_exception_ptr(CancelledError("enough")));
  EXPECT_EQ(stop.why, Why::threw);
  EXPECT_EQ(describe(stop.error), "CancelledError: enough");
}

// C2, S102
TEST(ThrowIn, NeverEntersACoroutineThatHasNotStarted) {
  bool entered = false;
  const auto captured = std::make_shared<int>(1);
  const Coroutine coroutine([&entered, captured] { entered = true; });

  const Stop stop = coroutine.throw_in(std::make_exception_ptr(CancelledError()));

  EXPECT_TRUE(holds<CancelledError>(stop.error));
  EXPECT_FALSE(entered);
  EXPECT_EQ(coroutine.state(), State::closed);
  EXPECT_EQ(captured.use_count(), 1);
}

TEST(ThrowIn, ThrowsOnceOnly) {
  const Coroutine coroutine([] {
    thrown<std::runtime_error>([] { Coroutine::suspend(); });
    Coroutine::suspend();
  });
  coroutine.send();
  EXPECT_EQ(coroutine.throw_in(std::make_exception_ptr(std::runtime_error("once"))).why, Why::yielded);
  EXPECT_EQ(coroutine.send().why, Why::returned);
}

TEST(ThrowIn, HandsACoroutineExitOutToWhoeverThrewIt) {
  const Coroutine coroutine([] { Coroutine::suspend(); });
  coroutine.send();
  EXPECT_TRUE(holds<CoroutineExit>(coroutine.throw_in(std::make_exception_ptr(CoroutineExit())).error));
}

// Exceptions of several stacks (C5) ---------------------------------------------------------------------

/// A coroutine that suspends while it handles `name`, then rethrows what it handles, and returns its text.
Coroutine rethrows_after_waiting(const char* name) {
  return Coroutine([name]() -> std::string {
    try {
      try {
        throw std::runtime_error(name);
      } catch (...) {
        Coroutine::suspend();
        throw;
      }
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  });
}

TEST(WaitingInACatchBlock, KeepsTheOwnException) {
  const Coroutine a = rethrows_after_waiting("A"), b = rethrows_after_waiting("B");
  a.send();
  b.send();
  a.send();
  b.send();
  EXPECT_EQ(result<std::string>(a), "A");
  EXPECT_EQ(result<std::string>(b), "B");
}

TEST(WaitingInACatchBlock, LeavesNothingInTheResumer) {
  const Coroutine coroutine = rethrows_after_waiting("A");
  coroutine.send();
  EXPECT_EQ(std::current_exception(), nullptr);
  coroutine.send();
}

TEST(StartingInACatchBlock, ShowsTheCoroutineNoException) {
  bool clean = false;
  const Coroutine coroutine([&] { clean = !std::current_exception(); });
  try {
    throw std::runtime_error("the resumer's");
  } catch (...) {
    coroutine.send();
  }
  EXPECT_TRUE(clean);
}

TEST(SuspendingDuringUnwinding, KeepsTheCountOfUncaughtExceptions) {
  std::string caught;
  const Coroutine coroutine([&] {
    caught = thrown<std::runtime_error>([] {
      const SuspendsWhenDestroyed guard;
      throw std::runtime_error("on its way");
    });
  });
  coroutine.send();
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  coroutine.send();
  EXPECT_EQ(caught, "on its way");
}

TEST(SuspendingDuringUnwinding, ShowsEachCoroutineItsOwnCount) {
  std::vector<int> counts;
  struct Counts {
    std::vector<int>& counts;
    ~Counts() {
      Coroutine::suspend();
      counts.push_back(std::uncaught_exceptions());
    }
  };
  const auto body = [&] {
    const Counts guard{counts};
    throw std::runtime_error("on its way");
  };
  const Coroutine a(body), b(body);
  a.send();
  b.send();
  a.send();
  b.send();
  EXPECT_THAT(counts, ElementsAre(1, 1));
}

// Threads (C3) ------------------------------------------------------------------------------------------

TEST(AnotherThread, CannotResumeAStartedCoroutine) {
  const Coroutine coroutine([] { Coroutine::suspend(); });
  coroutine.send();
  std::string refusal;
  std::thread([&] { refusal = thrown<RuntimeError>([&] { coroutine.send(); }); }).join();
  EXPECT_THAT(refusal, HasSubstr("was started by another thread: only that one can resume it"));
  EXPECT_EQ(coroutine.send().why, Why::returned);
}

TEST(AnotherThread, CannotCloseAStartedCoroutine) {
  const Coroutine coroutine([] { Coroutine::suspend(); });
  coroutine.send();
  std::string refusal;
  std::thread([&] { refusal = thrown<RuntimeError>([&] { coroutine.close(); }); }).join();
  EXPECT_THAT(refusal, HasSubstr("was started by another thread"));
}

TEST(AnotherThread, MayStartWhatWasMadeHere) {
  const Coroutine coroutine([] { return 7; });
  std::thread([&] { coroutine.send(); }).join();
  EXPECT_EQ(result<int>(coroutine), 7);
}

TEST(AnotherThread, AbandonsWhatItCannotUnwind) {
  CaptureStderr();
  Coroutine coroutine([] { Coroutine::suspend(); });
  coroutine.send();
  std::thread([moved = std::move(coroutine)]() mutable { moved = Coroutine(); }).join();
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("on another thread than its own"));
}

// Everything else that belongs to a stack ---------------------------------------------------------------

TEST(FloatingPointState, BelongsToTheStackThatSetIt) {
  int seen_later = -1;
  const Coroutine coroutine([&] {
    std::fesetround(FE_UPWARD);
    Coroutine::suspend();
    seen_later = std::fegetround();
  });
  coroutine.send();
  EXPECT_EQ(std::fegetround(), FE_TONEAREST);
  coroutine.send();
  EXPECT_EQ(seen_later, FE_UPWARD);
}

// fiber_switch.hpp, set_inexact_flag()
TEST(FloatingPointState, IsInexactFromTheFirstCoroutineOn) {
  volatile double third = 1.0;
  third = third / 3.0;
  if (!std::fetestexcept(FE_INEXACT)) GTEST_SKIP() << "this processor keeps no flags: valgrind's does not";

  int in_thread = 0, in_coroutine = 0;
  std::thread([&] {
    std::feclearexcept(FE_ALL_EXCEPT);
    Coroutine([&] { in_coroutine = std::fetestexcept(FE_INEXACT); }).send();
    in_thread = std::fetestexcept(FE_INEXACT);
  }).join();
  EXPECT_EQ(in_coroutine, FE_INEXACT);
  EXPECT_EQ(in_thread, FE_INEXACT);
}

TEST(ManyCoroutines, AreAliveAtOnce) {
  const std::size_t count = std::min<std::size_t>(100'000, stack_statistics().live_limit);
  const std::size_t before = stack_statistics().live;
  std::vector<Coroutine> all;
  for (std::size_t i = 0; i != count; ++i) {
    all.emplace_back([i] {
         Coroutine::suspend();
         return i;
       })
        .send();
  }
  EXPECT_EQ(stack_statistics().live, before + count);

  std::size_t sum = 0;
  for (const Coroutine& coroutine : all) {
    coroutine.send();
    sum += result<std::size_t>(coroutine);
  }
  EXPECT_EQ(sum, count * (count - 1) / 2);
  EXPECT_EQ(stack_statistics().live, before);
}

// Overflow ----------------------------------------------------------------------------------------------

int recurse(volatile int* depth) {  // NOLINT(misc-no-recursion)
  if (*depth < 0) return 0;         // never: a compiler must not see that
  volatile int more[64] = {*depth + 1};
  return recurse(more) + more[0];
}

void overflow_as_task_3() {
  const Coroutine coroutine([] {
    volatile int depth = 0;
    recurse(&depth);
  });
  const auto name = [](const void*, char* buffer, std::size_t size) { std::string("Task-3").copy(buffer, size); };
  coroutine.get()->set_owner(name, nullptr);
  coroutine.send();
}

TEST(StackOverflowDeathTest, NamesTheOwnerAndWhereItWasMade) {
  EXPECT_DEATH(overflow_as_task_3(), "stack overflow in Task-3 .made at .*coroutine_test.cpp:[0-9]+.: it has used up");
}

TEST(StackOverflowDeathTest, IsReportedOnAnotherThreadToo) {
  EXPECT_DEATH(std::thread(overflow_as_task_3).join(), "stack overflow in Task-3");
}

}  // namespace
}  // namespace asyncio
