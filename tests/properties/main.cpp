// main.cpp: GoogleTest's main(), with one line more.
//
// Without the listener a failed EXPECT_* inside a property does not fail the property: it would go on,
// print hundreds of failures, and shrink nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gmock.h>

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  rc::gmock::RapidCheckListener::install();
  return RUN_ALL_TESTS();
}
