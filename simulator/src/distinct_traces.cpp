// distinct_traces.cpp: open addressing with linear probing.
#include "distinct_traces.hpp"

#include <utility>

namespace asyncio::sim {

bool DistinctTraces::insert(std::uint64_t hash) {
  if (hash == 0) {
    if (!std::exchange(has_zero_, true)) return ++count_, true;
    return false;
  }
  std::size_t place = hash & (places_.size() - 1);
  for (; places_[place] != 0; place = (place + 1) & (places_.size() - 1)) {
    if (places_[place] == hash) return false;
  }
  places_[place] = hash;
  if (++count_ * 2 <= places_.size()) return true;

  const std::vector<std::uint64_t> old = std::exchange(places_, std::vector<std::uint64_t>(places_.size() * 2));
  for (const std::uint64_t kept : old) {
    if (kept == 0) continue;
    std::size_t free = kept & (places_.size() - 1);
    while (places_[free] != 0) free = (free + 1) & (places_.size() - 1);
    places_[free] = kept;
  }
  return true;
}

}  // namespace asyncio::sim
