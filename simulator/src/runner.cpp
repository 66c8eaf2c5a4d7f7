// runner.cpp: one execution, from an empty world to a result.
#include "runner.hpp"

#include "noted_token.hpp"
#include "world_runner.hpp"

#include <asyncio/events.hpp>

#include <stdexcept>
#include <utility>

namespace asyncio::sim {

Runner::Runner(Scenario scenario, RunOptions options) : scenario_(std::move(scenario)), options_(std::move(options)) {
  if (get_running_loop_or_null() != nullptr || Execution::current() != nullptr) {
    throw RuntimeError("a scenario cannot be run from a running event loop, nor from inside an execution");
  }
  if (!scenario_) throw std::invalid_argument("the scenario is an empty function");
}

void Runner::execute(StrategyState& strategy, std::uint64_t seed, bool keep) {
  strategy.begin(seed);
  execution_.begin(options_, strategy, keep);
  const CurrentExecution current(execution_);
  run_world(execution_, scenario_);
  execution_.seal();
}

RunResult Runner::result(std::string token, bool labels) {
  return {.failure = execution_.failure(),
          .trace_hash = execution_.trace().hash(),
          .virtual_time = execution_.virtual_time,
          .steps = execution_.steps,
          .tape = execution_.choices().tape(labels),
          .token = std::move(token),
          .trace = execution_.trace().take()};
}

StrategyHints Runner::hints() {
  if (!options_.strategy.needs_hints()) return {};
  Token token = Token::of(options_, {});
  token.strategy = fifo().name();
  const NotedToken note(token);
  const auto plain = fifo().make({});
  execute(*plain, 0, false);
  return {.choices = execution_.choices().entries().size()};
}

namespace {

bool has_a_name(const std::string& strategy) {
  try {
    return strategy_by_name(strategy).name() == strategy;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

}  // namespace

std::string token_of(Token token, const Execution& execution) {
  token.hash_prefix = prefix_of(execution.trace().hash());
  if (!has_a_name(token.strategy)) {
    token.strategy.clear();
    token.seed = 0;
    token.hint_choices = 0;
    token.deviations = sparse(execution.choices().tape(false));
  }
  return token.text();
}

std::string describe(const Execution& execution, std::size_t index) {
  std::string text = "choice " + std::to_string(index);
  const auto& entries = execution.choices().entries();
  if (index < entries.size()) text += " (" + execution.choices().label(entries[index]) + ")";
  return text;
}

}  // namespace asyncio::sim
