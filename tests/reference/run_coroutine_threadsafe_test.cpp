// run_coroutine_threadsafe_test.cpp: coroutines from other threads, and futures between threads. Run it with
// ThreadSanitizer too. Rules: semantics.md S36, S78, S161, S166.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

/// A loop that runs in a thread of its own until the test is over.
class RunCoroutineThreadsafe : public testing::Test {
 protected:
  RunCoroutineThreadsafe() {
    loop.call_soon([this] { running_.release(); });
    thread_ = std::thread([this] { loop.run_forever(); });
    running_.acquire();
  }
  ~RunCoroutineThreadsafe() override {
    loop.call_soon_threadsafe([this] { loop.stop(); });
    thread_.join();
    loop.close();
  }
  SelectorEventLoop loop;

 private:
  std::binary_semaphore running_{0};
  std::thread thread_;
};

// S161: the outcome is copied to the thread future.
TEST_F(RunCoroutineThreadsafe, GivesTheOutcomeOfATaskOfTheLoop) {
  EXPECT_EQ(run_coroutine_threadsafe([] { return sleep(1ms, 7); }, loop).get(), 7);
  EXPECT_EQ(*run_coroutine_threadsafe([] { return std::make_unique<int>(8); }, loop).get(), 8);
  auto failing = run_coroutine_threadsafe([] { throw std::logic_error("in the loop"); }, loop);
  EXPECT_EQ(text_of<std::logic_error>([&] { failing.get(); }), "in the loop");
}

TEST_F(RunCoroutineThreadsafe, ThrowsCancelledErrorWhereTheTaskWasCancelled) {
  auto cancelled = run_coroutine_threadsafe(
      [] {
        current_task().cancel();
        sleep(1h);
      },
      loop);
  EXPECT_THROW(cancelled.get(), CancelledError);
}

// The way to cancel it from outside: see docs/differences.md.
TEST_F(RunCoroutineThreadsafe, CanBeCancelledThroughItsTask) {
  std::promise<AnyTask> started;
  auto outcome = run_coroutine_threadsafe(
      [&] {
        started.set_value(current_task());
        sleep(1h);
      },
      loop);
  loop.call_soon_threadsafe([task = started.get_future().get()] { task.cancel(); });
  EXPECT_THROW(outcome.get(), CancelledError);
}

// S161: if creating the task fails, the error goes to the thread future and is raised in the callback too.
TEST_F(RunCoroutineThreadsafe, TellsBothWhereTheTaskCannotBeMade) {
  std::promise<std::string> reported;
  run_coroutine_threadsafe(
      [&] {
        loop.set_exception_handler(
            [&](AbstractEventLoop&, const ExceptionContext& context) { reported.set_value(context.message); });
        loop.set_task_factory(
            [](AbstractEventLoop&, Coroutine, TaskOptions) -> AnyTask { throw std::logic_error("no tasks"); });
      },
      loop)
      .get();
  auto refused = run_coroutine_threadsafe([] {}, loop);
  EXPECT_EQ(text_of<std::logic_error>([&] { refused.get(); }), "no tasks");
  EXPECT_EQ(reported.get_future().get(), "Exception in callback");
}

TEST(RunCoroutineThreadsafeOnALoopThatCloses, BreaksItsPromise) {
  SelectorEventLoop loop;
  auto never = run_coroutine_threadsafe([] {}, loop);
  loop.close();
  EXPECT_THROW(never.get(), std::future_error);
  EXPECT_THROW(run_coroutine_threadsafe([] {}, loop), RuntimeError);
}

// wrap_future ----------------------------------------------------------------------------------------------

// S78.
TEST(WrapFuture, GivesTheOutcomeOfAnotherThread) {
  run([] {
    std::promise<int> later;
    const auto wrapped = wrap_future(later.get_future());
    EXPECT_FALSE(wrapped.done());
    later.set_value(3);
    EXPECT_EQ(await(wrapped), 3);

    std::promise<void> failed;
    failed.set_exception(std::make_exception_ptr(std::logic_error("elsewhere")));
    const auto ready = wrap_future(failed.get_future());
    EXPECT_TRUE(ready.done());
    EXPECT_THROW(await(ready), std::logic_error);
  });
}

TEST(WrapFuture, LeavesAFutureOfALoopAsItIs) {
  run([] {
    const auto future = get_running_loop().create_future<int>();
    EXPECT_EQ(wrap_future(future), future);
    EXPECT_THROW(wrap_future(std::future<int>()), std::invalid_argument);
  });
}

}  // namespace
}  // namespace asyncio
