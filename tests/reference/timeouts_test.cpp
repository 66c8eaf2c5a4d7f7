// timeouts_test.cpp: timeout(), and who is told what when it fires. Rules: semantics.md S93, S167 to S176.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "iterations.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::CancelledError;
using asyncio::RuntimeError;
using asyncio::Timeout;
using asyncio::TimeoutError;

void sleep_long() { asyncio::sleep(1h); }

TEST(Timeout, GivesWhatTheBodyReturns) {
  asyncio::run([] {
    EXPECT_EQ(asyncio::timeout(1h, [] { return 7; }), 7);
    EXPECT_EQ(*asyncio::timeout(1h, [](Timeout&) { return std::make_unique<int>(8); }), 8);
  });
}

// S167: none is no deadline.
TEST(Timeout, WithoutADeadlineNeverFires) {
  asyncio::run([] {
    asyncio::timeout(std::nullopt, [](Timeout& scope) {
      asyncio::sleep(2ms);
      EXPECT_FALSE(scope.when());
      EXPECT_FALSE(scope.expired());
    });
  });
}

// S171: CancelledError becomes TimeoutError, and the count is restored.
TEST(Timeout, TurnsItsCancellationIntoTimeoutError) {
  asyncio::run([] {
    EXPECT_THROW(asyncio::timeout(2ms, sleep_long), TimeoutError);
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S171: the TimeoutError is caused by the CancelledError.
TEST(Timeout, CarriesTheCancellationInsideItsError) {
  asyncio::run([] {
    try {
      asyncio::timeout(0s, sleep_long);
      FAIL() << "no timeout";
    } catch (const TimeoutError& error) {
      EXPECT_THROW(std::rethrow_if_nested(error), CancelledError);
    }
  });
}

// S93: the callback at +1, the throw at +2.
TEST(Timeout, OfZeroTakesTwoIterations) {
  EXPECT_EQ(iterations_alone([] { EXPECT_THROW(asyncio::timeout(0s, sleep_long), TimeoutError); }), 2);
}

// S168: entering twice, and outside a task.
TEST(Timeout, RunsOneBodyAndOnlyInATask) {
  Timeout unused(std::nullopt);
  EXPECT_THROW(unused.run([] {}), RuntimeError);

  asyncio::run([] {
    Timeout scope(std::nullopt);
    scope.run([] {});
    EXPECT_THROW(scope.run([] {}), RuntimeError);
  });
}

// S168: reschedule outside active.
TEST(Timeout, CanBeRescheduledOnlyWhileTheBodyRuns) {
  asyncio::run([] {
    Timeout scope(std::nullopt);
    EXPECT_THROW(scope.reschedule(std::nullopt), RuntimeError);
    scope.run([&] { EXPECT_NO_THROW(scope.reschedule(std::nullopt)); });
    EXPECT_THROW(scope.reschedule(std::nullopt), RuntimeError);
  });
}

// S168: once it fires it is too late.
TEST(Timeout, CannotBeRescheduledOnceItFired) {
  asyncio::run([] {
    asyncio::timeout(0s, [](Timeout& scope) {
      EXPECT_THROW(asyncio::sleep(1h), CancelledError);
      EXPECT_THROW(scope.reschedule(std::nullopt), RuntimeError);
    });
  });
}

// S169: the deadline can be put off, or be dropped.
TEST(Timeout, FiresAtTheNewDeadline) {
  asyncio::run([] {
    auto& loop = asyncio::get_running_loop();
    asyncio::timeout(3ms, [&](Timeout& scope) {
      scope.reschedule(loop.time() + 1h);
      asyncio::sleep(6ms);
      EXPECT_FALSE(scope.expired());
    });
    EXPECT_THROW(asyncio::timeout(1h,
                                  [&](Timeout& scope) {
                                    scope.reschedule(loop.time());
                                    asyncio::sleep(1h);
                                  }),
                 TimeoutError);
  });
}

// S170: expired() is true from the moment of firing.
TEST(Timeout, IsExpiredWhileTheBodyUnwinds) {
  asyncio::run([] {
    bool expired = false;
    const auto body = [&](Timeout& scope) {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        expired = scope.expired();
        throw;
      }
    };

    EXPECT_THROW(asyncio::timeout(0s, body), TimeoutError);

    EXPECT_TRUE(expired);
  });
}

// S172: another exception than CancelledError propagates; the count is restored.
TEST(Timeout, LetsAnotherErrorOfTheBodyPass) {
  asyncio::run([] {
    const auto body = [] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        throw std::logic_error("cleanup");
      }
    };

    EXPECT_THROW(asyncio::timeout(0s, body), std::logic_error);
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

/// The names of an error, of what it was thrown in the middle of, and so on.
std::string chain(const std::exception_ptr& error) {
  if (!error) return "";
  return asyncio::type_name(error) + (asyncio::context_of(error) ? " " : "") + chain(asyncio::context_of(error));
}

/// What leaves a timeout whose body answers its cancellation with `answer`.
template <class F>
std::string chain_of_a_body(F answer) {
  std::string text;
  asyncio::run([&] {
    try {
      asyncio::timeout(0s, [&] {
        try {
          asyncio::sleep(1h);
        } catch (const CancelledError&) {
          answer();
        }
      });
    } catch (...) {
      text = chain(std::current_exception());
    }
  });
  return text;
}

// S172: a TimeoutError goes before the CancelledError that the error carries, however deep that is.
TEST(Timeout, IsPutIntoTheChainOfAnotherError) {
  const auto direct = [] { std::throw_with_nested(std::logic_error("cleanup")); };
  const auto indirect = [&] {
    try {
      direct();
    } catch (...) {
      std::throw_with_nested(std::range_error("worse"));
    }
  };
  EXPECT_EQ(chain_of_a_body(direct), "logic_error TimeoutError CancelledError");
  EXPECT_EQ(chain_of_a_body(indirect), "range_error logic_error TimeoutError CancelledError");
  EXPECT_EQ(chain_of_a_body([] { throw std::logic_error("keeps nothing"); }), "logic_error");
}

// S172: for a group each direct member is treated too.
TEST(Timeout, IsPutIntoTheChainsOfTheMembersOfAGroup) {
  std::string members;
  chain_of_a_body([&] {
    std::exception_ptr carrying;
    try {
      std::throw_with_nested(std::logic_error("cleanup"));
    } catch (...) {
      carrying = std::current_exception();
    }
    const auto group = std::make_exception_ptr(asyncio::ExceptionGroup("several", {carrying}));
    asyncio::get_running_loop().call_soon([&members, carrying] { members = chain(carrying); });
    std::rethrow_exception(group);
  });
  EXPECT_EQ(members, "logic_error TimeoutError CancelledError");
}

// S172: a timeout that has not passed changes nothing.
TEST(Timeout, LeavesTheChainAloneWhereItHasNotPassed) {
  asyncio::run([] {
    const auto body = [] {
      try {
        throw CancelledError();
      } catch (const CancelledError&) {
        std::throw_with_nested(std::logic_error("cleanup"));
      }
    };
    try {
      asyncio::timeout(1h, body);
    } catch (const std::logic_error&) {
      EXPECT_EQ(chain(std::current_exception()), "logic_error CancelledError");
    }
  });
}

// S173: a swallowed cancel: nothing is raised, expired() is true, the count is restored.
TEST(Timeout, IsSilentWhereTheBodySwallowsTheCancellation) {
  asyncio::run([] {
    Timeout scope(asyncio::get_running_loop().time());

    scope.run([] { EXPECT_THROW(asyncio::sleep(1h), CancelledError); });

    EXPECT_TRUE(scope.expired());
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S174: an outside cancel came as well.
TEST(Timeout, YieldsToACancellationFromOutside) {
  asyncio::run([] {
    auto task = asyncio::create_task([] {
      asyncio::timeout(0s, [] {
        asyncio::current_task().cancel();  // stands for somebody outside
        asyncio::sleep(1h);
      });
    });
    EXPECT_THROW(asyncio::await(task), CancelledError);

    auto both = asyncio::create_task([] { asyncio::timeout(0s, sleep_long); });
    asyncio::sleep(0s);
    both.cancel();  // in the iteration in which the deadline passes
    EXPECT_THROW(asyncio::await(both), CancelledError);
  });
}

// S175: a block that never suspends never times out.
TEST(Timeout, NeverStopsABodyThatDoesNotSuspend) {
  asyncio::run([] {
    EXPECT_EQ(asyncio::timeout(-1s, [] { return 1; }), 1);
    asyncio::sleep(0s);
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S176: only the one that fired converts.
TEST(Timeout, ThatDidNotFireLetsTheCancellationPass) {
  asyncio::run([] {
    bool inner_saw_cancel = false;
    const auto outer = [&] {
      try {
        asyncio::timeout(1h, sleep_long);
      } catch (const CancelledError&) {
        inner_saw_cancel = true;
        throw;
      }
    };

    EXPECT_THROW(asyncio::timeout(0s, outer), TimeoutError);

    EXPECT_TRUE(inner_saw_cancel);
  });
}

// S176: the inner one fires first, and the outer one does not.
TEST(Timeout, InsideAnotherFiresAlone) {
  asyncio::run([] {
    asyncio::timeout(1h, [](Timeout& outer) {
      EXPECT_THROW(asyncio::timeout(0s, sleep_long), TimeoutError);
      EXPECT_FALSE(outer.expired());
    });
  });
}

// S167: timeout_at() takes a time of the loop's clock.
TEST(TimeoutAt, FiresAtThatTime) {
  asyncio::run([] {
    const auto when = asyncio::get_running_loop().time() + 2ms;
    EXPECT_THROW(asyncio::timeout_at(when, sleep_long), TimeoutError);
    EXPECT_GE(asyncio::get_running_loop().time(), when - 1us);
  });
}

}  // namespace
