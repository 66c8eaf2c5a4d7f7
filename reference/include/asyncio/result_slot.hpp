// result_slot.hpp: the place where a result of type T lies, known to code that does not know T.
//
// The logic of futures, tasks and coroutines is written once, without a type parameter. Only two
// places know the type of a result: where it is made and where it is read. Between them the value stays
// in its slot, and everybody else handles an AnySlot. A task has no slot of its own: it points to the
// slot of its coroutine, so a value is moved once at most on its way from `return` to await().
#pragma once

#include <optional>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

namespace asyncio {

/// Whether a T can be copied. std::is_copy_constructible believes a container of move-only elements that it can be.
template <class T>
struct IsCopyable : std::is_copy_constructible<T> {};
// A container is as copyable as its elements. What holds its like, as a JSON value does, answers for itself.
template <class T>
  requires(!std::is_same_v<T, typename T::value_type>)
struct IsCopyable<T>
    : std::bool_constant<std::is_copy_constructible_v<T> && IsCopyable<typename T::value_type>::value> {};
template <class... T>
struct IsCopyable<std::variant<T...>> : std::conjunction<IsCopyable<T>...> {};
template <class... T>
struct IsCopyable<std::tuple<T...>> : std::conjunction<IsCopyable<T>...> {};
template <class A, class B>
struct IsCopyable<std::pair<A, B>> : std::conjunction<IsCopyable<A>, IsCopyable<B>> {};

/// What a callable gives to whoever asks later: what it returns, or a copy of that where it returns a reference.
template <class F, class... Args>
using ResultOf = std::remove_cvref_t<std::invoke_result_t<F, Args...>>;

/// A place for a result of some type.
class AnySlot {
 public:
  AnySlot(const AnySlot&) = delete;
  AnySlot& operator=(const AnySlot&) = delete;

  /// The T of the Slot<T> this is.
  const std::type_info& type() const noexcept { return *type_; }

 protected:
  explicit AnySlot(const std::type_info& type) noexcept : type_(&type) {}
  ~AnySlot() = default;

 private:
  const std::type_info* type_;
};

/// A place for a result of type T, empty at first; T may be void or move-only.
template <class T>
class Slot final : public AnySlot {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  Slot() : AnySlot(typeid(T)) {}

  template <class U>
  void emplace(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  bool has_value() const noexcept { return value_.has_value(); }
  Value& value() noexcept { return *value_; }

  /// A copy of the value; where T cannot be copied, the value itself, once.
  Value take() {
    if constexpr (IsCopyable<Value>::value) {
      return *value_;
    } else {
      return std::move(*value_);
    }
  }

 private:
  std::optional<Value> value_;
};

}  // namespace asyncio
