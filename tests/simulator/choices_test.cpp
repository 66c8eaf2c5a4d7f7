// choices_test.cpp: names, choices and the hash of a trace. X1 to X3 are in execution.hpp.
#include "simulator/src/execution.hpp"
#include "simulator/src/mix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace asyncio::sim {
namespace {

using testing::HasSubstr;

/// An execution without a world.
class AnExecution : public testing::Test {
 protected:
  void begin(bool keep = false) {
    strategy_ = random().make({});
    strategy_->begin(1);
    execution_.begin(options_, *strategy_, keep);
  }
  std::uint32_t choose(std::uint32_t ways, std::string_view site) {
    const NameId alice = execution_.names().intern("alice");  // not among the arguments: their order is not fixed
    return execution_.choices().choose(ChoiceKind::latency, ways, alice, execution_.names().intern(site));
  }

  RunOptions options_;
  std::unique_ptr<StrategyState> strategy_;
  Execution execution_;
};

TEST(Names, AreNumberedInOrderOfFirstUse) {
  Names names;
  EXPECT_EQ(names.intern("alice"), NameId{1});
  EXPECT_EQ(names.intern("bob"), NameId{2});
  EXPECT_EQ(names.intern("alice"), NameId{1});
  EXPECT_EQ(names.intern(""), NameId::none);
  EXPECT_EQ(names.text(NameId{2}), "bob");

  names.clear();
  EXPECT_EQ(names.intern("bob"), NameId{1});
  EXPECT_EQ(names.text(NameId{1}), "bob");
}

TEST(Names, StayTheSameWhenThereAreMany) {
  Names names;
  for (int i = 0; i != 1000; ++i) names.intern("task " + std::to_string(i));
  for (int i = 0; i != 1000; ++i) EXPECT_EQ(names.intern("task " + std::to_string(i)), static_cast<NameId>(i + 1));
}

// Hashes are in tokens and case files: these values may only change together with the tokens' version.
TEST(HashOfAName, IsTheSameEverywhere) {
  EXPECT_EQ(hash_text(""), 0u);
  EXPECT_EQ(hash_text("alice"), 4765279598170318051u);
  EXPECT_EQ(hash_text("a name of more than eight bytes"), 13325949233506347957u);
  EXPECT_NE(hash_text(std::string_view("\0", 1)), hash_text(std::string_view("\0\0", 2)));
}

TEST_F(AnExecution, DoesNotWriteASingleWayToTheTape) {
  begin();
  EXPECT_EQ(choose(1, "alice to bob"), 0u);
  EXPECT_TRUE(execution_.choices().entries().empty());
}

TEST_F(AnExecution, WritesEachChoiceWithItsLabel) {
  begin();
  choose(5, "alice to bob");
  execution_.choices().choose(ChoiceKind::ready, 2, execution_.names().intern("bob"), NameId::none);
  execution_.choices().choose(ChoiceKind::turn, 2, NameId::none, NameId::none);

  const Tape tape = execution_.choices().tape(true);
  ASSERT_EQ(tape.size(), 3u);
  EXPECT_EQ(tape[0].label, "latency: alice to bob");
  EXPECT_EQ(tape[0].ways, 5u);
  EXPECT_EQ(tape[1].label, "ready: bob");
  EXPECT_EQ(tape[2].label, "turn");
  EXPECT_EQ(execution_.choices().tape(false)[0].label, "");
}

TEST_F(AnExecution, GivesTheSamePlaceTheSameKeyWhateverCameBefore) {
  begin();
  choose(5, "alice to bob");
  begin();
  execution_.names().intern("carol");
  choose(3, "alice to carol");
  choose(5, "alice to bob");
  const std::uint64_t second = execution_.choices().entries()[1].key;
  EXPECT_NE(execution_.choices().entries()[0].key, second);

  begin();
  choose(5, "alice to bob");
  EXPECT_EQ(execution_.choices().entries()[0].key, second);
}

// X2
TEST_F(AnExecution, HasTheSameHashWhetherEventsAreKeptOrNot) {
  const auto run = [&](bool keep) {
    begin(keep);
    execution_.trace().set_step(3);
    execution_.trace().set_time(TimePoint(Duration(20)));
    choose(5, "alice to bob");
    execution_.trace().record({.kind = EventKind::send, .host = NameId{1}, .a = 7, .b = 42, .detail = "hello"});
    execution_.fail(FailureKind::check, "an update was lost");
    return execution_.trace().hash();
  };

  EXPECT_EQ(run(true), run(false));
  run(true);
  const Trace trace = execution_.trace().take();
  ASSERT_EQ(trace.events.size(), 3u);
  EXPECT_EQ(trace.events[1].detail, "hello");
  EXPECT_EQ(trace.events[1].step, 3u);
  EXPECT_EQ(trace.events[1].host, "alice");
  EXPECT_EQ(trace.events[2].detail, "an update was lost");
}

TEST_F(AnExecution, HasAnotherHashForEachFieldOfAnEvent) {
  using Event = TraceRecorder::Event;
  std::vector<std::uint64_t> hashes;
  for (const Event& event :
       {Event{.kind = EventKind::send}, Event{.kind = EventKind::deliver},
        Event{.kind = EventKind::send, .host = NameId{1}}, Event{.kind = EventKind::send, .subject = NameId{1}},
        Event{.kind = EventKind::send, .a = 1}, Event{.kind = EventKind::send, .b = 1},
        Event{.kind = EventKind::send, .detail = "x"}}) {
    begin();
    execution_.names().intern("alice");
    execution_.trace().record(event);
    hashes.push_back(execution_.trace().hash());
  }
  std::sort(hashes.begin(), hashes.end());
  EXPECT_EQ(std::unique(hashes.begin(), hashes.end()), hashes.end());
}

// X3
TEST_F(AnExecution, KeepsTheFirstFailure) {
  begin();
  execution_.fail(FailureKind::check, "first");
  execution_.fail(FailureKind::deadlock, "second");
  EXPECT_EQ(execution_.failure()->kind, FailureKind::check);
  EXPECT_EQ(execution_.failure()->message, "first");
}

// W3
TEST_F(AnExecution, SeesNothingOnceItIsSealed) {
  begin(true);
  execution_.seal();
  const std::uint64_t hash = execution_.trace().hash();

  EXPECT_EQ(choose(5, "alice to bob"), 0u);
  execution_.trace().record({.kind = EventKind::send});
  execution_.fail(FailureKind::check, "too late");
  execution_.sometimes(true, "too late");

  EXPECT_TRUE(execution_.choices().entries().empty());
  EXPECT_FALSE(execution_.failed());
  EXPECT_TRUE(execution_.sometimes_seen().empty());
  EXPECT_EQ(execution_.trace().hash(), hash);
}

TEST(Fail, OutsideAnExecutionSaysSo) {
  try {
    fail("nobody hears this");
  } catch (const RuntimeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("outside an execution"));
    return;
  }
  FAIL();
}

}  // namespace
}  // namespace asyncio::sim
