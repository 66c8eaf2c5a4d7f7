// in_a_world.cpp: random programs as the main of a client in a world, in asyncio's own order of callbacks.
#include <asyncio/sim/sim.hpp>

#include <algorithm>

#include "tests/conformance/differential/machine.hpp"

namespace conformance::differential {
namespace {

namespace sim = asyncio::sim;

bool ends_main(const std::string& line) {
  const std::string_view text = std::string_view(line).substr(line.find(' ') + 1);
  return text.starts_with("T0 returns") || text.starts_with("T0 ends");
}

}  // namespace

std::vector<std::string> up_to_the_end_of_main(std::vector<std::string> lines) {
  const auto last = std::find_if(lines.begin(), lines.end(), ends_main);
  if (last != lines.end()) lines.erase(last + 1, lines.end());
  return lines;
}

std::vector<std::string> run_in_a_world(const Json& program) {
  Machine machine(program);
  sim::run([&](sim::World& world) { world.client("main", [&] { machine.main(); }); },
           {.strategy = sim::fifo(), .time_limit = std::chrono::hours(1), .step_limit = 100'000});
  machine.closed = true;
  return up_to_the_end_of_main(machine.lines);
}

}  // namespace conformance::differential
