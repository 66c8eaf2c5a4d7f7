// scenario.hpp: scenarios by name, for the command line.
#pragma once

#include <asyncio/sim/world.hpp>

#include <source_location>
#include <string>
#include <vector>

namespace asyncio::sim {

/// A scenario that the command line knows.
struct RegisteredScenario {
  std::string name;     ///< the name of the function
  std::string summary;  ///< one line on what it shows
  Scenario scenario;    ///< builds the world
  std::string file;     ///< where it was registered
};

/// All registered scenarios, by name.
const std::vector<RegisteredScenario>& scenarios();

/// Registers a scenario when the program starts; what ORRERY_SCENARIO makes.
class ScenarioRegistration {
 public:
  /// See RegisteredScenario for the four parts.
  ScenarioRegistration(std::string name, std::string summary, Scenario scenario,
                       std::source_location where = std::source_location::current());
};

}  // namespace asyncio::sim

/// Registers `function`, which takes a World&, with the command line under its own name.
#define ORRERY_SCENARIO(function, summary)                                                                          \
  [[maybe_unused]] static const ::asyncio::sim::ScenarioRegistration orrery_scenario_##function{#function, summary, \
                                                                                                function};
