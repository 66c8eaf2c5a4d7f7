// coroutine.hpp: a call stack that can be left in the middle and entered again.
//
// In Python an `async def` function makes a coroutine object: something that can be sent into, thrown
// into and closed. Here any nullary callable becomes one. It runs on a stack of its own (a fiber), so it
// may suspend anywhere: ten calls deep, inside a `catch` block, inside a `for` over a container.
//
//     resumer's stack                       the coroutine's stack
//
//     send() ──────────────── switch ─────► body() ► f() ► g() ► suspend()
//       returns Stop{awaits} ◄── switch ───────────────────────────┘
//     send() ──────────────── switch ─────► … returns from suspend() into g()
//       returns Stop{returned} ◄─ switch ── body() has ended; the stack goes back to the pool
//
// Whoever resumes a coroutine learns from the Stop why it came back. A Task is such a resumer, and the
// only one most programs ever meet; a foreign task type can be another.
//
//   C1  A coroutine has no stack before its first send(), and none after its end.
//   C2  A callable that was thrown into before its first send() is never entered (S102).
//   C3  A started coroutine is resumed only by the thread that started it.
//   C4  A suspended coroutine that is closed or destroyed unwinds: the destructors on its stack run.
//   C5  Two coroutines that wait in `catch` blocks each keep the exception they are handling.
//
// Source: CPython Objects/genobject.c, gen_send_ex, _gen_throw, gen_close.
#pragma once

#include <asyncio/ref.hpp>
#include <asyncio/result_slot.hpp>
#include <asyncio/traceback.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace asyncio {

class FutureState;  // futures.hpp

/// Why a coroutine came back to whoever resumed it.
struct Stop {
  /// The four reasons.
  enum class Why {
    yielded,   ///< wants to go on later, waits for nothing: asyncio's bare `yield`
    awaits,    ///< waits for `future`
    returned,  ///< has ended; the value lies in the coroutine's slot
    threw,     ///< has ended with `error`
  };
  Why why;                        ///< Which of them it was.
  FutureState* future = nullptr;  ///< set where it awaits; kept alive by the waiting stack itself
  std::exception_ptr error = {};  ///< set where it threw
};

/// Thrown into a suspended coroutine that is being closed, so that its stack unwinds: Python's
/// GeneratorExit. No std::exception. A `catch (...)` that meets it must rethrow.
class CoroutineExit {};

class CoroutineState;

/// A callable on a stack of its own, that can be resumed, thrown into and closed. Copies are the same coroutine.
class Coroutine {
 public:
  /// Where a coroutine is in its life (Python: inspect.getcoroutinestate).
  enum class State {
    created,    ///< nothing was sent yet
    running,    ///< it, or something it has resumed, is running now
    suspended,  ///< it waits to be resumed
    closed,     ///< it has ended
  };

  /// No coroutine: converts to false.
  Coroutine() = default;

  /// Wraps a callable; runs nothing yet and takes no stack yet (C1).
  ///
  /// \param fn     the body: any nullary callable, move-only ones too
  /// \param where  where it was made, for reports; defaults to the caller's line
  template <class F>
    requires std::is_invocable_v<F&> && (!std::is_same_v<std::remove_cvref_t<F>, Coroutine>)
  explicit Coroutine(F fn, std::source_location where = std::source_location::current());

  /// Runs the coroutine up to its next suspension or its end.
  ///
  /// \return why it stopped
  /// \throws RuntimeError  where it is running already ("coroutine already executing"), has ended
  ///                       ("cannot reuse already awaited coroutine"), or was started by another thread (C3)
  /// \throws std::system_error  at the start, where no memory is left for a stack
  /// \source CPython Objects/genobject.c, gen_send_ex
  Stop send() const;

  /// The same, but the call at which it is suspended throws `error`.
  ///
  /// A coroutine that has not started ends at once with that error, its callable never entered (C2).
  ///
  /// \param error  what to throw; not null
  Stop throw_in(std::exception_ptr error) const;

  /// Ends the coroutine: throws CoroutineExit at its suspension, so that its stack unwinds (C4).
  ///
  /// A coroutine that catches it and returns has ended as well; an ended one is left as it is.
  ///
  /// \throws RuntimeError  "coroutine ignored GeneratorExit", where it caught that and suspended again: it
  ///                       is suspended then, as before; or where it is running, or another thread's (C3)
  /// \throws (anything)    that left the callable instead
  /// \source CPython Objects/genobject.c, gen_close
  void close() const;

  /// Where it is in its life.
  State state() const noexcept;

  /// Where the coroutine was made.
  std::source_location where() const noexcept;

  /// The calls on the coroutine's stack, from where it is suspended, or running, to its beginning.
  ///
  /// The coroutine is not disturbed: it stays where it is. One that is suspended is looked at from its own stack,
  /// to which this thread switches for a microsecond, so a page of that stack more may be in use afterwards.
  ///
  /// \return  empty where it has not started or has ended; also where another thread started it (C3), and where
  ///          less than 12 KiB are left of its stack. At most 256 calls, the newest.
  StackSummary get_stack() const;
  /// The callable's name: "main::{lambda#1}", "Worker"; empty for a function pointer or std::function.
  std::string callable_name() const;

  /// Whether this is a coroutine.
  explicit operator bool() const noexcept { return state_.operator bool(); }
  /// Equal where both are the same coroutine.
  friend bool operator==(const Coroutine&, const Coroutine&) = default;

  /// The part behind the handle, for those who write task types.
  CoroutineState* get() const noexcept { return state_.get(); }

  /// True on a coroutine's stack, false on the stack a thread was born with.
  static bool inside() noexcept;

  /// Leaves the running coroutine: its resumer's send() returns Stop{yielded}, or Stop{awaits, future}.
  ///
  /// This is the low-level gate through which every wait in this library goes; programs use await().
  ///
  /// \param future  what is waited for; null for a bare yield. The caller keeps it alive.
  /// \throws RuntimeError  outside a coroutine
  /// \throws (anything)    that throw_in() was given, and CoroutineExit when the coroutine is unwound
  /// \suspends until the resumer sends or throws
  ///
  /// Call it neither in a destructor nor under a `noexcept` function: an exception thrown here ends the
  /// process there.
  static void suspend(FutureState* future = nullptr);

 private:
  friend class FiberTask;  // has a Coroutine for as long as it lives, and is itself kept while it runs (C6)
  Stop send_kept() const;  // send() for who keeps the coroutine meanwhile

  Ref<CoroutineState> state_;
};

/// True for a Coroutine that is not empty. A callable is none before it is wrapped.
template <class T>
constexpr bool iscoroutine(const T& object) {
  if constexpr (std::is_same_v<T, Coroutine>) {
    return static_cast<bool>(object);
  } else {
    return false;
  }
}

/// True for what can be made a coroutine of: any nullary callable, since suspension is a plain call.
template <class F>
constexpr bool iscoroutinefunction(const F&) {
  return std::is_invocable_v<std::decay_t<F>&>;
}

/// The part of a coroutine behind its handle: the callable, its result, and its stack while it has one.
///
/// When the last handle to a suspended coroutine goes, nobody can resume it any more, and it unwinds (C4).
/// A `catch (...)` on its stack that keeps the CoroutineExit and suspends gets another one, at once. One
/// that does so a hundred times, and one that cannot be thrown into, since it is suspended in a destructor
/// during unwinding or belongs to another thread, is abandoned: reported on stderr, its stack kept for
/// ever, what lies on it never destroyed.
class CoroutineState : public RefCounted {
 public:
  /// \param where  where the coroutine was made, for reports
  explicit CoroutineState(std::source_location where) : where_(where) {}
  ~CoroutineState() override;

  /// Where body() leaves the value that the callable returned.
  virtual AnySlot& slot() noexcept = 0;
  /// The type of the callable, by which it is named where its frame is not on the stack.
  virtual const std::type_info& callable_type() const noexcept = 0;

  /// Names the owner in messages about this coroutine ("Task-3"), for example after a stack overflow.
  /// Called only to build a message. May run in a signal handler: must not allocate.
  ///
  /// \param describe  writes at most `size` bytes, with a terminating zero; null restores the default
  /// \param owner     handed to `describe`
  void set_owner(void (*describe)(const void* owner, char* buffer, std::size_t size), const void* owner) noexcept {
    describe_ = describe;
    owner_ = owner;
  }

 protected:
  /// Calls the callable and stores what it returns; runs on the coroutine's own stack.
  virtual void body() = 0;
  /// Destroys the callable, and with it everything it captured; runs on the coroutine's own stack, if it had one.
  virtual void drop() noexcept = 0;
  /// Ends a coroutine that is suspended. The destructor of a derived class calls this first: the stack
  /// that unwinds still uses the callable and the slot.
  void unwind() noexcept;

 private:
  friend class Coroutine;
  friend struct CoroutineRunner;  // coroutine.cpp: the function at the bottom of the coroutine's stack
  struct Activation;              // what exists only between the first send() and the end

  Coroutine::State stage_ = Coroutine::State::created;
  std::source_location where_;
  Activation* activation_ = nullptr;  // null before the start and after the end (C1)
  void (*describe_)(const void*, char*, std::size_t) = nullptr;
  const void* owner_ = nullptr;
};

/// A CoroutineState for one type of callable.
template <class F>
class CoroutineOf final : public CoroutineState {
 public:
  using Result = ResultOf<F&>;

  CoroutineOf(F fn, std::source_location where) : CoroutineState(where), fn_(std::move(fn)) {}
  ~CoroutineOf() override { unwind(); }
  AnySlot& slot() noexcept override { return slot_; }
  const std::type_info& callable_type() const noexcept override { return typeid(F); }

 private:
  void body() override {
    if constexpr (std::is_void_v<Result>) {
      (*fn_)();
    } else {
      slot_.emplace((*fn_)());
    }
  }
  void drop() noexcept override { fn_.reset(); }

  std::optional<F> fn_;
  Slot<Result> slot_;
};

/// What the coroutines of this process use, for tests and measurements.
struct StackStatistics {
  std::size_t live;         ///< stacks of coroutines that have started and not ended
  std::size_t idle;         ///< stacks that wait for the next coroutine
  std::size_t abandoned;    ///< stacks of coroutines that could not be unwound
  std::size_t unguarded;    ///< stacks whose overflow would go unnoticed: an old kernel, and very many of them
  std::size_t stack_bytes;  ///< address space of one stack; memory is used only as it is touched
  std::size_t live_limit;   ///< how many this build can have at once: sanitizers have limits of their own
};

/// The stacks in use now; takes a lock. Exact where no other thread starts or ends coroutines meanwhile.
StackStatistics stack_statistics();

template <class F>
  requires std::is_invocable_v<F&> && (!std::is_same_v<std::remove_cvref_t<F>, Coroutine>)
Coroutine::Coroutine(F fn, std::source_location where) : state_(make_ref<CoroutineOf<F>>(std::move(fn), where)) {}

}  // namespace asyncio
