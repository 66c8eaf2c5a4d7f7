// foreign_task_test.cpp: a task type that is not ours takes part in everything, and what happens where it forgets a
// call.
//
// The task is that of foreign_task.hpp; that CPython does the same is shown by tests/conformance/foreign.py.
#include "tests/reference/foreign_task.hpp"

#include <asyncio/gather.hpp>
#include <asyncio/runners.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/taskgroups.hpp>
#include <asyncio/timeouts.hpp>
#include <asyncio/waiting.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using foreign::Body;
using foreign::give_way;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class AForeignTask : public testing::Test {
 protected:
  /// Runs a main, in a task of ours.
  template <class F>
  void run(F main) {
    loop.run_until_complete(main);
    EXPECT_THAT(loop.reports, IsEmpty());
  }
  static Body<int> soon(int value) {
    co_await give_way;
    co_return value;
  }
  static Body<void> wait_for_ever() { co_await get_running_loop().create_future<void>(); }
  static Body<void> fail_soon(std::string text) {
    co_await give_way;
    throw std::logic_error(text);
  }
  static Body<void> wait_long(std::string name, std::vector<std::string>& seen) {
    try {
      co_await foreign::sleep(1h);
    } catch (const CancelledError& error) {
      seen.push_back(name + " is told" + (error.message().empty() ? "" : ": " + std::string(error.message())));
      throw;
    }
  }

  ScriptedLoop loop;
  std::vector<std::string> seen;
};

using AForeignTaskThatIsCancelled = AForeignTask;
using AForeignTaskInAGroup = AForeignTask;
using AForeignTaskUnderATimeout = AForeignTask;
using AForeignTaskAmongWaits = AForeignTask;
using AForeignTaskInTheCallGraph = AForeignTask;

// By itself -------------------------------------------------------------------------------------------------

// S123: what it calls makes it seen, no more and no less than a task of ours.
TEST_F(AForeignTask, IsSeenLikeAnyOther) {
  run([] {
    AnyTask current;
    const auto body = [&]() -> Body<void> {
      current = current_task();
      co_await give_way;
      EXPECT_EQ(current_task(), current);
    };
    const auto task = foreign::create_task(body(), {.name = "foreign"});
    EXPECT_THAT(all_tasks(), Contains(AnyTask(task)));

    await(task);

    EXPECT_EQ(current, task);
    EXPECT_NE(current_task(), task);
    EXPECT_THAT(all_tasks(), testing::Not(Contains(AnyTask(task))));
    EXPECT_EQ(task.get_name(), "foreign");
  });
}

TEST_F(AForeignTask, AwaitsFuturesTasksOfOursForeignOnesAndCoroutines) {
  run([] {
    const auto future = get_running_loop().create_future<int>();
    get_running_loop().call_later(1s, [future] { future.set_result(1); });
    const auto ours = create_task([] { return 20; });
    const auto other = foreign::create_task(soon(300));
    const auto body = [&]() -> Body<int> {
      const int first = co_await future;
      const int second = co_await ours;
      const int third = co_await other;
      co_return first + second + third + co_await soon(4000);
    };
    EXPECT_EQ(await(foreign::create_task(body())), 4321);
  });
}

// S72, S93: awaiting what is done costs no iteration.
TEST_F(AForeignTask, DoesNotStopForWhatIsDone) {
  run([this] {
    const auto done = loop.create_future<int>();
    done.set_result(7);
    const auto body = [&]() -> Body<int> { co_return co_await done; };
    const auto task = foreign::create_task(body());
    asyncio::sleep(0s);
    EXPECT_TRUE(task.done());
  });
}

TEST_F(AForeignTask, GivesWhatItsCoroutineThrew) {
  run([] {
    const auto inner = foreign::create_task(fail_soon("lost"));
    const auto outer = [&]() -> Body<void> { co_await inner; };
    EXPECT_EQ(text_of<std::logic_error>([&] { await(foreign::create_task(outer())); }), "lost");
    EXPECT_THROW(inner.result(), std::logic_error);
  });
}

// S68: it is a future, with callbacks that go through the loop.
TEST_F(AForeignTask, CallsItsDoneCallbacks) {
  run([] {
    AnyFuture told;
    const auto task = foreign::create_task(soon(1));
    task.add_done_callback([&](const AnyFuture& done) { told = done; });
    await(task);
    EXPECT_EQ(told, task);
    EXPECT_THROW(static_cast<Future<int>>(task).set_result(2), RuntimeError);  // S96
  });
}

// S83: each step runs in the task's context.
TEST_F(AForeignTask, RunsInItsContext) {
  run([] {
    ContextVar<std::string> who("who", "nobody");
    const auto body = [&]() -> Body<std::string> {
      who.set("it");
      co_await give_way;
      co_return who.get();
    };
    const Context context = copy_context();
    EXPECT_EQ(await(foreign::create_task(body(), {.context = context})), "it");
    EXPECT_EQ(context.get(who), "it");
    EXPECT_EQ(who.get(), "nobody");
  });
}

// S90: it is told one iteration later, and may catch it.
TEST_F(AForeignTask, CannotAwaitItselfNorAnotherLoopsFuture) {
  ScriptedLoop other;
  const auto stranger = other.create_future<void>();
  run([&] {
    Task<void> self;
    const auto awaits_itself = [&]() -> Body<void> { co_await self; };
    const auto awaits_a_stranger = [&]() -> Body<void> { co_await stranger; };
    self = foreign::create_task(awaits_itself(), {.name = "me"});
    EXPECT_EQ(text_of<RuntimeError>([&] { await(self); }),
              "Task cannot await on itself: <ForeignTask pending name='me'>");
    EXPECT_THAT(text_of<RuntimeError>([&] { await(foreign::create_task(awaits_a_stranger())); }),
                HasSubstr("attached to a different loop"));
  });
}

// S87: Ctrl-C leaves the loop, and the task has been left and unregistered before.
TEST_F(AForeignTask, ThatIsInterruptedLeavesTheLoop) {
  const auto body = [&]() -> Body<void> {
    co_await give_way;
    throw KeyboardInterrupt();
  };
  Task<void> task;
  loop.call_soon([&] { task = foreign::create_task(body()); });

  EXPECT_THROW(loop.run_forever(), KeyboardInterrupt);

  EXPECT_FALSE(current_task(loop));
  EXPECT_THAT(all_tasks(loop), IsEmpty());
  EXPECT_TRUE(holds<KeyboardInterrupt>(task.exception()));
}

// S97: it is reported where its loop ends before it, and what lies on its coroutine is destroyed.
TEST_F(AForeignTask, ThatWaitsForEverEndsWithItsLoop) {
  const auto held = std::make_shared<int>();
  const auto body = [](std::shared_ptr<int>, Future<void> never) -> Body<void> { co_await never; };
  run([&] {
    foreign::create_task(body(held, loop.create_future<void>()));
    asyncio::sleep(0s);
  });
  EXPECT_EQ(held.use_count(), 2);

  loop.close();

  EXPECT_THAT(loop.reports, ElementsAre("Task was destroyed but it is pending!"));
  EXPECT_EQ(held.use_count(), 1);
}

// Cancelled -------------------------------------------------------------------------------------------------

// S100, S103, S110.
TEST_F(AForeignTaskThatIsCancelled, IsToldWhereItWaits) {
  run([this] {
    const auto task = foreign::create_task(wait_long("it", seen));
    asyncio::sleep(1s);
    EXPECT_TRUE(task.cancel("why"));
    EXPECT_FALSE(task.cancelled());
    EXPECT_EQ(task.cancelling(), 1);
    EXPECT_EQ(text_of<CancelledError>([&] { await(task); }), "why");
    EXPECT_TRUE(task.cancelled());
    EXPECT_FALSE(task.cancel());  // S99
    EXPECT_THAT(seen, ElementsAre("it is told: why"));
  });
}

// S102.
TEST_F(AForeignTaskThatIsCancelled, BeforeItsFirstStepIsNeverEntered) {
  run([this] {
    const auto task = foreign::create_task(wait_long("it", seen));
    task.cancel("early");
    EXPECT_EQ(text_of<CancelledError>([&] { await(task); }), "early");
    EXPECT_THAT(seen, IsEmpty());
  });
}

// S104: the innermost is told first, through tasks of both types.
TEST_F(AForeignTaskThatIsCancelled, PassesTheRequestOnInwards) {
  run([this] {
    const auto inner = create_task([this] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        seen.push_back("inner");
        throw;
      }
    });
    const auto body = [&]() -> Body<void> {
      try {
        co_await inner;
      } catch (const CancelledError&) {
        seen.push_back("outer");
        throw;
      }
    };
    const auto outer = foreign::create_task(body());
    asyncio::sleep(1s);
    outer.cancel();
    EXPECT_THROW(await(outer), CancelledError);
    EXPECT_TRUE(inner.cancelled());
    EXPECT_THAT(seen, ElementsAre("inner", "outer"));
  });
}

// S85, S101, S112: cancelled while it runs; taken back in time, it was never asked.
TEST_F(AForeignTaskThatIsCancelled, ByItselfLosesItsResultUnlessItTakesThatBack) {
  run([] {
    const auto body = [](bool takes_back) -> Body<int> {
      current_task().cancel();
      if (takes_back) current_task().uncancel();
      co_return 1;
    };
    const auto lost = foreign::create_task(body(false));
    EXPECT_EQ(await(foreign::create_task(body(true))), 1);
    EXPECT_TRUE(lost.cancelled());
  });
}

// S105, S111.
TEST_F(AForeignTaskThatIsCancelled, MayRefuseAndGoOn) {
  run([] {
    const auto body = []() -> Body<int> {
      try {
        co_await foreign::sleep(1h);
      } catch (const CancelledError&) {
      }
      co_await foreign::sleep(1s);
      co_return current_task().cancelling();
    };
    const auto task = foreign::create_task(body());
    asyncio::sleep(1s);
    task.cancel();
    EXPECT_EQ(await(task), 1);
  });
}

// In a task group -------------------------------------------------------------------------------------------

// S182: a child of either type that fails has its siblings of either type cancelled.
TEST_F(AForeignTaskInAGroup, IsCancelledWhereASiblingFails) {
  loop.set_task_factory(foreign::task_factory());
  run([this] {
    const auto long_wait = [this](std::string name) {
      return [this, name] {
        try {
          asyncio::sleep(1h);
        } catch (const CancelledError&) {
          seen.push_back(name);
          throw;
        }
      };
    };
    EXPECT_THROW(task_group([&](TaskGroup& group) {
                   EXPECT_EQ(std::string(group.create_task(long_wait("one")).get()->kind()), "ForeignTask");
                   group.create_task(long_wait("two"));
                   group.create_task([] { throw std::logic_error("no"); });
                 }),
                 ExceptionGroup);
    EXPECT_THAT(seen, ElementsAre("one", "two"));
    EXPECT_EQ(current_task().cancelling(), 0);
  });
}

// S182, S184: as the parent, it is cancelled by its group, and that is taken back.
TEST_F(AForeignTaskInAGroup, IsAParentLikeAnyOther) {
  run([this] {
    const auto failing_group = [this] {
      try {
        task_group([&](TaskGroup& group) {
          group.create_task([] { throw std::logic_error("no"); });
          try {
            asyncio::sleep(1h);
          } catch (const CancelledError&) {
            seen.push_back("the body is cancelled");
            throw;
          }
        });
      } catch (const ExceptionGroup& group) {
        seen.push_back(group.what());
      }
      return current_task().cancelling();
    };
    const auto body = [&]() -> Body<int> { co_return co_await foreign::on_a_fiber(failing_group); };
    EXPECT_EQ(await(foreign::create_task(body())), 0);
    EXPECT_THAT(seen, ElementsAre("the body is cancelled", HasSubstr("unhandled errors in a TaskGroup")));
  });
}

// S183: an outside cancellation goes through the foreign parent to the children of its group.
TEST_F(AForeignTaskInAGroup, PassesACancellationOnToItsChildren) {
  run([this] {
    const auto waits = [this] {
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        seen.push_back("child");
        throw;
      }
    };
    const auto parent = [&]() -> Body<void> {
      co_await foreign::on_a_fiber([&] { task_group([&](TaskGroup& group) { group.create_task(waits); }); });
    };
    const auto task = foreign::create_task(parent());
    asyncio::sleep(1s);
    task.cancel("stop");
    EXPECT_EQ(text_of<CancelledError>([&] { await(task); }), "stop");
    EXPECT_THAT(seen, ElementsAre("child"));
  });
}

// Under a timeout -------------------------------------------------------------------------------------------

// S170, S171: the deadline cancels the foreign task, and takes that back.
TEST_F(AForeignTaskUnderATimeout, IsCancelledByItAndNotCancelledAfterwards) {
  run([this] {
    const auto slow = [this] {
      seen.push_back(text_of<TimeoutError>([] { timeout(1s, [] { asyncio::sleep(1h); }); }));
      return current_task().cancelling();
    };
    const auto body = [&]() -> Body<int> {
      const int cancelling = co_await foreign::on_a_fiber(slow);
      co_await foreign::sleep(1s);  // nothing is left of the cancellation
      co_return cancelling;
    };
    const auto task = foreign::create_task(body());
    EXPECT_EQ(await(task), 0);
    EXPECT_THAT(seen, ElementsAre(""));
  });
}

// S174: somebody outside cancelled as well.
TEST_F(AForeignTaskUnderATimeout, IsCancelledWhereSomebodyElseAskedToo) {
  run([] {
    Task<void> task;
    const auto slow = [&] {
      timeout(1s, [&] {
        get_running_loop().call_later(1s, [&] { task.cancel("outside"); });
        asyncio::sleep(1h);
      });
    };
    const auto body = [&]() -> Body<void> { co_await foreign::on_a_fiber(slow); };
    task = foreign::create_task(body());
    EXPECT_THROW(await(task), CancelledError);
    EXPECT_EQ(task.cancelling(), 1);
  });
}

// S149, S151.
TEST_F(AForeignTaskUnderATimeout, KeepsItsTimeInWaitFor) {
  run([] {
    const auto body = []() -> Body<std::string> {
      const auto inner = foreign::create_task(wait_for_ever());
      const std::string text = co_await foreign::on_a_fiber(
          [&] { return text_of<TimeoutError>([&] { wait_for(inner, std::optional<Duration>(1s)); }); });
      co_return text + (inner.cancelled() ? "cancelled" : "pending");
    };
    EXPECT_EQ(await(foreign::create_task(body())), "cancelled");
  });
}

// Among waits -----------------------------------------------------------------------------------------------

// S136, S145, S154, S158.
TEST_F(AForeignTaskAmongWaits, IsWhatTheyAllTake) {
  run([] {
    const auto one = foreign::create_task(soon(1));
    const auto two = create_task([] { return 2; });
    EXPECT_EQ(await(gather(one, two)), std::tuple(1, 2));

    const WaitResult waited = wait(std::vector<AnyFuture>{foreign::create_task(soon(3)), two});
    EXPECT_EQ(waited.done.size(), 2u);

    EXPECT_EQ(await(shield(foreign::create_task(soon(4)))), 4);
    std::vector<int> ended;
    for (const auto& task : as_completed(std::vector{foreign::create_task(soon(5)), foreign::create_task(soon(6))})) {
      ended.push_back(task.result());
    }
    EXPECT_THAT(ended, ElementsAre(5, 6));
  });
}

// S155: what is shielded goes on when the one who waits is cancelled.
TEST_F(AForeignTaskAmongWaits, IsShielded) {
  run([] {
    const auto inner = foreign::create_task(soon(1));
    const auto body = [&]() -> Body<int> { co_return co_await shield(inner); };
    const auto outer = foreign::create_task(body());
    asyncio::sleep(0s);
    outer.cancel();
    EXPECT_THROW(await(outer), CancelledError);
    EXPECT_EQ(await(inner), 1);
  });
}

// S227: the end of run() cancels and waits for it.
TEST_F(AForeignTaskAmongWaits, IsCancelledAtTheEndOfTheRun) {
  Task<void> left;
  asyncio::run([&] { left = foreign::create_task(wait_long("it", seen)), asyncio::sleep(0s); },
               {.loop_factory = [] { return std::make_unique<SelectorEventLoop>(); }});
  EXPECT_TRUE(left.cancelled());
  EXPECT_THAT(seen, ElementsAre("it is told"));
}

// In the call graph -----------------------------------------------------------------------------------------

// S344: an edge while it waits, and none afterwards.
TEST_F(AForeignTaskInTheCallGraph, HasAnEdgeWhileItWaits) {
  run([this] {
    const auto future = loop.create_future<void>();
    const auto body = [&]() -> Body<void> { co_await future; };
    const auto inner = foreign::create_task(body(), {.name = "inner"});
    const auto outer_body = [&]() -> Body<void> { co_await inner; };
    const auto outer = foreign::create_task(outer_body(), {.name = "outer"});
    asyncio::sleep(1s);
    EXPECT_THAT(future.asyncio_awaited_by(), ElementsAre(inner));
    EXPECT_EQ(
        format_call_graph(future),
        "* Future()\n  + Awaited by:\n    * Task(name='inner')\n      + Awaited by:\n        * Task(name='outer')");

    future.set_result();
    await(outer);

    EXPECT_THAT(future.asyncio_awaited_by(), IsEmpty());
    EXPECT_THAT(inner.asyncio_awaited_by(), IsEmpty());
  });
}

// S344: the edge of a foreign parent to the children of its group.
TEST_F(AForeignTaskInTheCallGraph, IsAwaitedByTheParentOfItsGroup) {
  loop.set_task_factory(foreign::task_factory());
  run([] {
    AnyTask child;
    const auto parent = create_task(
        [&] { task_group([&](TaskGroup& group) { child = group.create_task([] { asyncio::sleep(2s); }); }); });
    asyncio::sleep(1s);
    EXPECT_THAT(child.asyncio_awaited_by(), ElementsAre(parent));
    await(parent);
    EXPECT_THAT(child.asyncio_awaited_by(), IsEmpty());
  });
}

}  // namespace
}  // namespace asyncio
