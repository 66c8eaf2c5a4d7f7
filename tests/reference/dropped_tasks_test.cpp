// dropped_tasks_test.cpp: tasks that nobody can wake any more, and what is said of them. Rules: semantics.md S97, S359.
#include <asyncio/tasks.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class APendingTask : public testing::Test {
 protected:
  ScriptedLoop loop;
  std::vector<std::string> seen;
};

// S97: what keeps a suspended task alive is the future it waits for.
TEST_F(APendingTask, IsKeptByTheFutureItWaitsFor) {
  auto awaited = loop.create_future<void>();
  loop.create_task([&] {
    await(awaited);
    seen.push_back("woken");
  });
  loop.turn();

  EXPECT_EQ(all_tasks(loop).size(), 1u);
  awaited.set_result();
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("woken"));
  EXPECT_TRUE(all_tasks(loop).empty());
}

/// Writes into a list when it is destroyed.
struct Says {
  std::vector<std::string>& to;
  ~Says() { to.push_back("unwound"); }
};

// S97: nobody can wake it any more. The future lies on nobody's stack but the task's: in Python the collector
// finds the ring, here it is found when the loop closes (S359).
TEST_F(APendingTask, IsReportedWhenItsLoopCloses) {
  loop.create_task([&] {
    const Says says{seen};
    await(loop.create_future<void>());
  });
  loop.turn();

  loop.close();

  EXPECT_THAT(loop.reports, ElementsAre("Task was destroyed but it is pending!"));
  EXPECT_THAT(seen, ElementsAre("unwound"));
  EXPECT_EQ(stack_statistics().live, 0u);
}

// S97: the future is what its waiter hangs on; it goes, and the task with it.
TEST_F(APendingTask, IsReportedWhenTheFutureItWaitsForGoes) {
  FutureState* awaited = nullptr;
  {
    auto future = make_ref<FutureOf<void>>(loop, std::source_location::current());
    awaited = future.get();
    // Waits without holding the future, as await() would.
    loop.create_task([&] {
      const Says says{seen};
      awaited->set_blocking(true);
      Coroutine::suspend(awaited);
    });
    loop.turn();
    all_tasks(loop).begin()->get()->abandon();
  }

  EXPECT_THAT(loop.reports, ElementsAre("Task was destroyed but it is pending!"));
  EXPECT_THAT(seen, ElementsAre("unwound"));
}

// S97: message, task, and in debug mode where it was made.
TEST_F(APendingTask, IsReportedWithItself) {
  std::optional<ExceptionContext> report;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) { report = context; });
  loop.set_debug(true);
  loop.create_task([&] { await(loop.create_future<void>()); }, {.name = "waiter"});
  loop.turn();

  loop.close();

  ASSERT_TRUE(report);
  EXPECT_EQ(report->task.get_name(), "waiter");
  EXPECT_THAT(report->source_traceback.value().file_name(), HasSubstr("tasks_test"));
}

// S97.
TEST_F(APendingTask, IsNotReportedWhereThatIsSwitchedOff) {
  const auto task = loop.create_task([&] { await(loop.create_future<void>()); });
  loop.turn();

  task.get()->set_log_destroy_pending(false);
  loop.close();

  EXPECT_THAT(loop.reports, IsEmpty());
}

// A task that never ran is dropped with its handle; what its callable captured goes too.
TEST_F(APendingTask, IsDroppedUnstartedWhenItsLoopCloses) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  loop.create_task([captured = std::move(captured)] { FAIL(); });

  loop.close();

  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(loop.reports.size(), 1u);
}

// A task that refuses to end is reported, and its stack is unwound at last when the task goes.
TEST_F(APendingTask, ThatIgnoresItsEndIsReported) {
  loop.create_task([&] {
    try {
      give_way();
    } catch (const CoroutineExit&) {
      give_way();
    }
  });
  loop.turn();

  loop.close();

  ASSERT_EQ(loop.reports.size(), 2u);
  EXPECT_THAT(loop.reports[1], HasSubstr("coroutine ignored GeneratorExit"));
}

// While it unwinds a task may still schedule things; they are accepted and dropped (S36).
TEST_F(APendingTask, MayScheduleWhileItIsUnwound) {
  struct Schedules {
    ScriptedLoop& loop;
    ~Schedules() {
      loop.call_soon([] { FAIL(); });
      loop.create_task([] { FAIL(); });
    }
  };
  loop.create_task([&] {
    const Schedules schedules{loop};
    await(loop.create_future<void>());
  });
  loop.turn();

  loop.close();

  EXPECT_EQ(loop.ready_count(), 0u);
  EXPECT_TRUE(all_tasks(loop).empty());
}

// Two tasks that await each other: a ring that only closing the loop can break.
TEST_F(APendingTask, IsFreedFromARingWhenItsLoopCloses) {
  Task<void> one;
  Task<void> other;
  one = loop.create_task([&] { await(other); });
  other = loop.create_task([&] { await(one); });
  loop.turn();

  one = {};
  other = {};
  loop.close();

  EXPECT_EQ(loop.reports.size(), 2u);
  EXPECT_EQ(stack_statistics().live, 0u);
}

// A task may outlive its loop; nothing happens to it any more.
TEST(ATaskThatOutlivesItsLoop, StaysPending) {
  auto loop = std::make_unique<ScriptedLoop>();
  const auto awaited = loop->create_future<void>();
  const auto task = loop->create_task([&] { await(awaited); });
  loop->turn();
  loop.reset();

  awaited.set_result();

  EXPECT_FALSE(task.done());
  EXPECT_TRUE(task.cancel());
  EXPECT_THROW(task.result(), InvalidStateError);
}

// A wake-up after the loop was closed: the task had been taken out of the loop's list by hand, so that close()
// does not know it. S71 for the future; the task is let go of.
TEST_F(APendingTask, IsLetGoOfByAFutureOfAClosedLoop) {
  const auto awaited = loop.create_future<void>();
  {
    const auto task = loop.create_task([&] {
      const Says says{seen};
      await(awaited);
    });
    loop.turn();
    unregister_task(task);
  }
  loop.close();

  EXPECT_THROW(awaited.set_result(), RuntimeError);

  EXPECT_THAT(seen, ElementsAre("unwound"));
}

}  // namespace
}  // namespace asyncio
