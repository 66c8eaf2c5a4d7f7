// staggered_test.cpp: attempts that are begun one after the other, in virtual time. Rules: semantics.md S234.
#include <asyncio/exceptions.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/tasks.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference/src/staggered.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class AStaggeredRace : public testing::Test {
 protected:
  /// An attempt that takes so long, and then returns or throws.
  std::function<void()> attempt(std::string name, Duration takes, bool succeeds) {
    return [this, name, takes, succeeds] {
      note(name + " begins");
      try {
        sleep(takes);
      } catch (const CancelledError&) {
        note(name + " cancelled");
        throw;
      }
      if (!succeeds) throw std::out_of_range(name);
      note(name + " succeeds");
    };
  }
  void note(const std::string& what) {
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(loop.time() - TimePoint{});
    log.push_back(std::to_string(milliseconds.count()) + " " + what);
  }
  StaggeredRace race(std::vector<std::function<void()>> attempts, std::optional<Duration> delay) {
    return loop.run_until_complete([&] { return staggered_race(attempts, delay); });
  }

  ScriptedLoop loop;
  std::vector<std::string> log;
};

// S234: the measured times.
TEST_F(AStaggeredRace, BeginsTheNextAttemptAfterTheDelayOrAFailure) {
  const auto ended = race(
      {attempt("a", 10s, true), attempt("b", 50ms, false), attempt("c", 10s, true), attempt("d", 100ms, true)}, 250ms);

  EXPECT_THAT(log, ElementsAre("0 a begins", "250 b begins", "300 c begins", "550 d begins", "650 d succeeds",
                               "650 a cancelled", "650 c cancelled"));
  EXPECT_EQ(ended.winner, 3u);
}

// S234.
TEST_F(AStaggeredRace, BeginsNoOtherWhereTheFirstSucceedsInTime) {
  const auto ended = race({attempt("a", 100ms, true), attempt("b", 1s, true)}, 250ms);

  EXPECT_THAT(log, ElementsAre("0 a begins", "100 a succeeds"));
  EXPECT_EQ(ended.exceptions.size(), 1u);
}

TEST_F(AStaggeredRace, TriesOneByOneWithoutADelay) {
  const auto ended = race({attempt("a", 3s, false), attempt("b", 1s, false), attempt("c", 1s, true)}, {});

  EXPECT_THAT(log, ElementsAre("0 a begins", "3000 b begins", "4000 c begins", "5000 c succeeds"));
  EXPECT_EQ(ended.winner, 2u);
}

TEST_F(AStaggeredRace, CollectsWhatWentWrong) {
  const auto ended = race({attempt("a", 3s, false), attempt("b", 1s, false)}, 1s);

  EXPECT_FALSE(ended.winner);
  EXPECT_EQ(describe(ended.exceptions[0]), "out_of_range: a");
  EXPECT_EQ(describe(ended.exceptions[1]), "out_of_range: b");
}

TEST_F(AStaggeredRace, OfNobodyHasNoWinner) { EXPECT_FALSE(race({}, 1s).winner); }

// S234, bpo-33530: nothing runs on when the caller has been told.
TEST_F(AStaggeredRace, HandsACancellationToAllAttempts) {
  loop.run_until_complete([&] {
    auto task = loop.create_task([&] { staggered_race({attempt("a", 9s, true), attempt("b", 9s, true)}, 1s); });
    sleep(2s);
    task.cancel();
    EXPECT_THROW(await(task), CancelledError);
    note("told");
  });

  EXPECT_THAT(log, ElementsAre("0 a begins", "1000 b begins", "2000 a cancelled", "2000 b cancelled", "2000 told"));
}

// What is no std::exception too: nobody waits for an attempt that is over.
TEST_F(AStaggeredRace, GoesOnAfterAnAttemptThatWasCancelled) {
  const auto ended = race({[] { throw CancelledError(); }, attempt("b", 1s, true)}, {});

  EXPECT_EQ(ended.winner, 1u);
}

// Two succeed in the same iteration: one of them wins.
TEST_F(AStaggeredRace, HasOneWinnerAlthoughTwoSucceedAtOnce) {
  const auto ended = race({attempt("a", 2s, true), attempt("b", 1s, true)}, 1s);

  EXPECT_TRUE(ended.winner);
}

}  // namespace
}  // namespace asyncio
