// asyncgen_test.cpp: asynchronous generators. The order of events was taken from CPython 3.13.
// Rules: semantics.md S40; PEP 525.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// Gives 1, 2, … up to `last`, with a sleep before each, and writes down how it ends.
AsyncGenerator<int> counter(int last, std::string& log) {
  return AsyncGenerator<int>([last, &log](auto& yield) {
    try {
      for (int i = 1; i <= last; ++i) {
        sleep(0s);
        yield(i);
      }
      log += "returned";
    } catch (const CoroutineExit&) {
      log += "closing ";
      sleep(0s);
      log += "closed";
      throw;
    } catch (const std::exception& error) {
      log += error.what();
      throw;
    }
  });
}
/// The same with a log that nobody reads.
AsyncGenerator<int> counter(int last) {
  static std::string ignored;
  return counter(last, ignored);
}

// Iterating ------------------------------------------------------------------------------------------------

TEST(AnAsyncGenerator, GivesItsValuesToARangeFor) {
  std::vector<int> values;
  std::string log;
  run([&] {
    for (const int value : counter(3, log)) values.push_back(value);
  });
  EXPECT_THAT(values, ElementsAre(1, 2, 3));
  EXPECT_EQ(log, "returned");
}

TEST(AnAsyncGenerator, RunsNothingBeforeItsFirstValueIsAskedFor) {
  bool begun = false;
  run([&] {
    const AsyncGenerator<int> generator([&](Yield<int>& yield) {
      begun = true;
      yield(1);
    });
    sleep(0s);
    EXPECT_FALSE(begun);
    EXPECT_EQ(generator.anext(), 1);
  });
  EXPECT_TRUE(begun);
}

TEST(AnAsyncGenerator, GivesValuesThatCanOnlyBeMoved) {
  run([] {
    const AsyncGenerator<std::unique_ptr<int>> generator([](auto& yield) { yield(std::make_unique<int>(5)); });
    for (auto& value : generator) EXPECT_EQ(*value, 5);
  });
}

TEST(AnAsyncGenerator, EndsWithStopAsyncIteration) {
  run([] {
    const auto generator = counter(1);
    EXPECT_EQ(anext(generator), 1);
    EXPECT_THROW(anext(generator), StopAsyncIteration);
    EXPECT_THROW(anext(generator), StopAsyncIteration);
    EXPECT_EQ(anext(generator, 9), 9);
  });
}

TEST(AnAsyncGenerator, ThrowsWhatItsBodyThrowsAndHasEndedThen) {
  run([] {
    const AsyncGenerator<int> generator([](auto& yield) {
      yield(1);
      throw std::logic_error("body");
    });
    generator.anext();
    EXPECT_EQ(text_of<std::logic_error>([&] { generator.anext(); }), "body");
    EXPECT_THROW(generator.anext(), StopAsyncIteration);
  });
}

// Python cannot tell a StopAsyncIteration of the body from the end of the generator, so it changes it.
TEST(AnAsyncGenerator, TurnsAStopAsyncIterationOfItsBodyIntoAnError) {
  run([] {
    const AsyncGenerator<int> generator([](Yield<int>&) { throw StopAsyncIteration(); });
    EXPECT_EQ(text_of<RuntimeError>([&] { generator.anext(); }), "async generator raised StopAsyncIteration");
  });
}

// The body waits in the place of the task that asks, and other tasks run meanwhile.
TEST(AnAsyncGenerator, WaitsInTheTaskThatAsks) {
  run([] {
    AnyTask inside;
    const AsyncGenerator<int> generator([&](auto& yield) {
      inside = current_task();
      sleep(1ms);
      yield(1);
    });
    bool other_ran = false;
    create_task([&] { other_ran = true; });
    EXPECT_EQ(generator.anext(), 1);
    EXPECT_EQ(inside, current_task());
    EXPECT_TRUE(other_ran);
  });
}

TEST(AnAsyncGenerator, IsToldThatTheTaskThatAsksIsCancelled) {
  std::string log;
  run([&] {
    const AsyncGenerator<int> generator([&](Yield<int>&) {
      try {
        sleep(1h);
      } catch (const CancelledError&) {
        log = "told";
        throw;
      }
    });
    const auto task = create_task([&] { generator.anext(); });
    sleep(0s);
    task.cancel();
    EXPECT_THROW(await(task), CancelledError);
  });
  EXPECT_EQ(log, "told");
}

TEST(AnAsyncGenerator, MayPassOnTheValuesOfAnother) {
  run([] {
    const AsyncGenerator<int> doubled([](auto& yield) {
      for (const int value : counter(2)) yield(2 * value);
    });
    EXPECT_EQ(doubled.anext(), 2);
    EXPECT_EQ(doubled.anext(), 4);
    EXPECT_EQ(anext(doubled, 0), 0);
  });
}

ContextVar<int> number("asyncgen_number", 0);

// It has no context of its own, as in Python; one that its body entered is put aside at a yield.
TEST(AnAsyncGenerator, RunsInTheContextOfWhoeverAsks) {
  run([] {
    const AsyncGenerator<int> generator([](auto& yield) {
      yield(number.get());
      Context().run([&] { yield(number.get()); });
      yield(number.get());
    });
    number.set(3);
    EXPECT_EQ(generator.anext(), 3);
    EXPECT_EQ(generator.anext(), 0);
    EXPECT_EQ(number.get(), 3);
    number.set(4);
    EXPECT_EQ(generator.anext(), 4);
  });
}

TEST(AnAsyncGenerator, IsRefusedToTwoTasksAtOnce) {
  run([] {
    const auto generator = counter(2);
    const auto first = create_task([&] { return generator.anext(); });
    sleep(0s);
    EXPECT_TRUE(generator.running());
    EXPECT_EQ(text_of<RuntimeError>([&] { generator.anext(); }), "anext(): asynchronous generator is already running");
    EXPECT_EQ(text_of<RuntimeError>([&] { generator.athrow(std::logic_error("")); }),
              "athrow(): asynchronous generator is already running");
    EXPECT_EQ(text_of<RuntimeError>([&] { generator.aclose(); }),
              "aclose(): asynchronous generator is already running");
    EXPECT_EQ(await(first), 1);
  });
}

TEST(AnAsyncGenerator, LetsNobodyElseYieldForIt) {
  run([] {
    const AsyncGenerator<int> generator([](auto& yield) {
      await(create_task([&] {
        EXPECT_EQ(text_of<RuntimeError>([&] { yield(2); }),
                  "yield was called outside the body of its asynchronous generator");
      }));
      yield(1);
    });
    EXPECT_EQ(generator.anext(), 1);
  });
}

// asend, athrow --------------------------------------------------------------------------------------------

TEST(Asend, IsWhatTheYieldReturns) {
  run([] {
    const AsyncGenerator<int, int> sum([](auto& yield) {
      int total = 0;
      while (true) total += yield(total).value_or(100);
    });
    EXPECT_EQ(sum.anext(), 0);
    EXPECT_EQ(sum.asend(5), 5);
    EXPECT_EQ(sum.asend(2), 7);
    EXPECT_EQ(sum.anext(), 107);
  });
}

TEST(Asend, IsRefusedBeforeTheFirstYield) {
  run([] {
    const AsyncGenerator<int, int> generator([](auto& yield) { yield(1); });
    EXPECT_EQ(text_of<std::invalid_argument>([&] { generator.asend(1); }),
              "can't send non-None value to a just-started async generator");
    EXPECT_EQ(generator.anext(), 1);
  });
}

// What is refused has been asked for: CPython's hook is called before.
TEST(Asend, TellsTheLoopAlsoWhereItIsRefused) {
  testing::internal::CaptureStderr();
  run([] {
    get_running_loop().shutdown_asyncgens();
    const AsyncGenerator<int, int> generator([](auto& yield) { yield(1); });
    EXPECT_THROW(generator.asend(1), std::invalid_argument);
  });
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("was scheduled after loop.shutdown_asyncgens() call"));
}

TEST(Athrow, IsWhatTheYieldThrows) {
  run([] {
    const AsyncGenerator<int> generator([](auto& yield) {
      try {
        yield(1);
      } catch (const std::logic_error&) {
        yield(2);
      }
    });
    EXPECT_EQ(generator.anext(), 1);
    EXPECT_EQ(generator.athrow(std::logic_error("")), 2);
    EXPECT_EQ(text_of<std::domain_error>([&] { generator.athrow(std::domain_error("unknown")); }), "unknown");
    EXPECT_THROW(generator.athrow(std::domain_error("")), StopAsyncIteration);
  });
}

TEST(Athrow, OfAGeneratorThatHasEndedThrowsStopAsyncIteration) {
  run([] {
    const auto generator = counter(0);
    EXPECT_EQ(anext(generator, 0), 0);
    EXPECT_THROW(generator.athrow(std::logic_error("")), StopAsyncIteration);
  });
}

TEST(Athrow, NeverEntersABodyThatHasNotBegun) {
  run([] {
    const AsyncGenerator<int> generator([](Yield<int>&) { FAIL() << "entered"; });
    EXPECT_THROW(generator.athrow(std::logic_error("")), std::logic_error);
    EXPECT_THROW(generator.anext(), StopAsyncIteration);
  });
}

// aclose ---------------------------------------------------------------------------------------------------

TEST(Aclose, UnwindsTheBodyWhichMayWait) {
  std::string log;
  run([&] {
    const auto generator = counter(3, log);
    generator.anext();
    generator.aclose();
    EXPECT_EQ(log, "closing closed");
    EXPECT_THROW(generator.anext(), StopAsyncIteration);
    generator.aclose();
  });
}

TEST(Aclose, NeverEntersABodyThatHasNotBegun) {
  run([] {
    const AsyncGenerator<int> generator([](Yield<int>&) { FAIL() << "entered"; });
    generator.aclose();
    EXPECT_THROW(generator.anext(), StopAsyncIteration);
  });
}

TEST(Aclose, RefusesABodyThatYieldsOnceMore) {
  run([] {
    const AsyncGenerator<int> generator([](auto& yield) {
      try {
        yield(1);
      } catch (const CoroutineExit&) {
        yield(2);
        throw;
      }
    });
    generator.anext();
    EXPECT_EQ(text_of<RuntimeError>([&] { generator.aclose(); }), "async generator ignored GeneratorExit");
    EXPECT_THROW(generator.anext(), StopAsyncIteration);
  });
}

// What closes the task that is inside aclose() does not end there.
TEST(Aclose, LetsTheEndOfItsOwnTaskPass) {
  std::string log;
  SelectorEventLoop loop;
  const auto generator = counter(3, log);
  loop.run_until_complete([&] { generator.anext(); });
  Coroutine caller([&] {
    generator.aclose();
    log += " and went on";
  });
  caller.send();

  caller.close();

  EXPECT_EQ(log, "closing ");
  loop.close();
}

// Dropping -------------------------------------------------------------------------------------------------

// As asyncio's finalizer hook: the loop closes it, in a task.
TEST(ADroppedAsyncGenerator, IsClosedByItsLoop) {
  std::string log;
  run([&] {
    for (const int value : counter(3, log)) {
      if (value == 2) break;
    }
    EXPECT_EQ(log, "");
    for (int i = 0; i < 4; ++i) sleep(0s);
    EXPECT_EQ(log, "closing closed");
  });
}

TEST(ADroppedAsyncGenerator, ReportsWhatItsBodyThrowsThen) {
  std::vector<std::string> reports;
  run([&] {
    get_running_loop().set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) {
      reports.push_back(context.message + ": " + describe(context.exception));
    });
    AsyncGenerator<int> generator([](auto& yield) {
      try {
        yield(1);
      } catch (const CoroutineExit&) {
        throw std::logic_error("closing");
      }
    });
    generator.anext();
    generator = {};
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  EXPECT_THAT(reports, ElementsAre("Task exception was never retrieved: logic_error: closing"));
}

TEST(ADroppedAsyncGenerator, IsDestroyedAtOnceWhereItHasNotBegunOrHasEnded) {
  run([] {
    auto captured = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = captured;
    AsyncGenerator<int> generator([captured = std::move(captured)](auto& yield) { yield(*captured); });
    generator = {};
    EXPECT_TRUE(watched.expired());
  });
}

// A loop that is closed cannot wait for a clean-up any more; the body unwinds all the same.
TEST(ADroppedAsyncGenerator, UnwindsWhereItsLoopIsClosed) {
  bool unwound = false;
  struct Guard {
    bool& flag;
    ~Guard() { flag = true; }
  };
  AsyncGenerator<int> generator([&](auto& yield) {
    const Guard guard{unwound};
    yield(1);
  });
  SelectorEventLoop loop;
  loop.run_until_complete([&] { generator.anext(); });
  loop.close();
  EXPECT_FALSE(unwound);

  generator = {};

  EXPECT_TRUE(unwound);
}

TEST(ADroppedAsyncGenerator, IsClosedInItsLoopsThreadWhereverItWasDropped) {
  std::string log;
  std::thread::id closed_in;
  run([&] {
    AsyncGenerator<int> generator([&](auto& yield) {
      try {
        yield(1);
      } catch (const CoroutineExit&) {
        closed_in = std::this_thread::get_id();
        throw;
      }
    });
    generator.anext();
    std::thread([dropped = std::move(generator)]() mutable { dropped = {}; }).join();
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  EXPECT_EQ(closed_in, std::this_thread::get_id());
}

// shutdown_asyncgens ---------------------------------------------------------------------------------------

// S40: existing ones are closed concurrently.
TEST(ShutdownAsyncgens, ClosesThoseThatAreLeftSideBySide) {
  std::string log;
  run([&] {
    std::vector<AsyncGenerator<int>> left;
    for (int i = 0; i < 2; ++i) left.push_back(counter(3, log));
    for (const auto& generator : left) generator.anext();

    get_running_loop().shutdown_asyncgens();

    EXPECT_EQ(log, "closing closing closedclosed");
    EXPECT_THROW(left[0].anext(), StopAsyncIteration);
  });
}

// S40, S227: run() calls it.
TEST(ShutdownAsyncgens, IsPartOfRun) {
  std::string log;
  std::optional<AsyncGenerator<int>> left = counter(3, log);
  run([&] { left->anext(); });
  EXPECT_EQ(log, "closing closed");
}

// S40: each failure is reported with keys message, exception, asyncgen.
TEST(ShutdownAsyncgens, ReportsEachFailure) {
  std::vector<ExceptionContext> reports;
  run([&] {
    auto& loop = get_running_loop();
    loop.set_exception_handler(
        [&](AbstractEventLoop&, const ExceptionContext& context) { reports.push_back(context); });
    const AsyncGenerator<int> generator([](auto& yield) {
      try {
        yield(1);
      } catch (const CoroutineExit&) {
        throw std::logic_error("closing");
      }
    });
    generator.anext();

    loop.shutdown_asyncgens();

    ASSERT_EQ(reports.size(), 1u);
    EXPECT_EQ(reports[0].message, "an error occurred during closing of asynchronous generator " + generator.repr());
    EXPECT_EQ(describe(reports[0].exception), "logic_error: closing");
    EXPECT_EQ(reports[0].asyncgen, generator);
  });
}

// S40: after the call a newly iterated one warns.
TEST(ShutdownAsyncgens, WarnsOfGeneratorsThatBeginLater) {
  testing::internal::CaptureStderr();
  run([] {
    get_running_loop().shutdown_asyncgens();
    counter(1).anext();
  });
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("was scheduled after loop.shutdown_asyncgens() call"));
}

}  // namespace
}  // namespace asyncio
