// names.hpp: the names of an execution, as small numbers.
//
// A host, a task, a label is named again and again. Each text is kept once, and what is passed around is its
// number. Numbers are given in order of first use, so they are as repeatable as the execution; hash() is the
// same in every execution and on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::sim {

/// A name of this execution: a host, a label, a task's name. `none` is the empty text.
enum class NameId : std::uint32_t { none = 0 };

/// The names of an execution.
class Names {
 public:
  Names();

  /// The number of a text; a new one where the text is new.
  NameId intern(std::string_view name);
  /// Valid until the next clear().
  const std::string& text(NameId id) const noexcept { return texts_[static_cast<std::size_t>(id)]; }
  /// The same for the same text in every execution and on every platform; 0 for none.
  std::uint64_t hash(NameId id) const noexcept { return hashes_[static_cast<std::size_t>(id)]; }
  /// Forgets all names, and keeps their memory for the next execution.
  void clear() noexcept;

 private:
  void grow();
  std::size_t bucket_of(std::uint64_t hash) const noexcept { return hash & (buckets_.size() - 1); }

  std::size_t count_ = 1;               // of names in use; entry 0 is the empty text
  std::vector<std::string> texts_;      // may be longer than count_: strings whose memory is used again
  std::vector<std::uint64_t> hashes_;   // as long as texts_
  std::vector<std::uint32_t> buckets_;  // open addressing by hash, 0: empty; a power of two, at most half full
};

}  // namespace asyncio::sim
