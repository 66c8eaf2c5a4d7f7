// eager_start_test.cpp: tasks whose first step runs inside create_task().
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

class AnEagerTask : public testing::Test {
 protected:
  /// Runs `act` as a task that is current while it creates others.
  template <class F>
  void in_task(F act) {
    loop.run_until_complete(act);
  }
  static constexpr TaskOptions eagerly() { return {.eager_start = true}; }

  ScriptedLoop loop;
  std::vector<std::string> seen;
};

using AnEagerTaskThatSuspends = AnEagerTask;
using AnEagerTaskThatFinishes = AnEagerTask;
using AnEagerTaskThatFails = AnEagerTask;
using AnEagerTaskFactory = AnEagerTask;

// S124: only if the loop is running; otherwise the normal path is taken.
TEST_F(AnEagerTask, StartsNormallyWhereItsLoopIsNotRunning) {
  const auto task = loop.create_task([&] { seen.push_back("ran"); }, eagerly());

  EXPECT_THAT(seen, IsEmpty());
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("ran"));
  EXPECT_TRUE(task.get_coro());
}

// S124, S131: it is not the default.
TEST_F(AnEagerTask, StartsSoOnlyOnRequest) {
  in_task([&] {
    const auto task = create_task([&] { seen.push_back("ran"); });
    EXPECT_THAT(seen, IsEmpty());
    await(task);
  });
}

// S126: during the first step it is current and visible; afterwards the creator is current again.
TEST_F(AnEagerTask, IsCurrentDuringItsFirstStep) {
  in_task([&] {
    const AnyTask creator = current_task();
    AnyTask inside;
    std::size_t visible = 0;

    const auto task = create_task(
        [&] {
          inside = current_task();
          visible = all_tasks().count(inside);
        },
        eagerly());

    EXPECT_EQ(inside, task);
    EXPECT_EQ(visible, 1u);
    EXPECT_EQ(current_task(), creator);
  });
}

// S126: from a plain callback, none is current before and after.
TEST_F(AnEagerTask, CanBeStartedByACallback) {
  loop.call_soon([&] {
    loop.create_task([&] { seen.push_back(current_task() ? "task" : "none"); }, eagerly());
    seen.push_back(current_task() ? "task" : "none");
  });

  loop.turn();

  EXPECT_THAT(seen, ElementsAre("task", "none"));
}

TEST_F(AnEagerTask, MayStartOthersEagerly) {
  in_task([&] {
    create_task(
        [&] {
          const AnyTask outer = current_task();
          create_task([&] { seen.push_back("inner"); }, eagerly());
          seen.push_back(current_task() == outer ? "outer again" : "?");
        },
        eagerly());
  });

  EXPECT_THAT(seen, ElementsAre("inner", "outer again"));
}

ContextVar<int> number("number", 0);

// S125, S351: the first step runs in the task's own context.
TEST_F(AnEagerTask, RunsInItsOwnContext) {
  in_task([] {
    number.set(1);
    const auto task = create_task(
        [] {
          number.set(number.get() + 1);
          return number.get();
        },
        eagerly());

    EXPECT_EQ(task.result(), 2);
    EXPECT_EQ(number.get(), 1);
  });
}

// S125: what suspends is registered normally and goes on like any task.
TEST_F(AnEagerTaskThatSuspends, GoesOnInTheNextIteration) {
  in_task([&] {
    const auto task = create_task(
        [&] {
          seen.push_back("first step");
          give_way();
          seen.push_back("second step");
        },
        eagerly());
    EXPECT_THAT(seen, ElementsAre("first step"));
    EXPECT_EQ(all_tasks().count(task), 1u);
    EXPECT_TRUE(task.get_coro());

    await(task);
  });

  EXPECT_THAT(seen, ElementsAre("first step", "second step"));
}

// S95, S127: done on return, never queued, not in all_tasks, without a coroutine.
TEST_F(AnEagerTaskThatFinishes, IsDoneOnReturn) {
  in_task([&] {
    const std::size_t ready = loop.ready_count();

    const auto task = create_task([] { return 5; }, eagerly());

    EXPECT_EQ(task.result(), 5);
    EXPECT_EQ(loop.ready_count(), ready);
    EXPECT_EQ(all_tasks().count(task), 0u);
    EXPECT_FALSE(task.get_coro());
  });
}

// S127: its done-callbacks still go through call_soon.
TEST_F(AnEagerTaskThatFinishes, CallsBackThroughTheLoop) {
  in_task([&] {
    const auto task = create_task([] {}, eagerly());
    task.add_done_callback([&](AnyFuture) { seen.push_back("called back"); });

    EXPECT_THAT(seen, IsEmpty());
    give_way();

    EXPECT_THAT(seen, ElementsAre("called back"));
  });
}

// S93: awaiting it costs nothing.
TEST_F(AnEagerTaskThatFinishes, CostsNoIteration) {
  in_task([&] {
    const int before = loop.iterations;
    await(create_task([] {}, eagerly()));
    EXPECT_EQ(loop.iterations, before);
  });
}

// S128: stored in the task, not raised to the creator.
TEST_F(AnEagerTaskThatFails, KeepsItsException) {
  in_task([&] {
    const auto task = create_task([] { throw std::logic_error("failed"); }, eagerly());

    EXPECT_EQ(text_of<std::logic_error>([&] { task.result(); }), "failed");
  });
}

// S128: except SystemExit and KeyboardInterrupt, which propagate out of the creation.
TEST_F(AnEagerTaskThatFails, InterruptsItsCreator) {
  in_task([&] {
    const AnyTask creator = current_task();

    EXPECT_THROW(create_task([] { throw KeyboardInterrupt(); }, eagerly()), KeyboardInterrupt);

    EXPECT_EQ(current_task(), creator);
    EXPECT_EQ(all_tasks().size(), 1u);
  });

  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("Task exception was never retrieved")));
}

// S129: self-cancel in the first step followed by a return.
TEST_F(AnEagerTask, ThatCancelsItselfAndReturnsIsCancelled) {
  in_task([] {
    const auto task = create_task([] { current_task().cancel(); }, eagerly());

    EXPECT_TRUE(task.cancelled());
  });
}

// S129: followed by a suspension.
TEST_F(AnEagerTask, ThatCancelsItselfAndSuspendsIsToldAtItsNextStep) {
  in_task([] {
    const auto task = create_task(
        [] {
          current_task().cancel();
          give_way();
        },
        eagerly());
    EXPECT_FALSE(task.done());

    give_way();

    EXPECT_TRUE(task.cancelled());
  });
}

// S130, S350: entering the context fails; the task does not later report as pending.
TEST_F(AnEagerTask, CannotStartInAContextThatIsEntered) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  in_task([&] {
    const AnyTask creator = current_task();

    EXPECT_THROW(create_task([captured = std::move(captured)] { FAIL(); },
                             {.context = creator.get_context(), .eager_start = true}),
                 RuntimeError);

    EXPECT_EQ(current_task(), creator);
    EXPECT_EQ(all_tasks().size(), 1u);
  });

  EXPECT_TRUE(watched.expired());
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S131: the factory defaults to true, and accepts false.
TEST_F(AnEagerTaskFactory, StartsEagerlyUnlessToldOtherwise) {
  loop.set_task_factory(eager_task_factory);
  in_task([&] {
    create_task([&] { seen.push_back("eager"); });
    seen.push_back("created one");
    const auto lazy = create_task([&] { seen.push_back("lazy"); }, {.eager_start = false});
    seen.push_back("created two");
    await(lazy);
  });

  EXPECT_THAT(seen, ElementsAre("eager", "created one", "created two", "lazy"));
}

// S131: for another task type.
TEST_F(AnEagerTaskFactory, CanBeMadeForAnotherTaskType) {
  std::vector<std::optional<bool>> asked;
  loop.set_task_factory(
      create_eager_task_factory([&](AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
        asked.push_back(options.eager_start);
        return make_task(loop, std::move(coroutine), std::move(options));
      }));

  in_task([] { create_task([] {}, {.eager_start = false}); });

  EXPECT_THAT(asked, ElementsAre(std::optional(true), std::optional(false)));
}

// Re-entrancy: the first step runs inside the factory, and may set another one.
TEST_F(AnEagerTaskFactory, MayBeReplacedByTheTaskItStarts) {
  auto name = std::make_shared<std::string>("made by the first factory");
  loop.set_task_factory([name](AbstractEventLoop& loop, Coroutine coroutine, TaskOptions options) {
    options.eager_start = true;
    AnyTask task = make_task(loop, std::move(coroutine), std::move(options));
    task.set_name(*name);
    return task;
  });
  name.reset();

  loop.call_soon([&] { seen.push_back(loop.create_task([&] { loop.set_task_factory(nullptr); }).get_name()); });
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("made by the first factory"));
}

// S121, S126: an eager task that outlives its first step waits like any other, also where its creator ends first.
TEST_F(AnEagerTaskThatSuspends, OutlivesItsCreator) {
  const auto awaited = loop.create_future<void>();
  in_task([&] {
    create_task(
        [&] {
          await(awaited);
          seen.push_back("woken");
        },
        eagerly());
  });

  awaited.set_result();
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("woken"));
}

}  // namespace
}  // namespace asyncio
