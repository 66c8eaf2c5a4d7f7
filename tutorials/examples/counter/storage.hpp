// storage.hpp: what a node must not forget, and where it is kept.
//
// A machine has files (file_storage.hpp), and a world has whatever its scenario keeps for a host. So this is an
// interface, and the only thing in the counter that is not the loop's.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace counter {

/// By client: how much it has added so far.
using Totals = std::map<std::string, std::uint64_t>;

/// What survives a node's crash. Its functions may block: they are called in another thread, one at a time.
class Storage {
 public:
  virtual ~Storage() = default;
  /// What save() was given last; nothing where it never was.
  virtual Totals load() = 0;
  /// Returns when it is safe: from then on load() gives it, whatever happens.
  virtual void save(const Totals& totals) = 0;
};

}  // namespace counter
