// shrink_command.cpp: the same failure from fewer deviations.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "report.hpp"
#include "shrinking.hpp"

namespace asyncio::sim::tool {

int shrink(const Options& options, Output& output) {
  const Case wanted = find_case(options.names.front());
  if (!options.output.empty()) check_writable(options.output);
  Session session(*wanted.scenario, options, output);
  Finding finding{.scenario = wanted.scenario->name, .result = reproduce(wanted, session)};
  if (!finding.result.failure) {
    throw UsageError(fmt::format("{} does not fail, so there is nothing to shrink.", options.names.front()));
  }

  report_failure(output, finding);
  output.object(failure_object(finding));
  shrink_and_report(finding, session, options, output);
  output.object(summary_object(Summary::of(session, finding.smallest())));
  return Interruption::requested() ? EXIT_INTERRUPTED : EXIT_FAILED;
}

}  // namespace asyncio::sim::tool
