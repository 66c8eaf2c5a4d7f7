// base_events_test.cpp: one iteration of the loop, in detail. B1 to B4 are in base_events.hpp.
#include <asyncio/base_events.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <thread>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

class TheLoop : public testing::Test {
 protected:
  Callback note(std::string text) {
    return [this, text] { order.push_back(text); };
  }

  ScriptedLoop loop;
  std::vector<std::string> order;
};

using CallSoon = TheLoop;
using AnIteration = TheLoop;
using ThePollTimeout = TheLoop;
using ADueTimer = TheLoop;
using CancelledTimers = TheLoop;
using DebugMode = TheLoop;

// call_soon ------------------------------------------------------------------------------------------------

// S1, B1.
TEST_F(CallSoon, RunsCallbacksInTheOrderOfAppending) {
  for (const char* name : {"one", "two", "three"}) loop.call_soon(note(name));

  loop.turn();

  EXPECT_THAT(order, ElementsAre("one", "two", "three"));
}

// S1: each at most once.
TEST_F(CallSoon, RunsACallbackOnce) {
  loop.call_soon(note("once"));

  loop.turn(3);

  EXPECT_THAT(order, ElementsAre("once"));
}

// S15: every API only appends.
TEST_F(CallSoon, RunsNothingAtOnce) {
  loop.call_soon(note("soon"));
  loop.call_later(-1s, note("later"));
  loop.call_soon_threadsafe(note("threadsafe"));
  loop.create_task([this] { order.push_back("task"); });

  EXPECT_THAT(order, IsEmpty());
  loop.turn();

  EXPECT_THAT(order, ElementsAre("soon", "threadsafe", "task", "later"));
}

// Iterations -----------------------------------------------------------------------------------------------

// S3, B2: what callbacks append waits for the next iteration, after another poll.
TEST_F(AnIteration, RunsOnlyWhatWasReadyWhenItBegan) {
  loop.call_soon([this] {
    order.push_back("first");
    loop.call_soon(note("second"));
  });

  loop.turn();
  EXPECT_THAT(order, ElementsAre("first"));
  EXPECT_EQ(loop.polls.size(), 1u);
  loop.turn();

  EXPECT_THAT(order, ElementsAre("first", "second"));
  EXPECT_EQ(loop.polls.size(), 2u);
}

// S2, S4: measured on CPython: ready, io, timer.
TEST_F(AnIteration, RunsReadyHandlesThenEventsThenTimers) {
  loop.on_event = [this](int fd) { order.push_back("event " + std::to_string(fd)); };
  loop.call_later(0s, note("timer"));
  loop.next_events = {{.fd = 8}, {.fd = 3}};
  loop.call_soon(note("ready"));

  loop.turn();

  EXPECT_THAT(order, ElementsAre("ready", "event 8", "event 3", "timer"));
}

// S48: what another thread posts during the poll is ahead of what the poll found.
TEST_F(AnIteration, RunsWhatWasPostedDuringItsPoll) {
  loop.on_event = [this](int) { order.push_back("event"); };
  loop.next_events = {{.fd = 3}};
  loop.during_next_poll = [this] { loop.call_soon_threadsafe(note("posted")); };

  loop.turn();

  EXPECT_THAT(order, ElementsAre("posted", "event"));
}

// S6: it still counts as one of the handles of the iteration.
TEST_F(AnIteration, CountsACancelledHandle) {
  Handle second;
  loop.call_soon([&] {
    second.cancel();
    loop.call_soon(note("next iteration"));
  });
  second = loop.call_soon(note("cancelled"));

  loop.turn();

  EXPECT_THAT(order, IsEmpty());
  EXPECT_EQ(loop.ready_count(), 1u);
}

// S57: what had not run stays, and runs first in the next run.
TEST_F(AnIteration, ThatIsInterruptedIsFinishedByTheNextRun) {
  loop.call_soon([] { throw KeyboardInterrupt(); });
  loop.call_soon(note("was left"));

  EXPECT_THROW(loop.turn(), KeyboardInterrupt);
  loop.call_soon(note("came later"));
  loop.turn();

  EXPECT_THAT(order, ElementsAre("was left", "came later"));
  EXPECT_THAT(loop.reports, IsEmpty());
}

// Poll timeout ---------------------------------------------------------------------------------------------

// S8: 0 if ready is non-empty.
TEST_F(ThePollTimeout, IsZeroWhileSomethingIsReady) {
  loop.call_later(5s, [] {});
  loop.call_soon([this] { loop.stop(); });

  loop.run_forever();

  EXPECT_THAT(loop.polls, ElementsAre(Duration(0)));
}

// S8: or the stop flag is set.
TEST_F(ThePollTimeout, IsZeroWhenTheLoopIsToStop) {
  loop.call_later(5s, [] {});

  loop.turn();

  EXPECT_THAT(loop.polls, ElementsAre(Duration(0)));
}

// S8: else the first timer minus time(); else none.
TEST_F(ThePollTimeout, ReachesToTheFirstTimer) {
  loop.now = TimePoint{} + 100s;
  loop.call_later(5s, [] {});
  loop.call_later(2s, [] {});

  loop.run_until_idle();

  EXPECT_THAT(loop.polls, ElementsAre(Duration(2s), Duration(3s), std::nullopt));
}

// S8: clamped at 0: a timer that is late.
TEST_F(ThePollTimeout, IsZeroForATimerThatIsLate) {
  loop.call_later(1s, [] {});
  loop.now += 5s;

  loop.run_until_idle();

  EXPECT_THAT(loop.polls, ElementsAre(Duration(0), std::nullopt));
}

// S9: measured on CPython: a 3-day timer polls 86400 three times.
TEST_F(ThePollTimeout, IsADayAtMost) {
  loop.call_later(std::chrono::days(3), note("at last"));

  loop.run_until_idle();

  EXPECT_THAT(loop.polls,
              ElementsAre(MAXIMUM_SELECT_TIMEOUT, MAXIMUM_SELECT_TIMEOUT, MAXIMUM_SELECT_TIMEOUT, std::nullopt));
  EXPECT_THAT(order, ElementsAre("at last"));
}

// A timer that never comes is a timer like any other.
TEST_F(ThePollTimeout, IsADayForATimerThatNeverComes) {
  loop.now = TimePoint{} + 100s;
  const TimerHandle never = loop.call_later(Duration::max(), note("never"));
  loop.during_next_poll = [&] { loop.call_soon_threadsafe([&] { loop.stop(); }); };

  loop.run_forever();

  EXPECT_EQ(never.when(), TimePoint::max());
  EXPECT_THAT(loop.polls, ElementsAre(MAXIMUM_SELECT_TIMEOUT));
}

// S2: cancelled timers go first, so that none of them decides how long to wait.
TEST_F(ThePollTimeout, IgnoresACancelledTimer) {
  loop.call_later(1s, [] {}).cancel();
  loop.call_later(2s, [] {});

  loop.run_until_idle();

  EXPECT_THAT(loop.polls, ElementsAre(Duration(2s), std::nullopt));
}

// Timers ---------------------------------------------------------------------------------------------------

// S10: time() is read again after the poll.
TEST_F(ADueTimer, IsFoundByTheTimeAfterThePoll) {
  loop.call_later(5s, note("timer"));
  loop.during_next_poll = [this] { loop.now += 5s; };

  loop.turn();

  EXPECT_THAT(order, ElementsAre("timer"));
}

// S10, S11: due strictly before now + resolution; one exactly there is not.
TEST_F(ADueTimer, IsLessThanOneClockResolutionAhead) {
  loop.set_clock_resolution(10ns);
  loop.call_at(TimePoint{} + 9ns, note("nine"));
  loop.call_at(TimePoint{} + 10ns, note("ten"));

  loop.turn();
  EXPECT_THAT(order, ElementsAre("nine"));
  loop.now += 1ns;
  loop.turn();

  EXPECT_THAT(order, ElementsAre("nine", "ten"));
}

// S10: with a clock of whole nanoseconds a timer is not due before its time.
TEST_F(ADueTimer, IsNotEarlyOnAnExactClock) {
  loop.call_at(TimePoint{} + 1ns, note("timer"));

  loop.turn();
  EXPECT_THAT(order, IsEmpty());
  loop.now += 1ns;
  loop.turn();

  EXPECT_THAT(order, ElementsAre("timer"));
}

// S12: by non-decreasing time; S352: equal times in the order of addition.
TEST_F(ADueTimer, RunsInTheOrderOfTimes) {
  loop.call_later(2s, note("two"));
  loop.call_later(1s, note("one, first"));
  loop.call_later(1s, note("one, second"));
  loop.now += 3s;

  loop.turn();

  EXPECT_THAT(order, ElementsAre("one, first", "one, second", "two"));
}

// S13: zero or less is still a timer: the next iteration, behind what is ready.
TEST_F(ADueTimer, OfNoDelayRunsBehindWhatIsReady) {
  loop.call_later(0s, note("zero"));
  loop.call_later(-1s, note("negative"));
  loop.call_soon(note("ready"));

  loop.turn();

  EXPECT_THAT(order, ElementsAre("ready", "negative", "zero"));
}

// S13, S3: scheduled by a callback, it does not run in the same iteration.
TEST_F(ADueTimer, OfNoDelayWaitsForTheNextIteration) {
  loop.call_soon([this] { loop.call_later(0s, note("timer")); });

  loop.turn();
  EXPECT_THAT(order, IsEmpty());
  loop.turn();

  EXPECT_THAT(order, ElementsAre("timer"));
}

// S14: call_later(delay) is call_at(time() + delay).
TEST_F(ADueTimer, IsCountedFromTheTimeOfTheCall) {
  loop.now = TimePoint{} + 7s;

  const TimerHandle timer = loop.call_later(3s, [] {});

  EXPECT_EQ(timer.when(), TimePoint{} + 10s);
}

// S3: a timer that the callbacks of this iteration make late waits for the next.
TEST_F(ADueTimer, IsLookedForOncePerIteration) {
  loop.call_later(1s, note("timer"));
  loop.call_soon([this] { loop.now += 2s; });
  loop.call_soon(note("callback"));

  loop.turn();
  EXPECT_THAT(order, ElementsAre("callback"));
  loop.turn();

  EXPECT_THAT(order, ElementsAre("callback", "timer"));
}

// A timer may be cancelled while it is on the ready queue already.
TEST_F(ADueTimer, CanStillBeCancelled) {
  TimerHandle timer;
  loop.call_later(1s, [&] { timer.cancel(); });
  timer = loop.call_later(1s, note("cancelled"));
  loop.now += 1s;

  loop.turn();

  EXPECT_THAT(order, IsEmpty());
}

// S20: swept at the start of an iteration, where they are the majority of more than a hundred.
TEST_F(CancelledTimers, AreSweptWhereTheyAreTheMajority) {
  std::vector<TimerHandle> timers;
  for (int i = 0; i < 101; ++i) timers.push_back(loop.call_later(1h, [] {}));
  for (int i = 50; i < 101; ++i) timers[static_cast<std::size_t>(i)].cancel();

  EXPECT_EQ(loop.timers().size(), 101u);
  loop.turn();

  EXPECT_EQ(loop.timers().size(), 50u);
  EXPECT_EQ(loop.timers().cancelled_count(), 0u);
}

// S21: otherwise popped only while they are at the head.
TEST_F(CancelledTimers, StayBehindALiveOne) {
  std::vector<TimerHandle> timers;
  for (int i = 0; i < 100; ++i) timers.push_back(loop.call_later(1h, [] {}));
  for (int i = 1; i < 100; ++i) timers[static_cast<std::size_t>(i)].cancel();

  loop.turn();
  EXPECT_EQ(loop.timers().size(), 100u);
  timers[0].cancel();
  loop.turn();

  EXPECT_EQ(loop.timers().size(), 0u);
}

// S19, S20: the count is right after timers came due, were cancelled late, and were swept.
TEST_F(CancelledTimers, AreCountedExactly) {
  std::vector<TimerHandle> timers;
  for (int i = 0; i < 150; ++i) timers.push_back(loop.call_later(std::chrono::seconds(i % 7), [] {}));

  for (std::size_t i = 0; i < timers.size(); i += 2) timers[i].cancel();
  for (int i = 0; i < 8; ++i) {
    loop.turn();
    loop.now += 1s;
    EXPECT_LE(loop.timers().cancelled_count(), loop.timers().size());
  }

  for (const TimerHandle& timer : timers) timer.cancel();
  EXPECT_EQ(loop.timers().cancelled_count(), 0u);
}

// Debug mode -----------------------------------------------------------------------------------------------

// S49.
TEST_F(DebugMode, IsOnWhereTheEnvironmentSaysSo) {
  EXPECT_FALSE(ScriptedLoop().get_debug());

  ::setenv("PYTHONASYNCIODEBUG", "1", 1);
  EXPECT_TRUE(ScriptedLoop().get_debug());
  ::setenv("PYTHONASYNCIODEBUG", "", 1);
  EXPECT_FALSE(ScriptedLoop().get_debug());
  ::unsetenv("PYTHONASYNCIODEBUG");

  loop.set_debug(true);
  EXPECT_TRUE(loop.get_debug());
}

// S51: TypeError in Python; what C++ can pass that is no callable is nothing.
TEST_F(DebugMode, RefusesEmptyCallbacks) {
  loop.set_debug(true);

  EXPECT_THAT(text_of<std::invalid_argument>([&] { loop.call_soon(nullptr); }),
              HasSubstr("a callable object was expected by call_soon()"));
  EXPECT_THROW(loop.call_later(1s, nullptr), std::invalid_argument);
  EXPECT_THROW(loop.call_at(loop.now, nullptr), std::invalid_argument);
  EXPECT_THROW(loop.call_soon_threadsafe(nullptr), std::invalid_argument);
}

// S51: outside debug mode no check is made.
TEST_F(DebugMode, IsNeededToRefuseEmptyCallbacks) {
  loop.call_soon(nullptr);

  loop.turn();

  EXPECT_EQ(loop.ready_count(), 0u);
}

// S52: the message is CPython's.
TEST_F(DebugMode, ReportsASlowCallback) {
  loop.set_debug(true);
  loop.call_soon([this] { loop.now += 1500ms; });
  loop.call_soon([this] { loop.now += 99ms; });

  CaptureStderr();
  loop.turn();
  const std::string text = GetCapturedStderr();

  EXPECT_THAT(text, HasSubstr("Executing <Handle"));
  EXPECT_THAT(text, HasSubstr("> took 1.500 seconds"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
}

// S52: the task if the callback belongs to one; >= is slow.
TEST_F(DebugMode, NamesTheTaskOfASlowStep) {
  loop.set_debug(true);
  const auto task = loop.create_task([this] { loop.now += 100ms; }, {.name = "sleepy"});

  CaptureStderr();
  loop.turn();
  const std::string text = GetCapturedStderr();

  EXPECT_THAT(text, HasSubstr("name='sleepy'"));
  EXPECT_THAT(text, HasSubstr("took 0.100 seconds"));
}

ContextVar<std::shared_ptr<int>> held("held");

// S53: the handle under way is let go of, whichever way its run ends.
TEST_F(DebugMode, KeepsNoHandleAfterItsRun) {
  loop.set_debug(true);
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  {
    const Context context;
    context.run([&] { held.set(std::move(captured)); });
    loop.call_soon([] { throw KeyboardInterrupt(); }, context);
  }

  EXPECT_THROW(loop.turn(), KeyboardInterrupt);

  EXPECT_TRUE(watched.expired());
}

// call_soon_threadsafe without threads; with them in threads_test.cpp ---------------------------------------

// S44: appends first, then rings, always; also on the loop's own thread.
TEST_F(TheLoop, IsRungByEveryThreadsafeCall) {
  loop.call_soon_threadsafe([this] { loop.call_soon_threadsafe(note("from inside")); });
  EXPECT_EQ(loop.rings, 1);

  loop.turn(2);

  EXPECT_EQ(loop.rings, 2);
  EXPECT_THAT(order, ElementsAre("from inside"));
}

// B1: one queue, whoever appends.
TEST_F(TheLoop, KeepsTheOrderOfThreadsafeAndPlainCalls) {
  loop.call_soon(note("one"));
  loop.call_soon_threadsafe(note("two"));
  loop.call_soon(note("three"));
  loop.call_soon_threadsafe(note("four"));

  loop.turn();

  EXPECT_THAT(order, ElementsAre("one", "two", "three", "four"));
}

}  // namespace
}  // namespace asyncio
