// session.cpp: puts the note about a crash, the watchdog and the interruption around the executions of a command.
#include "session.hpp"

#include <exception>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "exit_status.hpp"
#include "json_output.hpp"

namespace asyncio::sim::tool {

Session::Session(const RegisteredScenario& scenario, const Options& options, Output& output)
    : registered_(scenario),
      options_(options),
      output_(output),
      guarded_([this](World& world) { build(world); }),
      note_(fmt::format("replay   {} replay {}@", options.program, scenario.name)),
      watchdog_(watchdog_limit(), [this](const std::string& token) { report_stuck(token); }) {}

void Session::build(World& world) {
  watchdog_.execution_begins();
  try {
    registered_.scenario(world);
  } catch (const CheckFailed&) {
    throw;  // a failure like any other
  } catch (const std::exception& error) {
    throw ScenarioThrew(name(), watchdog_.token(), error.what());
  } catch (...) {
    throw ScenarioThrew(name(), watchdog_.token(), "something that is no std::exception");
  }
}

void Session::report_stuck(const std::string& token) {
  const std::string message = fmt::format(
      "an execution ran for {} s without coming to its end: does a callback loop for ever?", watchdog_limit().count());
  Summary summary{.scenario = name(), .executions = watchdog_.begun(), .distinct_traces = 0, .seconds = seconds()};
  summary.failure = {.seed = seed_of(token), .token = token, .kind = "step_limit", .message = message};
  output_.object(summary_object(summary));
  output_.text(
      fmt::format("FAIL  step_limit: {}\n\nreplay   {} replay {}@{}\n", message, options_.program, name(), token));
}

}  // namespace asyncio::sim::tool
