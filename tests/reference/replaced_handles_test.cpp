// replaced_handles_test.cpp: a program may assign to a handle while what the handle names is at work. In Python the
// call holds the object; here each of these calls has to keep it by itself. Rules: semantics.md S29, S40, S350.
#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <string>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

TEST(ARunOfAContext, OutlivesTheHandleThatItWasCalledOn) {
  ContextVar<int> number("number", 0);
  Context context;
  context.run([&] {
    number.set(1);
    context = Context();
    EXPECT_EQ(number.get(), 1);
  });
  EXPECT_EQ(number.get(), 0);
  EXPECT_FALSE(context.contains(number));
}

TEST(RunUntilCompleteOfAFuture, OutlivesTheHandleThatItWasGiven) {
  ScriptedLoop loop;
  auto future = loop.create_future<std::string>();
  loop.call_soon([&] {
    future.set_result("kept");
    future = {};
  });
  EXPECT_EQ(loop.run_until_complete(future), "kept");
}

TEST(RunUntilCompleteOfATask, OutlivesTheHandleThatItWasGiven) {
  ScriptedLoop loop;
  Task<std::string> task;
  task = loop.create_task([&] {
    task = {};
    sleep(0s);
    return std::string("kept");
  });
  EXPECT_EQ(loop.run_until_complete(task), "kept");
}

TEST(TheNextValueOfAGenerator, OutlivesTheHandleThatItWasAskedOf) {
  run([] {
    AsyncGenerator<std::string> generator([](auto& yield) {
      sleep(0s);
      yield("kept");
    });
    create_task([&] { generator = {}; });
    EXPECT_EQ(generator.anext(), "kept");
    EXPECT_FALSE(generator);
  });
}

}  // namespace
}  // namespace asyncio
