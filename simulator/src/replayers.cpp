// replayers.cpp: reading a tape back.
#include "replayers.hpp"

#include <algorithm>
#include <tuple>

namespace asyncio::sim {

std::vector<SparseChoice> sparse(const Tape& tape) {
  std::vector<SparseChoice> deviations;
  for (std::size_t index = 0; index != tape.size(); ++index) {
    const Choice& choice = tape[index];
    if (choice.picked != 0) deviations.push_back({index, choice.ways, choice.picked});
  }
  return deviations;
}

void SparseReplayer::begin(std::uint64_t) {
  asked_ = 0;
  next_ = 0;
  misfit_.reset();
}

std::uint32_t SparseReplayer::pick(const ChoicePoint& point) {
  const std::size_t index = asked_++;
  if (next_ == deviations_.size() || deviations_[next_].index != index) return 0;
  const SparseChoice& deviation = deviations_[next_++];
  if (deviation.ways != point.ways && !misfit_) misfit_ = Misfit{index, deviation.ways, point.ways};
  return misfit_ ? 0 : deviation.picked;
}

const SparseChoice* SparseReplayer::unreached() const noexcept {
  return next_ == deviations_.size() ? nullptr : &deviations_[next_];
}

void KeyedReplayer::load(const std::vector<KeyedChoice>& deviations) {
  deviations_ = deviations;
  const auto place = [](const KeyedChoice& choice) { return std::tie(choice.key, choice.nth); };
  std::sort(deviations_.begin(), deviations_.end(), [&](const auto& a, const auto& b) { return place(a) < place(b); });
  counted_.clear();
  for (const KeyedChoice& deviation : deviations_) {
    if (counted_.empty() || counted_.back().first != deviation.key) counted_.push_back({deviation.key, 0});
  }
}

void KeyedReplayer::begin(std::uint64_t) {
  for (auto& [key, count] : counted_) count = 0;
}

std::uint32_t KeyedReplayer::pick(const ChoicePoint& point) {
  const auto by_key = [](const auto& counted, std::uint64_t key) { return counted.first < key; };
  const auto counted = std::lower_bound(counted_.begin(), counted_.end(), point.key, by_key);
  if (counted == counted_.end() || counted->first != point.key) return 0;

  const std::uint32_t nth = counted->second++;
  const auto before = [](const KeyedChoice& choice, const std::pair<std::uint64_t, std::uint32_t>& place) {
    return std::tie(choice.key, choice.nth) < std::tie(place.first, place.second);
  };
  const auto found = std::lower_bound(deviations_.begin(), deviations_.end(), std::pair{point.key, nth}, before);
  if (found == deviations_.end() || found->key != point.key || found->nth != nth) return 0;
  return std::min(found->picked, point.ways - 1);
}

}  // namespace asyncio::sim
