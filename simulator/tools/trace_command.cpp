// trace_command.cpp: what happens in an execution, event by event.
//
// It shows and does not judge: its exit status is 0 for an execution that fails, too.
#include <sstream>

#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "timeline.hpp"

namespace asyncio::sim::tool {

int trace(const Options& options, Output& output) {
  const bool as_json = options.json || options.format == Options::Format::json;
  if (as_json && !options.grep.empty()) throw UsageError("--grep goes with --format text.");
  if (options.from > options.to) throw UsageError("--from comes after --to: there is no step between them.");
  const Case wanted = find_case(options.names.front());
  if (!options.output.empty()) check_writable(options.output);
  Session session(*wanted.scenario, options, output);
  RunResult result = reproduce(wanted, session);

  std::erase_if(result.trace.events,
                [&](const TraceEvent& event) { return event.step < options.from || event.step > options.to; });
  std::ostringstream text;
  if (as_json) {
    result.trace.write_json(text);
  } else {
    write_timeline(text, case_text(wanted.scenario->name, result), result, options.grep);
  }
  if (options.output.empty()) {
    output.raw(text.str());
  } else {
    write_file(options.output, text.str());
  }
  output.object(summary_object(Summary::of(session, result)));
  return Interruption::requested() ? EXIT_INTERRUPTED : EXIT_PASSED;
}

}  // namespace asyncio::sim::tool
