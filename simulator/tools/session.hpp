// session.hpp: what a command needs around the executions of a scenario, whatever it runs them for.
//
//     CrashNote   the process dies inside an execution      ──► its replay line
//     Watchdog    an execution never ends                   ──► its replay line, exit status 1
//     scenario()  the scenario throws while it builds       ──► ScenarioThrew
#pragma once

#include <asyncio/sim/crash_note.hpp>
#include <asyncio/sim/scenario.hpp>

#include <string>

#include "options.hpp"
#include "output.hpp"
#include "stopwatch.hpp"
#include "watchdog.hpp"

namespace asyncio::sim::tool {

/// The time in which a command runs executions of one scenario.
class Session {
 public:
  Session(const RegisteredScenario& scenario, const Options& options, Output& output);

  /// The scenario, guarded as above.
  const Scenario& scenario() const noexcept { return guarded_; }
  /// The scenario's name.
  const std::string& name() const noexcept { return registered_.name; }

  /// The calling thread runs this token from now on: a reproduction, a shrinking, an execution.
  void runs(const std::string& token) { watchdog_.runs(token); }
  /// The calling thread runs nothing.
  void rests() { watchdog_.rests(); }

  /// Real time since the beginning.
  double seconds() const { return stopwatch_.seconds(); }

 private:
  void build(World& world);
  void report_stuck(const std::string& token);

  const RegisteredScenario& registered_;
  const Options& options_;
  Output& output_;
  Scenario guarded_;
  Stopwatch stopwatch_;
  CrashNote note_;
  Watchdog watchdog_;
};

}  // namespace asyncio::sim::tool
