// interruption.hpp: what Ctrl-C does.
//
// The first one is a request: the execution that runs comes to its end, and what was found so far is shown.
// Whoever presses again has no patience for that, and the process ends at once.
#pragma once

namespace asyncio::sim::tool {

/// While it lives, the first Ctrl-C is only remembered.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// Whether Ctrl-C was pressed.
  static bool requested() noexcept;
};

}  // namespace asyncio::sim::tool
