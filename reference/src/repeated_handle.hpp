// repeated_handle.hpp: handles whose callback runs again and again: readers, writers, signals.
//
// Every other handle runs once and is used up. These stay with whoever watches, and each event puts a run of
// them onto the ready queue: the handle itself cannot be queued, for it may be reported again before it has run.
#pragma once

#include <asyncio/handle_state.hpp>

#include <memory>
#include <utility>

namespace asyncio {

/// A handle that can be run any number of times, until it is cancelled.
class RepeatedHandle final : public HandleState {
 public:
  RepeatedHandle(Callback callback, AbstractEventLoop& loop, Context context)
      : HandleState({}, loop, std::move(context)), repeated_(std::make_shared<Callback>(std::move(callback))) {}
  void drop() override { const auto dropped = std::move(repeated_); }

 protected:
  void call() override {
    const auto kept = repeated_;  // the callback may remove itself, and must outlive its own call
    if (kept) (*kept)();
  }

 private:
  std::shared_ptr<Callback> repeated_;
};

/// One run of a RepeatedHandle, on its way through the ready queue.
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

}  // namespace asyncio
