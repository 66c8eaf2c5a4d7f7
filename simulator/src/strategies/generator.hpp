// generator.hpp: the random numbers of the strategies: SplitMix64, eight bytes of state.
//
// Not an engine of <random>, whose distributions differ between standard libraries.
#pragma once

#include "../mix.hpp"

#include <asyncio/sim/strategy.hpp>

#include <cassert>
#include <cstdint>

namespace asyncio::sim {

/// A sequence of random numbers that its seed determines.
class Generator {
 public:
  /// Seeds that follow each other give sequences that have nothing to do with each other.
  void seed(std::uint64_t seed) noexcept { state_ = mix(seed + 0x6a09e667f3bcc909U); }

  std::uint64_t next() noexcept { return mix(state_ += 0x9e3779b97f4a7c15U); }

  /// A number in [0, bound), every one as likely as the others. \param bound  at least 1
  std::uint64_t below(std::uint64_t bound) noexcept {
    assert(bound >= 1);
    // The numbers at the end that do not make a full round of `bound` would favour the small ones.
    const std::uint64_t incomplete = (0 - bound) % bound;
    std::uint64_t number = next();
    while (number < incomplete) number = next();
    return number % bound;
  }

  /// A way of a choice: odds where it has some, all alike where not.
  std::uint32_t pick(const ChoicePoint& point) noexcept {
    if (point.odds == 0) return way_below(point.ways);
    const std::uint64_t chance = next() >> 48;  // 65536ths
    if (chance >= point.odds) return 0;
    return point.ways == 2 ? 1 : 1 + way_below(point.ways - 1);
  }

 private:
  /// below() for 32 bits, without a division on the way that is nearly always taken.
  ///
  /// \source Lemire: Fast random integer generation in an interval, 2019
  std::uint32_t way_below(std::uint32_t bound) noexcept {
    std::uint64_t product = (next() >> 32) * bound;
    if (static_cast<std::uint32_t>(product) < bound) [[unlikely]] {
      const std::uint32_t incomplete = (0 - bound) % bound;
      while (static_cast<std::uint32_t>(product) < incomplete) product = (next() >> 32) * bound;
    }
    return static_cast<std::uint32_t>(product >> 32);
  }

  std::uint64_t state_ = 0;
};

}  // namespace asyncio::sim
