// runners_test.cpp: Runner and run(). Rules: semantics.md S221 to S223, S227.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::Runner;
using asyncio::RuntimeError;
using asyncio::Task;

asyncio::ContextVar<int> number{"number", 0};

TEST(Run, GivesWhatTheMainTaskReturns) {
  EXPECT_EQ(asyncio::run([] { return 3; }), 3);
  EXPECT_EQ(*asyncio::run([] { return std::make_unique<int>(4); }), 4);
}

TEST(Run, ThrowsWhatTheMainTaskThrows) {
  EXPECT_THROW(asyncio::run([] { throw std::logic_error("main"); }), std::logic_error);
  EXPECT_THROW(asyncio::run([] { throw CancelledError(); }), CancelledError);
}

// S221.
TEST(Run, IsRefusedInsideARunningLoop) {
  asyncio::run([] {
    EXPECT_THROW(asyncio::run([] {}), RuntimeError);
    EXPECT_THROW(Runner().run([] {}), RuntimeError);
  });
}

// S222: debug none keeps the loop's own setting.
TEST(Run, SetsDebugModeWhereAsked) {
  EXPECT_TRUE(asyncio::run([] { return asyncio::get_running_loop().get_debug(); }, {.debug = true}));
  EXPECT_FALSE(asyncio::run([] { return asyncio::get_running_loop().get_debug(); }, {.debug = false}));
}

// S227: tasks that are left are cancelled and waited for.
TEST(Run, CancelsWhatIsLeftAndWaitsForIt) {
  std::string log;
  Task<void> left;
  asyncio::run([&] {
    left = create_task([&] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        asyncio::sleep(0s);
        log = "cleaned up";
        throw;
      }
    });
    asyncio::sleep(0s);
  });
  EXPECT_EQ(log, "cleaned up");
  EXPECT_TRUE(left.cancelled());
}

// S227: each that failed is reported.
TEST(Run, ReportsTasksThatFailWhileTheyAreCancelled) {
  std::vector<std::string> reports;
  asyncio::run([&] {
    asyncio::get_running_loop().set_exception_handler(
        [&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
          reports.push_back(context.message + ": " + asyncio::describe(context.exception));
        });
    create_task([] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        throw RuntimeError("while ending");
      }
    });
    asyncio::sleep(0s);
  });
  EXPECT_EQ(reports,
            std::vector<std::string>{"unhandled exception during asyncio.run() shutdown: RuntimeError: while ending"});
}

// S227: the loop is closed at the end, also where the main task failed.
TEST(Run, ClosesItsLoop) {
  class Loop : public asyncio::SelectorEventLoop {
   public:
    explicit Loop(int& closed) : closed_(closed) {}
    void close() override {
      ++closed_;
      SelectorEventLoop::close();
    }

   private:
    int& closed_;
  };
  int closed = 0;
  const asyncio::RunOptions options{.loop_factory = [&] { return std::make_unique<Loop>(closed); }};

  EXPECT_THROW(asyncio::run([] { throw std::logic_error("main"); }, options), std::logic_error);

  EXPECT_GE(closed, 1);
}

// S223: all run calls of one runner share one context.
TEST(Runner, KeepsItsContextFromRunToRun) {
  Runner runner;
  runner.run([] { number.set(5); });
  EXPECT_EQ(runner.run([] { return number.get(); }), 5);
  EXPECT_EQ(number.get(), 0);

  const auto own = asyncio::Context();
  EXPECT_EQ(runner.run([] { return number.get(); }, {.context = own}), 0);
}

// S222: initialisation is lazy; a closed runner refuses; close() is idempotent.
TEST(Runner, MakesItsLoopWhenItIsNeeded) {
  int made = 0;
  Runner runner({.loop_factory = [&] {
    ++made;
    return asyncio::new_event_loop();
  }});
  EXPECT_EQ(made, 0);
  auto& loop = runner.get_loop();
  EXPECT_EQ(&runner.run([]() -> asyncio::AbstractEventLoop* { return &asyncio::get_running_loop(); })->core(),
            &loop.core());
  EXPECT_EQ(made, 1);

  runner.close();
  runner.close();
  EXPECT_THROW(runner.run([] {}), RuntimeError);
  EXPECT_THROW(runner.get_loop(), RuntimeError);
}

// S222: without loop_factory the new loop becomes the thread's own; with one it does not.
TEST(Runner, SetsTheThreadsLoopOnlyWithoutAFactory) {
  {
    Runner runner;
    const auto& loop = runner.get_loop();
    EXPECT_EQ(&loop, asyncio::get_event_loop());
  }
  EXPECT_THROW(asyncio::get_event_loop(), RuntimeError);

  Runner runner({.loop_factory = asyncio::new_event_loop});
  runner.get_loop();
  EXPECT_THROW(asyncio::get_event_loop(), RuntimeError);
}

// S221: other awaitables are wrapped.
TEST(Runner, RunsAFutureOfItsLoop) {
  Runner runner;
  auto future = runner.get_loop().create_future<int>();
  future.set_result(6);
  EXPECT_EQ(runner.run(future), 6);
}

// S57, S87: KeyboardInterrupt leaves run(), and the loop is cleaned up all the same.
TEST(Runner, LetsAKeyboardInterruptOut) {
  bool unwound = false;
  const auto body = [&] {
    create_task([&] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        unwound = true;
        throw;
      }
    });
    asyncio::sleep(0s);
    throw asyncio::KeyboardInterrupt();
  };

  EXPECT_THROW(asyncio::run(body), asyncio::KeyboardInterrupt);

  EXPECT_TRUE(unwound);
}

}  // namespace
