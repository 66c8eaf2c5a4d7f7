// mixins.hpp: which loop a lock or a queue belongs to.
//
// A lock may be made before any loop runs, as a global for example. It belongs to no loop until a task has
// to wait for it; from then on to the loop of that task. A task of another loop that has to wait is told
// so, instead of being woken by the wrong thread. Who never has to wait binds nothing (S193).
//
// Source: CPython Lib/asyncio/mixins.py.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/loop_core.hpp>
#include <asyncio/ref.hpp>

#include <string>

namespace asyncio {

/// Base of everything that belongs to the loop under which it first made somebody wait.
class LoopBoundMixin {
 public:
  LoopBoundMixin(const LoopBoundMixin&) = delete;
  LoopBoundMixin& operator=(const LoopBoundMixin&) = delete;

 protected:
  /// \param kind  the word for messages: "Lock"
  explicit LoopBoundMixin(const char* kind) noexcept : kind_(kind) {}
  ~LoopBoundMixin() = default;

  /// The word for messages.
  const char* kind() const noexcept { return kind_; }

  /// The running loop; the first call binds to it.
  ///
  /// \throws RuntimeError  where no loop runs, or another one than at the first call (S193)
  AbstractEventLoop& get_loop() {
    AbstractEventLoop& loop = get_running_loop();
    if (!core_) core_ = Ref<LoopCore>(&loop.core());
    if (core_.get() != &loop.core()) {
      throw RuntimeError(std::string("<") + kind_ + "> is bound to a different event loop");
    }
    return loop;
  }

 private:
  const char* kind_;
  // The core and not the loop: a new loop may stand at the address of one that was destroyed.
  Ref<LoopCore> core_;
};

}  // namespace asyncio
