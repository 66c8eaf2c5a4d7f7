// taskgroups_test.cpp: TaskGroup and task_group(). Rules: semantics.md S93, S177 to S192.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "iterations.hpp"

namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::ExceptionGroup;
using asyncio::RuntimeError;
using asyncio::Task;
using asyncio::task_group;
using asyncio::TaskGroup;

void nothing() {}
void sleep_long() { asyncio::sleep(1h); }
auto fails(std::string text) {
  return [=] { throw RuntimeError(text); };
}

/// The texts of the errors that a body's group throws.
template <class Body>
std::string errors_of(Body body) {
  try {
    task_group(body);
  } catch (const ExceptionGroup& group) {
    std::string texts;
    for (const auto& error : group.exceptions()) texts += asyncio::describe(error) + ";";
    return texts;
  }
  return "none";
}

TEST(TaskGroup, WaitsForItsTasksAndGivesWhatTheBodyReturns) {
  asyncio::run([] {
    Task<int> task;
    const auto made = task_group([&](TaskGroup& group) {
      task = group.create_task([] { return asyncio::sleep(1ms, 4); });
      return std::make_unique<int>(5);
    });
    EXPECT_EQ(task.result() + *made, 9);
  });
}

// S93: exit with none 0, with one new task 3, with one that finished eagerly 2.
TEST(TaskGroup, EndsInTheNumberOfIterationsThatAsyncioTakes) {
  asyncio::run([] {
    EXPECT_EQ(iterations_of([] { task_group([](TaskGroup&) {}); }), 0);
    EXPECT_EQ(iterations_of([] { task_group([](TaskGroup& group) { group.create_task(nothing); }); }), 3);
    const auto eager = [](TaskGroup& group) { group.create_task(nothing, {.eager_start = true}); };
    EXPECT_EQ(iterations_of([&] { task_group(eager); }), 2);
  });
}

// S177.
TEST(TaskGroup, IsEnteredOnceAndOnlyInATask) {
  EXPECT_THROW(TaskGroup().run([](TaskGroup&) {}), RuntimeError);
  asyncio::run([] {
    TaskGroup group;
    group.run([](TaskGroup&) {});
    EXPECT_THROW(group.run([](TaskGroup&) {}), RuntimeError);
  });
}

// S178: not entered, finished, shutting down.
TEST(TaskGroup, RefusesTasksBeforeAndAfter) {
  asyncio::run([] {
    TaskGroup group;
    EXPECT_THROW(group.create_task(nothing), RuntimeError);
    group.run([](TaskGroup& self) {
      self.create_task(nothing);
      self.cancel();
      EXPECT_THROW(self.create_task(nothing), RuntimeError);
    });
    EXPECT_THROW(group.create_task(nothing), RuntimeError);
  });
}

// S178: while the exit is waiting, tasks may still add tasks.
TEST(TaskGroup, TakesTasksFromItsTasks) {
  asyncio::run([] {
    bool ran = false;
    task_group([&](TaskGroup& group) {
      group.create_task([&] {
        asyncio::sleep(0s);
        group.create_task([&] { ran = true; });
      });
    });
    EXPECT_TRUE(ran);
  });
}

// S180: an eager failure does not interrupt the body before its next suspension.
TEST(TaskGroup, NoticesAnEagerFailureThroughTheLoop) {
  asyncio::run([] {
    bool went_on = false;
    const auto body = [&](TaskGroup& group) {
      group.create_task(fails("eager"), {.eager_start = true});
      group.create_task(nothing);
      went_on = true;
      asyncio::sleep(0s);
    };
    EXPECT_EQ(errors_of(body), "RuntimeError: eager;");
    EXPECT_TRUE(went_on);
  });
}

// S181: a child that ends by cancellation is ignored.
TEST(TaskGroup, IgnoresACancelledTask) {
  asyncio::run([] {
    bool sibling = false;
    task_group([&](TaskGroup& group) {
      auto task = group.create_task(sleep_long);
      group.create_task([&] {
        asyncio::sleep(1ms);
        sibling = true;
      });
      task.cancel();
    });
    EXPECT_TRUE(sibling);
  });
}

// S182, S192: the others and the body are cancelled; the count is restored.
TEST(TaskGroup, CancelsTheOthersAndTheBodyWhereOneFails) {
  asyncio::run([] {
    Task<void> sibling;
    bool body_cancelled = false;
    const auto body = [&](TaskGroup& group) {
      sibling = group.create_task(sleep_long);
      group.create_task(fails("bad"));
      try {
        asyncio::sleep(1h);
      } catch (const CancelledError&) {
        body_cancelled = true;
        throw;
      }
    };

    EXPECT_EQ(errors_of(body), "RuntimeError: bad;");

    EXPECT_TRUE(sibling.cancelled() && body_cancelled);
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S185: in the order of being noticed, the body's exception last; the message.
TEST(TaskGroup, ThrowsAllErrorsTheBodysLast) {
  asyncio::run([] {
    try {
      task_group([](TaskGroup& group) {
        group.create_task(fails("one"));
        group.create_task(fails("two"));
        asyncio::sleep(0s);
        throw std::logic_error("body");
      });
      FAIL() << "no error";
    } catch (const ExceptionGroup& group) {
      EXPECT_EQ(group.message(), "unhandled errors in a TaskGroup");
      ASSERT_EQ(group.exceptions().size(), 3U);
      EXPECT_EQ(asyncio::describe(group.exceptions()[0]), "RuntimeError: one");
      EXPECT_TRUE(asyncio::holds<std::logic_error>(group.exceptions()[2]));
    }
  });
}

// S183: an exception of the body aborts the children.
TEST(TaskGroup, CancelsItsTasksWhereTheBodyThrows) {
  asyncio::run([] {
    Task<void> task;
    const auto body = [&](TaskGroup& group) {
      task = group.create_task(sleep_long);
      asyncio::sleep(0s);
      throw RuntimeError("body");
    };
    EXPECT_EQ(errors_of(body), "RuntimeError: body;");
    EXPECT_TRUE(task.cancelled());
  });
}

// S183, S184: a cancel from outside while waiting aborts the children and is raised.
TEST(TaskGroup, PassesACancellationFromOutsideOn) {
  asyncio::run([] {
    Task<void> child;
    auto parent = create_task([&] { task_group([&](TaskGroup& group) { child = group.create_task(sleep_long); }); });
    asyncio::sleep(0s);
    asyncio::sleep(0s);

    parent.cancel();
    EXPECT_THROW(await(parent), CancelledError);

    EXPECT_TRUE(child.cancelled());
  });
}

// S184: KeyboardInterrupt from a child is raised alone.
TEST(TaskGroup, LetsAKeyboardInterruptOutAlone) {
  const auto body = [] {
    task_group([](TaskGroup& group) {
      group.create_task(fails("one"));
      group.create_task([] { throw asyncio::KeyboardInterrupt(); });
    });
  };
  EXPECT_THROW(asyncio::run(body), asyncio::KeyboardInterrupt);
}

// S186: errors and a cancellation from outside: the count is stable, the next suspension is cancelled.
TEST(TaskGroup, AsksForACancellationFromOutsideAgain) {
  asyncio::run([] {
    auto parent = create_task([&] {
      EXPECT_EQ(errors_of([](TaskGroup& group) {
                  group.create_task([] {
                    EXPECT_THROW(asyncio::sleep(1h), CancelledError);
                    throw RuntimeError("cleanup");
                  });
                }),
                "RuntimeError: cleanup;");
      EXPECT_EQ(asyncio::current_task().cancelling(), 1);
      asyncio::sleep(0s);
    });
    asyncio::sleep(0s);
    asyncio::sleep(0s);

    parent.cancel();

    EXPECT_THROW(await(parent), CancelledError);
  });
}

// S185: a member that is no std::exception makes it a BaseExceptionGroup, which handlers of ordinary errors let pass.
TEST(TaskGroup, ThrowsABaseExceptionGroupWhereAMemberIsNoOrdinaryError) {
  asyncio::run([] {
    std::exception_ptr thrown;
    try {
      task_group([](TaskGroup& group) {
        group.create_task(fails("ordinary"));
        group.create_task([] { throw 42; });
        sleep_long();
      });
    } catch (const std::exception&) {
      ADD_FAILURE();
    } catch (const asyncio::BaseExceptionGroup&) {
      thrown = std::current_exception();
    }
    EXPECT_EQ(asyncio::describe(thrown), "BaseExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)");
  });
}

// S187: nested groups that fail at the same time.
TEST(TaskGroup, InsideAnotherThrowsItsGroupIntoTheOuterOne) {
  asyncio::run([] {
    const auto body = [](TaskGroup& outer) {
      outer.create_task(fails("outer"));
      task_group([](TaskGroup& inner) {
        inner.create_task(fails("inner"));
        asyncio::sleep(1h);
      });
    };
    EXPECT_EQ(errors_of(body),
              "RuntimeError: outer;ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception);");
  });
}

// S190: a group that is aborting ends anyhow, so its parent is not cancelled on top of that.
TEST(TaskGroup, DoesNotCancelAParentWhoseBodyHasFailed) {
  asyncio::run([] {
    const asyncio::AnyTask parent = asyncio::current_task();
    const auto body = [&](TaskGroup& group) {
      group.create_task([&] {
        try {
          sleep_long();
        } catch (const CancelledError&) {
          group.cancel();
          EXPECT_EQ(parent.cancelling(), 0);
          throw;
        }
      });
      asyncio::sleep(0s);
      throw RuntimeError("the body");
    };
    EXPECT_EQ(errors_of(body), "RuntimeError: the body;");
  });
}

// S190: cancel() ends the group, which returns normally; the body goes on until its next suspension.
TEST(TaskGroup, ThatIsCancelledReturnsNormally) {
  asyncio::run([] {
    std::string log;
    task_group([&](TaskGroup& group) {
      group.create_task(sleep_long);
      asyncio::sleep(0s);
      group.cancel();
      log += "goes on";
      asyncio::sleep(0s);
      log += ", too far";
    });
    EXPECT_EQ(log, "goes on");
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S190: before entering it takes effect on entering; after finishing it does nothing.
TEST(TaskGroup, CanBeCancelledBeforeAndAfter) {
  asyncio::run([] {
    bool suspended = false;
    TaskGroup group;
    group.cancel();
    group.run([&](TaskGroup&) {
      asyncio::sleep(0s);
      suspended = true;
    });
    group.cancel();

    EXPECT_FALSE(suspended);
    EXPECT_EQ(asyncio::current_task().cancelling(), 0);
  });
}

// S190: an outside cancel at the same time still propagates.
TEST(TaskGroup, ThatIsCancelledStillPassesACancellationFromOutsideOn) {
  asyncio::run([] {
    auto parent = create_task([] {
      task_group([](TaskGroup& group) {
        group.create_task([&] { group.cancel(); });
        asyncio::sleep(1h);
      });
    });
    asyncio::sleep(0s);
    asyncio::sleep(0s);

    parent.cancel();

    EXPECT_THROW(await(parent), CancelledError);
  });
}

// S191: an eager child that cancels the group before it suspends is cancelled when it joins.
TEST(TaskGroup, CancelsAnEagerTaskThatHasCancelledTheGroup) {
  asyncio::run([] {
    Task<void> task;
    task_group([&](TaskGroup& group) {
      const auto child = [&] {
        group.cancel();
        asyncio::sleep(1h);
      };
      task = group.create_task(child, {.eager_start = true});
    });
    EXPECT_TRUE(task.cancelled());
  });
}

// A coroutine that is destroyed inside a group does not wait.
TEST(TaskGroup, LetsItsParentDieWhenTheLoopCloses) {
  const auto loop = asyncio::new_event_loop();
  loop->set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) {});
  bool unwound = false;
  loop->run_until_complete([&] {
    create_task([&] {
      try {
        task_group([](TaskGroup& group) { group.create_task(sleep_long); });
      } catch (const asyncio::CoroutineExit&) {
        unwound = true;
        throw;
      }
    });
    asyncio::sleep(0s);
    asyncio::sleep(0s);
  });

  loop->close();

  EXPECT_TRUE(unwound);
}

}  // namespace
