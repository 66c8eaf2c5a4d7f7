// inspect.cpp: a replay that is looked at.
#include <asyncio/sim/inspect.hpp>

#include "runner.hpp"
#include "world_core.hpp"

#include <stdexcept>
#include <utility>

namespace asyncio::sim {

Inspection inspect(Scenario scenario, std::string text, std::optional<std::size_t> step) {
  const Token token = Token::parse(text);
  Runner runner(std::move(scenario), token.options());
  Inspection inspection;
  bool seen = false;
  runner.look_after(step.value_or(Execution::LAST_STEP), [&](const WorldCore& world) {
    seen = true;
    inspection.step = world.execution().steps;
    inspection.time = world.now().time_since_epoch();
    for (const auto& host : world.hosts()) {
      HostTasks& tasks = inspection.hosts.emplace_back(HostTasks{.host = host->name(), .running = host->running()});
      if (tasks.running) tasks.tasks = get_all_awaited_by(host->loop());
    }
  });
  inspection.result = replay_token(runner, token);
  if (!seen) {
    throw std::out_of_range("there is no step " + std::to_string(*step) + ": the execution ends after step " +
                            std::to_string(inspection.result.steps));
  }
  return inspection;
}

}  // namespace asyncio::sim
