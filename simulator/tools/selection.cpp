// selection.cpp: finds scenarios by name and by pattern, and says what there is where nothing fits.
#include "selection.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <fnmatch.h>

#include "exit_status.hpp"
#include "suggestions.hpp"

namespace asyncio::sim::tool {
namespace {

std::string as_function_name(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

bool is_pattern(const std::string& name) { return name.find_first_of("*?[") != std::string::npos; }

bool matches(const RegisteredScenario& scenario, const std::string& pattern) {
  return ::fnmatch(as_function_name(pattern).c_str(), scenario.name.c_str(), 0) == 0;
}

}  // namespace

const RegisteredScenario* scenario_named(std::string name) {
  const auto found = std::ranges::find(scenarios(), as_function_name(std::move(name)), &RegisteredScenario::name);
  return found == scenarios().end() ? nullptr : &*found;
}

const RegisteredScenario& find_scenario(const std::string& name) {
  if (const RegisteredScenario* scenario = scenario_named(name)) return *scenario;
  std::vector<std::string> names;
  for (const RegisteredScenario& scenario : scenarios()) names.push_back(scenario.name);
  throw UsageError(fmt::format("There is no scenario \"{}\".{} The command list shows all.", name,
                               suggestion(as_function_name(name), names)));
}

std::vector<const RegisteredScenario*> select_scenarios(const std::vector<std::string>& names) {
  std::vector<const RegisteredScenario*> selected;
  const auto select = [&](const RegisteredScenario& scenario) {
    if (std::ranges::find(selected, &scenario) == selected.end()) selected.push_back(&scenario);
  };
  for (const std::string& name : names) {
    if (!is_pattern(name)) {
      select(find_scenario(name));
      continue;
    }
    for (const RegisteredScenario& scenario : scenarios()) {
      if (matches(scenario, name)) select(scenario);
    }
  }
  if (selected.empty()) throw NothingSelected(fmt::format("No scenario matches \"{}\".", fmt::join(names, " ")));
  return selected;
}

std::vector<const RegisteredScenario*> matching_scenarios(const std::string& pattern) {
  const std::string wanted = is_pattern(pattern) ? pattern : "*" + pattern + "*";
  std::vector<const RegisteredScenario*> matching;
  for (const RegisteredScenario& scenario : scenarios()) {
    if (matches(scenario, wanted)) matching.push_back(&scenario);
  }
  if (!matching.empty()) return matching;
  if (scenarios().empty()) throw NothingSelected("This program has no scenarios: ORRERY_SCENARIO registers one.");
  throw NothingSelected(fmt::format("No scenario matches \"{}\".", pattern));
}

}  // namespace asyncio::sim::tool
