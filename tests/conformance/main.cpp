// main.cpp: runs the C++ programs of the pairs, and compares what they print with what CPython printed.
//
// Every pair is a test of GoogleTest, registered by its name. The stored text of a group has a paragraph for
// each pair, under a line "== name". A paragraph marked with a version, "== name [3.15]", is by the rules of that
// version, which the Python that made the text did not have yet.
//
// A pair that is the main of a program runs on a real loop, as Suite.name, and as the main of a client in a world, as
// SuiteInAWorld.name. There it runs under many schedules:
//
//     the plain one      prints what CPython printed
//     fifo, many seeds   asyncio's order of callbacks, but a turn of the loop takes any time, so that timers meet
//     any, many seeds    whatever is ready may go next: more than asyncio allows, and what nobody may rely on
//
// Under every one of them a pair ends well, prints what CPython printed, and does the same again with the same seed,
// but for what schedules.tsv says. That list was measured; a test looks that each line of it is still needed.
//
// With --run-programs, or --run-programs-in-a-world, this is no test but the C++ half of differential/compare.py.
#include <asyncio/sim/sim.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "tests/conformance/differential/machine.hpp"
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

// ---- In a world ----

namespace sim = asyncio::sim;
using sim::ReadyOrder;

/// What a pair does not promise; a line of schedules.tsv.
struct Freedom {
  std::string lines = "fixed";  // or they hang on the "order" of ready callbacks, or on the "time" that turns take
  std::string end = {};         // how an execution may fail, as the failure begins; empty: not at all

  bool lines_may_differ(ReadyOrder order) const { return lines == "time" || (lines == "order" && any(order)); }
  bool may_fail(ReadyOrder order) const { return !end.empty() && (lines == "time" || any(order)); }

 private:
  static bool any(ReadyOrder order) { return order == ReadyOrder::any; }
};

/// All lines of schedules.tsv by "Suite.name".
std::map<std::string, Freedom> freedoms() {
  std::map<std::string, Freedom> found;
  std::ifstream table(std::string(ORRERY_CONFORMANCE) + "/schedules.tsv");
  for (std::string line; std::getline(table, line);) {
    if (line.empty() || line.starts_with("#")) continue;
    std::istringstream fields(line);
    std::string pair, lines, end;
    std::getline(fields, pair, '\t');
    std::getline(fields, lines, '\t');
    std::getline(fields, end, '\t');
    if (!found.emplace(pair, Freedom{lines, end}).second) throw Oops("schedules.tsv names " + pair + " twice");
  }
  return found;
}

/// One execution of a main in a world: what it printed, and what became of it.
struct Execution {
  Execution(const Program& program, const sim::Strategy& strategy, ReadyOrder order, std::uint64_t seed)
      : lines(printed([&] {
          result = sim::run([&](sim::World& world) { world.client("main", program.body); },
                            {.seed = seed,
                             .strategy = strategy,
                             .ready = order,
                             .time_limit = std::chrono::hours(24 * 30),
                             .step_limit = 100'000});
        })) {}

  /// "deadlock: nothing will …"; empty where it ended well.
  std::string failure() const {
    return result.failure ? std::string(to_string(result.failure->kind)) + ": " + result.failure->message : "";
  }

  sim::RunResult result;  // before what is printed while it is made
  std::string lines;
};

/// How many seeds each order is tried with.
std::uint64_t seeds() { return std::getenv("ORRERY_QUICK") ? 4 : 25; }

class PairInAWorld : public testing::Test {
 public:
  PairInAWorld(const Group& group, Program program)
      : name_(std::string(group.suite) + "." + program.name),
        program_(program),
        expected_(stored(group.file, program.name).value_or("nothing is stored")) {}

  void TestBody() override {
    const Execution plain(program_, sim::fifo(), ReadyOrder::fifo, 0);
    EXPECT_EQ(expected_, plain.lines);
    EXPECT_EQ(plain.failure(), "");

    const std::map<std::string, Freedom> table = freedoms();
    const auto found = table.find(name_);
    const Freedom freedom = found == table.end() ? Freedom() : found->second;
    for (const ReadyOrder order : {ReadyOrder::fifo, ReadyOrder::any}) {
      for (std::uint64_t seed = 0; seed < seeds() && !HasFailure(); ++seed) look(order, seed, freedom);
    }
  }

 private:
  void look(ReadyOrder order, std::uint64_t seed, const Freedom& freedom) {
    const Execution one(program_, sim::random(), order, seed);
    SCOPED_TRACE(name_ + " under " + std::string(to_string(order)) + ", seed " + std::to_string(seed) +
                 ". Would asyncio do so as well, under such a schedule? Then it belongs into schedules.tsv");
    if (!freedom.lines_may_differ(order) && one.failure().empty()) {
      EXPECT_EQ(expected_, one.lines);
    }
    if (!freedom.may_fail(order)) {
      EXPECT_EQ(one.failure(), "");
    } else if (!one.failure().empty()) {
      EXPECT_EQ(one.failure().substr(0, freedom.end.size()), freedom.end);
    }

    const Execution again(program_, sim::random(), order, seed);
    EXPECT_EQ(one.result.trace_hash, again.result.trace_hash);
    EXPECT_EQ(one.lines, again.lines);
    EXPECT_EQ(one.failure(), again.failure());
  }

  std::string name_;
  Program program_;
  std::string expected_;
};

/// Every line of schedules.tsv names a pair, and some schedule shows that the pair needs it.
class TheListOfSchedules : public testing::Test {
 public:
  void TestBody() override {
    std::map<std::string, Freedom> table = freedoms();
    for (const Group& group : groups()) {
      for (const Program& program : group.mains) {
        const auto found = table.find(std::string(group.suite) + "." + program.name);
        if (found == table.end() || program.not_in_a_world != nullptr) continue;
        EXPECT_TRUE(needed(program, stored(group.file, program.name).value_or(""), found->second)) << found->first;
        table.erase(found);
      }
    }
    for (const auto& [pair, freedom] : table) ADD_FAILURE() << "no pair that runs in a world: " << pair;
  }

 private:
  static bool needed(const Program& program, const std::string& expected, const Freedom& freedom) {
    const ReadyOrder order = freedom.lines == "time" ? ReadyOrder::fifo : ReadyOrder::any;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
      const Execution execution(program, sim::random(), order, seed);
      if (freedom.lines_may_differ(order) ? execution.lines != expected : !execution.failure().empty()) return true;
    }
    return false;
  }
};

void add_in_a_world(const Group& group) {
  for (const Program& program : group.mains) {
    if (program.not_in_a_world != nullptr) continue;
    testing::RegisterTest((std::string(group.suite) + "InAWorld").c_str(), program.name, nullptr, nullptr, __FILE__,
                          __LINE__, [=]() -> testing::Test* { return new PairInAWorld(group, program); });
  }
}

// ---- All of them ----

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
  const std::string_view flag = argc == 2 ? argv[1] : "";
  if (flag.starts_with("--run-programs")) {
    conformance::differential::run_programs(flag == "--run-programs-in-a-world");
    return 0;
  }
  for (const conformance::Group& group : conformance::groups()) {
    conformance::add(group, group.mains, true);
    conformance::add(group, group.programs, false);
    conformance::add_in_a_world(group);
  }
  testing::RegisterTest("TheListOfSchedules", "NamesNothingInVain", nullptr, nullptr, __FILE__, __LINE__,
                        [] { return new conformance::TheListOfSchedules; });
  return RUN_ALL_TESTS();
}
