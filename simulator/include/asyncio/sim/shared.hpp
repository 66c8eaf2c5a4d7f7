// shared.hpp: memory that tasks share, whose every access is a choice.
//
// Between two suspensions a task is alone, so tasks of one loop never race on plain memory. A Shared makes
// them: each access is a point where another task may go first. It turns a handful of tasks into a model of
// threads, which is what the classic examples of interleaving are about, and it tells the search which
// accesses depend on each other.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace asyncio::sim {

namespace detail {
/// The point before an access: lets other tasks of this loop go first. \suspends where one does
void before_access(std::uint64_t cell, bool writes);
/// A number for a new cell of the current world.
std::uint64_t new_cell(const std::string& name);
}  // namespace detail

/// A value that tasks of one world share.
template <class T>
class Shared {
 public:
  /// \param initial  its first value
  /// \param name     as the trace shows it
  Shared(T initial, std::string name) : value_(std::move(initial)), cell_(detail::new_cell(name)) {}

  /// The value. \suspends where another task goes first
  T read() {
    detail::before_access(cell_, false);
    return value_;
  }
  /// Sets the value. \suspends where another task goes first
  void write(T value) {
    detail::before_access(cell_, true);
    value_ = std::move(value);
  }

 private:
  T value_;
  std::uint64_t cell_;
};

}  // namespace asyncio::sim
