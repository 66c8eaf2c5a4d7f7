// sim_test.cpp: a test is an exploration whose outcome is one report.
#include <asyncio/sim/sim_test.hpp>

#include "execution.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include <cerrno>

namespace asyncio::sim {
namespace {

constexpr std::size_t MOST_DEVIATIONS_SHOWN = 12;  // more is no explanation; the replay has them all

/// An environment variable; empty where it is not set. Read by tests only, before a world is built.
std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value ? value : "";
}

/// Puts a number from the environment into `number`, where it is set.
///
/// \throws std::invalid_argument  where it is set to something else
void override_by(const char* variable, std::uint64_t& number, std::uint64_t least) {
  const std::string text = environment(variable);
  if (text.empty()) return;
  const bool hex = text.starts_with("0x");
  const char* const end = text.data() + text.size();
  const auto [read, error] = std::from_chars(text.data() + (hex ? 2 : 0), end, number, hex ? 16 : 10);
  if (error == std::errc() && read == end && number >= least) return;
  throw std::invalid_argument(std::string(variable) + "=" + text + ": expected a whole number of at least " +
                              std::to_string(least) + ", as in " + variable + "=42 or 0x2a");
}

void override_by_environment(SimTestOptions& options) {
  if (environment("ORRERY_QUICK") == "1") options.executions = std::max<std::uint64_t>(options.executions / 10, 1);
  override_by("ORRERY_SEED", options.seed, 0);
  override_by("ORRERY_EXECUTIONS", options.executions, 1);
  const std::string strategy = environment("ORRERY_STRATEGY");
  if (strategy.empty()) return;
  try {
    options.strategy = strategy_by_name(strategy);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("ORRERY_STRATEGY=" + strategy + ": " + error.what());
  }
}

std::string describe(const std::vector<Deviation>& deviations) {
  if (deviations.empty()) return "  had to happen: nothing, it fails in plain order\n";
  std::string text = "  had to happen, all else in plain order:\n";
  for (std::size_t i = 0; i != std::min(deviations.size(), MOST_DEVIATIONS_SHOWN); ++i) {
    const auto& [index, choice] = deviations[i];
    text += "    choice " + std::to_string(index) + " (" + choice.label + "): way " + std::to_string(choice.picked) +
            " of " + std::to_string(choice.ways) + "\n";
  }
  if (deviations.size() <= MOST_DEVIATIONS_SHOWN) return text;
  return text + "    and " + std::to_string(deviations.size() - MOST_DEVIATIONS_SHOWN) + " more\n";
}

std::string describe(const Failure& failure) {
  std::string text = failure.message + "\n  " + std::string(to_string(failure.kind));
  if (!failure.where.empty()) text += " in " + failure.where;
  return text;
}

std::string replay_line(std::string_view test, const std::string& token) {
  return "  replay: ORRERY_REPLAY=" + token + " " + program_invocation_name + " --gtest_filter=" + std::string(test);
}

/// The report of a failure: that of the smallest execution that fails so, if there is one.
void report(SimTestOutcome& outcome, std::string_view test, const Scenario& body, const RunResult& failing,
            const std::string& found) {
  RunResult shown = failing;
  std::string had_to_happen;
  try {
    if (failing.failure->kind != FailureKind::nondeterminism) {
      shown = shrink(body, failing);
      had_to_happen = describe(deviations(body, shown));
    }
  } catch (const StaleTape& stale) {
    had_to_happen = std::string("  not shrunk: ") + stale.what() + "\n";
  }
  outcome.token = shown.token;
  outcome.report = describe(*shown.failure) + ", " + found + "\n" + had_to_happen + replay_line(test, shown.token);
}

SimTestOutcome replay_only(std::string_view test, const Scenario& body, const std::string& wanted) {
  const std::size_t at = wanted.rfind('@');
  if (at != wanted.npos && wanted.substr(0, at) != test) return {};
  const RunResult result = replay(body, wanted);
  SimTestOutcome outcome{.executions = 1, .distinct_traces = 1};
  if (!result.failure) return outcome;
  outcome.token = result.token;
  outcome.report = describe(*result.failure) + ", in the execution that ORRERY_REPLAY asks for\n" +
                   describe(deviations(body, result)) + replay_line(test, result.token);
  return outcome;
}

SimTestOutcome search(std::string_view test, const Scenario& body, const SimTestOptions& options) {
  RunOptions plain{.seed = options.seed, .strategy = fifo(), .ready = options.ready};
  plain.time_limit = options.time_limit;
  plain.step_limit = options.step_limit;
  SimTestOutcome outcome{.executions = 1, .distinct_traces = 1};
  const RunResult first = explore(body, {.executions = 1, .run = plain}).failing.value_or(RunResult{});
  if (first.failure) {
    report(outcome, test, body, first, "in the plain execution");
    return outcome;
  }

  ExploreOptions search{.executions = options.executions, .run = plain};
  search.run.strategy = options.strategy;
  const ExploreResult found = explore(body, search);
  outcome.executions += found.executions;
  outcome.distinct_traces = found.distinct_traces;
  if (!found.failing) return outcome;
  report(outcome, test, body, *found.failing,
         "in execution " + std::to_string(found.executions) + " of " + std::to_string(options.executions) + ", seed " +
             std::to_string(options.seed + found.executions - 1) + ", strategy " + options.strategy.name());
  return outcome;
}

}  // namespace

SimTestOutcome run_sim_test(std::string_view test, const Scenario& body, SimTestOptions options) {
  try {
    override_by_environment(options);
    const std::string wanted = environment("ORRERY_REPLAY");
    return wanted.empty() ? search(test, body, options) : replay_only(test, body, wanted);
  } catch (const std::invalid_argument& error) {  // MalformedToken too
    return {.report = error.what()};
  } catch (const StaleTape& error) {
    return {.report = error.what()};
  }
}

bool fail_execution(std::string_view file, int line, std::string_view message) {
  Execution* const execution = Execution::current();
  if (execution == nullptr || execution->failed()) return false;
  std::string text(file);
  text.append(":").append(std::to_string(line)).append(": ").append(message);
  execution->fail(FailureKind::check, std::move(text), execution->where());
  return execution->failed();  // not where the execution is over
}

std::string explore_and_report(const Scenario& scenario, const ExploreOptions& options) {
  const ExploreResult found = explore(scenario, options);
  if (!found.failing) return {};
  return describe(*found.failing->failure) + ", in execution " + std::to_string(found.executions) +
         "\n  replay: asyncio::sim::replay(scenario, \"" + found.failing->token + "\")";
}

}  // namespace asyncio::sim
