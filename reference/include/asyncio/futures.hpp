// futures.hpp: a result that is not there yet.
//
//                     set_result(), set_exception()
//        pending ───────────────────────────────────► finished
//           └──────────────────────────────────────► cancelled
//                     cancel()
//
// A future is one-shot: both arrows are taken at most once, and never back. Whoever wants to hear of it
// adds a callback; a task that awaits the future does just that. Completing a future calls nobody. It
// moves the waiting callbacks to the loop's ready queue, in the order in which they were added, so that
// nothing runs in the middle of the code that set the result. This is the surprise for newcomers, and
// the reason why asyncio programs have so few re-entrancy bugs.
//
// Future<T> and AnyFuture are small handles that are copied freely. FutureState is the one thing behind
// them, without the type of the result, so that the logic is read once, in futures.cpp.
//
//   F1  A future leaves the pending state once.
//   F2  Callbacks are not run by whoever completes the future: each goes through the ready queue.
//   F3  A callback is in the future's list exactly while the future is pending.
//   F4  An exception nobody looked at is reported when the last owner lets go of the future.
//
// Source: CPython Lib/asyncio/futures.py. Rules: S64 to S79.
#pragma once

#include <asyncio/callback.hpp>
#include <asyncio/contextvars.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/ref.hpp>
#include <asyncio/result_slot.hpp>
#include <asyncio/traceback.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

class AbstractEventLoop;
class AnyFuture;
class HandleState;
class LoopCore;

/// Names a callback among those of one future, for remove_done_callback().
enum class CallbackId : std::uint32_t {};

/// What lies behind every future and task: its state, its callbacks, and where its result lies.
///
/// Programs use Future and Task. This class is for those who write loops and task types.
class FutureState : public RefCounted {
 public:
  /// \param loop   whose ready queue the callbacks go to
  /// \param slot   where the result will lie; null where a subclass gives it later
  /// \param where  where the future was made, for reports
  FutureState(AbstractEventLoop& loop, AnySlot* slot, std::source_location where);
  ~FutureState() override;

  /// The loop it belongs to.
  ///
  /// \throws RuntimeError  where that loop has been destroyed
  AbstractEventLoop& loop() const;
  /// The part of the loop that is still there when the loop is not.
  LoopCore& core() const noexcept { return *core_; }
  /// Counts the futures of the thread that made it: no address decides the order of futures.
  ///
  /// \return at least 1
  std::uint64_t number() const noexcept { return number_; }
  /// Where the future was made.
  std::source_location where() const noexcept { return where_; }
  /// In debug mode the calls that led to there; else empty (S53).
  StackSummary source() const { return extra_ ? extra_->source : StackSummary(); }
  /// Where the result lies once there is one.
  AnySlot* slot() const noexcept { return slot_; }

  /// See AnyFuture::done().
  bool done() const noexcept { return stage() != Stage::pending; }
  /// See AnyFuture::cancelled().
  bool cancelled() const noexcept { return stage() == Stage::cancelled; }
  /// Whether it is done with an outcome that is thrown: cancelled, or an exception.
  bool failed() const noexcept { return cancelled() || exception_ != nullptr; }

  /// See AnyFuture::cancel(). A task and a gathering future do something else than a plain future.
  virtual bool cancel(std::string message);

  /// Makes a future without a value, which is done, pending again, with a new number: as if it had just been made, at
  /// a fifth of the price. For those who wait again and again.
  ///
  /// \param loop  whose future is wanted
  /// \return      false where that would be seen: somebody else has the future, it has an error, or it is another
  ///              loop's. Nothing is changed then
  bool renew(AbstractEventLoop& loop) noexcept;

  /// See Future::set_result(): the value is in the slot already. A task refuses.
  ///
  /// \throws InvalidStateError  where the future is done
  virtual void set_result();
  /// See AnyFuture::set_exception(). A task refuses.
  virtual void set_exception(std::exception_ptr error);
  /// Throws what set_result() would throw, so that nothing is put into the slot in vain.
  virtual void check_settable() const;

  /// See AnyFuture::exception().
  std::exception_ptr exception();
  /// The exception that it ended with, if any; to look here does not count as retrieving it.
  const std::exception_ptr& exception_unseen() const noexcept { return exception_; }
  /// Returns where there is a result in the slot; throws otherwise. See Future::result().
  void check_result() {
    if (stage() != Stage::finished || exception_) throw_outcome();
  }

  /// Waits until the future is done, without looking at its outcome.
  ///
  /// \throws RuntimeError  outside a task, or where the task was resumed before the future is done (S73)
  /// \suspends until the future is done; not at all where it is (S72)
  void wait();

  /// See AnyFuture::add_done_callback().
  CallbackId add_done_callback(UniqueFunction<void(AnyFuture)> callback, std::optional<Context> context);
  /// See AnyFuture::remove_done_callback().
  std::size_t remove_done_callback(CallbackId id);
  /// Lets go of all callbacks without running them: what a loop that closes does with its pending tasks.
  void drop_callbacks() noexcept;
  /// Puts a handle onto the ready queue when the future is done: at once where it is.
  ///
  /// What a task's wake-up uses; the handle hears of it by future_done().
  ///
  /// \return  names the handle for remove_done_callback()
  CallbackId add_waiter(Ref<HandleState> handle);

  /// The handshake between await() and a task: true from the suspension until the task has taken the future
  /// as what it waits for. Something that suspends with a future and without this flag is a mistake (S90).
  bool blocking() const noexcept { return blocking_; }
  /// Sets or takes back that flag.
  void set_blocking(bool blocking) noexcept { blocking_ = blocking; }

  /// The outcome as an exception to throw into whoever waited: null where there is a result. Counts as
  /// retrieved, and hands out the saved CancelledError as result() would (S76, S92).
  std::exception_ptr take_error();
  /// The CancelledError to throw for this future: the saved one the first time, then fresh ones (S76).
  std::exception_ptr make_cancelled_error();
  /// What was said when it was cancelled; empty where nothing was.
  const std::string& cancel_message() const noexcept;

  /// Whether destroying the future now would report an exception that nobody retrieved (asyncio's _log_traceback).
  bool log_traceback() const noexcept { return log_traceback_; }
  /// Switches that report off: the exception counts as retrieved.
  void mark_retrieved() noexcept { log_traceback_ = false; }

  /// Who awaits this future, in the order in which they began to (S344).
  std::span<FutureState* const> awaited_by() const noexcept {
    if (extra_ && !extra_->waiters.empty()) return extra_->waiters;
    return {&only_waiter_, only_waiter_ ? std::size_t{1} : std::size_t{0}};
  }
  /// Records that `waiter` waits for this future. The waiter discards the edge before it goes.
  void add_awaited_by(FutureState& waiter) {
    if (only_waiter_ || extra_) return add_one_of_many(waiter);
    only_waiter_ = &waiter;
  }
  /// The same for a waiter that is kept alive until the edge is discarded: future_add_to_awaited_by().
  void hold_awaited_by(Ref<FutureState> waiter);
  /// Removes the edge; harmless where there is none (S345).
  void discard_awaited_by(FutureState& waiter) noexcept {
    if (only_waiter_ != &waiter || extra_) return discard_one_of_many(waiter);
    only_waiter_ = nullptr;
  }

  /// One line for reports: "<Future pending>", "<Future finished result=7>", "<Future finished exception=...>".
  virtual std::string repr() const;
  /// "Future", "Task": the word that reports use.
  virtual const char* kind() const noexcept { return "Future"; }

 protected:
  /// The three states of a future.
  enum class Stage : std::uint8_t {
    pending,    ///< not done
    cancelled,  ///< done, without an outcome of its own
    finished,   ///< done, with a result or an exception
  };
  /// Which of them it is in.
  Stage stage() const noexcept { return stage_.load(std::memory_order_relaxed); }

  /// The transitions themselves, for subclasses that complete in their own way (F1, F2).
  void finish();
  /// Finishes with an exception: asyncio's set_exception() of the base class.
  void finish_with(std::exception_ptr error);
  /// Finishes as cancelled: asyncio's cancel() of the base class.
  void finish_cancelled();
  /// What a later CancelledError says.
  void set_cancel_message(std::string message);
  /// The CancelledError that ended a task, for the first who asks (S76).
  void save_cancelled_error(std::exception_ptr error) noexcept { saved_cancelled_error_ = std::move(error); }
  /// Says where the result will lie; once, before there is one.
  void set_slot(AnySlot* slot) noexcept { slot_ = slot; }
  /// "pending", "cancelled", "finished": the beginning of repr().
  std::string state_text() const;
  /// " exception=RuntimeError('…')" or " result=7", where it has ended so and the result has a text.
  std::string outcome_text() const;
  /// " created at server.cpp:12" in debug mode, else nothing: the end of repr().
  std::string created_text() const;

  void last_owner_gone() noexcept override;  // F4

 private:
  class Waiters;
  void schedule_callbacks();
  void report_never_retrieved() noexcept;
  void require_pending() const;
  [[noreturn]] void throw_outcome();
  void queue_waiter(Ref<HandleState> handle);
  void add_one_of_many(FutureState& waiter);
  void discard_one_of_many(FutureState& waiter) noexcept;

  /// What few futures have. Apart, because futures are made by the million.
  struct Extra {
    StackSummary source;                 // asyncio's _source_traceback: in debug mode
    std::vector<FutureState*> waiters;   // who awaits it, where there are or were several
    std::vector<Ref<FutureState>> held;  // those of them that are held
    std::string cancel_message;
  };
  Extra& extra();

  Ref<LoopCore> core_;  // outlives the loop itself
  AnySlot* slot_;
  std::uint64_t number_;
  std::source_location where_;
  std::unique_ptr<Extra> extra_;  // mostly null
  // Who awaits this future. Nearly always that is one task, and every await makes an edge: no vector for one.
  FutureState* only_waiter_ = nullptr;  // null where there are none or more
  // The waiting handles, in order of addition; none once done (F3).
  HandleState* first_waiter_ = nullptr;
  HandleState* last_waiter_ = nullptr;  // means nothing where there is no first
  std::exception_ptr exception_;
  std::exception_ptr saved_cancelled_error_;
  std::atomic<Stage> stage_ = Stage::pending;  // all_tasks() looks at it from other threads (S121)
  bool log_traceback_ = false;
  bool blocking_ = false;
  std::uint32_t callbacks_added_ = 0;  // names the next one
};

/// A future of any type: everything that does not need the type of the result.
///
/// Copies are the same future, and two handles are equal exactly then. All functions are const, so that
/// a captured copy can be used. Not thread-safe (S77): another thread uses call_soon_threadsafe().
class AnyFuture {
 public:
  /// No future: converts to false.
  AnyFuture() = default;
  /// For those who write loops and task types.
  explicit AnyFuture(Ref<FutureState> state) noexcept : state_(std::move(state)) {}

  /// Whether it has a result or an exception, or was cancelled.
  bool done() const { return state().done(); }
  /// Whether it was cancelled.
  bool cancelled() const { return state().cancelled(); }
  /// Cancels a pending future and schedules its callbacks (S66). For a task this is a request, see AnyTask.
  ///
  /// \param message  what the CancelledError of those who wait will say
  /// \return         false where the future was done already
  bool cancel(std::string message = {}) const { return state().cancel(std::move(message)); }

  /// The exception it holds; null where it holds a result. Counts as looked at (S74).
  ///
  /// \throws InvalidStateError  while pending
  /// \throws CancelledError     where it was cancelled
  std::exception_ptr exception() const { return state().exception(); }

  /// Throws what the future holds, unless that is a result. The result itself is for those who know its type.
  ///
  /// \throws InvalidStateError  while pending
  /// \throws CancelledError     where it was cancelled
  /// \throws (anything)         that set_exception() was given
  void result() const { state().check_result(); }

  /// Completes the future with an exception.
  ///
  /// \throws InvalidStateError     where it is done
  /// \throws std::invalid_argument  where `error` is null
  /// \throws RuntimeError          where this is a task
  void set_exception(std::exception_ptr error) const { state().set_exception(std::move(error)); }
  /// The same with an exception object.
  template <class E>
    requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
  void set_exception(E error) const {
    set_exception(std::make_exception_ptr(std::move(error)));
  }

  /// Calls `callback(future)` through the loop once the future is done (S68); soon, where it is (S69).
  ///
  /// \param callback  takes the future as an AnyFuture
  /// \param context   what it runs in; by default a copy of the current context, made now
  /// \return          names the callback for remove_done_callback()
  /// \throws std::invalid_argument  where `callback` is empty
  /// \throws RuntimeError           where the future is done and its loop is closed, or its loop is gone
  CallbackId add_done_callback(UniqueFunction<void(AnyFuture)> callback, std::optional<Context> context = {}) const {
    return state().add_done_callback(std::move(callback), std::move(context));
  }
  /// Takes a callback back that has not been handed to the loop yet (S70).
  ///
  /// \return how many were removed: 1 or 0
  std::size_t remove_done_callback(CallbackId id) const { return state().remove_done_callback(id); }

  /// The loop it belongs to.
  ///
  /// \throws RuntimeError  where that loop has been destroyed
  AbstractEventLoop& get_loop() const { return state().loop(); }

  /// Who waits for it: an edge of the call graph each, in the order in which they began (S344). See graph.hpp.
  ///
  /// \source CPython Lib/asyncio/futures.py, Future._asyncio_awaited_by
  std::vector<AnyFuture> asyncio_awaited_by() const;

  /// One line for reports, without addresses.
  std::string repr() const { return state_ ? state_->repr() : "<no future>"; }

  /// Whether this is a future.
  explicit operator bool() const noexcept { return state_.operator bool(); }
  /// Equal where both are the same future.
  friend bool operator==(const AnyFuture&, const AnyFuture&) = default;
  /// The order of making, for std::set and std::map: futures of one thread stand in the order in which they were made,
  /// so that a walk over all_tasks() goes the same way in every run. Across threads: some order.
  friend bool operator<(const AnyFuture& a, const AnyFuture& b) noexcept {
    const auto place = [](const FutureState* state) { return std::pair(state ? state->number() : 0, state); };
    return std::less<>{}(place(a.get()), place(b.get()));
  }

  /// The part behind the handle, for those who write loops and task types.
  FutureState* get() const noexcept { return state_.get(); }

 protected:
  /// The part behind the handle.
  ///
  /// \throws RuntimeError  where this is no future
  FutureState& state() const {
    if (!state_) throw_empty();
    return *state_;
  }

 private:
  [[noreturn]] static void throw_empty();
  Ref<FutureState> state_;
};

template <class T>
class FutureOf;

/// A future whose result is a T, which may be void or move-only.
template <class T>
class Future : public AnyFuture {
 public:
  /// No future: converts to false.
  Future() = default;
  /// For those who write loops and task types.
  ///
  /// \throws std::invalid_argument  where the result of `future` is no T
  explicit Future(AnyFuture future);
  /// The same for one that was just made.
  explicit Future(Ref<FutureOf<T>> state) noexcept : AnyFuture(std::move(state)) {}

  /// What the future holds. Where T can only be moved, the value itself, once.
  ///
  /// \throws InvalidStateError  while pending
  /// \throws CancelledError     where it was cancelled
  /// \throws (anything)         that set_exception() was given
  T result() const;

  /// Completes the future with `value` and schedules its callbacks (S65, S68).
  ///
  /// \throws InvalidStateError  where it is done
  template <class U = T>
    requires(!std::is_void_v<T>)
  void set_result(U&& value) const {
    state().check_settable();
    slot().emplace(std::forward<U>(value));
    state().set_result();
  }
  /// The same for a future without a value.
  void set_result() const
    requires std::is_void_v<T>
  {
    state().set_result();
  }

 private:
  Slot<T>& slot() const { return static_cast<Slot<T>&>(*state().slot()); }
};

/// A FutureState with its own place for a T.
template <class T>
class FutureOf final : public FutureState {
 public:
  FutureOf(AbstractEventLoop& loop, std::source_location where) : FutureState(loop, &slot_, where) {}

 private:
  Slot<T> slot_;
};

/// Throws std::invalid_argument where a future's result is not of type `expected`.
void check_result_type(const AnyFuture& future, const std::type_info& expected);

template <class T>
Future<T>::Future(AnyFuture future) : AnyFuture(std::move(future)) {
  if (*this) check_result_type(*this, typeid(T));
}

template <class T>
T Future<T>::result() const {
  state().check_result();
  if constexpr (!std::is_void_v<T>) return slot().take();
}

/// Waits for a future and gives its result: Python's `await future`.
///
/// \return  what the future holds
/// \throws (anything)      that it holds
/// \throws CancelledError  where it, or the waiting task, was cancelled
/// \throws RuntimeError    outside a task, where the future is not done yet
/// \suspends until the future is done; not at all where it is (S72)
/// \source CPython Lib/asyncio/futures.py, Future.__await__
template <class T>
T await(const Future<T>& future) {
  // The copy keeps the future alive while this stack is suspended, whatever happens to the caller's.
  const Future<T> kept = future;
  if (!kept.done()) kept.get()->wait();
  return kept.result();
}

/// The same for a future of any type: waits, and throws what it ended with. The result stays in the future.
///
/// \suspends until `future` is done; not at all where it is (S72)
inline void await(const AnyFuture& future) {
  const AnyFuture kept = future;
  if (!kept.done()) kept.get()->wait();
  kept.result();
}

/// True for a Future or Task that is not empty.
template <class T>
bool isfuture(const T& object) {
  if constexpr (std::is_base_of_v<AnyFuture, T>) {
    return static_cast<bool>(object);
  } else {
    return false;
  }
}

/// Sets a result where the future is still there to take one: what a timer does whose waiter may have been cancelled.
///
/// \param future  left alone where it was cancelled
/// \param value   the result; nothing, where T is void
/// \throws InvalidStateError  where the future is done in another way than by a cancellation
/// \source CPython Lib/asyncio/futures.py, _set_result_unless_cancelled
template <class T, class... Value>
void set_result_unless_cancelled(const Future<T>& future, Value&&... value) {
  if (!future.cancelled()) future.set_result(std::forward<Value>(value)...);
}

/// An edge of the call graph, "waiter awaits future", for as long as this object lives (S344).
class AwaitEdge {
 public:
  AwaitEdge() = default;
  AwaitEdge(Ref<FutureState> future, FutureState& waiter);
  AwaitEdge(AwaitEdge&& other) noexcept : future_(std::move(other.future_)), waiter_(other.waiter_) {}
  AwaitEdge& operator=(AwaitEdge&& other) noexcept;
  ~AwaitEdge() { clear(); }
  /// Removes the edge now.
  void clear() noexcept;

 private:
  Ref<FutureState> future_;
  FutureState* waiter_ = nullptr;
};

}  // namespace asyncio

/// Futures and tasks are hashed by the number of their making, which is the same in every run of a world.
template <>
struct std::hash<asyncio::AnyFuture> {
  /// The number as a hash; that of no future is that of 0.
  std::size_t operator()(const asyncio::AnyFuture& future) const noexcept {
    return std::hash<std::uint64_t>{}(future.get() ? future.get()->number() : 0);
  }
};
/// See std::hash<asyncio::AnyFuture>.
template <class T>
struct std::hash<asyncio::Future<T>> : std::hash<asyncio::AnyFuture> {};
