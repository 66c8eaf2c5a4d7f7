// io_source.hpp: something that the next poll of a loop will find.
//
// On a real machine a socket becomes readable, the poll reports its number, and the loop queues the handle that
// reads. In a world the socket tells the loop at once, and the loop keeps it until its next poll: so the order
// ready, input/output, timers is the same as on a real loop (S4).
#pragma once

#include <asyncio/ref.hpp>

#include <cstdint>

namespace asyncio::sim {

/// A socket, as far as the poll of its loop is concerned.
class IoSource : public RefCounted {
 public:
  /// Puts the handles of what happened to it onto the ready queue of its loop, the reader before the writer (S5).
  virtual void queue_handles() = 0;
  /// A number of its own in this world.
  virtual std::uint64_t io_id() const noexcept = 0;

 private:
  friend class SimEventLoop;
  bool awaits_poll_ = false;  // it is in its loop's list already
};

}  // namespace asyncio::sim
