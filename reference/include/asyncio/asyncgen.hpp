// asyncgen.hpp: a function that gives one value after the other, and may wait between them.
//
//     AsyncGenerator<int> ticks(Duration period) {
//       return AsyncGenerator<int>([period](auto& yield) {
//         for (int i = 0;; ++i) { asyncio::sleep(period); yield(i); }
//       });
//     }
//
//     for (const int tick : ticks(1s)) { … }      Python's `async for`: the increment may suspend
//
// The body has a stack of its own, as a task has, but no life of its own: it runs only while somebody asks for the
// next value, and in the task of whoever asks. Where the body waits, that task waits:
//
//     consumer's stack                                the body's stack
//
//     anext() ─────────────── switch ───────────────► … sleep(1s) suspends
//       suspends for the body ◄───────────────────────┘
//       … the task is stepped again ────────────────► sleep() returns … yield(i)
//     anext() returns i ◄─────────────────────────────┘
//
// Leaving the loop early leaves a body behind that is suspended at a yield. When its last handle goes, the loop
// closes it in a task: the yield throws CoroutineExit there, and the clean-up of the body may wait. The loop closes
// those that are left in shutdown_asyncgens(), which run() calls.
//
//   A1  The body runs only inside anext(), asend(), athrow() and aclose(), one of them at a time.
//   A2  Between two of these it is suspended at a yield, or has not begun, or has ended.
//   A3  A body that has begun is not destroyed without having been closed, while its loop is open.
//
// Source: CPython Objects/genobject.c, async_gen_asend_send, async_gen_athrow_send, _PyGen_Finalize; PEP 525.
// Rules: S40.
#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/loop_core.hpp>
#include <asyncio/ref.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <iterator>
#include <optional>
#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace asyncio {

class AnyAsyncGenerator;
class ContextState;

/// There is no next value: the asynchronous generator has ended.
class StopAsyncIteration : public std::runtime_error {
 public:
  StopAsyncIteration() : std::runtime_error("the asynchronous generator has ended") {}
};

/// What lies behind an asynchronous generator: its body, and how far that is. Not its values.
class AsyncGeneratorState : public RefCounted {
 public:
  explicit AsyncGeneratorState(std::source_location where) noexcept : where_(where) {}

  /// Tells the loop, once and if there is one, that somebody asks for values: Python's firstiter hook.
  void first_iteration();
  /// Runs the body to its next yield.
  ///
  /// \param error   what the yield throws at which the body is suspended; null: it returns
  /// \param caller  for the message: "anext"
  /// \return        false where the body has ended
  bool advance(std::exception_ptr error, const char* caller);
  /// See AnyAsyncGenerator::aclose().
  void aclose();
  /// Nobody will close the generator: when its last handle goes, the body unwinds, and cannot wait meanwhile.
  void abandon() noexcept { closed_ = true; }
  /// The body has put its value down, and waits to be asked for the next: what a Yield does.
  void suspend_at_yield();

  bool running() const noexcept { return running_; }
  /// Whether the body is suspended at a yield, and nobody has closed the generator.
  bool suspended() const noexcept { return !closed_ && coroutine_.state() == Coroutine::State::suspended; }
  /// Whether the body has not begun.
  bool created() const noexcept { return coroutine_.state() == Coroutine::State::created; }
  std::string repr() const;

 protected:
  /// Sets the body. The destructor of a derived class calls drop_body(): the body uses what is in there.
  void set_body(Coroutine body);
  void drop_body() noexcept { coroutine_ = {}; }
  void last_owner_gone() noexcept override;  // A3

 private:
  friend class LoopCore;  // its list of generators

  bool run_to_yield(std::exception_ptr error);
  Stop resume(std::exception_ptr error);

  Coroutine coroutine_;
  std::source_location where_;
  Ref<LoopCore> core_;                     // of the loop that iterated it first; empty: none did
  ContextState* inner_context_ = nullptr;  // the context of a run() that the body suspended in
  bool begun_ = false;                     // a loop, where one was running, has been told
  bool running_ = false;                   // A1
  bool closed_ = false;                    // it has ended, or aclose() was called: there are no more values
  bool at_yield_ = false;                  // the body has suspended in order to give a value
  bool caller_leaves_ = false;             // the caller was told to unwind while the body waited
  // LoopCore's list; guarded by its lock.
  bool listed_ = false;
  AsyncGeneratorState* previous_ = nullptr;
  AsyncGeneratorState* next_ = nullptr;
};

/// An asynchronous generator of any type. Copies are the same generator.
class AnyAsyncGenerator {
 public:
  /// No generator: converts to false.
  AnyAsyncGenerator() = default;
  /// For those who write loops.
  explicit AnyAsyncGenerator(Ref<AsyncGeneratorState> state) noexcept : state_(std::move(state)) {}

  /// Ends the generator: the yield at which the body is suspended throws CoroutineExit (Python's GeneratorExit).
  ///
  /// A body that has not begun never begins, and one that has ended is left as it is.
  ///
  /// \throws RuntimeError  "async generator ignored GeneratorExit", where the body yields once more;
  ///                       "aclose(): asynchronous generator is already running", where it is
  /// \throws (anything)    that leaves the body instead
  /// \suspends while the body does
  void aclose() const { state_->aclose(); }

  /// Whether the body is running or waiting: somebody is inside anext() or one of its sisters (Python's ag_running).
  bool running() const noexcept { return state_->running(); }
  /// One line for reports: "<AsyncGenerator made at feed.cpp:12>".
  std::string repr() const { return state_ ? state_->repr() : "<no asynchronous generator>"; }

  /// Whether there is a generator.
  explicit operator bool() const noexcept { return state_.operator bool(); }
  /// Whether both are the same generator.
  friend bool operator==(const AnyAsyncGenerator&, const AnyAsyncGenerator&) = default;

  /// The part behind the handle, for those who write loops.
  AsyncGeneratorState* get() const noexcept { return state_.get(); }

 private:
  Ref<AsyncGeneratorState> state_;
};

/// An AsyncGeneratorState with a place for the value on its way out, and for what asend() sends in.
template <class T, class Sent>
class AsyncGeneratorSlots : public AsyncGeneratorState {
 public:
  using AsyncGeneratorState::AsyncGeneratorState;

  T take_value() {
    T value = std::move(*value_);
    value_.reset();
    return value;
  }

  std::optional<T> value_;  // there from the yield until it is taken
  std::optional<std::conditional_t<std::is_void_v<Sent>, std::monostate, Sent>> sent_;  // till the yield returns it
};
/// What the body of an AsyncGenerator gives its values with: `yield(value)`, where Python has `yield value`.
template <class T, class Sent = void>
class Yield {
 public:
  /// For AsyncGenerator.
  explicit Yield(AsyncGeneratorSlots<T, Sent>& slots) noexcept : slots_(&slots) {}

  /// Gives a value to whoever asked for it.
  ///
  /// \return  what asend() sent; empty where the next value was asked for by anext(). Nothing where Sent is void.
  /// \throws CoroutineExit  where the generator is closed: let it pass, and do not yield again
  /// \throws (anything)     that athrow() was given
  /// \throws RuntimeError   where the body is not the one that calls: in another task, after its end
  /// \suspends until the next value is asked for
  std::conditional_t<std::is_void_v<Sent>, void, std::optional<Sent>> operator()(T value) {
    slots_->value_.emplace(std::move(value));
    slots_->suspend_at_yield();
    if constexpr (!std::is_void_v<Sent>) return std::exchange(slots_->sent_, std::nullopt);
  }

 private:
  AsyncGeneratorSlots<T, Sent>* slots_;
};

/// Gives values of type T, one after the other; may wait for each. Copies are the same generator.
///
/// The body runs in the task of whoever asks for a value, and belongs to the thread in which it began.
///
/// \tparam T     a value; may be move-only
/// \tparam Sent  what asend() takes; void where nothing is sent
template <class T, class Sent = void>
class AsyncGenerator : public AnyAsyncGenerator {
  static_assert(std::is_object_v<T>, "an asynchronous generator yields values, not references and not void");
  template <class F>
  class StateOf;

 public:
  class Iterator;
  using value_type = T;  ///< what it gives

  /// No generator: converts to false.
  AsyncGenerator() = default;

  /// Wraps a body; runs nothing of it yet.
  ///
  /// \param body   called with a `Yield<T, Sent>&`. What it captures lives as long as the generator. A handle to
  ///               the generator itself is better not captured: it would keep itself alive.
  /// \param where  where it was made, for reports
  template <class F>
    requires std::invocable<F&, Yield<T, Sent>&>
  explicit AsyncGenerator(F body, std::source_location where = std::source_location::current())
      : AnyAsyncGenerator(Ref<AsyncGeneratorState>(make_ref<StateOf<F>>(std::move(body), where))) {}

  /// The next value (Python's __anext__).
  ///
  /// \throws StopAsyncIteration  where the body has ended, or the generator was closed
  /// \throws RuntimeError        "anext(): asynchronous generator is already running"
  /// \throws (anything)          that leaves the body, which has ended then
  /// \suspends while the body does
  T anext() const { return next_value(nullptr, "anext"); }

  /// The next value; the yield at which the body is suspended returns `value`.
  ///
  /// \throws std::invalid_argument  where the body has not begun: there is no yield yet that could return it
  /// \throws as anext()
  /// \suspends while the body does
  template <class U = Sent>
    requires(!std::is_void_v<Sent>)
  T asend(U&& value) const {
    if (!slots().running() && slots().created()) {
      slots().first_iteration();  // as in CPython: what is refused has been asked for
      throw std::invalid_argument("can't send non-None value to a just-started async generator");
    }
    if (!slots().running()) slots().sent_.emplace(std::forward<U>(value));
    return next_value(nullptr, "asend");
  }

  /// The next value; the yield at which the body is suspended throws `error`. A body that has not begun never will.
  ///
  /// \throws StopAsyncIteration  where the body catches the error and ends, or has ended
  /// \throws as anext()
  /// \suspends while the body does
  T athrow(std::exception_ptr error) const { return next_value(std::move(error), "athrow"); }
  /// The same with an exception object.
  template <class E>
    requires(!std::is_same_v<std::remove_cvref_t<E>, std::exception_ptr>)
  T athrow(E error) const {
    return athrow(std::make_exception_ptr(std::move(error)));
  }

  /// For a range-`for`: Python's `async for`. Goes on where the generator is.
  ///
  /// \suspends for the first value, as the iterator's increment does for the next one
  Iterator begin() const { return Iterator(*this); }
  /// The end: there is no next value.
  std::default_sentinel_t end() const noexcept { return {}; }

 private:
  T next_value(std::exception_ptr error, const char* caller) const {
    const AsyncGenerator kept = *this;  // the caller's handle may be assigned to while the body waits
    if (!kept.slots().advance(std::move(error), caller)) throw StopAsyncIteration();  // suspends
    return kept.slots().take_value();
  }
  AsyncGeneratorSlots<T, Sent>& slots() const noexcept { return static_cast<AsyncGeneratorSlots<T, Sent>&>(*get()); }
};

/// The state of a generator with one type of body.
template <class T, class Sent>
template <class F>
class AsyncGenerator<T, Sent>::StateOf final : public AsyncGeneratorSlots<T, Sent> {
 public:
  StateOf(F body, std::source_location where) : AsyncGeneratorSlots<T, Sent>(where) {
    this->set_body(Coroutine(
        [this, body = std::move(body)]() mutable {
          Yield<T, Sent> yield(*this);
          body(yield);
        },
        where));
  }
  ~StateOf() override { this->drop_body(); }
};

/// Goes over the values of an asynchronous generator.
template <class T, class Sent>
class AsyncGenerator<T, Sent>::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;  ///< once, forwards
  using value_type = T;                               ///< what the generator gives
  using difference_type = std::ptrdiff_t;             ///< what iterators have to have
  using pointer = T*;                                 ///< to the value that was given last
  using reference = T&;                               ///< to the same

  /// \suspends while the body does
  explicit Iterator(AsyncGenerator generator) : generator_(std::move(generator)) { ++*this; }

  /// The value that was given last; may be moved out.
  T& operator*() noexcept { return *value_; }
  /// The same.
  T* operator->() noexcept { return &*value_; }
  /// \throws (anything)  that leaves the body
  /// \suspends while the body does
  Iterator& operator++() {
    value_.reset();
    if (generator_.slots().advance(nullptr, "anext")) value_.emplace(generator_.slots().take_value());
    return *this;
  }
  /// \suspends while the body does
  void operator++(int) { ++*this; }
  /// Whether the generator has ended.
  friend bool operator==(const Iterator& at, std::default_sentinel_t) noexcept { return !at.value_; }

 private:
  AsyncGenerator generator_;
  std::optional<T> value_;  // empty at the end
};

/// The next value of a generator: see AsyncGenerator::anext().
///
/// \throws StopAsyncIteration  where it has ended
/// \suspends while its body does
template <class T, class Sent>
T anext(const AsyncGenerator<T, Sent>& generator) {
  return generator.anext();
}
/// The same; `fallback` where it has ended.
template <class T, class Sent, class Fallback>
T anext(const AsyncGenerator<T, Sent>& generator, Fallback&& fallback) {
  try {
    return generator.anext();
  } catch (const StopAsyncIteration&) {
    return std::forward<Fallback>(fallback);
  }
}

}  // namespace asyncio
