// handle_state.hpp: what lies behind a Handle, and the queue that handles wait in.
//
// For those who write loops. A HandleState is a node: it carries its own link, so that putting it onto
// the ready queue allocates nothing and cannot fail. It is in one queue at a time, either the ready
// queue of a loop or the list of callbacks of a future, and the queue owns it meanwhile.
//
// A step of a task is a subclass that overrides run() and drop(), see tasks.cpp: it is made once for
// each task and used for every one of its steps.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/handles.hpp>
#include <asyncio/loop_core.hpp>
#include <asyncio/traceback.hpp>

#include <cassert>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace asyncio {

class TaskState;

/// What lies behind a Handle: the callback, its context, and the link of the queue it waits in.
class HandleState : public RefCounted {
 public:
  /// \param callback  what to call; its captures go with it (H2)
  /// \param loop      whose exception handler hears of what it throws
  /// \param context   what it runs in
  HandleState(Callback callback, AbstractEventLoop& loop, Context context)
      : callback_(std::move(callback)), loop_(&loop), context_(std::move(context)) {}

  /// See Handle::cancel().
  virtual void cancel();
  /// See Handle::run().
  virtual void run();
  /// See Handle::cancelled().
  virtual bool cancelled() const noexcept { return cancelled_; }

  /// What the callback runs in.
  const Context& context() const noexcept { return context_; }
  /// The loop that made the promise.
  AbstractEventLoop& loop() const noexcept { return *loop_; }

  /// A future that has this handle among its callbacks is done, and puts it onto the ready queue: keeps the future
  /// alive until then. A subclass that has the future alive anyway need not.
  virtual void future_done(FutureState& future) { subject_ = Ref<FutureState>(&future); }
  /// Names the handle among the callbacks of a future.
  CallbackId id() const noexcept { return id_; }
  /// Gives it that name.
  void set_id(CallbackId id) noexcept { id_ = id; }

  /// Remembers the calls that led to here: what a loop in debug mode does with the handles that it makes (S53).
  void remember_source() { source_ = std::make_unique<StackSummary>(StackSummary::extract(DEBUG_STACK_DEPTH)); }
  /// \return  those calls; empty outside debug mode
  StackSummary source() const { return source_ ? *source_ : StackSummary(); }

  /// The task that a run of this handle steps, for the slow-callback report; null where it steps none.
  virtual TaskState* steps_task() const noexcept { return nullptr; }
  /// Lets go of the callback and of everything it captured (H2).
  virtual void drop();

 protected:
  /// What run() does for a subclass that has something else to call: calls it inside the context, unless cancelled;
  /// what it throws belongs to the loop (H3). For those who include guarded_run.hpp.
  template <class Call>
  void run_guarded(Call call);

  /// Whether cancel() was called.
  bool cancelled_ = false;

 private:
  class Entered;
  void report_exception();

  friend class HandleQueue;
  friend class FutureState;  // its list of callbacks uses the same link

  Ref<FutureState> subject_;  // the future whose end this is; before callback_, which may refer to it, and outlives it
  Callback callback_;
  AbstractEventLoop* loop_;
  Context context_;
  std::unique_ptr<StackSummary> source_;  // asyncio's _source_traceback; mostly null
  CallbackId id_{};
  HandleState* next_ = nullptr;
};

// Here, because here is a HandleState.
inline CallbackId FutureState::add_waiter(Ref<HandleState> handle) {
  const CallbackId id{++callbacks_added_};
  handle->set_id(id);
  if (done()) {
    queue_waiter(std::move(handle));
    return id;
  }
  HandleState* const added = handle.detach();
  (first_waiter_ ? last_waiter_->next_ : first_waiter_) = added;
  last_waiter_ = added;
  return id;
}

/// What lies behind a TimerHandle.
class TimerState final : public HandleState {
 public:
  /// \param when      on the loop's clock
  /// \param callback  what to call
  /// \param loop      whose heap it goes to
  /// \param context   what it runs in
  TimerState(TimePoint when, Callback callback, AbstractEventLoop& loop, Context context)
      : HandleState(std::move(callback), loop, std::move(context)), when_(when), core_(&loop.core()) {}

  void cancel() override;  // tells the loop first, once (S18)
  /// When it is due, on the loop's clock.
  TimePoint when() const noexcept { return when_; }
  /// Whether it lies in its loop's heap (asyncio's _scheduled).
  bool scheduled() const noexcept { return scheduled_; }
  /// The heap's to call: on adding and on taking out.
  void set_scheduled(bool scheduled) noexcept { scheduled_ = scheduled; }

 private:
  TimePoint when_;
  Ref<LoopCore> core_;  // timers are cancelled in destructors, and those run after the loop's too
  bool scheduled_ = false;
};

/// What lies behind the handle of call_soon_threadsafe(): cancelling and running exclude each other (S23).
class ThreadSafeHandleState final : public HandleState {
 public:
  /// The same as HandleState().
  using HandleState::HandleState;

  void cancel() override;
  void run() override;
  bool cancelled() const noexcept override;
  void drop() override;

 private:
  mutable std::recursive_mutex mutex_;  // recursive: a callback may cancel its own handle
};

/// A first-in, first-out queue of handles, linked through the handles themselves.
class HandleQueue {
 public:
  HandleQueue() = default;
  HandleQueue(const HandleQueue&) = delete;
  HandleQueue& operator=(const HandleQueue&) = delete;
  ~HandleQueue() { clear(); }

  /// Whether no handle waits.
  bool empty() const noexcept { return first_ == nullptr; }
  /// How many handles wait, cancelled ones included.
  std::size_t size() const noexcept { return size_; }
  /// Adds a handle at the end. It must be in no queue.
  void push(Ref<HandleState> handle) noexcept {
    HandleState* const added = handle.detach();
    assert(added->next_ == nullptr && added != last_);  // in one queue at a time
    (last_ ? last_->next_ : first_) = added;
    last_ = added;
    ++size_;
  }
  /// The oldest handle. The queue must not be empty.
  Ref<HandleState> pop() noexcept {
    HandleState* const taken = first_;
    first_ = std::exchange(taken->next_, nullptr);
    if (!first_) last_ = nullptr;
    --size_;
    return Ref<HandleState>::adopt(taken);
  }
  /// Takes out the handle at `index`, counted from the oldest; what the ready order of a world needs.
  Ref<HandleState> pop_at(std::size_t index) noexcept;
  /// The handle at `index`, which stays.
  HandleState& at(std::size_t index) const noexcept;
  /// Moves all handles of `other` to the end of this queue.
  void append(HandleQueue& other) noexcept;
  /// Drops everything without running it.
  void clear() noexcept;

 private:
  HandleState* first_ = nullptr;
  HandleState* last_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace asyncio
