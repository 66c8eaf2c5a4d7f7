// crash_test.cpp: an execution that takes the process with it, or never gives it back, leaves its replay line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Crash, LeavesTheLineThatBringsItBack) {
  const Ran ran = orrery("explore segfaults");
  EXPECT_NE(ran.status, 0);
  const std::string replay = ran.after("replay ");
  EXPECT_THAT(replay, HasSubstr(" replay segfaults@o1-"));

  const Ran again = shell(replay);
  EXPECT_EQ(again.status, ran.status);
  EXPECT_EQ(again.after("replay "), replay);
}

TEST(Crash, OfAbortLeavesTheLineToo) {
  EXPECT_THAT(orrery("run aborts --seed 17").after("replay "), HasSubstr("aborts@o1-random-fifo-s17-"));
  EXPECT_THAT(orrery("explore aborts --jobs 2").after("replay "), HasSubstr("aborts@o1-random-fifo-s"));
}

TEST(Killed, LeavesTheLine) {
  const Ran ran = orrery_disturbed("run never_returns --seed 5", "kill -TERM $TOOL");
  EXPECT_EQ(ran.status, 143);
  EXPECT_THAT(ran.after("replay "), HasSubstr("never_returns@o1-random-fifo-s5-"));
}

// The only test that has to wait: the watchdog counts real seconds.
TEST(Watchdog, EndsAnExecutionThatNeverReturns) {
  const Ran ran = shell("ORRERY_WATCHDOG=1 \"$ORRERY\" explore never_returns --json");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.summary()["kind"], "step_limit");
  EXPECT_THAT(ran.summary()["token"], HasSubstr("o1-random-fifo-s0-"));
}

TEST(Watchdog, HasALimitThatIsANumber) {
  const Ran ran = shell("ORRERY_WATCHDOG=soon \"$ORRERY\" run passes");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("ORRERY_WATCHDOG soon: this is a whole number"));
}

}  // namespace
}  // namespace tool_test
