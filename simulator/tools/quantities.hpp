// quantities.hpp: counts, seeds and durations as people write and read them.
//
// Nothing here goes through floating point: 250ms is 250,000,000 ns, however a machine rounds.
#pragma once

#include <asyncio/clock.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::sim::tool {

/// "30s", "1h", "250ms": a whole number and one of the units ns, us, ms, s, m, min, h.
///
/// \param option  what the number is for: "--budget"
/// \throws UsageError  where it is anything else, zero, or more than a Duration holds
Duration parse_duration(std::string_view option, std::string_view text);

/// A whole number from 1 to `most`.
///
/// \throws UsageError  where it is anything else
std::uint64_t parse_count(std::string_view option, std::string_view text, std::uint64_t most = UINT64_MAX);

/// Whether this is how a seed is written: decimal digits, or 0x and hexadecimal ones.
bool looks_like_seed(std::string_view text) noexcept;

/// \throws UsageError  where it is no seed, or does not fit into 64 bits
std::uint64_t parse_seed(std::string_view option, std::string_view text);

/// "1,203".
std::string grouped(std::uint64_t count);

/// "1 execution", "1,203 executions".
std::string counted(std::uint64_t count, std::string_view thing);

/// "3.200 s", "0.000015 s": as many groups of three digits as it takes, at least one.
std::string in_seconds(Duration duration);

/// A trace hash, sixteen hexadecimal digits.
std::string hash_text(std::uint64_t hash);

}  // namespace asyncio::sim::tool
