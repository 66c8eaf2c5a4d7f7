// gtest.hpp: tests that run in a world, many times.
//
//     SIM_TEST(Bank, AddsUp, {.executions = 2000, .ready = asyncio::sim::ReadyOrder::any}) {
//       world.client("alice", [] { EXPECT_EQ(deposit(100), 100); });
//     }
//
// The body builds a world, for each execution afresh. The first execution is the plain one, so that a test
// that is simply wrong says so at once; then come executions with seeds that count up. EXPECT_… and ASSERT_…
// work everywhere in it: the first that fails ends the execution. It is reported once, from the smallest
// execution that fails so, with what had to happen and the line that brings it back.
//
// Environment: see run_sim_test().
#pragma once

#include <asyncio/sim/crash_note.hpp>
#include <asyncio/sim/sim_test.hpp>

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>

namespace asyncio::sim::detail {

/// What came out of assertions inside executions.
struct Assertions {
  std::string file;     ///< of the assertion that failed last
  int line = 0;         ///< of the same
  std::string skipped;  ///< what GTEST_SKIP() said; empty: it was not called
};

/// While it lives, failed assertions of this thread are failures of the execution that is running.
class AssertionsOfExecutions final : public testing::ScopedFakeTestPartResultReporter {
 public:
  explicit AssertionsOfExecutions(Assertions& assertions)
      : ScopedFakeTestPartResultReporter(INTERCEPT_ONLY_CURRENT_THREAD, &unused_), assertions_(assertions) {}

  void ReportTestPartResult(const testing::TestPartResult& result) override {
    const char* const file = result.file_name() ? result.file_name() : "unknown file";
    if (result.skipped()) assertions_.skipped = result.message();
    if (!result.failed() || !fail_execution(file, result.line_number(), result.message())) return;
    assertions_.file = file;
    assertions_.line = result.line_number();
  }

 private:
  Assertions& assertions_;
  testing::TestPartResultArray unused_;  // the base class wants one; nothing is put into it
};

/// The options of a SIM_TEST: none, some in braces, or a value that several tests share.
inline SimTestOptions options_of_test(SimTestOptions options = {}) { return options; }

/// What the test that SIM_TEST makes consists of.
inline void run_gtest(const std::string& test, void (*body)(World&), SimTestOptions options, Assertions here) {
  const CrashNote note("replay   ORRERY_REPLAY=",
                       std::string(" ") + program_invocation_name + " --gtest_filter=" + test);
  SimTestOutcome outcome;
  {
    const AssertionsOfExecutions assertions(here);
    outcome = run_sim_test(test, body, std::move(options));
  }
  testing::Test::RecordProperty("executions", std::to_string(outcome.executions));
  testing::Test::RecordProperty("distinct_traces", std::to_string(outcome.distinct_traces));
  if (!outcome.token.empty()) testing::Test::RecordProperty("token", outcome.token);
  if (!outcome.report.empty()) ADD_FAILURE_AT(here.file.c_str(), here.line) << outcome.report;
  if (outcome.report.empty() && !here.skipped.empty()) GTEST_SKIP() << here.skipped;
}

}  // namespace asyncio::sim::detail

/// A test whose body gets `asyncio::sim::World& world`; the options are SimTestOptions, in braces or a value.
#define SIM_TEST(Suite, Name, ...)                                                                                     \
  static void orrery_test_##Suite##_##Name(::asyncio::sim::World& world);                                              \
  TEST(Suite, Name) {                                                                                                  \
    ::asyncio::sim::detail::run_gtest(#Suite "." #Name, orrery_test_##Suite##_##Name,                                  \
                                      ::asyncio::sim::detail::options_of_test(__VA_ARGS__), {__FILE__, __LINE__, {}}); \
  }                                                                                                                    \
  static void orrery_test_##Suite##_##Name([[maybe_unused]] ::asyncio::sim::World& world)
