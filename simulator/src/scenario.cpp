// scenario.cpp: the list of scenarios, filled before main().
#include <asyncio/sim/scenario.hpp>

#include <asyncio/exceptions.hpp>

#include <algorithm>
#include <utility>

namespace asyncio::sim {
namespace {

struct Registry {
  std::vector<RegisteredScenario> scenarios;  // by name
  std::string error;                          // empty: every name is registered once
};

// In a function: scenarios of other files register themselves before or after this file's own variables
// are there.
Registry& registry() {
  static Registry all;
  return all;
}

}  // namespace

const std::vector<RegisteredScenario>& scenarios() {
  if (!registry().error.empty()) throw RuntimeError(registry().error);
  return registry().scenarios;
}

ScenarioRegistration::ScenarioRegistration(std::string name, std::string summary, Scenario scenario,
                                           std::source_location where) {
  auto& all = registry().scenarios;
  const auto by_name = [](const RegisteredScenario& a, const std::string& b) { return a.name < b; };
  const auto place = std::lower_bound(all.begin(), all.end(), name, by_name);
  if (place == all.end() || place->name != name) {
    all.insert(place, {std::move(name), std::move(summary), std::move(scenario), where.file_name()});
    return;
  }
  // Not thrown here: before main() nobody could catch it.
  registry().error = "two scenarios are called " + name + ", in " +
                     std::min(place->file, std::string(where.file_name())) + " and in " +
                     std::max(place->file, std::string(where.file_name())) + ": rename one";
}

}  // namespace asyncio::sim
