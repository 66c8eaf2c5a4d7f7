// pct.cpp: probabilistic concurrency testing.
//
// Every task and host has a random priority, and where there is a question of who goes on, the highest goes.
// So a task of low priority is late for as long as anybody else has something to do, which is what a coin
// never brings about. At `depth` - 1 random places the one that would go on falls below all others.
//
// A bug of depth d is one that needs d things to be in a certain order. With n tasks and k choices, one
// execution finds it with probability at least 1 / (n * k^(d-1)): the first has the lowest priority, the
// others fall at the right places.
//
//     priority:  initial, by task          ▲  highest goes on
//                ───────────────────────── │
//                fallen                    │  lowest
//
// Choices that are not about who goes on (latencies, losses, numbers) are as in random().
//
// Source: Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of
// Finding Bugs, ASPLOS 2010.
#include <asyncio/sim/strategy.hpp>

#include "generator.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace asyncio::sim {
namespace {

constexpr unsigned MAX_DEPTH = 1000;  // bugs of depth 6 are rare; this only bounds what a token may ask for

class Pct final : public StrategyState {
 public:
  Pct(unsigned depth, std::size_t choices) : choices_(std::max<std::size_t>(choices, 1)), changes_(depth - 1) {}

  void begin(std::uint64_t seed) override {
    generator_.seed(seed);
    priorities_ = generator_.next();
    // The priorities are given before the places are put in order: who falls late may fall deep.
    std::uint64_t priority = 0;
    for (Change& change : changes_) change = {.index = generator_.below(choices_), .priority = ++priority};
    const auto earlier = [](const Change& a, const Change& b) {
      return std::tie(a.index, a.priority) < std::tie(b.index, b.priority);
    };
    std::sort(changes_.begin(), changes_.end(), earlier);
    asked_ = 0;
    changed_ = 0;
    fallen_.clear();
  }

  std::uint32_t pick(const ChoicePoint& point) override {
    const std::size_t index = asked_++;
    if (point.candidates.empty()) return generator_.pick(point);
    // A change that fell on another kind of choice is made up for here, at the next one that it can change.
    for (; changed_ != changes_.size() && changes_[changed_].index <= index; ++changed_) {
      fallen_.push_back({point.candidates[highest(point)], changes_[changed_].priority});
    }
    return highest(point);
  }

 private:
  struct Change {
    std::size_t index;       // the choice at which somebody falls
    std::uint64_t priority;  // and how deep: 1 is the lowest
  };
  struct Fallen {
    std::uint64_t candidate;
    std::uint64_t priority;
  };

  /// The way whose candidate goes on.
  std::uint32_t highest(const ChoicePoint& point) const {
    std::uint32_t way = 0;
    for (std::uint32_t other = 1; other != point.ways; ++other) {
      if (priority(point.candidates[other]) > priority(point.candidates[way])) way = other;
    }
    return way;
  }

  /// Computed and not kept, for any number of candidates: a random number of their own, with its top bit
  /// set so that all who have fallen are below.
  std::uint64_t priority(std::uint64_t candidate) const {
    const auto is_it = [candidate](const Fallen& fallen) { return fallen.candidate == candidate; };
    const auto last = std::find_if(fallen_.rbegin(), fallen_.rend(), is_it);
    if (last != fallen_.rend()) return last->priority;
    return mix(priorities_ ^ mix(candidate + 1)) | std::uint64_t{1} << 63;
  }

  Generator generator_;
  std::size_t choices_;
  std::vector<Change> changes_;   // by index
  std::uint64_t priorities_ = 0;  // what the initial priorities are made from
  std::size_t asked_ = 0;         // choices so far
  std::size_t changed_ = 0;       // changes so far
  std::vector<Fallen> fallen_;    // in the order in which they fell; one may fall again
};

}  // namespace

Strategy pct(unsigned depth) {
  if (depth < 1 || depth > MAX_DEPTH) {
    throw std::invalid_argument("pct:" + std::to_string(depth) + ": the depth is 1 to " + std::to_string(MAX_DEPTH) +
                                "; most bugs need 1, 2 or 3");
  }
  const auto make = [depth](const StrategyHints& hints) { return std::make_unique<Pct>(depth, hints.choices); };
  return Strategy("pct:" + std::to_string(depth), make, depth > 1);
}

}  // namespace asyncio::sim
