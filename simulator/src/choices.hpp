// choices.hpp: where the choices of an execution are made.
//
//   X1  Chance enters through Choices::choose() and nowhere else.
//
// Whether choices are new or come from a tape is not known here: a strategy answers, and one that replays
// is a strategy like any other (replayers.hpp).
#pragma once

#include "names.hpp"
#include "trace_recorder.hpp"

#include <asyncio/sim/choices.hpp>
#include <asyncio/sim/strategy.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace asyncio::sim {

/// Where an execution's choices are made (X1).
class Choices {
 public:
  using Entry = ChoiceEntry;

  /// An execution begins; all three outlive it.
  void begin(const Names& names, TraceRecorder& trace, StrategyState& strategy);
  /// Picks one of `ways` ways to go on, and writes the pick to the tape.
  ///
  /// This is the only function in the simulator whose result its arguments do not determine.
  ///
  /// \param ways        how many there are; at least 1; one way is no choice and is not written
  /// \param actor       which host, or NameId::none for the world
  /// \param site        what about, with the actor: "alice to bob"
  /// \param odds        see ChoicePoint::odds
  /// \param candidates  see ChoicePoint::candidates
  /// \return            in [0, ways)
  std::uint32_t choose(ChoiceKind kind, std::uint32_t ways, NameId actor, NameId site, std::uint32_t odds = 0,
                       std::span<const std::uint64_t> candidates = {});
  /// From here on every choice is way 0 and is not written.
  void seal() noexcept { sealed_ = true; }

  /// What was chosen so far.
  const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// "ready: bob", for an entry of this execution.
  std::string label(const Entry& entry) const;
  /// The tape as users see it.
  Tape tape(bool with_labels) const;

 private:
  const Names* names_ = nullptr;
  TraceRecorder* trace_ = nullptr;
  StrategyState* strategy_ = nullptr;
  bool sealed_ = true;
  std::vector<Entry> entries_;
};

}  // namespace asyncio::sim
