// exit_status.hpp: how a command ends, as a number for scripts, and the exceptions that lead there.
//
// A command returns its status, or throws one of these from wherever it notices that it cannot go on;
// tool_main() turns each into one sentence and its status. Whatever else escapes is a fault of the tool.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace asyncio::sim::tool {

/// The exit statuses. Scripts rely on these numbers.
enum ExitStatus : int {
  EXIT_PASSED = 0,            ///< everything asked for passed
  EXIT_FAILED = 1,            ///< a failure was found or reproduced
  EXIT_USAGE = 2,             ///< the command line, a token or a case file makes no sense
  EXIT_STALE = 3,             ///< a replay did not fit, or one seed gave two traces
  EXIT_INCONCLUSIVE = 4,      ///< the budget ended before the executions did
  EXIT_NOTHING_SELECTED = 5,  ///< a pattern that matches no scenario
  EXIT_FAULT = 70,            ///< of the tool itself
  EXIT_INTERRUPTED = 130,     ///< by Ctrl-C
};

/// The command line makes no sense; the message is one sentence that says what to write instead.
class UsageError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// No scenario is what was asked for.
class NothingSelected : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A scenario threw while it built its world: a mistake in the scenario, which no execution can show.
class ScenarioThrew : public std::runtime_error {
 public:
  /// \param token  of the execution in which it threw, without a trace hash
  ScenarioThrew(std::string scenario, std::string token, const std::string& what)
      : std::runtime_error(what), scenario(std::move(scenario)), token(std::move(token)) {}
  const std::string scenario, token;
};

/// An execution did not come back as it was.
class Stale : public std::runtime_error {
 public:
  Stale(std::string scenario, std::string token, const std::string& what)
      : std::runtime_error(what), scenario(std::move(scenario)), token(std::move(token)) {}
  const std::string scenario, token;
};

}  // namespace asyncio::sim::tool
