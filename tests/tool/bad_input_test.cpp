// bad_input_test.cpp: what makes no sense is one clear sentence and exit status 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Expects usage error `ran` with this in its first line, and nothing on standard output.
void expect_usage(const Ran& ran, const std::string& words) {
  EXPECT_EQ(ran.status, 2) << ran.err;
  EXPECT_THAT(ran.err.substr(0, ran.err.find('\n')), HasSubstr(words));
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(MisspeltName, GetsASuggestion) {
  expect_usage(orrery("exlpore passes"), "There is no command \"exlpore\". Did you mean \"explore\"?");
  expect_usage(orrery("run pases"), "There is no scenario \"pases\". Did you mean \"passes\"?");
  expect_usage(orrery("replay pases@3"), "Did you mean \"passes\"?");
  expect_usage(orrery("explore passes --exections 3"), "Did you mean \"--executions\"?");
  expect_usage(orrery("run passes --strategy radnom"), "random");
}

TEST(Name, MayHaveDashes) {
  EXPECT_EQ(orrery("run never-sees-it").status, 0);
  EXPECT_EQ(orrery("replay never-sees-it@0x11").status, 0);
}

TEST(CommandLine, HasToSayWhatIsToBeDone) {
  expect_usage(orrery(""), "What is to be done?");
  expect_usage(orrery("run"), "run needs a SCENARIO");
  expect_usage(orrery("explore"), "explore needs a SCENARIO");
  expect_usage(orrery("replay"), "replay needs a CASE");
  expect_usage(orrery("run passes deadlocks"), "run takes one SCENARIO");
  expect_usage(orrery("--json run passes"), "The command comes first");
}

TEST(Number, OutOfItsRangeIsRefused) {
  expect_usage(orrery("explore passes --executions 0"), "--executions 0: this is a whole number from 1 on.");
  expect_usage(orrery("explore passes --executions -5"), "--executions -5");
  expect_usage(orrery("explore passes --jobs 0"), "--jobs 0");
  expect_usage(orrery("explore passes --jobs 99999999"), "--jobs 99999999");
  expect_usage(orrery("run passes --seed -1"), "--seed -1: a seed is a whole number");
  expect_usage(orrery("run passes --seed 99999999999999999999"), "2^64-1");
  expect_usage(orrery("run passes --seed 0x"), "--seed 0x");
  expect_usage(orrery("run passes --seed"), "--seed");
}

TEST(Duration, NeedsANumberAndAUnit) {
  expect_usage(orrery("explore passes --budget 30"), "--budget 30: a duration is a whole number and its unit");
  expect_usage(orrery("explore passes --budget 0s"), "longer than nothing");
  expect_usage(orrery("explore passes --budget -1s"), "--budget -1s");
  expect_usage(orrery("run passes --time-limit 9999999999h"), "292 years");
  EXPECT_EQ(orrery("run takes_too_long --time-limit 72h").status, 0);
}

TEST(Strategy, IsOneOfThoseThereAre) {
  expect_usage(orrery("run passes --strategy pct"), "--strategy pct");
  expect_usage(orrery("run passes --strategy pct:0"), "--strategy pct:0");
  expect_usage(orrery("run passes --ready lifo"), "this is fifo or any");
  for (const char* known : {"random", "fifo", "pct:3"}) {
    EXPECT_EQ(orrery(std::string("explore passes --executions 5 --strategy ") + known).status, 0);
  }
}

TEST(Contradiction, IsNamed) {
  expect_usage(orrery("replay passes@3 --seed 4"), "a CASE says already how its execution goes");
  expect_usage(orrery("replay passes@3 --strategy fifo"), "replay has no option --strategy");
  expect_usage(orrery("run passes@3"), "is a CASE");
  expect_usage(orrery("replay passes"), "\"passes\" is a scenario; a CASE is one execution of it");
  expect_usage(orrery("shrink passes@3"), "does not fail");
  expect_usage(orrery("run passes --seed 1 --seed 2"), "--seed");
  expect_usage(orrery("trace passes@3 --format json --grep x"), "--grep goes with --format text");
  expect_usage(orrery("trace passes@3 --from 5 --to 2"), "--from comes after --to");
  expect_usage(orrery("trace passes@3 --format html"), "this is text or json");
  expect_usage(orrery("explore passes deadlocks -o x.case"), "one file takes one case");
}

TEST(Token, ThatIsNoneIsRefused) {
  expect_usage(orrery("replay passes@o1-random-fifo-s17"), "this is not a token");
  expect_usage(orrery("replay passes@"), "token");
  expect_usage(orrery("replay passes@99999999999999999999"), "2^64-1");
  expect_usage(orrery("replay passes@-1"), "token");
  expect_usage(orrery("replay nowhere.case"), "\"nowhere.case\" is no CASE");
  expect_usage(orrery("replay \"passes@$(head -c 100000 /dev/zero | tr '\\0' x)\""), "this is not a token");
}

TEST(OutputFile, ThatCannotBeWrittenIsNoticedBeforeTheSearch) {
  expect_usage(orrery("explore fails_sometimes -o /nowhere/at/all.case"), "-o /nowhere/at/all.case");
  expect_usage(orrery("run passes -o ."), "that is a folder");
}

}  // namespace
}  // namespace tool_test
