// runner.hpp: runs a scenario again and again, and looks at what came out.
//
//     run, explore, replay, shrink ──► Runner::execute() ──► run_world()
//                                         │  one Execution, whose buffers are used again
//                                         ▼
//                                      result(): what a user gets to see, made only where somebody looks
#pragma once

#include "execution.hpp"
#include "token.hpp"

#include <asyncio/sim/run.hpp>
#include <asyncio/sim/strategy.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace asyncio::sim {

/// Runs one execution of a scenario after the other.
class Runner {
 public:
  /// \throws RuntimeError  where a loop or another execution is running in this thread
  Runner(Scenario scenario, RunOptions options);

  /// Runs one execution.
  ///
  /// \param keep  whether its events are kept
  void execute(StrategyState& strategy, std::uint64_t seed, bool keep);
  /// Has somebody look at the worlds of the executions to come: see Execution::look_after().
  void look_after(std::size_t step, std::function<void(const WorldCore&)> look) {
    execution_.look_after(step, std::move(look));
  }
  /// The one that ran last.
  const Execution& execution() const noexcept { return execution_; }
  /// The same as users see it. The trace is taken out, so ask once.
  ///
  /// \param labels  whether the choices get theirs
  RunResult result(std::string token, bool labels);
  /// Its options.
  const RunOptions& options() const noexcept { return options_; }

  /// What its strategy wants to know: runs the plain execution, where it wants to know anything.
  StrategyHints hints();

 private:
  Scenario scenario_;
  RunOptions options_;
  Execution execution_;
};

/// What replay() does, with a runner made from the token's options.
///
/// \throws StaleTape  where the token no longer fits the scenario
RunResult replay_token(Runner& runner, const Token& token);

/// The token of an execution of `runner`: seed form where the strategy has a name, else deviations form.
///
/// \param token  the seed form without the hash
std::string token_of(Token token, const Execution& execution);

/// "choice 37 (ready: bob)"
std::string describe(const Execution& execution, std::size_t index);

/// What people ask themselves when an execution went another way than before.
inline constexpr char WHY_NOT_THE_SAME[] = "Was a clock, address or thread read outside the world?";

}  // namespace asyncio::sim
