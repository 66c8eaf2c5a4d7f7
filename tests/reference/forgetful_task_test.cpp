// forgetful_task_test.cpp: what happens where a task type that is not ours forgets one of its four calls.
//
// In each case what CPython does, error for error: tests/conformance/foreign.py compares.
#include "tests/reference/foreign_task.hpp"

#include <asyncio/instrument.hpp>
#include <asyncio/taskgroups.hpp>
#include <asyncio/timeouts.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using foreign::Body;
using foreign::Forgets;
using foreign::give_way;
using testing::ElementsAre;
using testing::IsEmpty;

/// Tasks named "it" that forget one call. There is no task of ours around, which would be hindered.
class AForgetfulTask : public testing::Test {
 protected:
  /// Starts a task that gives way once, and runs so many iterations.
  void start(Forgets forgets, int turns) {
    loop.call_soon([this, forgets] { task = foreign::create_task(look_twice(), {.name = "it"}, forgets); });
    loop.turn(1 + turns);
  }
  Body<void> look_twice() {
    for (int i = 0; i < 2; ++i) {
      saw_itself.push_back(current_task() == task);
      was_listed.push_back(all_tasks().contains(task));
      co_await give_way;
    }
  }
  static constexpr const char* LEAVES_NOBODY =
      "Exception in callback RuntimeError: Leaving task <ForeignTask pending name='it'> does not match the current "
      "task "
      "None.";

  ScriptedLoop loop;
  AnyTask task;
  std::vector<bool> saw_itself;
  std::vector<bool> was_listed;
};

// S120: invisible to all_tasks(); everything else goes on.
TEST_F(AForgetfulTask, ThatIsNotRegisteredIsNotListed) {
  start(Forgets::to_register, 3);
  EXPECT_THAT(saw_itself, ElementsAre(true, true));
  EXPECT_THAT(was_listed, ElementsAre(false, false));
  EXPECT_TRUE(task.done());
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S116: it is not current, and every step ends with a report.
TEST_F(AForgetfulTask, ThatDoesNotEnterIsNotCurrent) {
  start(Forgets::to_enter, 2);
  EXPECT_THAT(saw_itself, ElementsAre(false, false));
  EXPECT_THAT(was_listed, ElementsAre(true, true));
  EXPECT_THAT(loop.reports, ElementsAre(LEAVES_NOBODY, LEAVES_NOBODY));
  loop.turn();
}

// S168, S177: what needs to know the task refuses.
TEST_F(AForgetfulTask, ThatDoesNotEnterHasNoTimeoutAndNoGroup) {
  std::string refused;
  const auto body = [&]() -> Body<void> {
    refused = text_of<RuntimeError>([] { timeout(1s, [] {}); }) + "\n" +
              text_of<RuntimeError>([] { task_group([](TaskGroup&) {}); });
    co_return;
  };
  loop.call_soon([&] { task = foreign::create_task(body(), {}, Forgets::to_enter); });
  loop.turn(2);
  EXPECT_EQ(refused, "Timeout should be used inside a task\nTaskGroup <TaskGroup> cannot determine the parent task");
}

// S116: it stays current, and no other task can run; nor can its own next step.
TEST_F(AForgetfulTask, ThatDoesNotLeaveStopsAllOtherTasks) {
  start(Forgets::to_leave, 1);
  EXPECT_EQ(current_task(loop), task);
  AnyTask other = loop.create_task([] {}, {.name = "other"});
  other.get()->set_log_destroy_pending(false);
  task.get()->set_log_destroy_pending(false);
  loop.turn();

  EXPECT_THAT(loop.reports,
              ElementsAre("Exception in callback RuntimeError: Cannot enter into task <ForeignTask pending name='it'> "
                          "while another task <ForeignTask pending name='it'> is being executed.",
                          "Exception in callback RuntimeError: Cannot enter into task <Task pending name='other'> "
                          "while another task <ForeignTask pending name='it'> is being executed."));
  EXPECT_FALSE(other.done());
  loop.call_soon([this] { leave_task(loop, task); });
  loop.turn();
  EXPECT_FALSE(current_task(loop));
}

// S119: a task that is done is not listed, whoever forgot to say so; but no instrument hears of its end.
TEST_F(AForgetfulTask, ThatIsNotUnregisteredIsNotListedWhenItIsDone) {
  struct Ends : Instrument {
    void task_unregistered(const AnyTask&) override { ++count; }
    int count = 0;
  } ends;
  loop.add_instrument(ends);
  start(Forgets::to_unregister, 3);
  EXPECT_TRUE(task.done());
  EXPECT_THAT(all_tasks(loop), IsEmpty());
  EXPECT_EQ(ends.count, 0);
  EXPECT_THAT(loop.reports, IsEmpty());
  loop.remove_instrument(ends);
}

}  // namespace
}  // namespace asyncio
