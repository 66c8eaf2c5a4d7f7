// crash_note_test.cpp: processes that die, and what they say. N1 and N2 are in crash_note.hpp.
#include <asyncio/sim/crash_note.hpp>
#include <asyncio/sim/sim.hpp>

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <exception>

#include <unistd.h>

namespace asyncio::sim {
namespace {

/// Dies in the execution with seed 7.
template <class Die>
void explore_until(Die die) {
  const CrashNote note("replay   orrery replay dies@", " # as it was");
  std::uint64_t seed = 0;
  explore(
      [&](World& world) {
        world.client("client", [] {});
        world.choose(2, "any");
        if (seed++ == 7) die();
      },
      {.executions = 100});
}

constexpr char LINE[] = "replay   orrery replay dies@o1-random-fifo-s7-[0-9a-f]{8} # as it was";

TEST(CrashNote, IsWrittenWhenASignalEndsTheProcess) {
  EXPECT_DEATH(explore_until([] { std::abort(); }), LINE);
  EXPECT_DEATH(explore_until([] { std::terminate(); }), LINE);
  EXPECT_DEATH(explore_until([] { std::raise(SIGFPE); }), LINE);
}

TEST(CrashNote, IsTheLastThingBeforeTheSignalTakesItsCourse) {
  EXPECT_EXIT(explore_until([] { std::raise(SIGTERM); }), testing::KilledBySignal(SIGTERM), LINE);
  EXPECT_EXIT(explore_until([] { std::raise(SIGABRT); }), testing::KilledBySignal(SIGABRT), LINE);
}

// N2
TEST(CrashNote, LeavesTheSignalToWhoeverHandledItBefore) {
  const auto die = [] {
    std::signal(SIGSEGV, [](int) { ::_exit(42); });
    explore_until([] { std::raise(SIGSEGV); });
  };
  EXPECT_EXIT(die(), testing::ExitedWithCode(42), LINE);
}

TEST(CrashNote, IsNotWrittenOutsideExecutions) {
  const auto die = [] {
    const CrashNote note("replay   ");
    ::dprintf(STDERR_FILENO, "nothing");
    std::abort();
  };
  EXPECT_EXIT(die(), testing::KilledBySignal(SIGABRT), "^nothing$");
}

TEST(CrashNote, HasATokenThatCanBeReplayed) {
  // That of the test above, with its checksum: a token without a hash.
  const auto scenario = [](World& world) {
    world.client("client", [] {});
    world.choose(2, "any");
  };
  std::string last;
  explore(scenario, {.executions = 8, .about_to_run = [&](const std::string& token) { last = token; }});
  EXPECT_EQ(replay(scenario, last).tape, run(scenario, {.seed = 7}).tape);
}

}  // namespace
}  // namespace asyncio::sim
