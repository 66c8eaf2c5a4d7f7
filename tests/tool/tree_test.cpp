// tree_test.cpp: `orrery tree`, what all tasks are doing at one step.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Tree, ShowsTheTasksOfEachHost) {
  const Ran ran = orrery("tree passes@0 --step 2");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, StartsWith("passes@o1-random-fifo-s0-"));
  EXPECT_THAT(ran.out, HasSubstr("\nafter step 2 of "));
  EXPECT_THAT(ran.out, HasSubstr("\nalice\nTask-1 (waiting)  made at "));
  EXPECT_THAT(ran.out, HasSubstr("\nbob\nTask-1 (waiting)  made at "));
}

TEST(Tree, OfAFailingExecutionShowsWhatItWasStuckIn) {
  const Ran ran = orrery("tree deadlocks@0 --table");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("\ntask    state    awaited by  made at"));
  EXPECT_THAT(ran.out, HasSubstr("\nTask-1  waiting"));
}

TEST(Tree, AsJsonHasAnObjectForEachTaskAndASummary) {
  const Ran ran = orrery("tree deadlocks@0 --json");
  std::istringstream lines(ran.out);
  std::string first;
  std::getline(lines, first);
  const nlohmann::json task = nlohmann::json::parse(first);
  EXPECT_EQ(task["type"], "task");
  EXPECT_EQ(task["host"], "alice");
  EXPECT_EQ(task["state"], "waiting");
  EXPECT_EQ(task["waits_for"], "<Future pending>");
  EXPECT_TRUE(task["stack"].is_array());
  EXPECT_EQ(ran.summary()["kind"], "deadlock");
}

TEST(Tree, RefusesAStepThatThereIsNot) {
  const Ran ran = orrery("tree passes@0 --step 1000");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--step 1000: there is no step 1000: the execution ends after step "));
  EXPECT_EQ(orrery("tree passes@0 --step -1").status, 2);
  EXPECT_EQ(orrery("tree passes").status, 2);
}

TEST(Tree, OfACaseFileThatIsStaleIsNoTree) {
  orrery("run deadlocks -o found.case");
  EXPECT_EQ(orrery("tree found.case").status, 0);
  write("other.case", [] {
    std::string text = read("found.case");
    text.replace(text.find("deadlock\n"), 8, "check");
    return text;
  }());
  EXPECT_EQ(orrery("tree other.case").status, 3);
}

}  // namespace
}  // namespace tool_test
