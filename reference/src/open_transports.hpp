// open_transports.hpp: the transports that a loop owns.
//
// A loop owns a transport from its making until its connection is lost. Usually one of its readers and
// writers does that, but a transport that is paused and has nothing to send has neither. So each is also
// written down here, and crossed out when its connection is lost.
//
//     add() ──► written down ──┬── connection_lost() was called ──► remove()
//                              └── the loop is closed ──► close_all() ──► loop_closed()
//
// What is still here when the loop is closed is told so. A protocol and its transport own each other, and
// nothing else would end that.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

namespace asyncio {

/// A transport as its loop sees it.
class OpenTransport {
 public:
  virtual ~OpenTransport() = default;
  /// The loop is closed: gives back what the system lent, and lets go of loop and protocol. connection_lost() is
  /// not called (S279), and nothing can be scheduled.
  virtual void loop_closed() noexcept = 0;

 private:
  friend class OpenTransports;  // the number below is its
  std::uint64_t number_ = 0;    // 0: not written down
};

/// The list of them. Belongs to a loop, and to its thread.
class OpenTransports {
 public:
  void add(std::shared_ptr<OpenTransport> transport) {
    transport->number_ = ++last_number_;
    open_.emplace(last_number_, std::move(transport));
  }
  /// Again is harmless. May destroy the transport.
  void remove(OpenTransport& transport) noexcept {
    const auto found = open_.find(transport.number_);
    if (found == open_.end()) return;
    const auto kept = std::move(found->second);  // its destructor is foreign code, and finds the list in order
    open_.erase(found);
  }
  /// Tells all of them, the oldest first, that the loop is closed.
  void close_all() noexcept {
    while (!open_.empty()) {
      const auto oldest = open_.extract(open_.begin());
      oldest.mapped()->loop_closed();
    }
  }

 private:
  std::map<std::uint64_t, std::shared_ptr<OpenTransport>> open_;  // by age
  std::uint64_t last_number_ = 0;
};

}  // namespace asyncio
