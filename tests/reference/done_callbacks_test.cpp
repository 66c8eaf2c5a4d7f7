// done_callbacks_test.cpp: who hears of a future that is done, and when. F1 to F4 are in futures.hpp.
#include <asyncio/futures.hpp>

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

class ADoneCallback : public testing::Test {
 protected:
  template <class T = int>
  Future<T> future() {
    return loop.create_future<T>();
  }

  ScriptedLoop loop;
};

// S68, F2: never synchronously, in the order of addition, with the future as argument.
TEST_F(ADoneCallback, RunsThroughTheLoopInTheOrderOfAddition) {
  std::vector<int> order;
  const auto done = future();
  for (int i = 1; i <= 3; ++i) {
    done.add_done_callback([&order, done, i](AnyFuture told) {
      EXPECT_EQ(told, done);
      order.push_back(i);
    });
  }

  done.set_result(0);
  EXPECT_THAT(order, IsEmpty());
  EXPECT_EQ(loop.ready_count(), 3u);
  loop.turn();

  EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

// S68: each outcome calls back.
TEST_F(ADoneCallback, HearsOfCancellationsAndExceptions) {
  std::vector<std::string> told;
  const auto tell = [&](AnyFuture future) { told.push_back(future.repr()); };
  const auto cancelled = future();
  const auto failed = future();
  cancelled.add_done_callback(tell);
  failed.add_done_callback(tell);

  cancelled.cancel();
  failed.set_exception(std::logic_error("no"));
  failed.exception();
  loop.turn();

  EXPECT_THAT(told, ElementsAre("<Future cancelled>", HasSubstr("finished exception=")));
}

ContextVar<int> number("number", 0);

// S68, S69: in the context given, or a copy made at addition.
TEST_F(ADoneCallback, RunsInItsOwnContext) {
  std::vector<int> seen;
  const auto look = [&](AnyFuture) { seen.push_back(number.get()); };
  const auto done = future();
  const Context given;
  given.run([] { number.set(1); });

  Context().run([&] {
    number.set(2);
    done.add_done_callback(look, given);
    done.add_done_callback(look);
    number.set(3);
    done.set_result(0);
  });
  loop.turn();

  EXPECT_THAT(seen, ElementsAre(1, 2));
}

// S69.
TEST_F(ADoneCallback, OfADoneFutureIsScheduledAtOnce) {
  const auto done = future();
  done.set_result(1);
  int seen = 0;

  done.add_done_callback([&](AnyFuture future) { seen = Future<int>(future).result(); });
  EXPECT_EQ(seen, 0);
  loop.turn();

  EXPECT_EQ(seen, 1);
}

// Python finds out when it calls it; there is nothing to call here either, so it is refused at once.
TEST_F(ADoneCallback, IsSomethingThatCanBeCalled) {
  EXPECT_THROW(future().add_done_callback(nullptr), std::invalid_argument);
}

// S70: in C++ each addition has a name of its own, so one removal takes one back.
TEST_F(ADoneCallback, CanBeRemovedByItsName) {
  std::vector<int> order;
  const auto done = future();
  std::vector<CallbackId> ids;
  for (int i = 1; i <= 3; ++i) ids.push_back(done.add_done_callback([&order, i](AnyFuture) { order.push_back(i); }));

  EXPECT_EQ(done.remove_done_callback(ids[2]), 1u);
  EXPECT_EQ(done.remove_done_callback(ids[2]), 0u);
  EXPECT_EQ(done.remove_done_callback(ids[0]), 1u);
  done.add_done_callback([&](AnyFuture) { order.push_back(4); });
  done.set_result(0);
  loop.turn();

  EXPECT_THAT(order, ElementsAre(2, 4));
}

// S70: it cannot stop callbacks already handed to call_soon.
TEST_F(ADoneCallback, CannotBeRemovedOnceItIsOnItsWay) {
  bool ran = false;
  const auto done = future();
  const CallbackId id = done.add_done_callback([&](AnyFuture) { ran = true; });
  done.set_result(0);

  EXPECT_EQ(done.remove_done_callback(id), 0u);
  loop.turn();

  EXPECT_TRUE(ran);
}

// F3: what a removed callback captured goes with it.
TEST_F(ADoneCallback, ReleasesWhatItCapturedWhenItIsRemoved) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  const auto pending = future();
  const CallbackId id = pending.add_done_callback([captured = std::move(captured)](AnyFuture) {});

  pending.remove_done_callback(id);

  EXPECT_TRUE(watched.expired());
}

// F3.
TEST_F(ADoneCallback, ReleasesWhatItCapturedWhenItsFutureGoes) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;

  future().add_done_callback([captured = std::move(captured)](AnyFuture) {});

  EXPECT_TRUE(watched.expired());
}

// Re-entrancy: the handle that runs the callback keeps the future until it has run.
TEST_F(ADoneCallback, MayDropTheLastHandleToItsFuture) {
  auto only = std::make_unique<Future<int>>(future());
  int seen = 0;
  only->add_done_callback([&](AnyFuture told) {
    only.reset();
    seen = Future<int>(told).result();
  });

  only->set_result(4);
  loop.turn();

  EXPECT_EQ(seen, 4);
}

// Re-entrancy: the last handle goes before the callback runs.
TEST_F(ADoneCallback, KeepsItsFutureAliveOnItsWay) {
  int seen = 0;
  {
    const auto only = future();
    only.add_done_callback([&](AnyFuture told) { seen = Future<int>(told).result(); });
    only.set_result(4);
  }

  loop.turn();

  EXPECT_EQ(seen, 4);
}

// A ring that no collector finds: completing the future is what frees it.
TEST_F(ADoneCallback, ThatHoldsItsFutureIsFreedByTheCompletion) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  Future<int> completer = future();
  completer.add_done_callback([held = completer, captured = std::move(captured)](AnyFuture) {});

  completer.set_result(0);
  completer = {};
  EXPECT_FALSE(watched.expired());
  loop.turn();

  EXPECT_TRUE(watched.expired());
}

}  // namespace
}  // namespace asyncio
