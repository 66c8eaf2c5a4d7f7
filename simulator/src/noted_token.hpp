// noted_token.hpp: what a thread is running, where a signal handler can read it. See crash_note.hpp.
#pragma once

#include "token.hpp"

#include <cstdint>

namespace asyncio::sim {

/// While it lives, this thread runs executions whose token is this one, but for their seeds.
///
/// Costs next to nothing where no CrashNote was made, and a store for each seed.
class NotedToken {
 public:
  explicit NotedToken(Token token);
  ~NotedToken();
  NotedToken(const NotedToken&) = delete;
  NotedToken& operator=(const NotedToken&) = delete;

  /// The execution with this seed begins.
  void seed(std::uint64_t seed) noexcept;

 private:
  struct Slot;
  friend class CrashNote;
  static Slot*& slot_of_thread() noexcept;
  static Slot slots[];

  Slot* slot_ = nullptr;  // null: nobody would read it, or all slots are taken
};

}  // namespace asyncio::sim
