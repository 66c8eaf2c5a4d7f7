// replay_command.cpp: the execution that a CASE stands for, once more.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "quantities.hpp"
#include "report.hpp"

namespace asyncio::sim::tool {

int replay(const Options& options, Output& output) {
  const Case wanted = find_case(options.names.front());
  Session session(*wanted.scenario, options, output);
  const RunResult result = reproduce(wanted, session);

  if (result.failure) {
    const Finding finding{.scenario = wanted.scenario->name, .result = result};
    report_failure(output, finding);
    report_next_steps(output, options, finding);
    output.object(failure_object(finding));
  } else {
    output.remark(fmt::format("{}\n{}; trace {}\n", describe_run(wanted.scenario->name, result),
                              describe_tape(result.tape), hash_text(result.trace_hash)));
  }
  output.object(summary_object(Summary::of(session, result)));
  if (Interruption::requested()) return EXIT_INTERRUPTED;
  return result.failure ? EXIT_FAILED : EXIT_PASSED;
}

}  // namespace asyncio::sim::tool
