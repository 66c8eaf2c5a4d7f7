// report_test.cpp: the failure report: short, true, and every line of it can be pasted.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;

TEST(Report, FitsOnAScreen) {
  const std::string out = orrery("explore fails_sometimes").out;
  EXPECT_LE(std::ranges::count(out, '\n'), 25);
  EXPECT_THAT(out, HasSubstr("host alice, task Task-1, at 0.020 s of virtual time"));
  EXPECT_THAT(out, HasSubstr("what had to happen (everything else in plain order)"));
  EXPECT_THAT(out, HasSubstr("how the coin falls, way 3 of 0-3"));
  EXPECT_THAT(out, Not(HasSubstr("what does not matter")));
}

TEST(Report, HasLinesToPaste) {
  const Ran found = orrery("explore fails_sometimes");
  for (const char* word : {"replay ", "shrink "}) {
    const Ran pasted = shell(found.after(word));
    EXPECT_EQ(pasted.status, 1) << pasted.err;
    EXPECT_THAT(pasted.out, HasSubstr("the coin fell on its edge"));
  }
  EXPECT_THAT(shell(found.after("trace ")).out, HasSubstr("* "));
}

TEST(Report, SaysWhereNothingSpecialHasToHappen) {
  EXPECT_THAT(orrery("explore fails_in_plain_order").out, HasSubstr("it fails in plain order"));
}

TEST(Report, QuotesTheProgramForTheShell) {
  const Ran found = shell("ln -s \"$ORRERY\" 'my tool'; './my tool' run fails_in_plain_order");
  EXPECT_THAT(found.after("replay "), HasSubstr("'./my tool' replay "));
  EXPECT_EQ(shell("ln -s \"$ORRERY\" 'my tool'\n" + found.after("replay ")).status, 1);
}

TEST(KeepGoing, CollectsFailuresThatAreDifferent) {
  const Ran ran = orrery("explore fails_in_two_ways --keep-going --executions 100 --json");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.summary()["failures"], 2);
  EXPECT_EQ(ran.summary()["executions"], 100);
  EXPECT_THAT(ran.out, HasSubstr("the first way"));
  EXPECT_THAT(ran.out, HasSubstr("the second way"));
}

TEST(Explore, FindsTheSameWithSeveralJobs) {
  const Ran one = orrery("explore fails_sometimes --json");
  const Ran three = orrery("explore fails_sometimes --jobs 3 --json");
  EXPECT_EQ(one.summary()["token"], three.summary()["token"]);
}

TEST(Explore, NamesWhatItNeverSaw) {
  EXPECT_THAT(orrery("explore never_sees_it").out, HasSubstr("never seen: a third way of two"));
}

TEST(Explore, WritesNoAnimationIntoAFile) {
  const Ran ran = orrery("explore is_slow --executions 30");
  EXPECT_THAT(ran.err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(ran.out, Not(HasSubstr("\x1b")));
}

TEST(Timeline, ShowsHostsTasksAndTheFailure) {
  const Ran ran = orrery("trace fails_in_plain_order@0");
  EXPECT_THAT(ran.out, HasSubstr("time   step  alice"));
  EXPECT_THAT(ran.out, HasSubstr("Task-1"));
  EXPECT_THAT(ran.out, HasSubstr("FAIL  check: always"));
}

TEST(Timeline, CanBeNarrowed) {
  EXPECT_THAT(orrery("trace passes@0 --grep bobolink").out, Not(HasSubstr("Task-1")));
  EXPECT_THAT(orrery("trace passes@0 --from 1000").out, Not(HasSubstr("Task-1")));
  EXPECT_EQ(orrery("trace passes@0 -o trace.txt").out, "");
  EXPECT_THAT(read("trace.txt"), HasSubstr("Task-1"));
}

}  // namespace
}  // namespace tool_test
