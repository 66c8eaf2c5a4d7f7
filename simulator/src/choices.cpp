// choices.cpp: asks the strategy, writes the tape.
#include "choices.hpp"

#include "mix.hpp"

#include <array>
#include <cassert>

namespace asyncio::sim {

std::string_view to_string(ChoiceKind kind) noexcept {
  static constexpr std::array<std::string_view, 13> names = {"turn",    "ready",  "tie",       "leap",    "io",
                                                             "latency", "loss",   "duplicate", "reorder", "thread",
                                                             "access",  "random", "user"};
  return names[static_cast<std::size_t>(kind)];
}

void Choices::begin(const Names& names, TraceRecorder& trace, StrategyState& strategy) {
  names_ = &names;
  trace_ = &trace;
  strategy_ = &strategy;
  sealed_ = false;
  entries_.clear();
}

std::uint32_t Choices::choose(ChoiceKind kind, std::uint32_t ways, NameId actor, NameId site, std::uint32_t odds,
                              std::span<const std::uint64_t> candidates) {
  assert(ways >= 1);
  // A single way is no choice. Leaving it off the tape leaves shrinking fewer entries to try.
  if (ways == 1 || sealed_) return 0;

  const std::uint64_t key = mix(names_->hash(actor) * 0x9e3779b97f4a7c15U + names_->hash(site) * 0xd6e8feb86659fd93U +
                                static_cast<std::uint64_t>(kind));
  const ChoicePoint point{.kind = kind, .ways = ways, .odds = odds, .key = key, .candidates = candidates};
  const std::uint32_t picked = strategy_->pick(point);
  assert(picked < ways);

  Entry& entry = entries_.emplace_back(Entry{key, 0, ways, picked, actor, site, kind});
  trace_->record_choice(entry);
  entry.trace_hash = trace_->hash();
  return picked;
}

std::string Choices::label(const Entry& entry) const { return choice_label(*names_, entry); }

Tape Choices::tape(bool with_labels) const {
  Tape tape;
  tape.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    tape.push_back({.kind = entry.kind,
                    .ways = entry.ways,
                    .picked = entry.picked,
                    .key = entry.key,
                    .label = with_labels ? label(entry) : std::string()});
  }
  return tape;
}

}  // namespace asyncio::sim
