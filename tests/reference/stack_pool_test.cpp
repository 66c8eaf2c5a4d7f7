// stack_pool_test.cpp: stacks as memory, without coroutines. P1 to P3 are in stack_pool.hpp.
#include "../../reference/src/stack_pool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>

namespace asyncio {
namespace {

using testing::HasSubstr;

std::vector<Stack> take(StackPool& pool, std::size_t count) {
  std::vector<Stack> stacks(count);
  pool.take(stacks.data(), count);
  return stacks;
}

/// True where the page at `address` has memory behind it.
bool is_resident(char* address) {
  unsigned char resident = 0;
  const auto page = reinterpret_cast<std::uintptr_t>(address) / 4096 * 4096;
  EXPECT_EQ(::mincore(reinterpret_cast<void*>(page), 4096, &resident), 0);
  return resident & 1;
}

TEST(AStack, CanBeWrittenFromEndToEnd) {
  const Stack stack = acquire_stack();
  for (char* at = stack.bottom; at < stack.top; at += 4096) *at = 1;
  stack.top[-1] = 1;
  release_stack(stack);
}

// P1
TEST(AStack, OverlapsNoOther) {
  StackPool pool({});
  std::vector<Stack> stacks = take(pool, 200);
  std::sort(stacks.begin(), stacks.end(), [](const Stack& a, const Stack& b) { return a.bottom < b.bottom; });
  for (std::size_t i = 1; i != stacks.size(); ++i) EXPECT_LE(stacks[i - 1].top, stacks[i].bottom - GUARD_BYTES);
}

TEST(AThread, GetsBackTheStackThatItReleasedLast) {
  const Stack first = acquire_stack(), second = acquire_stack();
  release_stack(first);
  release_stack(second);
  EXPECT_EQ(acquire_stack(), second);
  EXPECT_EQ(acquire_stack(), first);
  release_stack(first);
  release_stack(second);
}

/// Stacks of the process that somebody has acquired and not released.
std::size_t stacks_in_use() {
  const StackPool::Counts counts = StackPool::instance().counts();
  return counts.carved - counts.idle - counts.cold - stacks_in_thread_lists();
}

// P2
TEST(AThread, MayReleaseWhatAnotherAcquired) {
  const std::size_t before = stacks_in_use();
  Stack stack;
  std::thread([&] { stack = acquire_stack(); }).join();
  EXPECT_EQ(stacks_in_use(), before + 1);
  release_stack(stack);
  EXPECT_EQ(stacks_in_use(), before);
}

TEST(AThread, LeavesItsStacksToThePoolWhenItEnds) {
  const std::size_t listed = stacks_in_thread_lists();
  std::thread([] { release_stack(acquire_stack()); }).join();
  EXPECT_EQ(stacks_in_thread_lists(), listed);
}

TEST(AThread, MayReleaseStacksWhenItsThreadLocalsAreGone) {
  struct ReleasesLate {
    Stack stack;
    ~ReleasesLate() {
      if (stack) release_stack(stack);
    }
  };
  std::thread([] {
    static thread_local ReleasesLate late;  // constructed first, so destroyed after the pool's own
    late.stack = acquire_stack();
  }).join();
}

TEST(ThePool, HandsOutWhatItWasGivenLast) {
  StackPool pool({});
  const std::vector<Stack> stacks = take(pool, 2);
  pool.give(stacks.data(), 2);
  EXPECT_EQ(take(pool, 1)[0], stacks[1]);
  EXPECT_EQ(pool.counts().carved, 2u);
}

TEST(ThePool, KeepsOnlyTheTopOfAnIdleStackInMemory) {
  StackPool pool({});
  const Stack stack = take(pool, 1)[0];
  *stack.bottom = 1;
  stack.top[-1] = 1;

  pool.give(&stack, 1);

  EXPECT_FALSE(is_resident(stack.bottom));
  EXPECT_TRUE(is_resident(stack.top - 1));
}

TEST(ThePool, GivesBackTheOldestStacksBeyondItsLimit) {
  StackPool pool({.resident_limit = 10});
  const std::vector<Stack> stacks = take(pool, 200);
  for (const Stack& stack : stacks) stack.top[-1] = 1;

  pool.give(stacks.data(), stacks.size());

  EXPECT_EQ(pool.counts().idle, 10u);
  EXPECT_EQ(pool.counts().cold, 190u);
  EXPECT_FALSE(is_resident(stacks.front().top - 1));
  EXPECT_TRUE(is_resident(stacks.back().top - 1));
}

TEST(ThePool, PutsUpWithMissingGuardsAndSaysSoOnce) {
  StackPool pool({.light_guards = false, .mprotect_limit = 3});
  testing::internal::CaptureStderr();
  take(pool, 5);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(pool.counts().unguarded, 2u);
  EXPECT_THAT(said, HasSubstr("3 coroutine stacks have a guard page, and further ones get none"));
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1);
}

TEST(TheGuardOfAStack, IsFoundByItsAddress) {
  const Stack stack = acquire_stack();
  EXPECT_EQ(StackPool::guarded_stack_at(stack.bottom - 1), stack);
  EXPECT_EQ(StackPool::guarded_stack_at(stack.bottom - GUARD_BYTES), stack);
  EXPECT_FALSE(StackPool::guarded_stack_at(stack.bottom));
  EXPECT_FALSE(StackPool::guarded_stack_at(&stack));
  release_stack(stack);
}

void touch_guard_of(StackPool& pool) {
  const Stack stack = take(pool, 1)[0];
  *reinterpret_cast<volatile char*>(stack.bottom - 1) = 1;
}

TEST(AGuardDeathTest, EndsTheProcess) {
  StackPool pool({});
  EXPECT_DEATH(touch_guard_of(pool), "");
}

TEST(AGuardDeathTest, EndsTheProcessWithoutLightGuardsToo) {
  StackPool pool({.light_guards = false});
  EXPECT_DEATH(touch_guard_of(pool), "");
}

// P3
TEST(AGuardDeathTest, SurvivesThatMemoryIsGivenBack) {
  StackPool pool({.resident_limit = 0});
  const std::vector<Stack> stacks = take(pool, 64);
  pool.give(stacks.data(), stacks.size());
  ASSERT_EQ(pool.counts().cold, 64u);
  EXPECT_DEATH(touch_guard_of(pool), "");
}

}  // namespace
}  // namespace asyncio
