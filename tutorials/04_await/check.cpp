// check.cpp: looks whether the exercise of chapter 4 is solved.
#include "both.hpp"

#include <asyncio/sim/sim.hpp>

#include <stdexcept>
#include <string>

#include "tutorials/checks.hpp"

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

namespace {

std::string milliseconds(asyncio::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) + " ms";
}

/// Does something in a world of one host, whose clock jumps.
std::string in_a_world(std::function<std::string()> act) {
  std::string got;
  const auto result =
      sim::run([&](sim::World& world) { world.client("main", [&] { got = act(); }); }, {.strategy = sim::fifo()});
  return result.failure ? result.failure->message : got;
}

std::string time_of_two_sleeps(asyncio::Duration first, asyncio::Duration second) {
  const asyncio::TimePoint begun = asyncio::get_running_loop().time();
  both([=] { asyncio::sleep(first); }, [=] { asyncio::sleep(second); });
  return milliseconds(asyncio::get_running_loop().time() - begun);
}

std::string order_of_two_counters() {
  std::string counted;
  const auto count = [&](char letter) {
    for (int i = 0; i < 3; ++i) {
      counted += letter;
      asyncio::sleep(0s);
    }
  };
  both([&] { count('a'); }, [&] { count('b'); });
  return counted;
}

std::string error_of(std::function<void()> first, std::function<void()> second) {
  try {
    both(first, second);
    return "nothing was thrown";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

}  // namespace

int main() {
  tutorials::Checks checks(4, "tutorials/04_await/exercise/both.hpp");
  checks.expect({.what = "sleeps of 20 ms and 30 ms take 30 ms when they are side by side",
                 .expected = "30 ms",
                 .why = "side by side they take as long as the longer one; a call runs a function to its end first"},
                [] { return in_a_world([] { return time_of_two_sleeps(20ms, 30ms); }); });
  checks.expect({.what = "sleeps of 30 ms and 20 ms do so as well",
                 .expected = "30 ms",
                 .why = "both() returns when both have returned, whichever is the longer one"},
                [] { return in_a_world([] { return time_of_two_sleeps(30ms, 20ms); }); });
  checks.expect({.what = "two functions that sleep(0s) after each letter take turns",
                 .expected = "ababab",
                 .why = "each sleep(0s) lets the other one run, and the first one begins first"},
                [] { return in_a_world(order_of_two_counters); });
  const auto burn = [] { throw std::runtime_error("burnt"); };
  const auto sleep = [] { asyncio::sleep(5ms); };
  checks.expect({.what = "what the first one throws comes out of both()",
                 .expected = "burnt",
                 .why = "a task keeps its exception until somebody awaits it"},
                [=] { return in_a_world([=] { return error_of(burn, sleep); }); });
  checks.expect({.what = "what the second one throws comes out as well",
                 .expected = "burnt",
                 .why = "a task keeps its exception until somebody awaits it"},
                [=] { return in_a_world([=] { return error_of(sleep, burn); }); });
  return checks.conclude();
}
