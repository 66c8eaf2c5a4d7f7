// threads_test.cpp: what other threads may do with a loop. Run it with ThreadSanitizer too.
#include <asyncio/selector_events.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <thread>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

/// A loop that runs in a thread of its own until the test is over.
class AnotherThread : public testing::Test {
 protected:
  AnotherThread() {
    std::promise<void> running;
    loop.call_soon([&] { running.set_value(); });
    thread_ = std::thread([this] {
      loop.run_forever();
      loop.close();
    });
    running.get_future().wait();
  }
  ~AnotherThread() override { end(); }

  /// Runs `act` in the loop's thread, and waits for it.
  template <class F>
  void in_loop(F act) {
    std::promise<void> done;
    loop.call_soon_threadsafe([&] {
      act();
      done.set_value();
    });
    done.get_future().wait();
  }
  void end() {
    if (!thread_.joinable()) return;
    text_of<RuntimeError>([&] { loop.call_soon_threadsafe([this] { loop.stop(); }); });  // it may have ended by itself
    thread_.join();
  }

  SelectorEventLoop loop;

 private:
  std::thread thread_;
};

using CallSoonThreadsafe = AnotherThread;
using AThreadsafeHandle = AnotherThread;
using ALoopElsewhere = AnotherThread;
using DebugModeElsewhere = AnotherThread;

// Posting --------------------------------------------------------------------------------------------------

// S44, S46: wakes a loop that blocks in its poll.
TEST_F(CallSoonThreadsafe, WakesTheLoop) {
  std::thread::id ran_in;

  in_loop([&] { ran_in = std::this_thread::get_id(); });

  EXPECT_NE(ran_in, std::this_thread::get_id());
  EXPECT_NE(ran_in, std::thread::id());
}

// S45, B1: nothing is lost, and each thread's callbacks keep their order.
TEST_F(CallSoonThreadsafe, LosesNothingAmongSeveralThreads) {
  constexpr int EACH = 500;
  std::vector<std::vector<int>> seen(3);
  {
    std::vector<std::jthread> posters;
    for (auto& list : seen) {
      posters.emplace_back([this, &list] {
        for (int i = 0; i < EACH; ++i) loop.call_soon_threadsafe([&list, i] { list.push_back(i); });
      });
    }
  }

  in_loop([] {});

  for (const auto& list : seen) {
    EXPECT_EQ(list.size(), std::size_t{EACH});
    EXPECT_TRUE(std::ranges::is_sorted(list));
  }
}

// S48: a callback posted during a blocking poll runs in the iteration that wakes. S47: and rings of the bell are
// no handles of their own.
TEST_F(CallSoonThreadsafe, RunsInTheIterationThatWakes) {
  struct Counter : Instrument {
    void before_run_once(AbstractEventLoop&) override { ++begun; }
    void before_poll(AbstractEventLoop&) override { polling = true; }
    std::atomic<int> begun = 0;
    std::atomic<bool> polling = false;
  };
  Counter counter;
  in_loop([&] { loop.add_instrument(counter); });
  while (!counter.polling) std::this_thread::yield();
  const int before = counter.begun;

  int at = 0;
  in_loop([&] { at = counter.begun; });
  in_loop([&] { loop.remove_instrument(counter); });

  EXPECT_EQ(at, before);
}

// S37, S46: on a closed loop it is an error, and nothing else.
TEST_F(CallSoonThreadsafe, IsRefusedByAClosedLoop) {
  end();

  EXPECT_EQ(text_of<RuntimeError>([&] { loop.call_soon_threadsafe([] {}); }), "Event loop is closed");
}

// S46: threads that post while the loop closes get their callback dropped, or the error.
TEST_F(CallSoonThreadsafe, MayRaceWithTheEndOfTheLoop) {
  auto captured = std::make_shared<int>(1);
  std::atomic<bool> refused = false;
  std::jthread poster([&] {
    while (!refused) refused = text_of<RuntimeError>([&] { loop.call_soon_threadsafe([captured] {}); }) != "nothing";
  });

  end();
  poster.join();

  EXPECT_TRUE(refused);
}

// S77: the way to complete a future of another thread's loop.
TEST_F(CallSoonThreadsafe, CompletesAFutureOfTheLoop) {
  std::optional<Future<int>> future;
  std::promise<int> got;
  in_loop([&] {
    future = loop.create_future<int>();
    future->add_done_callback([&](AnyFuture done) { got.set_value(Future<int>(done).result()); });
  });

  loop.call_soon_threadsafe([&] { future->set_result(3); });

  EXPECT_EQ(got.get_future().get(), 3);
  in_loop([&] { future.reset(); });
}

ContextVar<int> number("number", 0);

// S16: the context is that of the thread which posts.
TEST_F(CallSoonThreadsafe, CopiesTheContextOfThePoster) {
  int seen = 0;

  Context().run([&] {
    number.set(4);
    in_loop([&] { seen = number.get(); });
  });

  EXPECT_EQ(seen, 4);
  EXPECT_EQ(number.get(), 0);
}

// Cancelling from another thread ---------------------------------------------------------------------------

// S23: a callback whose handle was cancelled first never starts.
TEST_F(AThreadsafeHandle, NeverRunsOnceItIsCancelled) {
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 300; ++i) {
    std::atomic<bool> cancelled = false;
    const Handle handle = loop.call_soon_threadsafe([&] { wrong += cancelled; });
    handle.cancel();
    cancelled = true;
    in_loop([] {});
  }

  EXPECT_EQ(wrong, 0);
}

// S23: cancelling and running exclude each other: cancel() returns when the callback has ended.
TEST_F(AThreadsafeHandle, IsCancelledAfterItsRunHasEnded) {
  std::promise<void> started;
  std::atomic<bool> ended = false;
  const Handle handle = loop.call_soon_threadsafe([&] {
    started.set_value();
    std::this_thread::sleep_for(5ms);
    ended = true;
  });

  started.get_future().wait();
  handle.cancel();

  EXPECT_TRUE(ended);
  EXPECT_TRUE(handle.cancelled());
}

// S23: a callback may cancel its own handle.
TEST_F(AThreadsafeHandle, MayCancelItself) {
  std::promise<void> ran;
  std::atomic<const Handle*> own = nullptr;
  const Handle handle = loop.call_soon_threadsafe([&] {
    while (!own) std::this_thread::yield();
    own.load()->cancel();
    ran.set_value();
  });
  own = &handle;

  ran.get_future().wait();

  EXPECT_TRUE(handle.cancelled());
}

// S23, S36: a loop that closes drops what another thread cancels at the same time.
TEST_F(AThreadsafeHandle, MayBeCancelledWhileTheLoopCloses) {
  std::vector<Handle> handles;
  std::promise<void> blocked;
  std::promise<void> posted;
  loop.call_soon_threadsafe([&] {
    blocked.set_value();
    posted.get_future().wait();
    loop.stop();
  });
  blocked.get_future().wait();
  for (int i = 0; i < 300; ++i) {
    handles.push_back(loop.call_soon_threadsafe([big = std::string(100, 'x')] { FAIL(); }));
  }

  posted.set_value();
  for (const Handle& handle : handles) handle.cancel();
  end();

  for (const Handle& handle : handles) EXPECT_TRUE(handle.cancelled());
}

// Looking from another thread ------------------------------------------------------------------------------

// S121: all_tasks() may be called from another thread, while tasks come and go.
TEST_F(ALoopElsewhere, ShowsItsTasksToEveryThread) {
  std::atomic<bool> enough = false;
  std::optional<Task<void>> main_task;
  in_loop([&] {
    main_task = loop.create_task([&] {
      while (!enough) {
        const auto child = create_task([] { give_way(); });
        await(child);
      }
    });
  });

  std::size_t most = 0;
  for (int i = 0; i < 300; ++i) most = std::max(most, all_tasks(loop).size());
  enough = true;
  while (!all_tasks(loop).empty()) std::this_thread::yield();
  in_loop([&] { main_task.reset(); });

  EXPECT_GE(most, 1u);
}

// S122: of a loop that runs in another thread, its current task.
TEST_F(ALoopElsewhere, ShowsItsCurrentTaskToEveryThread) {
  std::promise<void> inside;
  std::promise<void> looked;
  std::optional<Task<void>> task;
  loop.call_soon_threadsafe([&] {
    task = loop.create_task([&] {
      inside.set_value();
      looked.get_future().wait();
    });
  });

  inside.get_future().wait();
  const AnyTask seen = current_task(loop);
  const bool same = seen == *task;
  looked.set_value();
  in_loop([&] { task.reset(); });

  EXPECT_TRUE(same);
}

// S122: and none where a plain callback runs.
TEST_F(ALoopElsewhere, HasNoCurrentTaskBetweenSteps) {
  EXPECT_FALSE(current_task(loop));
  EXPECT_TRUE(loop.is_running());
}

// S24, S37: running it here as well.
TEST_F(ALoopElsewhere, CannotBeRunHereToo) {
  EXPECT_EQ(text_of<RuntimeError>([&] { loop.run_forever(); }), "This event loop is already running");
  EXPECT_THROW(loop.close(), RuntimeError);
}

// Debug mode -----------------------------------------------------------------------------------------------

// S50: call_soon, call_later and call_at check the thread; call_soon_threadsafe does not.
TEST_F(DebugModeElsewhere, RefusesCallsFromAnotherThread) {
  in_loop([&] { loop.set_debug(true); });
  const auto refused = [](auto act) {
    EXPECT_THAT(text_of<RuntimeError>(act), HasSubstr("Non-thread-safe operation"));
  };

  refused([&] { loop.call_soon([] {}); });
  refused([&] { loop.call_later(1s, [] {}); });
  refused([&] { loop.call_at(TimePoint::max(), [] {}); });
  in_loop([] {});
}

// S50: a task would need call_soon(); nothing of it stays behind.
TEST_F(DebugModeElsewhere, RefusesTasksFromAnotherThread) {
  in_loop([&] {
    loop.set_debug(true);
    loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) {});
  });
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;

  EXPECT_THROW(loop.create_task([captured = std::move(captured)] {}), RuntimeError);

  EXPECT_TRUE(watched.expired());
  EXPECT_TRUE(all_tasks(loop).empty());
}

// S50: a loop that is not running allows any thread.
TEST(DebugModeOfAnIdleLoop, AllowsEveryThread) {
  ScriptedLoop loop;
  loop.set_debug(true);
  bool ran = false;

  std::thread([&] { loop.call_soon([&] { ran = true; }); }).join();
  loop.turn();

  EXPECT_TRUE(ran);
}

// One loop a thread ----------------------------------------------------------------------------------------

TEST(TwoLoops, RunInTwoThreadsAtOnce) {
  const auto count = [] {
    SelectorEventLoop loop;
    const int result = loop.run_until_complete([] {
      int sum = 0;
      for (int i = 0; i < 100; ++i) sum += await(create_task([i] { return give_way(), i; }));
      return sum;
    });
    loop.close();
    return result;
  };

  auto other = std::async(std::launch::async, count);

  EXPECT_EQ(count(), 4950);
  EXPECT_EQ(other.get(), 4950);
}

// A loop may be made in one thread and run in another.
TEST(OneLoop, MayRunInAnotherThreadThanItWasMadeIn) {
  SelectorEventLoop loop;
  const auto task = loop.create_task([] { return 3; });

  std::thread([&] {
    EXPECT_EQ(loop.run_until_complete(task), 3);
    loop.close();
  }).join();

  EXPECT_EQ(task.result(), 3);
}

}  // namespace
}  // namespace asyncio
