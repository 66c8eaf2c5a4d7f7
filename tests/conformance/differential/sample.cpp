// sample.cpp: random programs that are stored with what CPython printed, run on a real loop and in a world.
//
// A paragraph of sample.txt has the kind and number of a program in its heading, then the program, then its lines.
// `python3 tests/conformance/differential/compare.py --write` makes it, and `make differential` compares fresh ones.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/conformance/differential/machine.hpp"

namespace conformance::differential {
namespace {

struct Stored {
  std::string kind;
  std::string number;
  Json program;
  std::vector<std::string> lines;
};

std::vector<Stored> stored(const std::string& kind) {
  std::ifstream text(std::string(ORRERY_CONFORMANCE) + "/differential/sample.txt");
  std::vector<Stored> all;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("== ")) {
      const std::size_t space = line.find(' ', 3);
      std::string program;
      std::getline(text, program);
      all.push_back({line.substr(3, space - 3), line.substr(space + 1), Json::parse(program), {}});
    } else {
      all.back().lines.push_back(line);
    }
  }
  std::erase_if(all, [&](const Stored& one) { return one.kind != kind; });
  return all;
}

/// A client of a world is not run by a Runner, which would tidy up after that.
bool leaves_the_loop(const Json& program) {
  const std::string text = program.dump();
  const auto has = [&](const char* word) { return text.find(word) != std::string::npos; };
  return has("\"stop\"") || has("\"interrupt\"") || has("\"exit\"");
}

class RandomPrograms : public testing::TestWithParam<const char*> {
 protected:
  static void compare(const Stored& stored, const std::string& flag, const std::vector<std::string>& expected,
                      const std::vector<std::string>& actual) {
    EXPECT_EQ(expected, actual) << "python3 tests/conformance/differential/compare.py " << flag << "--show "
                                << stored.kind << " " << stored.number;
  }
};

TEST_P(RandomPrograms, PrintWhatCPythonPrinted) {
  const std::vector<Stored> sample = stored(GetParam());
  ASSERT_FALSE(sample.empty());
  for (const Stored& one : sample) {
    compare(one, "", one.lines, run_on_a_loop(one.program));
  }
}

TEST_P(RandomPrograms, PrintItInAWorldAsWell) {
  const std::vector<Stored> sample = stored(GetParam());
  ASSERT_FALSE(sample.empty());
  for (const Stored& one : sample) {
    if (leaves_the_loop(one.program)) continue;
    compare(one, "--in-a-world ", up_to_the_end_of_main(one.lines), run_in_a_world(one.program));
  }
}

INSTANTIATE_TEST_SUITE_P(Sample, RandomPrograms,
                         testing::Values("plain", "small", "large", "eager", "interrupts", "primitives", "generators",
                                         "dropped"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace conformance::differential
