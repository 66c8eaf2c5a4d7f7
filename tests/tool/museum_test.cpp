// museum_test.cpp: the program that is shipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;

TEST(Museum, IsListed) {
  const Ran ran = shell("'" ORRERY_TOOL "' list");
  EXPECT_EQ(ran.status, 0);
  EXPECT_THAT(ran.out, HasSubstr("a2_wrong_users_data_buggy"));
}

}  // namespace
}  // namespace tool_test
