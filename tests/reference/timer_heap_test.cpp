// timer_heap_test.cpp: timers in the order of their times, and how cancelled ones leave. M1 and M2 are in
// timer_heap.cpp.
#include <asyncio/timer_heap.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class TheTimerHeap : public testing::Test {
 protected:
  Ref<TimerState> timer(Duration when, int number = 0) {
    auto timer = make_ref<TimerState>(TimePoint{} + when, [this, number] { ran.push_back(number); }, loop, Context());
    heap.push(timer);
    return timer;
  }
  void cancel(const Ref<TimerState>& timer) {
    if (timer->scheduled()) heap.count_cancelled();  // what a loop does when it is told
    static_cast<HandleState&>(*timer).HandleState::cancel();
  }
  const std::vector<int>& drain() {
    while (!heap.empty()) heap.pop()->run();
    return ran;
  }

  ScriptedLoop loop;
  TimerHeap heap;
  std::vector<int> ran;
};

// S12, S22: timers are compared by time only.
TEST_F(TheTimerHeap, GivesTheEarliestFirst) {
  timer(3s, 3);
  timer(1s, 1);
  timer(2s, 2);

  EXPECT_EQ(heap.next_time(), TimePoint{} + 1s);
  EXPECT_THAT(drain(), ElementsAre(1, 2, 3));
}

// S12, S352: asyncio leaves the order of equal times open; here it is the order of addition.
TEST_F(TheTimerHeap, GivesEqualTimesInTheOrderOfAddition) {
  for (int i = 0; i < 8; ++i) timer(1s, i);

  EXPECT_THAT(drain(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

// M1, for heaps of many shapes: as a stable sort would do it.
TEST_F(TheTimerHeap, SortsAsAStableSortDoes) {
  std::mt19937 engine(1);
  for (int size = 0; size < 70; ++size) {
    std::vector<std::pair<int, int>> expected;
    for (int i = 0; i < size; ++i) {
      expected.emplace_back(static_cast<int>(engine() % 16), i);
      timer(std::chrono::seconds(expected.back().first), i);
    }

    std::ranges::stable_sort(expected, {}, &std::pair<int, int>::first);
    ran.clear();
    drain();

    ASSERT_EQ(ran.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_EQ(ran[i], expected[i].second) << size;
  }
}

// M2.
TEST_F(TheTimerHeap, MarksItsTimersAsScheduled) {
  const auto one = timer(1s);
  const auto two = timer(2s);

  heap.pop();
  EXPECT_FALSE(one->scheduled());
  EXPECT_TRUE(two->scheduled());
  heap.clear();

  EXPECT_FALSE(two->scheduled());
}

/// S20 and S21 as measured on CPython: so many timers, so many of them cancelled behind a live head.
class SweepingATimerHeap : public TheTimerHeap {
 protected:
  std::size_t left_of(int total, int cancelled) {
    std::vector<Ref<TimerState>> timers;
    for (int i = 0; i < total; ++i) timers.push_back(timer(std::chrono::seconds(i)));
    for (int i = 0; i < cancelled; ++i) cancel(timers[timers.size() - 1 - static_cast<std::size_t>(i)]);
    heap.sweep();
    return heap.size();
  }
};

// S20: half is not more than half.
TEST_F(SweepingATimerHeap, LeavesCancelledTimersThatAreNotTheMajority) { EXPECT_EQ(left_of(101, 50), 101u); }

// S20.
TEST_F(SweepingATimerHeap, RemovesCancelledTimersThatAreTheMajority) { EXPECT_EQ(left_of(101, 51), 50u); }

// S20: the heap must hold more than 100.
TEST_F(SweepingATimerHeap, LeavesASmallHeapAlone) { EXPECT_EQ(left_of(100, 99), 100u); }

// S20: the heap is rebuilt and the count becomes 0.
TEST_F(SweepingATimerHeap, LeavesAHeapInOrder) {
  std::vector<Ref<TimerState>> timers;
  for (int i = 0; i < 300; ++i) timers.push_back(timer(std::chrono::seconds((i * 7919) % 300), (i * 7919) % 300));
  for (int i = 0; i < 300; ++i) {
    if (i % 3 != 0) cancel(timers[static_cast<std::size_t>(i)]);
  }

  heap.sweep();

  EXPECT_EQ(heap.size(), 100u);
  EXPECT_EQ(heap.cancelled_count(), 0u);
  EXPECT_TRUE(std::ranges::is_sorted(drain()));
}

// S20, M2: a timer that was swept out counts no more when it is cancelled again.
TEST_F(SweepingATimerHeap, UnmarksWhatItRemoves) {
  std::vector<Ref<TimerState>> timers;
  for (int i = 0; i < 101; ++i) timers.push_back(timer(1s));
  for (int i = 0; i < 60; ++i) cancel(timers[static_cast<std::size_t>(i)]);

  heap.sweep();

  EXPECT_FALSE(timers.front()->scheduled());
  EXPECT_TRUE(timers.back()->scheduled());
}

// S21: else cancelled timers go only while they are at the head.
TEST_F(SweepingATimerHeap, DropsCancelledTimersAtTheHead) {
  const auto first = timer(1s);
  const auto second = timer(2s);
  timer(3s);
  const auto last = timer(4s);
  for (const auto& timer : {first, second, last}) cancel(timer);

  heap.sweep();

  EXPECT_EQ(heap.size(), 2u);
  EXPECT_EQ(heap.cancelled_count(), 1u);
}

TEST_F(SweepingATimerHeap, MayEmptyIt) {
  for (int i = 0; i < 3; ++i) cancel(timer(1s));

  heap.sweep();

  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.cancelled_count(), 0u);
}

// Re-entrancy ---------------------------------------------------------------------------------------------

/// Adds a timer to a heap when it is destroyed.
struct AddsATimer {
  TimerHeap* heap = nullptr;
  AbstractEventLoop* loop = nullptr;
  ~AddsATimer() {
    if (heap) heap->push(make_ref<TimerState>(TimePoint{}, Callback{}, *loop, Context()));
  }
};

ContextVar<std::shared_ptr<AddsATimer>> value_with_destructor("value_with_destructor");

// A cancelled timer still has its context, and values in it may have destructors that come back.
TEST_F(SweepingATimerHeap, LetsTheValuesOfItsContextsAddTimers) {
  for (int i = 0; i < 101; ++i) {
    const Context context;
    if (i < 60)
      context.run([&] { value_with_destructor.set(std::shared_ptr<AddsATimer>(new AddsATimer{&heap, &loop})); });
    const auto timer = make_ref<TimerState>(TimePoint{} + 1s, Callback{}, loop, context);
    heap.push(timer);
    if (i < 60) cancel(timer);
  }

  heap.sweep();

  EXPECT_EQ(heap.size(), 41u + 60u);
  EXPECT_EQ(heap.cancelled_count(), 0u);
}

// Destroying what a callback captured may cancel another timer of the same heap.
TEST_F(TheTimerHeap, MayBeClearedWhileDestructorsCancelOtherTimers) {
  const TimerHandle other = loop.call_later(2s, [] {});
  struct Cancels {
    TimerHandle timer;
    ~Cancels() { timer.cancel(); }
  };
  loop.call_later(1s, [cancels = std::make_shared<Cancels>(Cancels{other})] {});

  loop.close();

  EXPECT_TRUE(other.cancelled());
  EXPECT_EQ(loop.timers().cancelled_count(), 0u);
}

}  // namespace
}  // namespace asyncio
