// check.cpp: looks whether the exercise of chapter 1 is solved.
#include "loop.hpp"

#include <string>

#include "tutorials/checks.hpp"

using namespace std::chrono_literals;

namespace {

/// Makes a timer for each letter, and tells in which order they ran.
std::string order_of(std::string_view letters, std::function<std::chrono::seconds(char)> delay) {
  Loop loop;
  std::string ran;
  for (const char letter : letters) loop.call_later(delay(letter), [&ran, letter] { ran += letter; });
  loop.run();
  return ran;
}

}  // namespace

int main() {
  tutorials::Checks checks(1, "tutorials/01_loop/exercise/loop.hpp");
  checks.expect({.what = "timers run in the order of their deadlines",
                 .expected = "abcdef",
                 .why = "the loop jumps to the earliest one"},
                [] { return order_of("cafebd", [](char letter) { return std::chrono::seconds(letter); }); });
  checks.expect({.what = "six timers with one deadline run in the order in which they were made",
                 .expected = "abcdef",
                 .why = "to the heap they are all equal, and a heap keeps no order among equals"},
                [] { return order_of("abcdef", [](char) { return 60s; }); });
  checks.expect({.what = "also where earlier and later timers lie between them",
                 .expected = "AbdfgacehBDFG",
                 .why = "only the order of equals may change, not that of deadlines"},
                [] {
                  return order_of("aAbcBdDeFfGgh", [](char letter) {
                    if (letter == 'A') return 1s;
                    if (letter >= 'B' && letter <= 'G') return 90s;
                    return std::string_view("bdfg").find(letter) != std::string_view::npos ? 30s : 60s;
                  });
                });
  return checks.conclude();
}
