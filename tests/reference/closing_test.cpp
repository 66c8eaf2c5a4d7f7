// closing_test.cpp: what a closed loop lets go of. L4 is in loop_core.hpp, F3 in futures.hpp.
//
// Whether something was let go of is seen by a shared pointer that it holds. What these tests would leak they
// leak in a sanitized build as well, where the leak is found by itself.
#include <asyncio/gather.hpp>
#include <asyncio/ref.hpp>
#include <asyncio/waiting.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AClosingLoop : public testing::Test {
 protected:
  ~AClosingLoop() override { set_event_loop(nullptr); }
  /// Something that a test can watch.
  struct Watched {
    std::shared_ptr<int> held = std::make_shared<int>(0);
    std::weak_ptr<int> watch = held;
  };
  /// Has a future hold `watched.held`, for as long as the future has callbacks.
  static void hold(const AnyFuture& future, Watched& watched) {
    future.add_done_callback([held = std::move(watched.held)](const AnyFuture&) {});
  }

  ScriptedLoop loop;
  Watched watched;
};

using ACompletedFuture = AClosingLoop;
using ATaskThatIsAbandoned = AClosingLoop;
using AGatherThatNobodyAwaits = AClosingLoop;
using AShieldThatNobodyAwaits = AClosingLoop;

// The callbacks of a future whose loop is closed --------------------------------------------------------

// S71: the state changes, the error comes from call_soon, and none of the callbacks stays behind.
TEST_F(ACompletedFuture, LetsGoOfAllItsCallbacksWhereItsLoopIsClosed) {
  const auto future = loop.create_future<int>();
  const CallbackId first = future.add_done_callback([](const AnyFuture&) { FAIL(); });
  hold(future, watched);
  const CallbackId last = future.add_done_callback([](const AnyFuture&) { FAIL(); });
  loop.close();

  EXPECT_EQ(text_of<RuntimeError>([&] { future.set_result(1); }), "Event loop is closed");

  EXPECT_EQ(future.result(), 1);
  EXPECT_TRUE(watched.watch.expired());
  EXPECT_EQ(future.remove_done_callback(first), 0u);
  EXPECT_EQ(future.remove_done_callback(last), 0u);
}

// The same where the loop is gone.
TEST_F(ACompletedFuture, LetsGoOfAllItsCallbacksWhereItsLoopIsGone) {
  auto other = std::make_unique<ScriptedLoop>();
  const auto future = other->create_future<int>();
  hold(future, watched);
  other.reset();

  EXPECT_THROW(future.cancel(), RuntimeError);

  EXPECT_TRUE(future.cancelled());
  EXPECT_TRUE(watched.watch.expired());
}

// S71: two tasks that close() does not know, because somebody unregistered them. Their steps will never run.
TEST_F(ACompletedFuture, LetsGoOfAllItsTasksWhereItsLoopIsClosed) {
  const auto future = loop.create_future<int>();
  for (int i = 0; i < 2; ++i) {
    const auto task = loop.create_task([&] { await(future); });
    loop.turn();
    unregister_task(task);
  }
  loop.close();

  EXPECT_THROW(future.set_result(1), RuntimeError);

  EXPECT_EQ(stack_statistics().live, 0u);
  EXPECT_THAT(loop.reports,
              ElementsAre("Task was destroyed but it is pending!", "Task was destroyed but it is pending!"));
}

// A loop that has nothing but call_soon() of its own, and refuses.
TEST(AHandleThatIsRefused, IsDroppedByAnyLoop) {
  struct RefusingLoop : AbstractEventLoop {
    Handle call_soon(Callback, std::optional<Context>) override { throw RuntimeError("no"); }
  } refusing;
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> watch = held;
  const auto handle = make_ref<HandleState>([held = std::move(held)] {}, refusing, copy_context());

  EXPECT_THROW(refusing.call_soon_handle(handle), RuntimeError);

  EXPECT_TRUE(watch.expired());
}

// Rings -------------------------------------------------------------------------------------------------

// A task that is abandoned will never call back.
TEST_F(ATaskThatIsAbandoned, LetsGoOfItsCallbacks) {
  const auto task = loop.create_task([&] { await(loop.create_future<void>()); });
  hold(task, watched);
  loop.turn();

  loop.close();

  EXPECT_FALSE(task.done());
  EXPECT_TRUE(watched.watch.expired());
}

// A callback that captured its own task: a ring.
TEST_F(ATaskThatIsAbandoned, IsFreedFromItsOwnCallback) {
  {
    const auto task = loop.create_task([&] { await(loop.create_future<void>()); });
    task.add_done_callback([task](const AnyFuture&) { FAIL(); });
    hold(task, watched);
  }
  loop.turn();

  loop.close();

  EXPECT_TRUE(watched.watch.expired());
}

// The outer future and the children hold each other.
TEST_F(AGatherThatNobodyAwaits, IsFreedWithItsTasks) {
  set_event_loop(&loop);
  hold(gather([&] { await(loop.create_future<void>()); }, [] {}), watched);
  loop.turn();
  EXPECT_FALSE(watched.watch.expired());

  loop.close();

  EXPECT_TRUE(watched.watch.expired());
}

// A plain future is not known to the loop; the ring is.
TEST_F(AGatherThatNobodyAwaits, IsFreedWithItsFutures) {
  hold(gather(loop.create_future<int>(), loop.create_future<int>()), watched);
  EXPECT_FALSE(watched.watch.expired());

  loop.close();

  EXPECT_TRUE(watched.watch.expired());
}

// After the first failure the outer future is done, and still holds the child that goes on.
TEST_F(AGatherThatNobodyAwaits, IsFreedAfterAFailure) {
  const auto failing = loop.create_future<int>();
  {
    const auto going_on = loop.create_future<int>();
    hold(going_on, watched);
    gather(failing, going_on);
  }
  failing.set_exception(RuntimeError("first"));
  loop.turn();

  loop.close();

  EXPECT_TRUE(watched.watch.expired());
  EXPECT_THAT(loop.reports, ElementsAre("_GatheringFuture exception was never retrieved RuntimeError: first"));
}

// A ring that has come apart is forgotten, and is not cut again.
TEST_F(AGatherThatNobodyAwaits, KeepsNothingOnceItIsDone) {
  const auto child = loop.create_future<int>();
  {
    const auto outer = gather(child);
    hold(outer, watched);
    child.set_result(1);
    loop.turn(2);
    EXPECT_TRUE(outer.done());
  }
  EXPECT_TRUE(watched.watch.expired());
}

// What is left of a gather whose loop is closed is a future that stays pending.
TEST_F(AGatherThatNobodyAwaits, StaysPendingWhereItIsKept) {
  const auto child = loop.create_future<int>();
  const auto outer = gather(child);
  loop.close();

  EXPECT_FALSE(outer.cancel());
  EXPECT_FALSE(outer.done());
  EXPECT_FALSE(child.done());
}

// L4: destructors run while a ring is cut, and may make another one.
TEST_F(AGatherThatNobodyAwaits, MayBeMadeWhileOthersAreFreed) {
  struct Gathers {
    ScriptedLoop& loop;
    Watched& watched;
    ~Gathers() { hold(gather(loop.create_future<int>()), watched); }
  };
  {
    const auto child = loop.create_future<int>();
    child.add_done_callback([gathers = std::unique_ptr<Gathers>(new Gathers{loop, watched})](const AnyFuture&) {});
    gather(child);
  }

  loop.close();

  EXPECT_TRUE(watched.watch.expired());
}

// S156: nothing in shield() keeps the inner future alive.
TEST_F(AShieldThatNobodyAwaits, KeepsNothingAlive) {
  {
    const auto inner = loop.create_future<int>();
    hold(inner, watched);
    shield(inner);
  }
  EXPECT_TRUE(watched.watch.expired());
}

// S156: the outer future alone does not keep the inner one.
TEST_F(AShieldThatNobodyAwaits, MayOutliveItsInnerFuture) {
  Future<int> outer;
  {
    const auto inner = loop.create_future<int>();
    hold(inner, watched);
    outer = shield(inner);
  }
  EXPECT_TRUE(watched.watch.expired());

  EXPECT_TRUE(outer.cancel());
  loop.turn();
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S344: inside a task there is an edge of the call graph too, which must not hold the inner future either.
TEST_F(AShieldThatNobodyAwaits, KeepsNothingAliveInsideATask) {
  loop.run_until_complete([&] {
    const auto inner = loop.create_future<int>();
    hold(inner, watched);
    shield(inner);
  });
  EXPECT_TRUE(watched.watch.expired());
}

// Owners ------------------------------------------------------------------------------------------------

// A lock has a release() of its own, which means something else than one owner less.
TEST(ARef, CountsOwnersWhateverItsObjectCallsItsFunctions) {
  struct Permit : RefCounted {
    explicit Permit(int& gone) : gone_(gone) {}
    ~Permit() override { ++gone_; }
    void retain() { ADD_FAILURE(); }
    void release() { ADD_FAILURE(); }
    int& gone_;
  };
  int gone = 0;
  {
    const auto one = make_ref<Permit>(gone);
    const auto other = one;
    EXPECT_EQ(gone, 0);
  }
  EXPECT_EQ(gone, 1);
}

}  // namespace
}  // namespace asyncio
