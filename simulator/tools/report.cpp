// report.cpp: the words of a failure. What is known at once is said at once, for shrinking may take a while or be
// interrupted.
#include "report.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "cases.hpp"
#include "choice_words.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

constexpr std::size_t MOST_MESSAGE_LINES = 6;
constexpr std::size_t MOST_DEVIATIONS = 9;

/// A message of several lines, each after the first below the first one's beginning.
std::string indented(std::string_view message, std::string_view indent) {
  std::string text;
  for (std::size_t lines = 1; !message.empty(); ++lines) {
    const std::size_t end = std::min(message.find('\n'), message.size());
    if (lines > MOST_MESSAGE_LINES) return text + "\n" + std::string(indent) + "(more: see the trace)";
    if (lines > 1) text.append("\n").append(indent);
    text += message.substr(0, end);
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return text;
}

/// The event that tells of the failure: it knows better than the result when it happened.
const TraceEvent* failure_event(const Trace& trace) {
  const auto found = std::ranges::find(trace.events, EventKind::failure, &TraceEvent::kind);
  return found == trace.events.end() ? nullptr : &*found;
}

std::string place_and_time(const RunResult& result) {
  const TraceEvent* event = failure_event(result.trace);
  const Duration when = event == nullptr ? result.virtual_time : event->time.time_since_epoch();
  const std::size_t step = event == nullptr ? result.steps : event->step;
  const std::string place = result.failure->where.empty() ? "" : result.failure->where + ", ";
  return fmt::format("{}at {} of virtual time, step {}", place, in_seconds(when), grouped(step));
}

/// When the choice with that index was made; "" where the trace was not kept.
std::string time_of_choice(const Trace& trace, std::size_t index) {
  for (const TraceEvent& event : trace.events) {
    if (event.kind == EventKind::choice && index-- == 0) return in_seconds(event.time.time_since_epoch());
  }
  return "";
}

}  // namespace

std::string describe_tape(const Tape& tape) {
  const auto deviating = std::ranges::count_if(tape, [](const Choice& choice) { return choice.picked != 0; });
  return fmt::format("{}, {} of them not in plain order", counted(tape.size(), "choice"),
                     grouped(static_cast<std::uint64_t>(deviating)));
}

std::string describe_run(const std::string& scenario, const RunResult& result) {
  return fmt::format("{}: {}, {}, {} of virtual time", scenario, result.failure ? "failed" : "passed",
                     counted(result.steps, "step"), in_seconds(result.virtual_time));
}

void report_failure(Output& output, const Finding& finding) {
  const Failure& failure = *finding.result.failure;
  std::string text = output.coloured() ? "\x1b[1;31mFAIL\x1b[0m" : "FAIL";
  text += fmt::format("  {}: {}\n", to_string(failure.kind), indented(failure.message, "      "));
  text += fmt::format("      {}\n", place_and_time(finding.result));
  if (finding.passed_before > 0) {
    text += fmt::format("      after {} that passed\n", counted(finding.passed_before, "execution"));
  }
  text += fmt::format("      {}; trace {}\n", describe_tape(finding.result.tape), hash_text(finding.result.trace_hash));
  output.text(text);
}

void report_causes(Output& output, const Finding& finding) {
  if (finding.deviations.empty()) {
    output.text("\nwhat had to happen: nothing special, it fails in plain order\n");
    return;
  }
  std::string text = "\nwhat had to happen (everything else in plain order)\n";
  for (std::size_t i = 0; i != std::min(finding.deviations.size(), MOST_DEVIATIONS); ++i) {
    const Deviation& deviation = finding.deviations[i];
    text += fmt::format("  {:>13}  {}\n", time_of_choice(finding.smallest().trace, deviation.index),
                        in_words(deviation.choice));
  }
  if (finding.deviations.size() > MOST_DEVIATIONS) {
    text += fmt::format("  and {} more: see the trace\n", finding.deviations.size() - MOST_DEVIATIONS);
  }
  output.text(text);
}

void report_next_steps(Output& output, const Options& options, const Finding& finding) {
  const std::string smallest = case_text(finding.scenario, finding.smallest());
  std::string text = fmt::format("\nreplay   {0} replay {1}\ntrace    {0} trace {1}\n", options.program, smallest);
  const std::string found = case_text(finding.scenario, finding.result);
  if (!finding.shrunk || found != smallest) text += fmt::format("shrink   {} shrink {}\n", options.program, found);
  output.text(text);
}

}  // namespace asyncio::sim::tool
