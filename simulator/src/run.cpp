// run.cpp: one execution, and the same one again.
#include <asyncio/sim/run.hpp>

#include "noted_token.hpp"
#include "replayers.hpp"
#include "runner.hpp"
#include "token.hpp"

#include <utility>

namespace asyncio::sim {
namespace {

constexpr char WHAT_TO_DO[] = " If the scenario has changed since, explore it anew; if not: ";

[[noreturn]] void stale(const std::string& what) { throw StaleTape(what + WHAT_TO_DO + WHY_NOT_THE_SAME); }

/// \throws StaleTape  where the deviations did not fit the execution that just ran
void check_fit(const SparseReplayer& tape, const Execution& execution) {
  if (const auto& misfit = tape.misfit()) {
    stale(describe(execution, misfit->index) + ": " + std::to_string(misfit->on_tape) + " ways on the tape, " +
          std::to_string(misfit->in_program) + " in the program.");
  }
  if (const SparseChoice* const missing = tape.unreached()) {
    stale("choice " + std::to_string(missing->index) + ": on the tape it picks way " + std::to_string(missing->picked) +
          " of " + std::to_string(missing->ways) + ", but the program ends after " +
          std::to_string(execution.choices().entries().size()) + " choices.");
  }
}

void check_hash(const Token& token, const Execution& execution) {
  if (!token.hash_prefix || *token.hash_prefix == prefix_of(execution.trace().hash())) return;
  const std::size_t choices = execution.choices().entries().size();
  stale("the trace differs from the one the token was made from, " +
        (token.strategy.empty() && !token.deviations.empty()
             ? "after " + describe(execution, token.deviations.back().index) + ", the last on the tape."
             : "somewhere among its " + std::to_string(choices) + " choices."));
}

}  // namespace

std::string_view to_string(ReadyOrder order) noexcept { return order == ReadyOrder::fifo ? "fifo" : "any"; }

RunResult run(Scenario scenario, RunOptions options) {
  const bool keep = options.trace;
  const std::uint64_t seed = options.seed;
  Runner runner(std::move(scenario), std::move(options));
  const StrategyHints hints = runner.hints();
  const Token token = Token::of(runner.options(), hints);
  NotedToken note(token);

  const auto strategy = runner.options().strategy.make(hints);
  runner.execute(*strategy, seed, keep);
  return runner.result(token_of(token, runner.execution()), keep);
}

RunResult replay(Scenario scenario, std::string text) {
  const Token token = Token::parse(text);
  Runner runner(std::move(scenario), token.options());
  return replay_token(runner, token);
}

RunResult replay_token(Runner& runner, const Token& token) {
  NotedToken note(token);
  if (token.strategy.empty()) {
    SparseReplayer tape(token.deviations);
    runner.execute(tape, 0, true);
    check_fit(tape, runner.execution());
  } else {
    const auto strategy = runner.options().strategy.make({.choices = token.hint_choices});
    runner.execute(*strategy, token.seed, true);
  }
  check_hash(token, runner.execution());

  Token again = token;
  again.hash_prefix = prefix_of(runner.execution().trace().hash());  // a note about a crash has none
  return runner.result(again.text(), true);
}

}  // namespace asyncio::sim
