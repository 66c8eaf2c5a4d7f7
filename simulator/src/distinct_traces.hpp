// distinct_traces.hpp: counts how many different trace hashes there were.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio::sim {

/// A set of trace hashes: an open hash table, since hashes need no hashing.
class DistinctTraces {
 public:
  /// \return whether it is new
  bool insert(std::uint64_t hash);
  std::uint64_t size() const noexcept { return count_; }

 private:
  std::uint64_t count_ = 0;
  bool has_zero_ = false;                                                 // 0 marks an empty place
  std::vector<std::uint64_t> places_ = std::vector<std::uint64_t>(1024);  // a power of two, at most half full
};

}  // namespace asyncio::sim
