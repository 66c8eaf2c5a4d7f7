// list_command.cpp: the scenarios that this program has, with what each of them shows.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "exit_status.hpp"
#include "quantities.hpp"
#include "selection.hpp"
#include "stopwatch.hpp"

namespace asyncio::sim::tool {

int list(const Options& options, Output& output) {
  const Stopwatch stopwatch;
  const auto scenarios = matching_scenarios(options.names.empty() ? "*" : options.names.front());
  std::size_t widest = 0;
  for (const RegisteredScenario* scenario : scenarios) widest = std::max(widest, scenario->name.size());

  for (const RegisteredScenario* scenario : scenarios) {
    output.text(fmt::format("{:<{}}  {}\n", scenario->name, widest, scenario->summary));
    output.object(
        {{"type", "scenario"}, {"scenario", scenario->name}, {"summary", scenario->summary}, {"file", scenario->file}});
  }
  output.remark(fmt::format("\n{}. Next: {} explore {}\n", counted(scenarios.size(), "scenario"), options.program,
                            scenarios.front()->name));
  output.object({{"type", "summary"},
                 {"scenario", nullptr},
                 {"ok", true},
                 {"executions", 0},
                 {"distinct_traces", 0},
                 {"exhausted", false},
                 {"seconds", stopwatch.seconds()},
                 {"scenarios", scenarios.size()}});
  return EXIT_PASSED;
}

}  // namespace asyncio::sim::tool
