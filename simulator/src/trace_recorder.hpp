// trace_recorder.hpp: folds what happens into a hash, and keeps the events where somebody asked for them.
//
// Each field of an event is multiplied by an odd number of its own and all are added, so that fields which
// trade places give another sum, and the processor can multiply them side by side. The sum is then mixed
// into the hash, one event after the other.
//
//   X2  Whether events are kept changes neither a choice nor the hash.
#pragma once

#include "mix.hpp"
#include "names.hpp"

#include <asyncio/sim/choices.hpp>
#include <asyncio/sim/trace.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace asyncio::sim {

/// An entry of the tape before it has words: nothing in it needs memory of its own.
struct ChoiceEntry {
  std::uint64_t key;         ///< see Choice::key
  std::uint64_t trace_hash;  ///< of all that happened up to this choice, and it
  std::uint32_t ways;
  std::uint32_t picked;
  NameId actor;
  NameId site;
  ChoiceKind kind;
};

/// Folds events into a hash, and keeps them where they were asked for (X2).
class TraceRecorder {
 public:
  /// An event, as cheap as can be: the names are looked up only where events are kept.
  struct Event {
    EventKind kind{};
    NameId host = NameId::none;
    NameId subject = NameId::none;
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::string_view detail = {};  ///< part of the hash: give the same whether events are kept or not
  };

  /// An execution begins.
  void begin(const Names& names, bool keep);
  /// Something happened.
  void record(const Event& event);
  /// A choice was made: the event that happens most. \param choice  its key has kind, actor and site in it
  void record_choice(const ChoiceEntry& choice) {
    if (sealed_) return;
    fold(choice.key + (std::uint64_t{choice.ways} << 32 | choice.picked) * 0x94d049bb133111ebU);
    if (keep_) keep_choice(choice);  // X2
  }
  /// The execution failed. The message stays out of the hash: assertions of test frameworks print addresses.
  void record_failure(NameId host, NameId kind, std::string_view message);
  /// Nothing is recorded from here on.
  void seal() noexcept { sealed_ = true; }

  /// Stamps the events that follow.
  void set_step(std::size_t step) noexcept {
    step_ = step;
    stamp();
  }
  void set_time(TimePoint time) noexcept {
    time_ = time;
    stamp();
  }
  bool keeps() const noexcept { return keep_ && !sealed_; }
  std::uint64_t hash() const noexcept { return hash_; }
  Trace take() { return std::exchange(trace_, {}); }

 private:
  void fold(std::uint64_t event) noexcept { hash_ = mix(hash_ + stamp_ + event); }
  void fold(const Event& event) noexcept;
  TraceEvent& keep(const Event& event);
  void keep_choice(const ChoiceEntry& choice);
  void stamp() noexcept {
    const auto time = static_cast<std::uint64_t>(time_.time_since_epoch().count());
    stamp_ = step_ * 0xc2b2ae3d27d4eb4fU + time * 0x165667b19e3779f9U;
  }

  const Names* names_ = nullptr;
  std::uint64_t hash_ = 0;
  std::uint64_t stamp_ = 0;  // step_ and time_, as they are folded into every event
  std::size_t step_ = 0;
  TimePoint time_{};
  bool keep_ = false;
  bool sealed_ = true;
  Trace trace_;
};

/// "latency: alice to bob": the kind, and the site, or the actor where there is no site.
std::string choice_label(const Names& names, const ChoiceEntry& choice);

}  // namespace asyncio::sim
