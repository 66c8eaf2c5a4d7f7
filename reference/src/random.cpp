// random.cpp: bounded random numbers that are the same on every platform.
#include <asyncio/random.hpp>

namespace asyncio {

// Rejection sampling: numbers beyond the largest multiple of `bound` would favour the small results.
std::uint64_t RandomEngine::below(std::uint64_t bound) {
  const std::uint64_t reject_from = max() - max() % bound;
  std::uint64_t number = next();
  while (number >= reject_from) number = next();
  return number % bound;
}

}  // namespace asyncio
