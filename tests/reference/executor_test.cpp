// executor_test.cpp: jobs in other threads. Run it with ThreadSanitizer too.
// Rules: semantics.md S36, S78, S161 to S166.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <semaphore>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>

#include "tests/reference/iterations.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string name_of_this_thread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

/// An executor without threads: its jobs run, fail or go when the test says so.
class QueueExecutor : public Executor {
 public:
  void submit(Job job) override { jobs.push_back(std::move(job)); }
  std::vector<Job> jobs;
};

/// A pool of one thread, which a job occupies until the test lets it go.
class BusyPool {
 public:
  BusyPool() {
    get_running_loop().run_in_executor(pool, [this] {
      begun.release();
      go_on.acquire();
    });
    begun.acquire();
  }
  ~BusyPool() { pool->shutdown(); }  // the test has let the job go; its thread may still be about to wake

  std::shared_ptr<ThreadPoolExecutor> pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
  std::binary_semaphore begun{0};
  std::binary_semaphore go_on{0};
};

// run_in_executor ------------------------------------------------------------------------------------------

TEST(RunInExecutor, GivesWhatTheFunctionReturnsInAnotherThread) {
  const auto here = std::this_thread::get_id();
  run([&] {
    auto& loop = get_running_loop();
    EXPECT_NE(await(loop.run_in_executor(nullptr, [] { return std::this_thread::get_id(); })), here);
    EXPECT_EQ(*await(loop.run_in_executor(nullptr, [] { return std::make_unique<int>(4); })), 4);
    bool ran = false;
    await(loop.run_in_executor(nullptr, [&] { ran = true; }));
    EXPECT_TRUE(ran);
  });
}

TEST(RunInExecutor, ThrowsWhatTheFunctionThrows) {
  run([] {
    auto& loop = get_running_loop();
    const auto failing = loop.run_in_executor(nullptr, []() -> int { throw std::logic_error("in a thread"); });
    EXPECT_EQ(text_of<std::logic_error>([&] { await(failing); }), "in a thread");
    const auto exiting = loop.run_in_executor(nullptr, [] { throw SystemExit(3); });
    EXPECT_THROW(await(exiting), SystemExit);
  });
}

// A thread of an executor is not the loop's: nothing can be awaited there.
TEST(RunInExecutor, RunsOutsideEveryLoop) {
  run([] {
    await(get_running_loop().run_in_executor(nullptr, [] {
      EXPECT_FALSE(get_running_loop_or_null());
      EXPECT_THROW(sleep(0s), RuntimeError);
    }));
  });
}

// S163, bpo-39609: the default executor is made lazily, with thread names that start with "asyncio".
TEST(RunInExecutor, NamesTheThreadsOfTheDefaultExecutor) {
  run([] { EXPECT_THAT(to_thread(name_of_this_thread), HasSubstr("asyncio_")); });
}

// S37.
TEST(RunInExecutor, IsRefusedByAClosedLoop) {
  SelectorEventLoop loop;
  loop.close();
  EXPECT_EQ(text_of<RuntimeError>([&] { loop.run_in_executor(nullptr, [] {}); }), "Event loop is closed");
}

// S79: a job whose loop was closed meanwhile ends for nobody.
TEST(RunInExecutor, DropsTheResultWhereItsLoopIsClosed) {
  const auto executor = std::make_shared<QueueExecutor>();
  auto loop = new_event_loop();
  const auto future = loop->run_in_executor(executor, [] { return 42; });
  loop->close();

  executor->jobs.front()();

  EXPECT_FALSE(future.done());
}

// J2 of executor.hpp: what the function captured is gone when the future is done.
TEST(RunInExecutor, DestroysTheFunctionBeforeItsFutureIsDone) {
  run([] {
    for (int i = 0; i < 20; ++i) {
      auto captured = std::make_shared<int>(i);
      const std::weak_ptr<int> watched = captured;
      await(get_running_loop().run_in_executor(nullptr, [captured = std::move(captured)] {}));
      EXPECT_TRUE(watched.expired());
    }
  });
}

// S78, 3.14: where the job has ended in the loop's own thread, awaiting it costs no iteration.
TEST(RunInExecutor, CostsNoIterationWhereTheJobHasEndedAlready) {
  class Inline : public Executor {
    void submit(Job job) override { job(); }
  };
  EXPECT_EQ(iterations_alone([] {
              EXPECT_EQ(await(get_running_loop().run_in_executor(std::make_shared<Inline>(), [] { return 5; })), 5);
            }),
            0);
}

// S165: cancelling works while the job has not started.
TEST(RunInExecutor, CancelsAJobThatHasNotBegun) {
  const auto executor = std::make_shared<QueueExecutor>();
  run([&] {
    auto captured = std::make_shared<int>(1);
    const std::weak_ptr<int> watched = captured;
    const auto future =
        get_running_loop().run_in_executor(executor, [captured = std::move(captured)] { FAIL() << "it has run"; });

    EXPECT_TRUE(future.cancel());
    sleep(0s);

    EXPECT_TRUE(watched.expired());
    executor->jobs.front()();
    EXPECT_TRUE(future.cancelled());
  });
}

// S165: a running job is never interrupted; its outcome is dropped.
TEST(RunInExecutor, NeverInterruptsAJobThatHasBegun) {
  std::binary_semaphore begun{0}, go_on{0};
  std::atomic<bool> ended = false;
  run([&] {
    const auto future = get_running_loop().run_in_executor(nullptr, [&] {
      begun.release();
      go_on.acquire();
      ended = true;
      throw std::logic_error("nobody asks");
    });
    begun.acquire();

    EXPECT_TRUE(future.cancel());
    sleep(0s);
    EXPECT_FALSE(ended);
    go_on.release();
    EXPECT_THROW(await(future), CancelledError);
  });
  EXPECT_TRUE(ended);  // run() has waited for the executor
}

// J3: an executor that lets go of a job cancels its future.
TEST(RunInExecutor, IsCancelledWhereTheExecutorLetsGoOfTheJob) {
  const auto executor = std::make_shared<QueueExecutor>();
  run([&] {
    const auto future = get_running_loop().run_in_executor(executor, [] { return 1; });
    executor->jobs.clear();
    EXPECT_THROW(await(future), CancelledError);
  });
}

TEST(RunInExecutor, ThrowsWhatTheExecutorFailsTheJobWith) {
  const auto executor = std::make_shared<QueueExecutor>();
  run([&] {
    const auto future = get_running_loop().run_in_executor(executor, [] { return 1; });
    executor->jobs.front().fail(std::make_exception_ptr(std::logic_error("no room")));
    EXPECT_EQ(text_of<std::logic_error>([&] { await(future); }), "no room");
  });
}

// J4, S36: a loop that closes does not wait, and lets go of the future in its own thread.
TEST(RunInExecutor, LeavesTheFutureInTheLoopsThreadWhenTheLoopCloses) {
  const auto executor = std::make_shared<QueueExecutor>();
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  {
    SelectorEventLoop loop;
    loop.run_in_executor(executor, [] { return 1; }).add_done_callback([captured = std::move(captured)](AnyFuture) {});
    loop.close();
    EXPECT_TRUE(watched.expired());
  }

  executor->jobs.front()();  // the loop is gone, and nothing happens
}

// The default executor ------------------------------------------------------------------------------------

// S164.
TEST(SetDefaultExecutor, TakesAThreadPoolOnly) {
  run([] {
    auto& loop = get_running_loop();
    EXPECT_EQ(text_of<std::invalid_argument>([&] { loop.set_default_executor(std::make_shared<QueueExecutor>()); }),
              "executor must be ThreadPoolExecutor instance");
    EXPECT_THROW(loop.set_default_executor(nullptr), std::invalid_argument);

    loop.set_default_executor(std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.thread_name_prefix = "mine"}));
    EXPECT_EQ(to_thread(name_of_this_thread), "mine_0");
  });
}

// S163: after it, RuntimeError, but only for the default executor.
TEST(ShutdownDefaultExecutor, RefusesJobsForTheDefaultExecutorOnly) {
  const auto own = std::make_shared<ThreadPoolExecutor>();
  run([&] {
    auto& loop = get_running_loop();
    loop.shutdown_default_executor();
    EXPECT_EQ(text_of<RuntimeError>([&] { loop.run_in_executor(nullptr, [] {}); }),
              "Executor shutdown has been called");
    EXPECT_EQ(await(loop.run_in_executor(own, [] { return 2; })), 2);
  });
}

// S166: it waits for the jobs, while the loop goes on.
TEST(ShutdownDefaultExecutor, WaitsForTheJobs) {
  std::binary_semaphore go_on{0};
  std::atomic<bool> ended = false;
  run([&] {
    auto& loop = get_running_loop();
    loop.run_in_executor(nullptr, [&] {
      go_on.acquire();
      ended = true;
    });
    loop.call_soon([&] { go_on.release(); });
    loop.shutdown_default_executor();
    EXPECT_TRUE(ended);
  });
}

// S166: a timeout that expires warns, and waits no longer.
TEST(ShutdownDefaultExecutor, WarnsWhenItsTimeHasPassed) {
  std::binary_semaphore go_on{0};
  testing::internal::CaptureStderr();
  run([&] {
    get_running_loop().run_in_executor(nullptr, [&] { go_on.acquire(); });
    get_running_loop().shutdown_default_executor(1ms);
    go_on.release();
  });
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("The executor did not finishing joining its threads within 0.001 seconds."));
}

// S166: without an executor it returns at once.
TEST(ShutdownDefaultExecutor, ReturnsAtOnceWithoutAnExecutor) {
  EXPECT_EQ(iterations_alone([] { get_running_loop().shutdown_default_executor(); }), 0);
}

// S36: closing a loop gives the default executor a shutdown that does not wait.
TEST(ALoopThatCloses, DoesNotWaitForItsExecutor) {
  std::binary_semaphore go_on{0};
  const auto pool = std::make_shared<ThreadPoolExecutor>();
  SelectorEventLoop loop;
  loop.set_default_executor(pool);
  loop.run_in_executor(nullptr, [&] { go_on.acquire(); });

  loop.close();
  EXPECT_THROW(pool->check_accepts_jobs(), RuntimeError);

  go_on.release();
  pool->shutdown();
}

// ThreadPoolExecutor ---------------------------------------------------------------------------------------

// When the last thread comes to be idle no program can see; but those before it are.
TEST(ThreadPoolExecutor, UsesAnIdleThreadAgain) {
  constexpr int JOBS = 100;
  const auto pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = JOBS});
  std::set<std::string> names;
  run([&] {
    for (int i = 0; i < JOBS; ++i) names.insert(await(get_running_loop().run_in_executor(pool, name_of_this_thread)));
  });
  EXPECT_LT(names.size(), std::size_t{JOBS / 2});
}

TEST(ThreadPoolExecutor, StartsNoMoreThreadsThanItsWorkers) {
  run([] {
    BusyPool busy;
    const auto waiting = get_running_loop().run_in_executor(busy.pool, [] { return 1; });
    sleep(1ms);
    EXPECT_FALSE(waiting.done());
    busy.go_on.release();
    EXPECT_EQ(await(waiting), 1);
  });
}

TEST(ThreadPoolExecutor, RefusesAMaximumThatIsNotPositive) {
  EXPECT_EQ(text_of<std::invalid_argument>([] { ThreadPoolExecutor({.max_workers = 0}); }),
            "max_workers must be greater than 0");
}

TEST(ThreadPoolExecutor, RefusesJobsAfterItsShutdown) {
  const auto pool = std::make_shared<ThreadPoolExecutor>();
  pool->shutdown();
  run([&] {
    EXPECT_EQ(text_of<RuntimeError>([&] { get_running_loop().run_in_executor(pool, [] {}); }),
              "cannot schedule new futures after shutdown");
  });
}

TEST(ThreadPoolExecutor, RunsWhatWasSubmittedBeforeItsShutdown) {
  run([] {
    BusyPool busy;
    const auto waiting = get_running_loop().run_in_executor(busy.pool, [] { return 1; });
    busy.pool->shutdown({.wait = false});
    busy.go_on.release();
    EXPECT_EQ(await(waiting), 1);
  });
}

TEST(ThreadPoolExecutor, WaitsForItsJobsWhenItGoes) {
  run([] {
    std::atomic<int> ran = 0;
    {
      const auto pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.max_workers = 1});
      for (int i = 0; i < 3; ++i) get_running_loop().run_in_executor(pool, [&] { ++ran; });
    }
    EXPECT_EQ(ran, 3);
  });
}

TEST(ThreadPoolExecutor, CancelsWhatHasNotBegunWhereAsked) {
  run([] {
    BusyPool busy;
    const auto waiting = get_running_loop().run_in_executor(busy.pool, [] { return 1; });
    busy.pool->shutdown({.wait = false, .cancel_futures = true});
    EXPECT_THROW(await(waiting), CancelledError);
    busy.go_on.release();
  });
}

TEST(ThreadPoolExecutor, CallsItsInitializerInEachThread) {
  std::atomic<int> calls = 0;
  const auto pool = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.initializer = [&] { ++calls; }});
  run([&] { await(get_running_loop().run_in_executor(pool, [] {})); });
  EXPECT_EQ(calls, 1);
}

TEST(ThreadPoolExecutor, IsBrokenOnceItsInitializerThrew) {
  testing::internal::CaptureStderr();
  const auto pool =
      std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.initializer = [] { throw std::logic_error("no"); }});
  run([&] {
    const auto future = get_running_loop().run_in_executor(pool, [] {});
    EXPECT_THROW(await(future), BrokenThreadPool);
    EXPECT_THROW(get_running_loop().run_in_executor(pool, [] {}), BrokenThreadPool);
  });
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("Exception in initializer: logic_error: no"));
}

// A job may hold the last handle of its own pool, whose threads cannot wait for themselves.
TEST(ThreadPoolExecutor, MayBeDestroyedByItsOwnJob) {
  run([] {
    auto pool = std::make_shared<ThreadPoolExecutor>();
    auto& loop = get_running_loop();
    std::binary_semaphore go_on{0};
    const auto future = loop.run_in_executor(pool, [&go_on, pool] { go_on.acquire(); });
    pool.reset();
    go_on.release();
    await(future);
  });
}

TEST(ThreadPoolExecutor, RefusesToWaitForItself) {
  const auto pool = std::make_shared<ThreadPoolExecutor>();
  run([&] {
    const auto future = get_running_loop().run_in_executor(pool, [&] { pool->shutdown(); });
    EXPECT_EQ(text_of<RuntimeError>([&] { await(future); }), "cannot join current thread");
  });
}

// to_thread ------------------------------------------------------------------------------------------------

ContextVar<int> number("executor_number", 0);

// S162: the function runs in a copy of the current context.
TEST(ToThread, CopiesTheContext) {
  run([] {
    number.set(3);
    EXPECT_EQ(to_thread([] {
                const int seen = number.get();
                number.set(4);
                return seen;
              }),
              3);
    EXPECT_EQ(number.get(), 3);
  });
}

TEST(ToThread, LetsOtherTasksRunMeanwhile) {
  run([] {
    std::binary_semaphore go_on{0};
    create_task([&] { go_on.release(); });
    to_thread([&] { go_on.acquire(); });
  });
}

TEST(ToThread, IsRefusedOutsideATask) {
  EXPECT_THROW(to_thread([] {}), RuntimeError);
}

}  // namespace
}  // namespace asyncio
