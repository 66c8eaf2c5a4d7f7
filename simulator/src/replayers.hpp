// replayers.hpp: strategies that take their answers from a tape.
//
// Each takes way 0 where the tape has nothing to say. What did not fit is kept, and the execution goes on:
// a strategy that threw would throw into the program under test, which may catch it.
#pragma once

#include <asyncio/sim/choices.hpp>
#include <asyncio/sim/strategy.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace asyncio::sim {

/// A deviation as a token holds it.
struct SparseChoice {
  std::size_t index = 0;     ///< its place on the tape
  std::uint32_t ways = 2;    ///< how many ways there were, at least 2
  std::uint32_t picked = 1;  ///< in [1, ways)

  friend bool operator==(const SparseChoice&, const SparseChoice&) = default;
};

/// The deviations of a tape.
std::vector<SparseChoice> sparse(const Tape& tape);

/// Replays deviations by their place on the tape; for tokens.
class SparseReplayer final : public StrategyState {
 public:
  /// Where the program asked for something else than the tape has.
  struct Misfit {
    std::size_t index;
    std::uint32_t on_tape;
    std::uint32_t in_program;
  };

  /// \param deviations  by ascending index; outlives this
  explicit SparseReplayer(const std::vector<SparseChoice>& deviations) : deviations_(deviations) {}
  void begin(std::uint64_t) override;
  std::uint32_t pick(const ChoicePoint& point) override;

  /// The first choice that does not fit.
  const std::optional<Misfit>& misfit() const noexcept { return misfit_; }
  /// The first deviation that the program did not come to; null where it came to all of them.
  const SparseChoice* unreached() const noexcept;

 private:
  const std::vector<SparseChoice>& deviations_;
  std::size_t asked_ = 0;  // choices so far
  std::size_t next_ = 0;   // the deviation that comes next
  std::optional<Misfit> misfit_;
};

/// A deviation that says where it belongs, not when: the `nth` choice with this key.
///
/// Such deviations stay where they are when others are taken away and the tape becomes longer or shorter.
struct KeyedChoice {
  std::uint64_t key = 0;
  std::uint32_t nth = 0;     ///< from 0
  std::uint32_t picked = 1;  ///< at least 1

  friend bool operator==(const KeyedChoice&, const KeyedChoice&) = default;
};

/// Replays deviations by their keys; for shrinking.
class KeyedReplayer final : public StrategyState {
 public:
  /// Sets what the next execution replays.
  void load(const std::vector<KeyedChoice>& deviations);
  void begin(std::uint64_t) override;
  std::uint32_t pick(const ChoicePoint& point) override;

 private:
  std::vector<KeyedChoice> deviations_;                           // by key, then nth
  std::vector<std::pair<std::uint64_t, std::uint32_t>> counted_;  // each key of a deviation, and how often it was asked
};

}  // namespace asyncio::sim
