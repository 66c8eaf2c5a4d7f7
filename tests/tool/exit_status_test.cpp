// exit_status_test.cpp: docs/command_line.md, "Exit statuses": each of them, and what is said with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ExitStatus, Is0WhereEverythingPassed) {
  EXPECT_EQ(orrery("list").status, 0);
  EXPECT_EQ(orrery("run passes").status, 0);
  EXPECT_EQ(orrery("explore passes --executions 20").status, 0);
  EXPECT_EQ(orrery("replay passes@17").status, 0);
  EXPECT_EQ(orrery("trace passes@17").status, 0);
}

TEST(ExitStatus, Is0ForHelpAndVersion) {
  EXPECT_THAT(orrery("--version").out, HasSubstr("orrery "));
  EXPECT_EQ(orrery("--help").status, 0);
  for (const char* command : {"list", "run", "explore", "replay", "shrink", "trace", "learn"}) {
    const Ran ran = orrery(std::string(command) + " --help");
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.out, HasSubstr("orrery " + std::string(command) + " "));
  }
}

TEST(ExitStatus, Is1WhereAFailureIsFoundOrReproduced) {
  EXPECT_EQ(orrery("run fails_in_plain_order").status, 1);
  EXPECT_EQ(orrery("replay fails_in_plain_order@0").status, 1);
  EXPECT_EQ(orrery("shrink fails_in_plain_order@0").status, 1);
  const Ran ran = orrery("explore fails_sometimes");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("check: the coin fell on its edge"));
}

TEST(ExitStatus, Is1ForEachKindOfFailure) {
  EXPECT_THAT(orrery("run deadlocks").out, HasSubstr("FAIL  deadlock: "));
  EXPECT_THAT(orrery("run takes_too_many_steps").out, HasSubstr("FAIL  step_limit: "));
  EXPECT_THAT(orrery("run takes_too_long").out, HasSubstr("FAIL  time_limit: "));
  EXPECT_THAT(orrery("run lets_an_exception_escape").out, HasSubstr("FAIL  exception: "));
  EXPECT_EQ(orrery("run takes_too_long").status, 1);
}

TEST(ExitStatus, Is1WhereAScenarioThrowsWhileItBuildsItsWorld) {
  for (const char* command : {"run throws_while_building", "explore throws_while_building --jobs 2"}) {
    const Ran ran = orrery(command);
    EXPECT_EQ(ran.status, 1);
    EXPECT_THAT(ran.out, HasSubstr("threw while it built its world: no such planet"));
    EXPECT_THAT(ran.err, Not(HasSubstr("fault of the tool")));
  }
}

TEST(ExitStatus, Is3WhereOneSeedGivesTwoTraces) {
  const Ran ran = orrery("explore lies");
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.out, HasSubstr("nondeterminism"));
}

TEST(ExitStatus, Is3WhereATokenIsOfAnotherScenario) {
  const Ran found = orrery("explore fails_sometimes --json");
  const std::string stale = "passes@" + found.summary()["token"].get<std::string>();
  const Ran ran = orrery("replay " + stale);
  EXPECT_EQ(ran.status, 3);
  EXPECT_THAT(ran.err, HasSubstr("STALE  "));
  EXPECT_THAT(ran.err, HasSubstr(" explore passes"));
}

TEST(ExitStatus, Is4WhereTheBudgetEndsFirst) {
  const Ran ran = orrery("explore is_slow --budget 100ms --json");
  EXPECT_EQ(ran.status, 4);
  EXPECT_FALSE(ran.summary()["ok"]);
  EXPECT_LT(ran.summary()["executions"], 1000);
}

TEST(ExitStatus, Is5WhereNothingIsSelected) {
  EXPECT_EQ(orrery("list zebra").status, 5);
  EXPECT_EQ(orrery("explore 'zebra*'").status, 5);
}

TEST(ExitStatus, Is70WhereResultsCannotBeWritten) {
  const Ran ran = orrery("list >/dev/full");
  EXPECT_EQ(ran.status, 70);
  EXPECT_THAT(ran.err, HasSubstr("No space left on device"));
}

TEST(ExitStatus, Is130AfterCtrlCWithTheSummarySoFar) {
  const Ran ran = orrery_disturbed("explore is_slow --executions 1000000", "kill -INT $TOOL");
  EXPECT_EQ(ran.status, 130);
  EXPECT_THAT(ran.out, HasSubstr("interrupted"));
  EXPECT_THAT(ran.out, HasSubstr("all passed"));
}

/// Waits in a shell until the tool has taken its signal: two that wait would be one.
const std::string WHEN_TAKEN = "while grep -q '^ShdPnd:.*[2367abefABEF]$' /proc/$TOOL/status; do sleep 0.01; done";

TEST(ExitStatus, Is130AtOnceAfterASecondCtrlC) {
  const Ran ran = orrery_disturbed("run never_returns", "kill -INT $TOOL; " + WHEN_TAKEN + "; kill -INT $TOOL");
  EXPECT_EQ(ran.status, 130);
  EXPECT_THAT(ran.out, Not(HasSubstr("steps")));
}

}  // namespace
}  // namespace tool_test
