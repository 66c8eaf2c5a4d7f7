// stack_test.cpp: get_stack() and print_stack(), of tasks in each state. Rules: semantics.md, surface of Task.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "reference/src/stack_pool.hpp"
#include "tests/reference/scripted_loop.hpp"
#include "tests/reference/stacks.hpp"

namespace asyncio {
namespace {

using stacks::names;
using stacks::outer;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class TheStackOfATask : public stacks::NamedStacks {
 protected:
  Task<void> waiting_task() {
    auto task = loop.create_task([this] { outer(never); }, {.name = "waiter"});
    loop.turn();
    return task;
  }

  ScriptedLoop loop;
  Future<void> never = loop.create_future<void>();
};
using PrintStack = TheStackOfATask;

// base_tasks.py, _task_get_stack: the oldest frame first.
TEST_F(TheStackOfATask, BeginsWithItsCallableAndEndsWhereItWaits) {
  const std::vector<std::string> seen = names(waiting_task().get_stack());

  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_THAT(seen[0], HasSubstr("waiting_task"));
  EXPECT_THAT(seen[0], stacks::is_a_lambda());
  EXPECT_EQ(seen[1], "stacks::outer");
  EXPECT_EQ(seen[2], "stacks::inner");
}

// S98: limit keeps the newest; zero and less keep none.
TEST_F(TheStackOfATask, IsLimitedToItsNewestFrames) {
  const auto task = waiting_task();

  EXPECT_THAT(names(task.get_stack({.limit = 2})), ElementsAre("stacks::outer", "stacks::inner"));
  EXPECT_THAT(task.get_stack({.limit = 100}), SizeIs(3));
  EXPECT_THAT(task.get_stack({.limit = 0}), IsEmpty());
  EXPECT_THAT(task.get_stack({.limit = -1}), IsEmpty());
}

// A frame has a line exactly where the build has debug information.
TEST_F(TheStackOfATask, HasLinesWhereTheBuildHasThem) {
  const FrameSummary inner = waiting_task().get_stack().back();

  EXPECT_EQ(inner.lineno > 0, !inner.filename.empty());
  if (inner.lineno > 0) {
    EXPECT_THAT(inner.filename, EndsWith("stacks.hpp"));
  }
}

TEST_F(TheStackOfATask, IsThePlaceOfItsMakingBeforeItHasStarted) {
  const auto task = loop.create_task([] {});

  const std::vector<FrameSummary> frames = task.get_stack();

  ASSERT_THAT(frames, SizeIs(1));
  EXPECT_THAT(frames[0].filename, EndsWith("stack_test.cpp"));
  EXPECT_EQ(frames[0].lineno, __LINE__ - 6);
  loop.turn();
}

// S98: empty after success. After a failure CPython has the traceback; C++ has none.
TEST_F(TheStackOfATask, IsEmptyWhenItIsDone) {
  const auto succeeded = loop.create_task([] {});
  const auto failed = loop.create_task([] { throw std::logic_error("no"); });
  loop.turn();

  EXPECT_THAT(succeeded.get_stack(), IsEmpty());
  EXPECT_THAT(failed.get_stack(), IsEmpty());
  EXPECT_TRUE(failed.exception());
}

[[gnu::noinline]] std::vector<FrameSummary> stack_of_the_current_task() {
  std::vector<FrameSummary> frames = current_task().get_stack();
  asm volatile("");
  return frames;
}

TEST_F(TheStackOfATask, IsThatOfTheCallerForTheTaskThatRuns) {
  std::vector<std::string> seen;
  loop.create_task([&] {
    seen = names(stack_of_the_current_task());
    seen.push_back("");  // after the call: it is no jump
  });

  loop.turn();

  ASSERT_THAT(seen, SizeIs(3));
  EXPECT_THAT(seen[0], stacks::is_a_lambda());
  EXPECT_THAT(seen[1], EndsWith("stack_of_the_current_task"));
}

// A task that starts another one eagerly is running, and switched out, at once.
TEST_F(TheStackOfATask, CanBeSeenFromATaskThatItStartedEagerly) {
  std::vector<std::string> seen;
  AnyTask creator;
  loop.create_task([&] {
    creator = current_task();
    create_task([&] { seen = names(creator.get_stack()); }, {.eager_start = true});
    give_way();
    seen.push_back("went on");
  });

  loop.turn(2);

  ASSERT_FALSE(seen.empty());
  EXPECT_THAT(seen.front(), HasSubstr("CanBeSeenFromATaskThatItStartedEagerly"));
  EXPECT_EQ(seen.back(), "went on");
}

// C8: the task is not disturbed, however often it is looked at.
TEST_F(TheStackOfATask, IsSeenWithoutWakingIt) {
  int woken = 0;
  const auto task = loop.create_task([&] {
    await(never);
    ++woken;
  });
  loop.turn();

  for (int i = 0; i < 100; ++i) task.get_stack();
  EXPECT_EQ(woken, 0);
  EXPECT_EQ(loop.ready_count(), 0u);

  never.set_result();
  loop.turn();
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(task.done());
}

// C5, C8: nor is the exception that it is handling.
TEST_F(TheStackOfATask, IsSeenInsideACatchBlock) {
  std::string rethrown;
  const auto task = loop.create_task([&] {
    try {
      throw std::logic_error("mine");
    } catch (...) {
      outer(never);
      try {
        throw;
      } catch (const std::logic_error& error) {
        rethrown = error.what();
      }
    }
  });
  loop.turn();

  EXPECT_THAT(task.get_stack(), testing::Not(IsEmpty()));
  EXPECT_FALSE(std::current_exception());
  never.set_result();
  loop.turn();

  EXPECT_EQ(rethrown, "mine");
}

// C3: only its own thread can look; another one sees where the callable comes from, and no more.
TEST_F(TheStackOfATask, IsNotSeenFromAnotherThread) {
  const auto task = waiting_task();
  std::vector<FrameSummary> frames;

  std::thread([&] { frames = task.get_stack(); }).join();

  EXPECT_THAT(frames, SizeIs(1));
}

// Little room is left on the stack: it is not looked at, and goes on.
TEST_F(TheStackOfATask, IsNotSeenWhereItIsNearlyFull) {
  const auto task = loop.create_task([this] {
    const std::size_t used = stack_statistics().stack_bytes - GUARD_BYTES - 8 * 1024;
    auto* const filled = static_cast<volatile char*>(__builtin_alloca(used));
    filled[used - 1] = 1;
    await(never);
  });
  loop.turn();

  EXPECT_THAT(task.get_coro().get_stack().frames(), IsEmpty());
  never.set_result();
  loop.turn();
  EXPECT_TRUE(task.done());
}

// base_tasks.py, _task_print_stack.
TEST_F(PrintStack, WritesATraceback) {
  std::ostringstream text;

  waiting_task().print_stack({.file = &text});

  EXPECT_THAT(text.str(), StartsWith("Stack for <Task pending name='waiter'> (most recent call last):\n  "));
  EXPECT_THAT(text.str(), EndsWith("in stacks::inner\n"));
}

// The same: the exception of a failed task follows, and counts as unseen.
TEST_F(PrintStack, WritesTheExceptionOfATaskThatFailed) {
  std::ostringstream text;
  {
    const auto failed = loop.create_task([] { throw std::logic_error("no"); }, {.name = "failed"});
    loop.turn();
    failed.print_stack({.file = &text});
  }

  EXPECT_THAT(text.str(), StartsWith("No stack for <Task finished name="));
  EXPECT_THAT(text.str(), EndsWith("\nlogic_error: no\n"));
  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("never retrieved")));
}

TEST(FrameSummary, IsWrittenAsInAPythonTraceback) {
  EXPECT_EQ(to_string(FrameSummary{.filename = "a.cpp", .lineno = 3, .name = "f"}), "File \"a.cpp\", line 3, in f");
  EXPECT_EQ(to_string(FrameSummary{.name = "f"}), "in f");
}

}  // namespace
}  // namespace asyncio
