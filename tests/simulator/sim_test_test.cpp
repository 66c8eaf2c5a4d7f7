// sim_test_test.cpp: SIM_TEST, seen from outside and used.
#include <asyncio/sim/gtest.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace asyncio::sim {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Sets an environment variable for a test.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~Environment() { ::unsetenv(name_); }

 private:
  const char* name_;
};

void fails_at_five(World& world) {
  world.client("client", [] {});
  EXPECT_NE(world.choose(6, "die"), 5u) << "the die";
}

void never_fails(World& world) {
  world.client("client", [] {});
  world.choose(6, "die");
}

/// What a SIM_TEST with this body would report.
std::string report(void (*body)(World&), SimTestOptions options = {}) {
  detail::Assertions assertions;
  const detail::AssertionsOfExecutions scope(assertions);
  return run_sim_test("Suite.Name", body, std::move(options)).report;
}

SIM_TEST(SimTest, RunsItsBodyInAWorld) {
  world.client("client", [] { EXPECT_TRUE(true); });
  EXPECT_LT(world.choose(6, "die"), 6u);
}

SIM_TEST(SimTest, TakesOptions, {.executions = 5, .strategy = pct(2), .ready = ReadyOrder::any, .seed = 9}) {
  world.client("client", [] {});
}

const SimTestOptions thorough{.executions = 7, .ready = ReadyOrder::any};

// Several tests may share their options, by a name.
SIM_TEST(SimTest, TakesOptionsByName, thorough) {
  world.client("client", [] {});
}

TEST(SimTest, ReportsTheSmallestFailureWithItsReplayLine) {
  const std::string text = report(fails_at_five);
  EXPECT_THAT(text, HasSubstr("the die"));
  EXPECT_THAT(text, HasSubstr("sim_test_test.cpp:"));
  EXPECT_THAT(text, HasSubstr("choice 0 (user: die): way 5 of 6"));
  EXPECT_THAT(text, HasSubstr("strategy random"));
  EXPECT_THAT(text, HasSubstr("  replay: ORRERY_REPLAY=o1-tape-fifo-d0.6.5-x"));
  EXPECT_THAT(text, HasSubstr("--gtest_filter=Suite.Name"));
  EXPECT_EQ(report(never_fails), "");
}

TEST(SimTest, BeginsWithThePlainExecution) {
  const auto always = [](World& world) {
    world.client("client", [] {});
    world.choose(6, "die");
    fail("always");
  };
  EXPECT_THAT(report(always), HasSubstr("in the plain execution"));
  EXPECT_THAT(report(always), HasSubstr("had to happen: nothing"));
}

TEST(SimTest, ReplaysWhatTheEnvironmentAsksFor) {
  const std::string line = report(fails_at_five);
  const std::size_t begin = line.find("o1-tape");
  const std::string token = line.substr(begin, line.find(' ', begin) - begin);
  const Environment replay("ORRERY_REPLAY", token);

  EXPECT_THAT(report(fails_at_five), HasSubstr("in the execution that ORRERY_REPLAY asks for"));
  EXPECT_THAT(report(never_fails), HasSubstr("the trace differs"));
}

TEST(SimTest, IgnoresATokenOfAnotherTest) {
  const Environment replay("ORRERY_REPLAY", "Other.Test@nonsense");
  EXPECT_EQ(report(fails_at_five), "");
}

TEST(SimTest, RefusesAnEnvironmentThatMakesNoSense) {
  const auto report_with = [](const char* variable, const char* value) {
    const Environment set(variable, value);
    return report(never_fails);
  };
  EXPECT_THAT(report_with("ORRERY_SEED", "abc"), HasSubstr("ORRERY_SEED=abc: expected a whole number"));
  EXPECT_THAT(report_with("ORRERY_EXECUTIONS", "0"), HasSubstr("at least 1"));
  EXPECT_THAT(report_with("ORRERY_EXECUTIONS", "-5"), HasSubstr("ORRERY_EXECUTIONS=-5"));
  EXPECT_THAT(report_with("ORRERY_STRATEGY", "luck"), HasSubstr("there is no strategy \"luck\""));
  EXPECT_THAT(report_with("ORRERY_REPLAY", "luck"), HasSubstr("this is not a token"));
  EXPECT_EQ(report_with("ORRERY_SEED", "0x2a"), "");
}

TEST(SimTest, TakesItsBoundsFromTheEnvironment) {
  const Environment executions("ORRERY_EXECUTIONS", "17"), strategy("ORRERY_STRATEGY", "pct:1");
  EXPECT_EQ(run_sim_test("Suite.Name", never_fails).executions, 18u);
}

TEST(ExploreAndReport, NamesTheToken) {
  const auto body = [](World& world) {
    world.client("client", [] {});
    require(world.choose(6, "die") != 5, "a six");
  };
  EXPECT_THAT(explore_and_report(body, {.executions = 1000}),
              HasSubstr("replay: asyncio::sim::replay(scenario, \"o1-random-"));
  EXPECT_EQ(explore_and_report(never_fails, {}), "");
}

}  // namespace
}  // namespace asyncio::sim
