// finding.hpp: a failing execution with all that is known about it, for a report or for JSON.
#pragma once

#include <asyncio/sim/run.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::sim::tool {

/// A failing execution.
struct Finding {
  std::string scenario;                    ///< its name
  RunResult result;                        ///< as it was found, with its trace; it has failed
  std::uint64_t passed_before = 0;         ///< executions that did not fail
  std::optional<RunResult> shrunk = {};    ///< the smallest one like it, with its trace; empty before shrinking
  std::vector<Deviation> deviations = {};  ///< of the shrunk one

  /// The one to look at: shrunk where it was.
  const RunResult& smallest() const { return shrunk ? *shrunk : result; }
};

}  // namespace asyncio::sim::tool
