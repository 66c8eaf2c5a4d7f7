// json_test.cpp: with --json, standard output is one object a line, the last of them a summary.
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// Expects nothing but objects, and returns the last.
nlohmann::json last_of(const Ran& ran) {
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(nlohmann::json::parse(line, nullptr, false).is_object()) << line;
  }
  return ran.summary();
}

void expect_fields(const nlohmann::json& summary, const std::vector<std::string>& names) {
  for (const std::string& name : names) EXPECT_TRUE(summary.contains(name)) << name;
}

const std::vector<std::string> ALWAYS{"scenario", "ok", "executions", "distinct_traces", "exhausted", "seconds"};
const std::vector<std::string> FAILED{"seed",  "token",           "kind",   "message", "trace_hash",
                                      "steps", "virtual_time_ns", "choices"};

TEST(Json, EndsWithASummary) {
  for (const char* command :
       {"run passes", "explore passes", "replay passes@3", "list", "explore is_slow --budget 1ms"}) {
    const nlohmann::json summary = last_of(orrery(std::string(command) + " --json"));
    EXPECT_EQ(summary["type"], "summary");
    expect_fields(summary, ALWAYS);
  }
}

TEST(Json, DescribesTheFailureInTheSummary) {
  for (const char* command : {"run deadlocks", "explore fails_sometimes", "replay deadlocks@0", "shrink deadlocks@0",
                              "run throws_while_building", "explore lies"}) {
    const nlohmann::json summary = last_of(orrery(std::string(command) + " --json"));
    EXPECT_EQ(summary["ok"], false);
    expect_fields(summary, ALWAYS);
    expect_fields(summary, FAILED);
  }
}

TEST(Json, NamesTheSeedThatFailed) {
  const nlohmann::json found = last_of(orrery("explore fails_sometimes --seed 3 --json"));
  const std::string seed = std::to_string(found["seed"].get<std::uint64_t>());
  const nlohmann::json again = last_of(orrery("run fails_sometimes --json --seed " + seed));
  EXPECT_EQ(again["trace_hash"], found["trace_hash"]);
  EXPECT_EQ(again["token"], found["token"]);
  EXPECT_EQ(found["executions"], found["seed"].get<std::uint64_t>() - 3 + 1);
}

TEST(Json, IsNotMixedWithWhatTheScenarioPrints) {
  const Ran ran = orrery("run prints --json");
  EXPECT_EQ(last_of(ran)["ok"], true);
  EXPECT_THAT(ran.err, HasSubstr("a line of the scenario"));
  EXPECT_THAT(orrery("run prints").out, HasSubstr("a line of the scenario"));
}

TEST(Json, SumsUpSeveralScenarios) {
  const Ran ran = orrery("explore passes prints --executions 10 --json");
  EXPECT_THAT(ran.out, HasSubstr("{\"type\":\"scenario\",\"scenario\":\"prints\""));
  EXPECT_EQ(last_of(ran)["scenario"], "passes prints");
  EXPECT_EQ(last_of(orrery("explore fails_sometimes passes --json --keep-going"))["ok"], false);
}

TEST(Json, HasASummaryForWhatIsStale) {
  const nlohmann::json found = last_of(orrery("explore fails_sometimes --json"));
  const nlohmann::json stale = last_of(orrery("replay passes@" + found["token"].get<std::string>() + " --json"));
  EXPECT_EQ(stale["ok"], false);
  EXPECT_THAT(stale["note"], HasSubstr("stale"));
}

TEST(Trace, AsJsonIsOneObjectALine) {
  const Ran ran = orrery("trace fails_in_plain_order@0 --format json");
  EXPECT_EQ(ran.status, 0);
  EXPECT_TRUE(last_of(ran).is_object());
  EXPECT_THAT(ran.out, HasSubstr("\"version\""));
}

TEST(Quiet, SaysNothingAboutWhatPassed) {
  const Ran ran = orrery("explore passes --quiet");
  EXPECT_THAT(ran.out, IsEmpty());
  EXPECT_THAT(ran.err, IsEmpty());
  EXPECT_THAT(orrery("explore fails_sometimes --quiet").out, HasSubstr("FAIL"));
}

}  // namespace
}  // namespace tool_test
