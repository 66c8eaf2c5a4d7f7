// selection.hpp: scenarios by the names that people write.
//
// A name may have '-' for '_': what is a function in C++ is easier to type on a command line so.
#pragma once

#include <asyncio/sim/scenario.hpp>

#include <string>
#include <vector>

namespace asyncio::sim::tool {

/// The scenario of that name; null where there is none.
const RegisteredScenario* scenario_named(std::string name);

/// The scenario of that name.
///
/// \throws UsageError  where there is none; says what may have been meant
const RegisteredScenario& find_scenario(const std::string& name);

/// Scenarios by names and by patterns with * and ?, each once, in the order of the arguments.
///
/// \throws UsageError       where a name is none
/// \throws NothingSelected  where all patterns together match nothing
std::vector<const RegisteredScenario*> select_scenarios(const std::vector<std::string>& names);

/// What `list` shows: all, or those whose name holds `pattern` or matches it.
///
/// \throws NothingSelected  where there is none
std::vector<const RegisteredScenario*> matching_scenarios(const std::string& pattern);

}  // namespace asyncio::sim::tool
