// names.cpp: an open hash table of texts that is emptied without giving memory back.
#include "names.hpp"

#include "mix.hpp"

#include <algorithm>

namespace asyncio::sim {

Names::Names() : texts_(1), hashes_(1), buckets_(64) {}

NameId Names::intern(std::string_view name) {
  if (name.empty()) return NameId::none;
  const std::uint64_t hash = hash_text(name);
  std::size_t bucket = bucket_of(hash);
  for (; buckets_[bucket] != 0; bucket = (bucket + 1) & (buckets_.size() - 1)) {
    const std::uint32_t found = buckets_[bucket];
    if (hashes_[found] == hash && texts_[found] == name) return NameId{found};
  }

  if (count_ == texts_.size()) {
    texts_.emplace_back();
    hashes_.push_back(0);
  }
  texts_[count_].assign(name);
  hashes_[count_] = hash;
  const auto id = static_cast<std::uint32_t>(count_++);
  buckets_[bucket] = id;
  if (count_ * 2 > buckets_.size()) grow();
  return NameId{id};
}

void Names::clear() noexcept {
  if (count_ == 1) return;
  std::fill(buckets_.begin(), buckets_.end(), 0);
  count_ = 1;
}

void Names::grow() {
  buckets_.assign(buckets_.size() * 2, 0);
  for (std::uint32_t id = 1; id != count_; ++id) {
    std::size_t bucket = bucket_of(hashes_[id]);
    while (buckets_[bucket] != 0) bucket = (bucket + 1) & (buckets_.size() - 1);
    buckets_[bucket] = id;
  }
}

}  // namespace asyncio::sim
