// main.cpp: the properties, and the command line for the scenarios among them.
//
//     properties_tests --gtest_filter=…              the tests
//     properties_tests replay SCENARIO@TOKEN         what a failed property says to type
//
// The listener: without it a failed EXPECT_* inside a property does not fail the property; it would go on,
// print hundreds of failures, and shrink nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gmock.h>

#include "simulator/tools/tool_main.hpp"

int main(int argc, char** argv) {
  const bool asks_the_tool = argc > 1 && argv[1][0] != '-';
  if (asks_the_tool) return asyncio::sim::tool_main(argc, argv);
  testing::InitGoogleMock(&argc, argv);
  rc::gmock::RapidCheckListener::install();
  return RUN_ALL_TESTS();
}
