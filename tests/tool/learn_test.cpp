// learn_test.cpp: `orrery learn`, in a course that is made for each test.
//
// Its exercises are shell scripts: to build one is to copy it, and so no test waits for a compiler.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const char* const MAKE_COURSE = R"(
mkdir -p course && cd course
for chapter in 01_loop 04_await; do
  number=${chapter%%_*}
  mkdir -p tutorials/$chapter/exercise tutorials/$chapter/solution
  printf '# %d. All about %s\n\nText.\n' ${number#0} ${chapter#*_} >tutorials/$chapter/README.md
  printf '# Hints\n\n## 1\n\nLook.\n\n## 2\n\nThink.\n\n## 3\n\nWrite.\n' >tutorials/$chapter/hints.md
  printf '#!/bin/sh\necho "expected 1, got 2"\nexit 1\n' >tutorials/$chapter/exercise/code.hpp
  printf '#!/bin/sh\n# the solution\nexit 0\n' >tutorials/$chapter/solution/code.hpp
  cat >>CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.25)
project(course NONE)
set(code \${PROJECT_SOURCE_DIR}/tutorials/$chapter/exercise/code.hpp)
add_custom_target(ch${number}_exercise COMMAND sh -n \${code} COMMAND install \${code} tutorials/ch${number}_exercise)
END
done
mkdir -p build/release/tutorials && cmake -G Ninja -S . -B build/release >/dev/null || exit 99
)";

/// A line of shell in the course; $ORRERY is the tool, and what earlier lines of the same test did is still there.
Ran in_course(const std::string& line) {
  return shell("test -d course || { " + std::string(MAKE_COURSE) + "cd ..; }\ncd course\n" + line);
}

Ran learn(const std::string& arguments) { return in_course("\"$ORRERY\" learn " + arguments); }

/// Puts a script in the place of the exercise of chapter 1.
void write_exercise(const std::string& script) {
  in_course("cat >tutorials/01_loop/exercise/code.hpp <<'END'\n#!/bin/sh\n" + script + "\nEND");
}

void solve(const std::string& chapter) {
  in_course("cp tutorials/" + chapter + "/solution/code.hpp tutorials/" + chapter + "/exercise/code.hpp");
}

TEST(Learn, ListsTheChaptersAndSaysWhatToDo) {
  const Ran ran = learn("");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("0 of 2 chapters passed  [--]"));
  EXPECT_THAT(ran.out, HasSubstr("> 01  All about loop   open"));
  EXPECT_THAT(ran.out, HasSubstr("  04  All about await  open"));
  EXPECT_THAT(ran.out, HasSubstr("edit     tutorials/01_loop/exercise/code.hpp"));
}

TEST(Learn, FindsTheCourseAboveAndWhereItIsTold) {
  EXPECT_EQ(in_course("cd tutorials/04_await/exercise && \"$ORRERY\" learn").status, 0);
  EXPECT_EQ(in_course("cd / && \"$ORRERY\" learn --dir \"$OLDPWD/tutorials\"").status, 0);
}

TEST(Learn, SaysWhereThereIsNoCourse) {
  const Ran nowhere = shell("\"$ORRERY\" learn");
  EXPECT_EQ(nowhere.status, 2);
  EXPECT_THAT(nowhere.err, HasSubstr("There are no tutorials in "));
  EXPECT_THAT(nowhere.err, HasSubstr("--dir"));
  EXPECT_THAT(shell("\"$ORRERY\" learn --dir /no/such").err, HasSubstr("--dir /no/such: No such file"));
}

TEST(LearnCheck, ShowsWhatAnUnsolvedExerciseSays) {
  const Ran ran = learn("check");
  EXPECT_EQ(ran.status, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("expected 1, got 2\n"));
  EXPECT_THAT(ran.out, HasSubstr(" learn hint 01\n"));
}

TEST(LearnCheck, RemembersWhatHasPassedAndStaysThere) {
  solve("01_loop");
  const Ran ran = learn("check");
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("PASS  chapter 01: All about loop  [#-]"));
  EXPECT_THAT(ran.out, HasSubstr("compare  tutorials/01_loop/solution/code.hpp"));
  const std::string list = learn("").out;
  EXPECT_THAT(list, HasSubstr("> 01  All about loop   passed"));
  EXPECT_THAT(list, HasSubstr(" learn next\n"));
}

TEST(LearnCheck, TakesAChapterByItsNumberOrName) {
  solve("04_await");
  for (const char* name : {"4", "04", "ch04", "04_await"}) {
    EXPECT_EQ(learn(std::string("check ") + name).status, 0) << name;
  }
  const Ran ran = learn("check 7");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("There is no chapter \"7\"; there are 01, 04."));
}

TEST(LearnCheck, ShowsWhatTheCompilerSays) {
  write_exercise("if true; then");
  const Ran ran = learn("check");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("tutorials/01_loop/exercise/code.hpp does not compile."));
  EXPECT_THAT(ran.out, HasSubstr("end of file"));
}

TEST(LearnCheck, SurvivesWhateverAnExerciseDoes) {
  write_exercise("kill -SEGV $$");
  EXPECT_THAT(learn("check").out, HasSubstr("code.hpp crashed the check: Segmentation fault."));
  write_exercise("yes");
  EXPECT_THAT(learn("check").out, HasSubstr("code.hpp prints without end."));
  write_exercise("exec sleep 100");
  const Ran ran = in_course("ORRERY_WATCHDOG=1 \"$ORRERY\" learn check");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("code.hpp did not come to an end within 1 s."));
}

TEST(LearnCheck, EndsWithCtrlC) {
  write_exercise("exec sleep 100");
  const Ran ran = in_course(
      "\"$ORRERY\" learn check 2>building & TOOL=$!\n"
      "until grep -q building building; do sleep 0.02; done; kill -INT $TOOL; wait $TOOL");
  EXPECT_EQ(ran.status, 130);
  EXPECT_THAT(ran.out, IsEmpty());
}

TEST(LearnCheck, NeedsABuildTreeOfThisCourse) {
  const Ran none = in_course("rm -r build && \"$ORRERY\" learn check");
  EXPECT_EQ(none.status, 2);
  EXPECT_THAT(none.err, HasSubstr("has not been built yet. Type there: cmake --preset release"));
  EXPECT_THAT(learn("check --build /tmp").err, HasSubstr("--build /tmp: this is no build tree of "));
}

TEST(LearnHint, SaysMoreEachTime) {
  EXPECT_THAT(learn("hint").out,
              HasSubstr("Hint 1 of 3 for chapter 01, tutorials/01_loop/exercise/code.hpp\n\nLook.\n"));
  EXPECT_THAT(learn("hint").out, HasSubstr("Think.\n"));
  EXPECT_THAT(learn("hint 1").out, HasSubstr("Write.\n"));
  EXPECT_THAT(learn("hint").out, HasSubstr("Write.\n"));
  EXPECT_THAT(learn("hint --level 1").out, HasSubstr("Look.\n"));
  EXPECT_THAT(learn("").out, HasSubstr("01  All about loop   open, 3 hints"));
  EXPECT_EQ(learn("hint --level 4").status, 2);
}

TEST(LearnSolution, IsShownAfterPassingOrGivingUp) {
  const Ran early = learn("solution");
  EXPECT_EQ(early.status, 2);
  EXPECT_THAT(early.out, IsEmpty());
  EXPECT_THAT(early.err, HasSubstr("learn solution 01 --give-up"));
  EXPECT_THAT(learn("solution --give-up").out, HasSubstr("# the solution\n"));
  EXPECT_THAT(learn("").out, HasSubstr("01  All about loop   given up"));

  solve("04_await");
  learn("check 04");
  EXPECT_THAT(learn("solution 04").out, HasSubstr("# the solution\n"));
}

TEST(LearnNext, GoesOnWhereTheExerciseHasPassed) {
  const Ran early = learn("next");
  EXPECT_EQ(early.status, 1);
  EXPECT_THAT(early.out, HasSubstr("The exercise of chapter 01 has not passed yet."));

  solve("01_loop");
  learn("check");
  EXPECT_THAT(learn("").out, HasSubstr("> 01  All about loop   passed"));
  const Ran after = learn("next");
  EXPECT_EQ(after.status, 0);
  EXPECT_THAT(after.out, HasSubstr("read     tutorials/04_await/README.md"));
  EXPECT_THAT(learn("next --give-up").out, HasSubstr("That was the last chapter. 1 of 2 chapters passed."));
}

TEST(LearnProgressFile, IsPlainText) {
  solve("01_loop");
  learn("check");
  learn("next");
  learn("hint");
  EXPECT_THAT(read("course/tutorials/.progress"), EndsWith("current 04\npassed 01\nhints 04 1\n"));
}

TEST(LearnProgressFile, ThatMakesNoSenseIsLeftAsItIs) {
  for (const char* line : {"passed", "hints 01 9", "passed 01 02", "hints 01 many", "\\377\\001\\002"}) {
    const Ran ran = in_course(std::string("printf 'passed 04\\n") + line + "\\n' >tutorials/.progress\n" +
                              "\"$ORRERY\" learn hint; status=$?; tail -n +2 tutorials/.progress; exit $status");
    EXPECT_EQ(ran.status, 2) << line;
    EXPECT_THAT(ran.err, HasSubstr(".progress, line 2: ")) << line;
    EXPECT_THAT(ran.out, Not(IsEmpty())) << line;
  }
}

TEST(LearnProgressFile, ThatCannotBeWrittenIsNoticed) {
  const Ran ran = in_course("mkdir tutorials/.progress.new && \"$ORRERY\" learn hint");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("Your progress could not be written to "));
}

TEST(LearnCommandLine, ThatMakesNoSenseIsRefused) {
  EXPECT_THAT(learn("chekc").err, HasSubstr("learn knows no \"chekc\": it is list, check, hint, next or solution."));
  EXPECT_THAT(learn("chekc").err, HasSubstr("Did you mean \"check\"?"));
  EXPECT_THAT(learn("check 1 2").err, HasSubstr("learn takes [ACTION] [CHAPTER]; what is \"2\"?"));
  EXPECT_THAT(learn("next 4").err, HasSubstr("learn next takes no chapter"));
  EXPECT_THAT(learn("check --seed 4").err, HasSubstr("learn has no option --seed"));
  EXPECT_EQ(learn("next 4").status, 2);
}

TEST(LearnWithJson, EndsWithASummary) {
  const Ran listed = learn("--json");
  EXPECT_EQ(listed.summary()["chapters"], 2);
  EXPECT_EQ(listed.summary()["passed"], 0);
  const Ran checked = learn("check --json");
  EXPECT_EQ(checked.status, 1);
  EXPECT_FALSE(checked.summary()["ok"]);
  EXPECT_THAT(checked.out, HasSubstr(R"("type":"check","chapter":"01","passed":false,"output":"expected 1, got 2\n")"));
}

}  // namespace
}  // namespace tool_test
