// random.hpp: the random engine of a loop.
//
// A program that asks its loop for chance, and never std::random_device, runs the same on a real loop and
// in a simulation. The engine satisfies UniformRandomBitGenerator, but prefer below(): the distributions
// of <random> give different numbers on different standard libraries for the same engine.
#pragma once

#include <cstdint>
#include <limits>

namespace asyncio {

/// A source of random 64-bit numbers that a loop supplies.
class RandomEngine {
 public:
  /// What a call gives.
  using result_type = std::uint64_t;

  virtual ~RandomEngine() = default;

  /// The least number that a call gives.
  static constexpr result_type min() { return 0; }
  /// The greatest.
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  /// The next number.
  result_type operator()() { return next(); }

  /// A number in [0, bound), every one as likely as the others.
  ///
  /// \param bound  at least 1
  virtual std::uint64_t below(std::uint64_t bound);

 protected:
  /// The next number, from all that 64 bits hold.
  virtual std::uint64_t next() = 0;
};

}  // namespace asyncio
