// exhibits.hpp: what the tests of the museum expect of each exhibit.
#pragma once

#include <asyncio/sim/sim.hpp>

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string_view>
#include <vector>

namespace museum {

/// A program that fails in some executions: broken, or repaired wrongly.
struct Broken {
  std::string_view scenario;
  std::uint64_t within;       // executions that must contain a failure: ten times the expected number, at least 20
  std::size_t deviations;     // at most so many are left after shrinking
  std::string_view deciding;  // a part of the label of one of them
  std::string_view loss;      // a part of the message: what the user has lost

  friend void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.scenario; }
};

/// The programs that must fail.
const std::vector<Broken>& broken_exhibits();

/// The programs that must not fail.
const std::vector<std::string_view>& fixed_exhibits();

/// A scenario of the museum.
///
/// \throws std::out_of_range  where there is none of that name
asyncio::sim::Scenario scenario_named(std::string_view name);

/// How many of `executions` executions fail, with seeds that count up from 0.
std::uint64_t count_failures(std::string_view scenario, std::uint64_t executions, asyncio::sim::RunOptions options);

}  // namespace museum
