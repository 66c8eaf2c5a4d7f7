// explore_command.cpp: many executions of one scenario or several, until one fails.
//
// With --keep-going the search goes on behind each failure. Failures of one kind and message are one failure,
// found again; what is different is reported and shrunk like the first.
#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "progress.hpp"
#include "quantities.hpp"
#include "report.hpp"
#include "selection.hpp"
#include "shrinking.hpp"

namespace asyncio::sim::tool {
namespace {

// Different ones. Whoever has so many has most likely one cause, and messages with numbers in them.
constexpr std::size_t MOST_FAILURES = 10;

/// The exploration of one scenario.
class Exploration {
 public:
  Exploration(const RegisteredScenario& scenario, const Options& options, Output& output)
      : options_(options), output_(output), session_(scenario, options, output) {
    summary_.scenario = scenario.name;
  }

  /// \return how it ended, an ExitStatus
  int explore() {
    bool more = true;
    while (more) more = explore_to_next_failure() && options_.keep_going && executions_left() > 0;
    return conclude();
  }
  const Summary& summary() const noexcept { return summary_; }

 private:
  std::uint64_t executions_left() const { return options_.executions - summary_.executions; }

  /// \return whether there was a failure, and looking for another one makes sense
  bool explore_to_next_failure() {
    const ExploreResult result = search();
    for (const auto& [label, held] : result.sometimes) summary_.sometimes[label] += held;
    summary_.executions += result.executions;
    summary_.distinct_traces += result.distinct_traces;
    summary_.exhausted = result.exhausted;
    if (!result.failing) return false;
    found(*result.failing);
    return !exhausted_patience() && !result.exhausted;
  }

  ExploreResult search() {
    RunOptions run = options_.run;
    run.seed += summary_.executions;
    session_.runs(token_before_run(run));
    ProgressLine line(session_.name(), options_.executions, options_.quiet);
    const auto show = [&](Progress progress) {
      progress.executions += summary_.executions;
      line.show(progress);
      return !Interruption::requested();
    };
    ExploreResult result =
        sim::explore(session_.scenario(), {.executions = executions_left(),
                                           .jobs = options_.jobs,
                                           .budget = budget_left(),
                                           .run = run,
                                           .progress = show,
                                           .about_to_run = [&](const std::string& token) { session_.runs(token); }});
    session_.rests();
    return result;
  }

  Duration budget_left() const {
    if (options_.budget == Duration::zero()) return Duration::zero();
    const Duration used(static_cast<std::int64_t>(session_.seconds() * 1e9));
    return std::max(options_.budget - used, Duration(1));  // zero would mean: no limit
  }

  void found(const RunResult& failing) {
    const std::uint64_t failed_before = failed_++;
    if (!known_.insert({failing.failure->kind, failing.failure->message}).second) return;
    Finding finding{
        .scenario = session_.name(), .result = failing, .passed_before = summary_.executions - 1 - failed_before};
    const bool repeatable = failing.failure->kind != FailureKind::nondeterminism;
    if (repeatable) {
      finding.result = reproduce({.scenario = scenario_named(session_.name()), .token = failing.token}, session_);
    }
    if (!summary_.failure || (!repeatable && !stale_)) summary_.failure = FailureFields::of(finding.result);
    stale_ = stale_ || !repeatable;
    summary_.failures = known_.size();

    report_failure(output_, finding);
    output_.object(failure_object(finding));
    if (repeatable) shrink_found(finding);
    output_.text("\n");
  }

  void shrink_found(Finding& finding) {
    Options options = options_;
    if (known_.size() > 1) options.output.clear();  // one file takes one case, the first
    shrink_and_report(finding, session_, options, output_);
  }

  bool exhausted_patience() const { return known_.size() >= MOST_FAILURES || Interruption::requested(); }

  /// Sums up.
  int conclude() {
    summary_.seconds = session_.seconds();
    const bool cut_short = executions_left() > 0 && !summary_.exhausted;
    int status = EXIT_PASSED;
    if (summary_.failure) status = stale_ ? EXIT_STALE : EXIT_FAILED;
    if (!summary_.failure && cut_short) {
      status = EXIT_INCONCLUSIVE;
      summary_.note = "inconclusive: the budget ended before the executions did";
    }
    if (Interruption::requested()) {
      status = EXIT_INTERRUPTED;
      summary_.note = "interrupted";
    }
    output_.remark(conclusion(status));
    return status;
  }

  std::string conclusion(int status) const {
    std::string text = fmt::format("{}: {}", session_.name(), counted(summary_.executions, "execution"));
    if (summary_.failure) {
      text += options_.keep_going ? fmt::format(", {} different", counted(known_.size(), "failure"))
                                  : ", the last one failed";
    } else {
      text += summary_.executions == 0 ? "" : summary_.executions == 1 ? " passed" : ", all passed";
    }
    text += fmt::format(", {}, {:.1f} s\n", counted(summary_.distinct_traces, "distinct trace"), summary_.seconds);
    if (summary_.exhausted && !summary_.failure) text += "there is no other: it makes no choices\n";
    if (status == EXIT_INCONCLUSIVE)
      text += fmt::format("inconclusive: the budget ended before {}\n", counted(options_.executions, "execution"));
    if (status == EXIT_INTERRUPTED) text += "interrupted\n";
    for (const auto& [label, held] : summary_.sometimes) {
      if (held == 0) text += fmt::format("never seen: {}\n", label);
    }
    return text;
  }

  const Options& options_;
  Output& output_;
  Session session_;
  Summary summary_;
  std::set<std::pair<FailureKind, std::string>> known_;
  std::uint64_t failed_ = 0;
  bool stale_ = false;  // one seed gave two traces
};

/// Of several scenarios: the numbers of all, and the first failure.
Summary sum(const std::vector<Summary>& summaries) {
  Summary all{.exhausted = true};
  for (const Summary& each : summaries) {
    all.scenario += (all.scenario.empty() ? "" : " ") + each.scenario;
    all.executions += each.executions;
    all.distinct_traces += each.distinct_traces;
    all.exhausted = all.exhausted && each.exhausted;
    all.seconds += each.seconds;
    all.failures += each.failures;
    if (!all.failure) all.failure = each.failure;
    if (all.note.empty()) all.note = each.note;
  }
  return all;
}

/// The worse of two ends: a failure is worse than not knowing, and Ctrl-C comes before everything.
int worse(int a, int b) {
  for (const int status : {EXIT_INTERRUPTED, EXIT_STALE, EXIT_FAILED, EXIT_INCONCLUSIVE}) {
    if (a == status || b == status) return status;
  }
  return EXIT_PASSED;
}

}  // namespace

int explore(const Options& options, Output& output) {
  const auto scenarios = select_scenarios(options.names);
  if (!options.output.empty()) check_writable(options.output);
  if (!options.output.empty() && scenarios.size() > 1) {
    throw UsageError(fmt::format("-o {}: one file takes one case, and {} are explored.", options.output,
                                 counted(scenarios.size(), "scenario")));
  }
  std::vector<Summary> summaries;
  int status = EXIT_PASSED;
  for (const RegisteredScenario* scenario : scenarios) {
    Exploration exploration(*scenario, options, output);
    status = worse(status, exploration.explore());
    summaries.push_back(exploration.summary());
    if (scenarios.size() > 1) output.object(summary_object(summaries.back(), "scenario"));
    if (status == EXIT_INTERRUPTED || (status != EXIT_PASSED && status != EXIT_INCONCLUSIVE && !options.keep_going))
      break;
  }
  output.object(summary_object(summaries.size() == 1 ? summaries.front() : sum(summaries)));
  return status;
}

}  // namespace asyncio::sim::tool
