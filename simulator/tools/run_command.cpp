// run_command.cpp: one execution of a scenario.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "quantities.hpp"
#include "report.hpp"
#include "selection.hpp"

namespace asyncio::sim::tool {
int run(const Options& options, Output& output) {
  const RegisteredScenario& scenario = find_scenario(options.names.front());
  if (!options.output.empty()) check_writable(options.output);
  Session session(scenario, options, output);
  session.runs(token_before_run(options.run));
  const RunResult result = sim::run(session.scenario(), options.run);
  const bool to_file = !options.output.empty();
  const std::vector<Deviation> deviations =
      to_file ? sim::deviations(session.scenario(), result) : std::vector<Deviation>();
  session.rests();

  if (result.failure) {
    const Finding finding{.scenario = scenario.name, .result = result};
    report_failure(output, finding);
    report_next_steps(output, options, finding);
    output.object(failure_object(finding));
  } else {
    output.remark(fmt::format("{}\n{}; trace {}\nreplay   {} replay {}\n", describe_run(scenario.name, result),
                              describe_tape(result.tape), hash_text(result.trace_hash), options.program,
                              case_text(scenario.name, result)));
  }
  if (to_file) write_file(options.output, case_file_text(scenario.name, result, deviations));
  output.object(summary_object(Summary::of(session, result)));
  if (Interruption::requested()) return EXIT_INTERRUPTED;
  return result.failure ? EXIT_FAILED : EXIT_PASSED;
}

}  // namespace asyncio::sim::tool
