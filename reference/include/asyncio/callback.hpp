// callback.hpp: something to call later, once, with everything it captured.
//
// A loop spends its life storing callables and calling them. std::function would do, but for two
// things: it insists on copying what it holds, so a lambda that owns a std::unique_ptr cannot be
// scheduled; and with the standard library of this platform it allocates for anything larger than two
// pointers. UniqueFunction moves only, and keeps callables of up to four words inside itself.
//
// C++23 has std::move_only_function; this is the part of it that a loop needs.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace asyncio {

/// Holds one callable, which need not be copyable: UniqueFunction<int(std::string)>, for example.
template <class Signature>
class UniqueFunction;

/// Holds one callable, which need not be copyable.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
 public:
  /// Holds nothing: converts to false.
  UniqueFunction() = default;
  /// Holds nothing: asyncio's None where a callable is optional.
  UniqueFunction(std::nullptr_t) noexcept {}  // NOLINT(google-explicit-constructor)

  /// Takes any callable over.
  template <class F>
    requires(!std::is_same_v<std::remove_cvref_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, std::decay_t<F>&, Args...>)
  UniqueFunction(F&& fn) {       // NOLINT(google-explicit-constructor)
    using Fn = std::decay_t<F>;  // a function decays to a pointer to it
    if constexpr (fits<Fn>) {
      ::new (static_cast<void*>(space_)) Fn(std::forward<F>(fn));
      actions_ = &inside<Fn>;
    } else {
      ::new (static_cast<void*>(space_)) Fn*(new Fn(std::forward<F>(fn)));
      actions_ = &outside<Fn>;
    }
  }

  /// Takes over what `other` holds, and leaves it empty.
  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  /// Drops what is held and takes over what `other` holds.
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      // What is held dies last, when this function is whole again: its destructors may come back here.
      UniqueFunction dropped(std::move(*this));
      take(other);
    }
    return *this;
  }
  UniqueFunction(const UniqueFunction&) = delete;
  UniqueFunction& operator=(const UniqueFunction&) = delete;
  ~UniqueFunction() {
    if (actions_) actions_->destroy(space_);
  }

  /// Calls what is held. Undefined where nothing is.
  R operator()(Args... args) { return actions_->call(space_, std::forward<Args>(args)...); }

  /// Whether a callable is held.
  explicit operator bool() const noexcept { return actions_ != nullptr; }

 private:
  static constexpr std::size_t SPACE = 4 * sizeof(void*);

  struct Actions {
    R (*call)(void* space, Args&&... args);
    void (*move)(void* from, void* to) noexcept;
    void (*destroy)(void* space) noexcept;
  };

  template <class Fn>
  static constexpr bool fits =
      sizeof(Fn) <= SPACE && alignof(Fn) <= alignof(void*) && std::is_nothrow_move_constructible_v<Fn>;

  // What a callable returns is dropped where nothing is asked for, as asyncio drops what a callback returns.
  template <class Fn>
  static R invoke(Fn& fn, Args&&... args) {
    if constexpr (std::is_void_v<R>) {
      static_cast<void>(std::invoke(fn, std::forward<Args>(args)...));
    } else {
      return std::invoke(fn, std::forward<Args>(args)...);
    }
  }

  template <class Fn>
  static constexpr Actions inside{
      [](void* space, Args&&... args) -> R { return invoke(*static_cast<Fn*>(space), std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept {
        ::new (to) Fn(std::move(*static_cast<Fn*>(from)));
        static_cast<Fn*>(from)->~Fn();
      },
      [](void* space) noexcept { static_cast<Fn*>(space)->~Fn(); },
  };

  template <class Fn>
  static constexpr Actions outside{
      [](void* space, Args&&... args) -> R { return invoke(**static_cast<Fn**>(space), std::forward<Args>(args)...); },
      [](void* from, void* to) noexcept { ::new (to) Fn*(*static_cast<Fn**>(from)); },
      [](void* space) noexcept { delete *static_cast<Fn**>(space); },
  };

  void take(UniqueFunction& other) noexcept {
    actions_ = std::exchange(other.actions_, nullptr);
    if (actions_) actions_->move(other.space_, space_);
  }

  const Actions* actions_ = nullptr;  // null: holds nothing
  alignas(void*) std::byte space_[SPACE];
};

/// What call_soon() takes: any nullary callable.
using Callback = UniqueFunction<void()>;

}  // namespace asyncio
