// outcome.hpp: how something ended, as a value.
//
// asyncio's gather(return_exceptions=True) gives a list in which results and exceptions stand side by
// side, and the reader asks isinstance(). A C++ element has one type, so it is an Outcome<T>: a T or an
// exception, and has_value() says which.
#pragma once

#include <asyncio/result_slot.hpp>

#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

namespace asyncio {

/// A T, or the exception that came instead. T may be void or move-only.
template <class T>
class Outcome {
 public:
  /// T, or std::monostate for void.
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  /// A value.
  explicit Outcome(Value value) : held_(std::in_place_index<0>, std::move(value)) {}
  /// An exception.
  ///
  /// \param error  not null
  explicit Outcome(std::exception_ptr error)
    requires(!std::is_same_v<Value, std::exception_ptr>)
      : held_(std::in_place_index<1>, std::move(error)) {}

  /// Whether it holds a value.
  bool has_value() const noexcept { return held_.index() == 0; }
  /// The exception; null where it holds a value.
  std::exception_ptr exception() const noexcept { return has_value() ? nullptr : std::get<1>(held_); }

  /// The value; nothing, where T is void.
  ///
  /// \throws (anything)  the exception it holds instead
  decltype(auto) value() const& {
    check();
    if constexpr (!std::is_void_v<T>) return (std::get<0>(held_));  // in parentheses: a reference
  }
  /// The value, to be moved out.
  T value() && {
    check();
    if constexpr (!std::is_void_v<T>) return std::get<0>(std::move(held_));
  }

 private:
  void check() const {
    if (!has_value()) std::rethrow_exception(std::get<1>(held_));
  }

  std::variant<Value, std::exception_ptr> held_;
};

/// An Outcome is as copyable as its value.
template <class T>
struct IsCopyable<Outcome<T>> : IsCopyable<typename Outcome<T>::Value> {};

}  // namespace asyncio
