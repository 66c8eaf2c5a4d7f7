// shrinking.cpp: shrinks what was found, then runs the result once more for its trace: only a trace knows when a choice
// was made.
#include "shrinking.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "case_file.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "report.hpp"

namespace asyncio::sim::tool {
namespace {

/// Ctrl-C came while shrinking.
class Interrupted {};

void write_case(const Finding& finding, const Options& options) {
  if (options.output.empty()) return;
  write_file(options.output, case_file_text(finding.scenario, finding.smallest(), finding.deviations));
}

}  // namespace

void shrink_and_report(Finding& finding, Session& session, const Options& options, Output& output) {
  write_case(finding, options);
  ShrinkOptions shrink_options;
  if (options.command == "shrink" && options.budget > Duration::zero()) shrink_options.budget = options.budget;
  if (!options.quiet) {
    complain(fmt::format("shrinking, for at most {} s", shrink_options.budget / std::chrono::seconds(1)));
  }
  try {
    session.runs(finding.result.token);
    const Scenario interruptible = [&session](World& world) {
      if (Interruption::requested()) throw Interrupted();  // shrink() asks nobody else whether to go on
      session.scenario()(world);
    };
    const RunResult shrunk = sim::shrink(interruptible, finding.result, shrink_options);
    finding.deviations = sim::deviations(session.scenario(), shrunk);
    finding.shrunk = sim::replay(session.scenario(), shrunk.token);  // for its trace: it knows when a choice was made
    session.rests();
  } catch (const StaleTape& error) {
    throw Stale(finding.scenario, finding.result.token, error.what());
  } catch (const Interrupted&) {
    output.text("\nThe shrinking was interrupted; this is the case as it was found.\n");
  }

  if (finding.shrunk) {
    report_causes(output, finding);
    output.object(shrunk_object(finding));
  }
  report_next_steps(output, options, finding);
  write_case(finding, options);
  if (!options.output.empty()) output.remark(fmt::format("case     {}\n", options.output));
}

}  // namespace asyncio::sim::tool
