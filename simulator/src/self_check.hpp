// self_check.hpp: a failure is believed when it happens twice.
#pragma once

#include "runner.hpp"

#include <asyncio/sim/run.hpp>
#include <asyncio/sim/strategy.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::sim {

/// Where an execution left the way of another, as a sentence; empty where it did not.
///
/// \param first       the choices of the first
/// \param first_hash  its trace hash
/// \param second      the other, with the same strategy and seed, or the same tape
std::optional<std::string> first_difference(const std::vector<Choices::Entry>& first, std::uint64_t first_hash,
                                            const Execution& second);

/// Runs the execution that `runner` ran last once more, and makes its result.
///
/// Where it goes another way, the failure is one of kind nondeterminism, whatever it was before: a failure that
/// cannot be brought back is hunted in vain.
///
/// \param strategy  the one it was run with
/// \param token     its token, without the hash
RunResult run_again(Runner& runner, StrategyState& strategy, std::uint64_t seed, const Token& token);

}  // namespace asyncio::sim
