// choice_random.cpp: numbers that are choices.
#include "choice_random.hpp"

#include "world_core.hpp"

#include <limits>
#include <stdexcept>

namespace asyncio::sim {

std::uint64_t ChoiceRandom::below(std::uint64_t bound) {
  if (bound == 0) throw std::invalid_argument("below(0): there is no number below zero to choose");
  if (bound > std::numeric_limits<std::uint32_t>::max()) return RandomEngine::below(bound);
  return world_.choose(ChoiceKind::random, static_cast<std::uint32_t>(bound), actor_, NameId::none);
}

std::uint64_t ChoiceRandom::next() {
  std::uint64_t number = 0;
  for (int part = 0; part < 4; ++part) {
    number = number << 16 | world_.choose(ChoiceKind::random, 1u << 16, actor_, NameId::none);
  }
  return number;
}

}  // namespace asyncio::sim
