// mix.hpp: the one way in which the simulator mixes bits: for hashes of traces, for keys, for seeds.
//
// Only unsigned arithmetic, which is the same on every compiler and machine. std::hash is not: its
// values differ between standard libraries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace asyncio::sim {

/// Spreads 64 bits over 64 bits; different numbers stay different.
///
/// \source Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014: SplitMix64
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

/// The hash of a text, the same on every machine; never 0 but for the empty text.
constexpr std::uint64_t hash_text(std::string_view text) noexcept {
  if (text.empty()) return 0;
  constexpr std::uint64_t odd = 0x9e3779b97f4a7c15U;
  std::uint64_t hash = odd * text.size();
  for (; text.size() >= 8; text.remove_prefix(8)) {
    std::uint64_t word = 0;  // byte by byte, so that the order of bytes in memory does not matter
    for (std::size_t i = 0; i != 8; ++i) word |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
    hash = mix(hash ^ word) * odd;
  }
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i != text.size(); ++i) rest |= std::uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
  return mix(hash ^ rest) | 1;
}

}  // namespace asyncio::sim
