// trace_test.cpp: traces as text and as JSON.
#include <asyncio/sim/trace.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace asyncio::sim {
namespace {

Trace a_trace() {
  Trace trace;
  trace.events.push_back({.kind = EventKind::run_start});
  trace.events.push_back({.step = 12,
                          .time = TimePoint(std::chrono::milliseconds(20)),
                          .kind = EventKind::choice,
                          .host = "bob",
                          .subject = "ready: bob",
                          .a = 1,
                          .b = 3});
  trace.events.push_back({.step = 13, .kind = EventKind::observe, .subject = "q\"\n", .detail = "\xff\x01"});
  return trace;
}

TEST(ATraceAsText, HasALineForEachEvent) {
  std::ostringstream out;
  a_trace().write_text(out);
  EXPECT_EQ(out.str(),
            "     0    0.000000000  run_start       -\n"
            "    12    0.020000000  choice          bob        ready: bob  way 1 of 3\n"
            "    13    0.000000000  observe         -          q\"   \xff\x01\n");
}

TEST(ATraceAsJson, HasAnObjectALineAndSortedKeys) {
  std::ostringstream out;
  a_trace().write_json(out);
  EXPECT_EQ(
      out.str(),
      R"({"format":"orrery-trace","version":1})"
      "\n"
      R"({"a":0,"b":0,"detail":"","host":"","kind":"run_start","step":0,"subject":"","time_ns":0})"
      "\n"
      R"({"a":1,"b":3,"detail":"","host":"bob","kind":"choice","step":12,"subject":"ready: bob","time_ns":20000000})"
      "\n"
      R"({"a":0,"b":0,"detail":")"
      "\xef\xbf\xbd"  // what is no text is replaced, so that every line can be read
      R"(\u0001","host":"","kind":"observe","step":13,"subject":"q\"\n","time_ns":0})"
      "\n");
}

TEST(ATraceAsJson, HasItsVersionEvenWhenItIsEmpty) {
  std::ostringstream out;
  Trace().write_json(out);
  EXPECT_EQ(out.str(), "{\"format\":\"orrery-trace\",\"version\":1}\n");
}

TEST(EventKind, HasANameForEach) {
  EXPECT_EQ(to_string(EventKind::run_start), "run_start");
  EXPECT_EQ(to_string(EventKind::task_enter), "task_enter");
  EXPECT_EQ(to_string(EventKind::deliver), "deliver");
  EXPECT_EQ(to_string(EventKind::failure), "failure");
}

}  // namespace
}  // namespace asyncio::sim
