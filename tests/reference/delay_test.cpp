// delay_test.cpp: spans of time in fractions of seconds, as Python writes them. Rules: S10, S132.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr double INF = std::numeric_limits<double>::infinity();

static_assert(Duration(Delay(0.5s)) == 500ms);
static_assert(Duration(Delay(2min)) == 120s);
static_assert(Duration(Delay(std::chrono::duration<float, std::milli>(1.5F))) == 1500us);
static_assert(!std::is_convertible_v<double, Delay>, "a bare number has no unit");

TEST(ADelay, IsRoundedToTheNearestNanosecond) {
  EXPECT_EQ(to_duration(0.1s), 100ms);
  EXPECT_EQ(to_duration(Seconds(1.4e-9)), 1ns);
  EXPECT_EQ(to_duration(Seconds(1.6e-9)), 2ns);
  EXPECT_EQ(to_duration(std::chrono::duration<double, std::nano>(2.5)), 2ns);  // of two the even one
  EXPECT_EQ(to_duration(-0.25s), -250ms);
}

TEST(ADelay, ThatIsTooLongIsTheLongestThereIs) {
  EXPECT_EQ(to_duration(Seconds(INF)), Duration::max());
  EXPECT_EQ(to_duration(Seconds(-INF)), Duration::min());
  EXPECT_EQ(to_duration(Seconds(1e300)), Duration::max());
}

// S132.
TEST(ADelay, MustBeANumber) {
  EXPECT_EQ(text_of<std::invalid_argument>([] { to_duration(Seconds(std::numeric_limits<double>::quiet_NaN())); }),
            "Invalid delay: NaN (not a number)");
}

class FractionsOfSeconds : public testing::Test {
 protected:
  /// How long a main takes on the loop's clock.
  template <class F>
  Duration taken(F main) {
    const TimePoint before = loop.time();
    loop.run_until_complete(main);
    return loop.time() - before;
  }
  ScriptedLoop loop;
};

TEST_F(FractionsOfSeconds, AreTakenBySleepAndCallLater) {
  EXPECT_EQ(taken([] { asyncio::sleep(0.5s); }), 500ms);
  EXPECT_EQ(taken([] { EXPECT_EQ(asyncio::sleep(1.5s, 7), 7); }), 1500ms);
  EXPECT_EQ(taken([this] {
              const auto future = loop.create_future<void>();
              loop.call_later(0.25s, [=] { release_waiter(future); });
              await(future);
            }),
            250ms);
}

TEST_F(FractionsOfSeconds, AreTakenByTimeouts) {
  const auto for_ever = [this] { await(loop.create_future<void>()); };
  EXPECT_EQ(taken([&] { EXPECT_THROW(timeout(0.5s, for_ever), TimeoutError); }), 500ms);
  EXPECT_EQ(taken([&] { EXPECT_THROW(wait_for(for_ever, 0.5s), TimeoutError); }), 500ms);
  EXPECT_EQ(taken([&] { wait(std::vector{loop.create_future<void>()}, {.timeout = 0.5s}); }), 500ms);
  EXPECT_EQ(taken([&] {
              EXPECT_THROW(as_completed(std::vector{loop.create_future<void>()}, {.timeout = 0.5s}).begin(),
                           TimeoutError);
            }),
            500ms);
}

// What is no fraction is taken as before: an optional, nothing, a Duration.
TEST_F(FractionsOfSeconds, LeaveTheOtherSpellingsAsTheyAre) {
  const auto at_once = [] { return 1; };
  loop.run_until_complete([&] {
    EXPECT_EQ(timeout(std::nullopt, at_once), 1);
    EXPECT_EQ(timeout(std::optional<Duration>(1s), at_once), 1);
    EXPECT_EQ(wait_for(at_once, {}), 1);
    EXPECT_EQ(wait_for(at_once, Duration(5)), 1);
  });
}

// asyncio has it as an attribute of every loop that runs.
TEST_F(FractionsOfSeconds, TheDurationOfASlowCallbackIsSetOnAnyLoop) {
  loop.run_until_complete([] {
    AbstractEventLoop& any = get_running_loop();
    EXPECT_EQ(any.slow_callback_duration, 100ms);
    any.slow_callback_duration = to_duration(0.05s);
  });
  EXPECT_EQ(loop.slow_callback_duration, 50ms);
}

// What a program counts with may be unsigned, and is compared as such.
TEST(ADelay, MayBeCountedWithoutASign) {
  EXPECT_EQ(Duration(Delay(std::uint64_t{5} * 1ms)), 5ms);
  EXPECT_EQ(Duration(Delay(std::uint32_t{5} * 1ms)), 5ms);
  EXPECT_EQ(to_duration(std::chrono::duration<std::uint64_t>(~std::uint64_t{0})), Duration::max());
  EXPECT_EQ(to_duration(std::chrono::duration<std::uint64_t>(0)), 0s);
}

// A span that is longer than a Duration can be is for ever: three centuries.
TEST_F(FractionsOfSeconds, NothingIsTooLong) {
  EXPECT_EQ(to_duration(std::chrono::hours::max()), Duration::max());
  EXPECT_EQ(to_duration(std::chrono::hours::min()), Duration::min());
  EXPECT_EQ(to_duration(std::chrono::duration<std::uint64_t>(UINT64_MAX)), Duration::max());
  EXPECT_EQ(to_duration(std::chrono::hours(2)), 2h);
  loop.run_until_complete([] {
    EXPECT_EQ(wait_for([] { return sleep(1ms, 1); }, std::chrono::years(1000)), 1);
    const TimerHandle never = get_running_loop().call_later(std::chrono::hours::max(), [] {});
    EXPECT_EQ(never.when(), TimePoint::max());
    never.cancel();
  });
}

// tasks.py, _release_waiter.
TEST_F(FractionsOfSeconds, AWaiterIsReleasedOnce) {
  const auto waiter = loop.create_future<void>();
  release_waiter(waiter);
  EXPECT_TRUE(waiter.done());
  release_waiter(waiter);
  const auto cancelled = loop.create_future<void>();
  cancelled.cancel();
  release_waiter(cancelled);
  EXPECT_TRUE(cancelled.cancelled());
}

}  // namespace
}  // namespace asyncio
