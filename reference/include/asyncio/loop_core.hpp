// loop_core.hpp: what tasks and futures share with their loop, and what may outlive it.
//
// A future may be held longer than its loop lives. So it does not point to the loop, but to this core,
// which every future keeps alive and which knows whether the loop is still there. The core also has the
// loop's tasks: a list in order of registration, of which each task takes itself out when it dies, so the
// list keeps nobody alive (S97, S119). The asynchronous generators that are being iterated have another such
// list.
//
//   L1  loop() is null exactly when the loop has been destroyed.
//   L2  A task is in the list exactly while it is registered; the list is guarded by a lock, because
//       all_tasks() may be called from any thread (S121).
//   L3  Only the loop's own thread writes the current task.
//   L4  A ring that was remembered is cut at most once, by the loop's close().
//   L5  post() reaches the loop until it is closed, from any thread, whatever has become of the loop meanwhile.
#pragma once

#include <asyncio/callback.hpp>
#include <asyncio/ref.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

namespace asyncio {

class AbstractEventLoop;
class AsyncGeneratorState;
class Instrument;
class TaskState;

/// The part of a loop that its futures keep alive: its tasks, its current task, its instruments.
class LoopCore final : public RefCounted {
 public:
  /// \param loop  the loop it is a part of
  explicit LoopCore(AbstractEventLoop& loop) noexcept : loop_(&loop) {}
  ~LoopCore() override;

  /// The loop; null once it has been destroyed (L1).
  AbstractEventLoop* loop() const noexcept { return loop_; }

  /// Whether the loop is in debug mode, for those who make futures by the million.
  bool debug() const noexcept { return debug_; }
  /// What AbstractEventLoop::set_debug() was given.
  void set_debug(bool enabled) noexcept { debug_ = enabled; }

  /// See asyncio::register_task(), and register_eager_task() where `eagerly`.
  void register_task(TaskState& task, bool eagerly);
  /// See asyncio::unregister_task(), and unregister_eager_task() where `eagerly`.
  void unregister_task(TaskState& task, bool eagerly);
  /// The pending registered tasks, oldest first. From any thread.
  std::vector<Ref<TaskState>> tasks() const;

  /// What enter_task() and leave_task() do once they know that the loop is the running one (S116).
  void enter(TaskState& task) {
    if (current_task()) refuse_enter(task);
    set_current_task(&task);
    if (!instruments_.empty()) tell_entered(task);
  }
  /// See enter().
  void leave(TaskState& task) {
    if (current_task() != &task) refuse_leave(task);
    set_current_task(nullptr);
    if (!instruments_.empty()) tell_left(task);
  }
  /// The task between enter() and leave(); null where there is none.
  TaskState* current_task() const noexcept { return current_.load(std::memory_order_relaxed); }
  /// Sets the current task without checks or instruments; null for none (L3).
  void set_current_task(TaskState* task) noexcept { current_.store(task, std::memory_order_relaxed); }
  /// Keeps a task alive that a program has made the current one: a task that runs is kept by its own step.
  ///
  /// \param task  the current task; null where there is none
  void keep_current_task(TaskState* task) noexcept;
  /// The current task of a loop that may run in another thread, or an empty Ref.
  Ref<TaskState> current_task_from_any_thread() const;

  /// Remembers a ring: something that holds what holds it, as the future of a gather() and its pending
  /// children do. Once the program forgets a ring nobody would find it, so close() cuts it (S359).
  ///
  /// \param cut  lets go of what the ring holds
  /// \return     names the ring for forget_ring(); never 0
  std::uint64_t remember_ring(Callback cut);
  /// The ring has come apart by itself. Again, or for 0, is harmless.
  void forget_ring(std::uint64_t ring) noexcept;
  /// Cuts all rings that are still there, the oldest first (L4).
  void cut_rings();

  // ---- From other threads ----

  /// Hands a callback to the loop's call_soon_threadsafe(). Any thread may ask, also where the loop may be gone (L5).
  ///
  /// \return false where the loop is closed; the callback is dropped then
  bool post(Callback callback) noexcept;
  /// The loop closes: post() reaches nobody from here on.
  void close_to_threads() noexcept;

  // ---- Asynchronous generators ----

  /// A generator is being iterated for the first time.
  void add_asyncgen(AsyncGeneratorState& generator);
  /// It is about to die, or will be closed. Harmless where it is not in the list. From any thread.
  void remove_asyncgen(AsyncGeneratorState& generator) noexcept;
  /// The generators of this loop that are still there, oldest first.
  std::vector<Ref<AsyncGeneratorState>> asyncgens() const;

  // ---- Instruments ----

  /// From now on `instrument` hears of tasks. It must outlive that.
  void add_instrument(Instrument& instrument);
  /// Ends that.
  void remove_instrument(Instrument& instrument);
  /// Calls `tell(Instrument&)` for each instrument.
  template <class Tell>
  void notify(Tell tell) const {
    // By index: an instrument may remove itself when it is told.
    for (std::size_t i = 0; i < instruments_.size(); ++i) tell(*instruments_[i]);
  }

 private:
  friend class AbstractEventLoop;  // clears loop_ when it is destroyed
  friend class TaskState;          // takes itself out of the list when it dies

  void unlink(TaskState& task) noexcept;
  [[noreturn]] void refuse_enter(TaskState& task) const;
  [[noreturn]] void refuse_leave(TaskState& task) const;
  void tell_entered(TaskState& task) const;
  void tell_left(TaskState& task) const;

  AbstractEventLoop* loop_;
  bool debug_ = false;
  std::atomic<TaskState*> current_ = nullptr;
  Ref<TaskState> kept_current_;  // see keep_current_task(); mostly empty
  std::vector<Instrument*> instruments_;
  std::map<std::uint64_t, Callback> rings_;  // by age
  std::uint64_t last_ring_ = 0;
  mutable std::mutex mutex_;  // guards the lists, their links (L2), and the rings: a future may die anywhere
  TaskState* first_task_ = nullptr;
  TaskState* last_task_ = nullptr;
  AsyncGeneratorState* first_asyncgen_ = nullptr;
  AsyncGeneratorState* last_asyncgen_ = nullptr;
  std::recursive_mutex post_mutex_;  // recursive: a callback that is refused may post another one as it goes
  bool open_ = true;                 // guarded by post_mutex_
};

}  // namespace asyncio
