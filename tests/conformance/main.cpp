// main.cpp: runs the C++ programs of the pairs, and compares what they print with what CPython printed.
//
// Every pair is a test of GoogleTest, registered by its name. The stored text of a group has a paragraph for
// each pair, under a line "== name". A paragraph marked with a version, "== name [3.15]", is by the rules of that
// version, which the Python that made the text did not have yet.
//
// A pair that is the main of a program runs twice: on a real loop, as Suite.name, and as the main of a client in a
// world, in the plain execution, as SuiteInAWorld.name. Both have to print what CPython printed.
#include <asyncio/sim/sim.hpp>

#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/conformance/groups.hpp"
#include "tests/conformance/pairs.hpp"

namespace conformance {
namespace {

/// The lines that are stored for a pair; nothing where there are none.
std::optional<std::string> stored(const std::string& file, const std::string& pair) {
  std::ifstream text(std::string(ORRERY_CONFORMANCE) + "/" + file + ".txt");
  std::optional<std::string> found;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("== ")) {
      if (found) break;
      if (line.substr(3, line.find(' ', 3) - 3) == pair) found.emplace();
    } else if (found) {
      *found += line + "\n";
    }
  }
  return found;
}

/// What `body` prints to standard output.
template <class F>
std::string printed(F body) {
  std::ostringstream out;
  std::streambuf* const before = std::cout.rdbuf(out.rdbuf());
  try {
    body();
  } catch (...) {
    std::cout.rdbuf(before);
    throw;
  }
  std::cout.rdbuf(before);
  return out.str();
}

class Pair : public testing::Test {
 public:
  Pair(const Group& group, Program program, bool in_task) : file_(group.file), program_(program), in_task_(in_task) {}

  void TestBody() override {
    const std::optional<std::string> expected = stored(file_, program_.name);
    ASSERT_TRUE(expected) << file_ << ".txt has no paragraph \"== " << program_.name
                          << "\". Make it with: python3 tests/conformance/pairs.py --write";
    EXPECT_EQ(*expected, printed([this] {
      in_task_ ? asyncio::run(program_.body, {.loop_factory = new_loop}) : program_.body();
    }));
  }

 private:
  std::string file_;
  Program program_;
  bool in_task_;
};

/// The same main, run by a client of a world.
class PairInAWorld : public testing::Test {
 public:
  PairInAWorld(const Group& group, Program program) : file_(group.file), program_(program) {}

  void TestBody() override {
    asyncio::sim::RunResult result;
    const std::string lines = printed([&] {
      result = asyncio::sim::run([this](asyncio::sim::World& world) { world.client("main", program_.body); },
                                 {.strategy = asyncio::sim::fifo(), .time_limit = std::chrono::hours(24 * 30)});
    });
    EXPECT_EQ(stored(file_, program_.name), lines);
    EXPECT_FALSE(result.failure) << result.failure->message;
  }

 private:
  std::string file_;
  Program program_;
};

void add_in_a_world(const Group& group) {
  for (const Program& program : group.mains) {
    if (program.not_in_a_world != nullptr) continue;
    testing::RegisterTest((std::string(group.suite) + "InAWorld").c_str(), program.name, nullptr, nullptr, __FILE__,
                          __LINE__, [=]() -> testing::Test* { return new PairInAWorld(group, program); });
  }
}

void add(const Group& group, const std::vector<Program>& programs, bool in_task) {
  for (const Program& program : programs) {
    testing::RegisterTest(group.suite, program.name, nullptr, nullptr, __FILE__, __LINE__,
                          [=]() -> testing::Test* { return new Pair(group, program, in_task); });
  }
}

}  // namespace
}  // namespace conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (const conformance::Group& group : conformance::groups()) {
    conformance::add(group, group.mains, true);
    conformance::add(group, group.programs, false);
    conformance::add_in_a_world(group);
  }
  return RUN_ALL_TESTS();
}
