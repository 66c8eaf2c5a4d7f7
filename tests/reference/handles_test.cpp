// handles_test.cpp: handles and the queue they wait in, by hand and on a loop. H1 to H3 are in handles.hpp.
#include <asyncio/handle_state.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <unordered_set>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// Calls a function when it is destroyed.
class WhenDestroyed {
 public:
  explicit WhenDestroyed(Callback act) : act_(std::move(act)) {}
  WhenDestroyed(WhenDestroyed&&) noexcept = default;
  ~WhenDestroyed() {
    if (act_) act_();
  }

 private:
  Callback act_;
};

ContextVar<int> number("number", 0);

// Contexts ----------------------------------------------------------------------------------------------

// S16: the callback runs inside the given context.
TEST(AHandle, RunsInTheContextItWasGiven) {
  ScriptedLoop loop;
  const Context context;
  int seen = 0;

  context.run([] { number.set(7); });
  loop.call_soon([&] { seen = number.get(); }, context);
  loop.turn();

  EXPECT_EQ(seen, 7);
}

// S16: without one, in a copy of the current context made at scheduling time.
TEST(AHandle, CopiesTheContextOfWhoeverSchedulesIt) {
  ScriptedLoop loop;
  int seen = 0;

  Context().run([&] {
    number.set(1);
    loop.call_soon([&] { seen = number.get(); });
    number.set(2);
  });
  loop.turn();

  EXPECT_EQ(seen, 1);
}

// S16: what a callback sets stays in its own context.
TEST(AHandle, KeepsWhatItsCallbackSetsToItself) {
  ScriptedLoop loop;
  const Handle handle = loop.call_soon([] { number.set(5); });

  loop.turn();

  EXPECT_EQ(number.get(), 0);
  EXPECT_EQ(handle.get_context().get(number), 5);
}

// Cancelling --------------------------------------------------------------------------------------------

TEST(ACancelledHandle, NeverRuns) {
  ScriptedLoop loop;
  bool ran = false;
  const Handle handle = loop.call_soon([&] { ran = true; });

  handle.cancel();
  loop.turn();

  EXPECT_TRUE(handle.cancelled());
  EXPECT_FALSE(ran);
}

// S17: what the callback captured is released before the handle would have run.
TEST(ACancelledHandle, ReleasesWhatItCapturedAtOnce) {
  ScriptedLoop loop;
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  const Handle handle = loop.call_soon([captured = std::move(captured)] {});

  handle.cancel();

  EXPECT_TRUE(watched.expired());
}

// S17: cancel() is idempotent.
TEST(ACancelledHandle, MayBeCancelledAgain) {
  ScriptedLoop loop;
  int destroyed = 0;
  const Handle handle = loop.call_soon([says = WhenDestroyed([&] { ++destroyed; })] {});

  handle.cancel();
  handle.cancel();

  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(destroyed, 1);
}

// S17: after the callback has run, cancel() changes only what cancelled() says.
TEST(AHandle, ThatHasRunCanStillBeCancelled) {
  ScriptedLoop loop;
  int runs = 0;
  const Handle handle = loop.call_soon([&] { ++runs; });
  loop.turn();

  handle.cancel();
  loop.turn();

  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(runs, 1);
}

TEST(AHandle, IsReleasedAfterItRan) {
  ScriptedLoop loop;
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  const Handle handle = loop.call_soon([captured = std::move(captured)] {});

  loop.turn();

  EXPECT_TRUE(watched.expired());
}

// Re-entrancy: the callback lives to its end although its own handle is emptied under it.
TEST(ACallback, MayCancelItsOwnHandle) {
  ScriptedLoop loop;
  auto value = std::make_shared<std::string>("alive");
  std::string seen;
  Handle handle;

  handle = loop.call_soon([&handle, &seen, value] {
    handle.cancel();
    seen = *value;
  });
  value.reset();
  loop.turn();

  EXPECT_EQ(seen, "alive");
}

// Re-entrancy: whoever holds the only handle may let go of it from inside its callback.
TEST(ACallback, MayDropTheLastHandleToItself) {
  ScriptedLoop loop;
  int ran = 0;
  auto handle = std::make_unique<Handle>();
  *handle = Handle(
      [&] {
        handle.reset();
        ++ran;
      },
      loop, Context());

  handle->run();

  EXPECT_EQ(ran, 1);
}

// Re-entrancy: a handle that is held only by what its callback captured.
TEST(ACancelledHandle, MayBeHeldByWhatItCaptured) {
  ScriptedLoop loop;
  struct Owner {
    Handle handle;
  };
  auto owner = std::make_shared<Owner>();
  const std::weak_ptr<Owner> watched = owner;
  Handle& handle = owner->handle;
  handle = Handle([owner] {}, loop, Context());

  owner.reset();
  handle.cancel();

  EXPECT_TRUE(watched.expired());
}

// Re-entrancy: destroying what a callback captured is foreign code, which may schedule.
TEST(ACancelledHandle, LetsDestructorsScheduleCallbacks) {
  ScriptedLoop loop;
  std::vector<int> order;
  const Handle handle = loop.call_soon([says = WhenDestroyed([&] { loop.call_soon([&] { order.push_back(2); }); })] {});
  loop.call_soon([&] { order.push_back(1); });

  handle.cancel();
  loop.turn();

  EXPECT_THAT(order, ElementsAre(1, 2));
}

// H1: by hand too.
TEST(AHandle, RunsItsCallbackOnce) {
  ScriptedLoop loop;
  int runs = 0;
  const Handle handle([&] { ++runs; }, loop, Context());

  handle.run();
  handle.run();

  EXPECT_EQ(runs, 1);
}

TEST(AHandle, TakesCallbacksThatCanOnlyBeMoved) {
  ScriptedLoop loop;
  int seen = 0;

  loop.call_soon([&seen, value = std::make_unique<int>(4)] { seen = *value; });
  loop.turn();

  EXPECT_EQ(seen, 4);
}

TEST(AHandle, IsEqualToItsCopiesOnly) {
  ScriptedLoop loop;
  const Handle one = loop.call_soon([] {});
  const Handle other = loop.call_soon([] {});

  EXPECT_EQ(one, Handle(one));
  EXPECT_NE(one, other);
  EXPECT_FALSE(Handle());
  EXPECT_THROW(Handle().get_context(), RuntimeError);
}

// Timers ------------------------------------------------------------------------------------------------

/// Writes down how it is told of a cancelled timer.
class ToldLoop : public ScriptedLoop {
 public:
  void timer_handle_cancelled(const TimerHandle& handle) override {
    told.push_back(handle.cancelled() ? "marked already" : "not marked yet");
    ScriptedLoop::timer_handle_cancelled(handle);
  }
  std::vector<std::string> told;
};

// S18: first it tells the loop, then it marks itself; a second cancel tells nothing.
TEST(ATimerHandle, TellsItsLoopOnceBeforeItIsMarked) {
  ToldLoop loop;
  const TimerHandle timer = loop.call_later(1s, [] {});

  timer.cancel();
  timer.cancel();

  EXPECT_THAT(loop.told, ElementsAre("not marked yet"));
}

// S19: only cancelled timers that are still in the heap are counted.
TEST(ATimerHandle, IsCountedOnlyWhileItLiesInTheHeap) {
  ScriptedLoop loop;
  const TimerHandle far = loop.call_later(1s, [] {});
  TimerHandle due;
  loop.call_soon([&] { due.cancel(); });
  due = loop.call_later(0s, [] {});

  loop.turn();  // `due` is on the ready queue already when it is cancelled
  EXPECT_EQ(loop.timers().cancelled_count(), 0u);
  far.cancel();

  EXPECT_EQ(loop.timers().cancelled_count(), 1u);
}

TEST(ATimerHandle, KnowsWhenItIsDue) {
  ScriptedLoop loop;

  EXPECT_EQ(loop.call_later(3s, [] {}).when(), TimePoint{} + 3s);
  EXPECT_EQ(loop.call_at(TimePoint{} + 5s, [] {}).when(), TimePoint{} + 5s);
  EXPECT_EQ(TimerHandle().when(), TimePoint::max());
}

// S22: compared by their times.
TEST(ATimerHandle, IsOrderedByItsTime) {
  ScriptedLoop loop;
  const TimerHandle early = loop.call_later(1s, [] {});
  const TimerHandle late = loop.call_later(2s, [] {});
  const TimerHandle also_late = loop.call_later(2s, [] {});

  EXPECT_TRUE(early < late && late > early && early <= late && late >= early);
  EXPECT_FALSE(late < also_late || late > also_late || late == also_late || late <= also_late);
  EXPECT_TRUE(late <= late && late >= late);
}

// events.py, TimerHandle.__hash__: by its time; futures and tasks by number, other handles by identity.
TEST(ATimerHandle, IsHashedByItsTime) {
  ScriptedLoop loop;
  const TimerHandle timer = loop.call_at(TimePoint(1s), [] {});
  const TimerHandle same_time = loop.call_at(TimePoint(1s), [] {});
  EXPECT_EQ(std::hash<TimerHandle>{}(timer), std::hash<TimerHandle>{}(same_time));

  const std::unordered_set<TimerHandle> timers{timer, same_time, timer};
  const std::unordered_set<Handle> handles{timer, same_time, timer};
  const auto future = loop.create_future<int>();
  const auto task = loop.create_task([] { return 1; });
  const std::unordered_set<AnyFuture> futures{future, task, future};
  const std::unordered_set<Task<int>> tasks{task, task};
  EXPECT_EQ(timers.size() + handles.size(), 4u);
  EXPECT_EQ(futures.size(), 2u);
  EXPECT_EQ(tasks.size(), 1u);
  EXPECT_EQ(std::hash<AnyFuture>{}(future), std::hash<std::uint64_t>{}(future.get()->number()));
  loop.turn();
}

// What the user sees: an object that cancels its timer in its destructor and outlives its loop.
TEST(ATimerHandle, CanBeCancelledWhenItsLoopIsGone) {
  auto loop = std::make_unique<ScriptedLoop>();
  const TimerHandle timer = loop->call_later(1s, [] {});

  loop.reset();
  timer.cancel();

  EXPECT_TRUE(timer.cancelled());
}

// The queue ---------------------------------------------------------------------------------------------

class TheHandleQueue : public testing::Test {
 protected:
  Ref<HandleState> handle(int n) {
    return make_ref<HandleState>([this, n] { ran.push_back(n); }, loop, Context());
  }
  void fill(HandleQueue& queue, std::initializer_list<int> numbers) {
    for (const int n : numbers) queue.push(handle(n));
  }
  std::vector<int> drain(HandleQueue& queue) {
    while (!queue.empty()) queue.pop()->run();
    return ran;
  }

  ScriptedLoop loop;
  std::vector<int> ran;
  HandleQueue queue;
};

TEST_F(TheHandleQueue, GivesHandlesInTheOrderOfPushing) {
  fill(queue, {1, 2, 3});

  EXPECT_EQ(queue.size(), 3u);
  EXPECT_THAT(drain(queue), ElementsAre(1, 2, 3));
  EXPECT_EQ(queue.size(), 0u);
}

TEST_F(TheHandleQueue, GivesAnyOneOfItsHandles) {
  fill(queue, {0, 1, 2, 3});

  queue.pop_at(3)->run();  // the last
  queue.pop_at(1)->run();
  queue.pop_at(0)->run();  // the first
  queue.push(handle(4));

  EXPECT_THAT(drain(queue), ElementsAre(3, 1, 0, 2, 4));
}

TEST_F(TheHandleQueue, CanBePushedToAfterItsOnlyHandleWasTaken) {
  fill(queue, {1});

  queue.pop()->run();
  fill(queue, {2});

  EXPECT_THAT(drain(queue), ElementsAre(1, 2));
}

TEST_F(TheHandleQueue, TakesAnotherQueueOver) {
  HandleQueue other;
  fill(queue, {1, 2});
  fill(other, {3, 4});

  queue.append(other);
  queue.append(other);  // empty by now
  fill(queue, {5});

  EXPECT_TRUE(other.empty());
  EXPECT_THAT(drain(queue), ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(TheHandleQueue, TakesAnotherQueueOverWhenItIsEmptyItself) {
  HandleQueue other;
  fill(other, {1, 2});

  queue.append(other);
  fill(queue, {3});
  fill(other, {4});

  EXPECT_EQ(other.size(), 1u);
  EXPECT_THAT(drain(queue), ElementsAre(1, 2, 3));
}

TEST_F(TheHandleQueue, DropsWhatIsCapturedWhenItIsCleared) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  const auto kept = make_ref<HandleState>([captured = std::move(captured)] {}, loop, Context());
  queue.push(kept);

  queue.clear();

  EXPECT_TRUE(watched.expired());
  EXPECT_TRUE(queue.empty());
}

// Re-entrancy: what a destructor pushes while the queue is cleared goes as well.
TEST_F(TheHandleQueue, ClearsWhatDestructorsPushMeanwhile) {
  queue.push(make_ref<HandleState>([says = WhenDestroyed([&] { fill(queue, {1}); })] {}, loop, Context()));

  queue.clear();

  EXPECT_TRUE(queue.empty());
  EXPECT_TRUE(ran.empty());
}

}  // namespace
}  // namespace asyncio
