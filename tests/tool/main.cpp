// main.cpp: one program that is both the tests and the tool that they test.
//
// The museum's scenarios fail, if at all, in civilised ways. The tests need some that crash, hang and lie
// (scenarios.cpp), so this program runs itself as the tool: with ORRERY_TESTS_AS_TOOL in the environment it is
// the command line. An argument would not do: the lines that a report offers for pasting have to work.
#include <cstdlib>

#include <gtest/gtest.h>

#include "simulator/tools/tool_main.hpp"
#include "tool.hpp"

int main(int argc, char** argv) {
  if (std::getenv(tool_test::AS_TOOL) != nullptr) return asyncio::sim::tool_main(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
