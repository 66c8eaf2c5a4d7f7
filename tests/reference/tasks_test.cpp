// tasks_test.cpp: what a task does at each step, and what it costs. T1 to T4 are in tasks.cpp.
#include <asyncio/selector_events.hpp>
#include <asyncio/tasks.hpp>

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
using testing::MatchesRegex;

class ATask : public testing::Test {
 protected:
  ScriptedLoop loop;
  std::vector<std::string> seen;
};

using ANewTask = ATask;
using AStep = ATask;
using AFailedTask = ATask;
using AnInterruptedTask = ATask;
using AwaitingATask = ATask;
using ATaskThatSuspendsStrangely = ATask;
using TheCost = ATask;
using ATaskWithSharedContext = ATask;

// Construction --------------------------------------------------------------------------------------------

// S81: creation runs nothing; the first step is in line with everything else.
TEST_F(ANewTask, RunsInTheNextIterationInItsTurn) {
  loop.call_soon([&] { seen.push_back("before"); });
  const auto task = loop.create_task([&] { seen.push_back("task"); });
  loop.call_soon([&] { seen.push_back("after"); });

  EXPECT_THAT(seen, IsEmpty());
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("before", "task", "after"));
}

// S80: "Task-N", N counting up.
TEST_F(ANewTask, HasANumberForAName) {
  const auto number = [](const AnyTask& task) { return std::stoi(task.get_name().substr(5)); };
  const auto one = loop.create_task([] {});
  const auto two = loop.create_task([] {});
  loop.turn();

  EXPECT_THAT(one.get_name(), MatchesRegex("Task-[0-9]+"));
  EXPECT_EQ(number(two), number(one) + 1);
}

// S80.
TEST_F(ANewTask, HasTheNameItIsGiven) {
  const auto task = loop.create_task([] {}, {.name = "worker"});
  loop.turn();

  EXPECT_EQ(task.get_name(), "worker");
  task.set_name("retired worker");

  EXPECT_EQ(task.get_name(), "retired worker");
  EXPECT_THAT(task.repr(), HasSubstr("retired worker"));
}

// S80: the counter belongs to the process, a name that is given takes no number.
TEST_F(ANewTask, IsCountedOnlyWhereItHasNoName) {
  ScriptedLoop other;
  const auto one = loop.create_task([] {});
  const auto named = loop.create_task([] {}, {.name = "worker"});
  const auto two = other.create_task([] {});
  loop.turn();
  other.turn();

  EXPECT_EQ(std::stoi(two.get_name().substr(5)), std::stoi(one.get_name().substr(5)) + 1);
}

// S80: TypeError in Python.
TEST_F(ANewTask, NeedsACoroutine) { EXPECT_THROW(make_task(loop, Coroutine(), {}), std::invalid_argument); }

// S37: a task on a closed loop; and nothing of it stays behind.
TEST_F(ANewTask, IsRefusedByAClosedLoop) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  loop.close();

  EXPECT_THROW(loop.create_task([] {}), RuntimeError);
  EXPECT_THROW(make_task(loop, Coroutine([captured = std::move(captured)] {}), {}), RuntimeError);

  EXPECT_TRUE(watched.expired());
}

TEST_F(ANewTask, IsATaskOfItsResultType) {
  const AnyTask any = loop.create_task([] { return 1; });
  loop.turn();

  EXPECT_EQ(Task<int>(any).result(), 1);
  EXPECT_THROW(Task<std::string>{any}, std::invalid_argument);
  EXPECT_FALSE(AnyTask());
  EXPECT_THROW(AnyTask().get_name(), RuntimeError);
}

// S135: what makes tasks is the factory's business.
TEST_F(ANewTask, IsMadeByTheTaskFactory) {
  loop.set_task_factory([](AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
    options.name = "made by factory";
    return make_task(loop, std::move(coroutine), std::move(options));
  });

  const auto made = loop.create_task([] {});
  loop.set_task_factory(nullptr);
  const auto plain = loop.create_task([] {});
  loop.turn();

  EXPECT_EQ(made.get_name(), "made by factory");
  EXPECT_NE(plain.get_name(), "made by factory");
  EXPECT_FALSE(loop.get_task_factory());
}

TEST_F(ANewTask, IsExpectedFromTheTaskFactory) {
  loop.set_task_factory([](AbstractEventLoop&, const Coroutine&, const TaskOptions&) { return AnyTask(); });

  EXPECT_EQ(text_of<std::invalid_argument>([&] { loop.create_task([] {}); }),
            "a task was expected from the task factory, and none was returned");
  EXPECT_THROW(loop.run_until_complete([] {}), std::invalid_argument);
}

// S134.
TEST(CreateTask, NeedsARunningLoop) {
  EXPECT_THROW(create_task([] {}), RuntimeError);
}

// Steps ---------------------------------------------------------------------------------------------------

// S85: the return value becomes the result.
TEST_F(AStep, ThatReturnsGivesTheTaskItsResult) {
  const auto task = loop.create_task([] { return std::make_unique<int>(3); });

  loop.turn();

  EXPECT_TRUE(task.done());
  EXPECT_EQ(*task.result(), 3);
}

// S91: a bare yield puts the task behind what is ready.
TEST_F(AStep, ThatGivesWayGoesOnInTheNextIteration) {
  const auto task = loop.create_task([&] {
    for (const char* step : {"one", "two", "three"}) {
      seen.push_back(step);
      give_way();
    }
  });

  loop.turn();
  EXPECT_THAT(seen, ElementsAre("one"));
  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre("one", "two", "three"));
  EXPECT_FALSE(task.done());
}

ContextVar<int> number("number", 0);

// S83: every step, wake-up and re-step runs in the task's context.
TEST_F(AStep, RunsInTheContextOfItsTask) {
  const auto awaited = loop.create_future<void>();
  std::vector<int> numbers;
  const auto task = loop.create_task([&] {
    number.set(4);
    give_way();
    numbers.push_back(number.get());
    await(awaited);
    numbers.push_back(number.get());
  });

  loop.turn(2);
  Context().run([&] { awaited.set_result(); });
  loop.turn();

  EXPECT_THAT(numbers, ElementsAre(4, 4));
  EXPECT_EQ(number.get(), 0);
}

// S88.
TEST_F(AFailedTask, HoldsTheExceptionOfItsCoroutine) {
  const auto task = loop.create_task([] { throw std::logic_error("failed"); });

  loop.turn();

  EXPECT_FALSE(task.cancelled());
  EXPECT_EQ(text_of<std::logic_error>([&] { task.result(); }), "failed");
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S75.
TEST_F(AFailedTask, IsReportedWhereNobodyLooked) {
  loop.create_task([] { throw std::logic_error("lost"); });

  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre("Task exception was never retrieved logic_error: lost"));
}

// S96.
TEST_F(ATask, CannotBeCompletedFromOutside) {
  const auto task = loop.create_task([] { return 1; });
  const Future<int> future = task;

  EXPECT_EQ(text_of<RuntimeError>([&] { future.set_result(2); }), "Task does not support set_result operation");
  EXPECT_EQ(text_of<RuntimeError>([&] { task.set_exception(std::logic_error("no")); }),
            "Task does not support set_exception operation");

  loop.turn();
  EXPECT_EQ(task.result(), 1);
}

// S95.
TEST_F(ATask, KeepsItsCoroutine) {
  const auto task = loop.create_task([] {});
  const Coroutine before = task.get_coro();

  loop.turn();

  EXPECT_TRUE(before);
  EXPECT_EQ(task.get_coro(), before);
  EXPECT_EQ(before.state(), Coroutine::State::closed);
}

// A task that holds itself in its result is a ring that no collector finds. Here it is a value that is moved out.
TEST_F(ATask, ThatReturnsItselfIsFreedOnceItsResultIsTaken) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  const ContextVar<std::shared_ptr<int>> held("held");
  Context context;
  context.run([&] { held.set(std::move(captured)); });
  auto task = loop.create_task([] { return std::make_unique<AnyTask>(current_task()); }, {.context = context});
  context = Context();
  loop.turn();

  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(*task.result(), task);
  task = {};

  EXPECT_TRUE(watched.expired());
}

// A coroutine that somebody else has closed cannot be resumed: for its task that is an error of the coroutine.
// CPython 3.13: the task fails with RuntimeError('cannot reuse already awaited coroutine').
TEST_F(ATask, FailsWhereItsCoroutineWasClosed) {
  const auto awaited = loop.create_future<void>();
  const auto task = loop.create_task([&] { await(awaited); });
  loop.turn();

  task.get_coro().close();
  awaited.set_result();
  loop.turn();

  ASSERT_TRUE(task.done());
  EXPECT_EQ(text_of<RuntimeError>([&] { task.result(); }), "cannot reuse already awaited coroutine");
}

// Interrupts ----------------------------------------------------------------------------------------------

// S87: set as the task's exception, and also raised out of the loop.
TEST_F(AnInterruptedTask, HoldsTheInterruptThatLeavesTheLoop) {
  const auto task = loop.create_task([] { throw KeyboardInterrupt(); });

  EXPECT_THROW(loop.turn(), KeyboardInterrupt);

  EXPECT_TRUE(holds<KeyboardInterrupt>(task.exception()));
}

// S87: a task awaiting that task raises it out of the loop again when it resumes.
TEST_F(AnInterruptedTask, InterruptsItsAwaiterToo) {
  const auto inner = loop.create_task([] { throw SystemExit(3); });
  const auto outer = loop.create_task([&] { await(inner); });

  EXPECT_THROW(loop.turn(), SystemExit);  // the step of `inner`; the first step of `outer` comes next
  EXPECT_FALSE(outer.done());
  EXPECT_THROW(loop.turn(), SystemExit);

  EXPECT_TRUE(holds<SystemExit>(outer.exception()));
  EXPECT_TRUE(holds<SystemExit>(inner.exception()));
}

// T3, T4: the loop and the other tasks go on as if nothing had happened.
TEST_F(AnInterruptedTask, LeavesTheLoopInOrder) {
  const auto task = loop.create_task([] {
    give_way();
    throw KeyboardInterrupt();
  });
  const auto other = loop.create_task([&] {
    give_way();
    seen.push_back("other goes on");
  });

  EXPECT_THROW(loop.turn(2), KeyboardInterrupt);
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("other goes on"));
  EXPECT_FALSE(current_task(loop));
  EXPECT_TRUE(all_tasks(loop).empty());
  task.exception();
}

// Awaiting a task -----------------------------------------------------------------------------------------

// S92: the wake-up performs the step; the awaiter reads the result itself.
TEST_F(AwaitingATask, GivesItsResult) {
  const int result = loop.run_until_complete([] {
    const auto inner = create_task([] {
      give_way();
      return 5;
    });
    return await(inner) + 1;
  });

  EXPECT_EQ(result, 6);
}

// S92: an exception is thrown in.
TEST_F(AwaitingATask, ThrowsItsException) {
  const std::string said = loop.run_until_complete([] {
    const auto inner = create_task([] { throw std::logic_error("inner"); });
    return text_of<std::logic_error>([&] { await(inner); });
  });

  EXPECT_EQ(said, "inner");
}

// S94: waiters of one future resume in the order in which they began to wait, before later callbacks.
TEST_F(AwaitingATask, ResumesWaitersInTheOrderOfWaiting) {
  const auto awaited = loop.create_future<void>();
  std::vector<Task<void>> waiters;
  for (const char* name : {"one", "two", "three"}) {
    waiters.push_back(loop.create_task([&, name] {
      await(awaited);
      seen.push_back(name);
    }));
  }
  loop.turn();

  awaited.set_result();
  loop.call_soon([&] { seen.push_back("later callback"); });
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("one", "two", "three", "later callback"));
}

// Api: a callable is awaited by calling it.
TEST_F(AwaitingATask, IsACallForACoroutine) {
  const int result = loop.run_until_complete([] { return await([] { return 7; }); });

  EXPECT_EQ(result, 7);
}

// Strange suspensions -------------------------------------------------------------------------------------

// S90: at +1 the coroutine receives RuntimeError, and may catch it.
TEST_F(ATaskThatSuspendsStrangely, WithAFutureOfAnotherLoopIsTold) {
  ScriptedLoop other;
  const auto foreign = other.create_future<void>();
  const auto task = loop.create_task([&] {
    seen.push_back(text_of<RuntimeError>([&] { await(foreign); }));
    give_way();
    seen.push_back("still alive");
  });

  loop.turn(3);

  EXPECT_THAT(seen, ElementsAre(HasSubstr("attached to a different loop"), "still alive"));
  EXPECT_TRUE(task.done());
}

// S90: the same where that loop is gone already.
TEST_F(ATaskThatSuspendsStrangely, WithAFutureOfALoopThatIsGoneIsTold) {
  auto other = std::make_unique<ScriptedLoop>();
  const auto foreign = other->create_future<void>();
  other.reset();
  const auto task = loop.create_task([&] { seen.push_back(text_of<RuntimeError>([&] { await(foreign); })); });

  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre(HasSubstr("attached to a different loop")));
  EXPECT_TRUE(task.done());
}

// S90.
TEST_F(ATaskThatSuspendsStrangely, WithItselfIsTold) {
  Task<void> task;
  task = loop.create_task([&] { seen.push_back(text_of<RuntimeError>([&] { await(task); })); });

  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre(HasSubstr("Task cannot await on itself")));
}

// S90: a future without the blocking flag.
TEST_F(ATaskThatSuspendsStrangely, WithAFutureItDoesNotAwaitIsTold) {
  const auto future = loop.create_future<void>();
  const auto task =
      loop.create_task([&] { seen.push_back(text_of<RuntimeError>([&] { Coroutine::suspend(future.get()); })); });

  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre(HasSubstr("yield was used instead of yield from")));
  EXPECT_TRUE(task.done());
}

// Costs ---------------------------------------------------------------------------------------------------

// S93: await of a plain coroutine.
TEST_F(TheCost, OfAPlainCallIsNothing) {
  loop.run_until_complete([&] {
    const int before = loop.iterations;
    await([] { await([] {}); });
    EXPECT_EQ(loop.iterations, before);
  });
}

// S93.
TEST_F(TheCost, OfGivingWayIsOneIteration) {
  loop.run_until_complete([&] {
    const int before = loop.iterations;
    give_way();
    EXPECT_EQ(loop.iterations, before + 1);
  });
}

// S93: a future completed in iteration k resumes its waiters in k+1.
TEST_F(TheCost, OfAFutureIsOneIterationAfterItsCompletion) {
  const auto future = loop.create_future<void>();
  int completed = 0;
  loop.call_soon([&] {
    loop.call_soon([&] {
      completed = loop.iterations;
      future.set_result();
    });
  });

  loop.run_until_complete([&] {
    await(future);
    EXPECT_EQ(loop.iterations, completed + 1);
  });
}

// S93: a new task whose coroutine never suspends.
TEST_F(TheCost, OfANewTaskIsTwoIterations) {
  loop.run_until_complete([&] {
    const int before = loop.iterations;
    await(create_task([] {}));
    EXPECT_EQ(loop.iterations, before + 2);
  });
}

// Shared contexts -----------------------------------------------------------------------------------------

// S82: several tasks may share one context.
TEST_F(ATaskWithSharedContext, EntersItAtEachStep) {
  const Context context;
  const auto count = [] {
    for (int i = 0; i < 3; ++i) {
      number.set(number.get() + 1);
      give_way();
    }
  };
  const auto one = loop.create_task(count, {.context = context});
  const auto other = loop.create_task(count, {.context = context});

  loop.turn(4);

  EXPECT_TRUE(one.done() && other.done());
  EXPECT_EQ(context.get(number), 6);
}

// S82: a step that cannot enter its context is lost, and so is the task, as in CPython.
TEST_F(ATaskWithSharedContext, IsLostWhereTheContextIsEntered) {
  const Context context;
  loop.create_task([] { FAIL(); }, {.context = context});

  context.run([&] { loop.turn(); });

  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("already entered"), "Task was destroyed but it is pending!"));
  EXPECT_TRUE(all_tasks(loop).empty());
}

}  // namespace
}  // namespace asyncio
