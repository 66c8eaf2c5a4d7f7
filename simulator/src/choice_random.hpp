// choice_random.hpp: a random engine whose numbers are choices.
//
// below(n) is one choice of n ways, so that a search can try all of them and shrinking can try the smallest. A
// number of 64 bits has more ways than a choice can have; it is drawn in four parts.
#pragma once

#include <asyncio/random.hpp>

#include "execution.hpp"

namespace asyncio::sim {

class WorldCore;

/// The engine of a world, or of one host's loop.
class ChoiceRandom final : public RandomEngine {
 public:
  /// \param actor  the host; NameId::none for the world's own
  ChoiceRandom(WorldCore& world, NameId actor) noexcept : world_(world), actor_(actor) {}

  std::uint64_t below(std::uint64_t bound) override;

 protected:
  std::uint64_t next() override;

 private:
  WorldCore& world_;
  NameId actor_;
};

}  // namespace asyncio::sim
