// repeated_handle.hpp: handles whose callback runs again and again: readers, writers, signals.
//
// Every other handle runs once and is used up. These stay with whoever watches, and each event puts a run of
// them onto the ready queue. That run is nearly always the handle itself: an event of a socket then allocates
// nothing. A handle can be in one queue only once, though, and what is reported again before it has run needs a
// RepeatedRun. In an iteration that is cut short by KeyboardInterrupt that may happen (S57).
//
//   R1  queued_ says whether the handle lies on the ready queue.
//   R2  The callback outlives its own call: a reader may remove itself.
#pragma once

#include <asyncio/handle_state.hpp>

#include "guarded_run.hpp"

#include <utility>

namespace asyncio {

/// One run of a RepeatedHandle that lies on the ready queue already.
class RepeatedRun final : public HandleState {
 public:
  explicit RepeatedRun(Handle repeated)
      : HandleState({}, repeated.get()->loop(), repeated.get()->context()), repeated_(std::move(repeated)) {}
  void run() override { repeated_.run(); }
  bool cancelled() const noexcept override { return repeated_.cancelled(); }
  void drop() override { const Handle dropped = std::move(repeated_); }

 private:
  Handle repeated_;
};

/// A handle that can be run any number of times, until it is cancelled.
class RepeatedHandle final : public HandleState {
 public:
  RepeatedHandle(Callback callback, AbstractEventLoop& loop, Context context)
      : HandleState({}, loop, std::move(context)), repeated_(std::move(callback)) {}

  /// The part behind a handle that was made as a RepeatedHandle.
  static RepeatedHandle& of(const Handle& handle) { return static_cast<RepeatedHandle&>(*handle.get()); }

  /// What to put onto the ready queue, at once, for one more run.
  Ref<HandleState> next_run() {
    Ref<HandleState> self(this);
    if (std::exchange(queued_, true)) return make_ref<RepeatedRun>(Handle(std::move(self)));  // R1
    return self;
  }

  void run() override {
    queued_ = false;
    run_guarded([this]() __attribute__((always_inline)) {
      const Running scope(*this);
      if (repeated_) repeated_();
    });
  }
  [[gnu::noinline]] void drop() override {
    if (running_) return;  // R2: cancelled by its own callback; Running comes back to this
    const Callback dropped = std::move(repeated_);
  }

 private:
  struct Running {
    explicit Running(RepeatedHandle& handle) : handle(handle) { handle.running_ = true; }
    ~Running() {
      handle.running_ = false;
      if (handle.cancelled_) [[unlikely]]
        handle.drop();
    }
    RepeatedHandle& handle;
  };

  Callback repeated_;
  bool queued_ = false;
  bool running_ = false;
};

}  // namespace asyncio
