// stacks.hpp: functions that a test finds again on a stack, whatever the optimizer does.
#pragma once

#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace stacks {

using asyncio::FrameSummary;
using asyncio::Future;

/// Waits, called by outer(); neither is inlined, and no call is turned into a jump.
[[gnu::noinline]] inline void inner(const Future<void>& future) {
  asyncio::await(future);
  asm volatile("");
}
[[gnu::noinline]] inline void outer(const Future<void>& future) {
  inner(future);
  asm volatile("");
}

inline std::vector<std::string> names(const std::vector<FrameSummary>& frames) {
  std::vector<std::string> names;
  for (const FrameSummary& frame : frames) names.push_back(frame.name);
  return names;
}

/// Matches the name of the first lambda of a function, as g++ or as clang gives it.
inline auto is_a_lambda() { return testing::AnyOf(testing::EndsWith("{lambda#1}"), testing::EndsWith("::$_0")); }

/// A fixture that skips its tests where names are not known: without libbacktrace they are not.
class NamedStacks : public testing::Test {
 protected:
  void SetUp() override {
    asyncio::run([] {
      const auto never = asyncio::get_running_loop().create_future<void>();
      const auto task = asyncio::create_task([&] { outer(never); });
      asyncio::sleep(asyncio::Duration::zero());
      const std::vector<std::string> seen = names(task.get_stack());
      never.set_result();
      asyncio::await(task);
      if (std::ranges::find(seen, "stacks::inner") == seen.end()) GTEST_SKIP() << "built without libbacktrace";
    });
  }
};

}  // namespace stacks
