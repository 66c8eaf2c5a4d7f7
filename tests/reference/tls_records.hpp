// tls_records.hpp: a TLS connection between two ends, with a network in between that does what a script says.
//
// The script is any sequence of bytes, so a fuzzer can write it: drive_tls_records() is what its entry function calls.
// Whatever the network does with the records, each program gets the beginning of what the other one wrote, or all of
// it, and both connections end.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace asyncio {

/// Two bytes a step: what happens, and how much of it. See Network::step() in the source.
///
/// \return  what was wrong; empty where nothing was
std::string drive_tls_records(std::span<const std::uint8_t> script);

/// A script for these steps, from a seed.
///
/// \param steps    how many
/// \param forging  whether the network changes bytes
std::string tls_record_script(std::uint64_t seed, std::size_t steps, bool forging);

}  // namespace asyncio
