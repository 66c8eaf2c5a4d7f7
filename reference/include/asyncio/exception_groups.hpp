// exception_groups.hpp: several errors that happened side by side, thrown as one.
//
//     try {
//       task_group(…);
//     } catch (const ExceptionGroup& group) {
//       auto [timeouts, rest] = group.split<TimeoutError>();   // each a group, or null
//       if (rest) std::rethrow_exception(rest);                // what we do not know how to handle
//     }
//
// Python has `except*` for this; C++ has split(). A group may hold groups, and so on down: a tree whose
// leaves are errors. Looking through it with split() or subgroup() keeps the shape of the tree, and leaves out
// the branches that become empty.
//
//     unhandled errors in a TaskGroup ──┬── TimeoutError                      split<TimeoutError>() gives
//                                       └── several attempts ──┬── TimeoutError      both TimeoutErrors, and
//                                                              └── QueueFull         the QueueFull, in its branch
//
// There are two classes, because there are two families of exceptions (exceptions.hpp). A group of ordinary
// errors is an ordinary error. One that has something else inside, a CancelledError for instance, is a
// BaseExceptionGroup and no std::exception: who catches std::exception to log and go on must not swallow it.
//
//   E1  A group is not empty.
//   E2  A group is an ExceptionGroup only if every member is a std::exception.
//
// Parts of a group are std::exception_ptrs, as its members are; exception_ptr_cast() looks inside.
//
// Source: CPython Objects/exceptions.c, BaseExceptionGroup; PEP 654. Rule: S185.
#pragma once

#include <asyncio/exceptions.hpp>

#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio {

/// The two halves of a split: each is a group, or null where nothing belongs to it.
struct SplitGroup {
  std::exception_ptr matching = {};  ///< what the condition holds for
  std::exception_ptr rest = {};      ///< everything else
};

/// Several errors, of which not all are std::exceptions. Not a std::exception itself.
class BaseExceptionGroup {
 public:
  /// What split() and subgroup() ask about each exception of the tree, groups included.
  using Condition = std::function<bool(const std::exception_ptr&)>;

  /// \param message     what the errors have in common
  /// \param exceptions  the members, in the order in which they were noticed; groups may be among them
  /// \throws std::invalid_argument  where `exceptions` is empty (E1) or holds a null
  BaseExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions);
  /// A group with the same message and the same members.
  BaseExceptionGroup(const BaseExceptionGroup&) = default;
  /// Takes message and members from the other.
  BaseExceptionGroup& operator=(const BaseExceptionGroup&) = default;
  virtual ~BaseExceptionGroup() = default;

  /// The text the group was made with.
  const std::string& message() const noexcept { return message_; }
  /// The members, in the order in which they were noticed.
  const std::vector<std::exception_ptr>& exceptions() const noexcept { return exceptions_; }
  /// The message and the number of members: "unhandled errors in a TaskGroup (2 sub-exceptions)".
  std::string text() const;

  /// A group like this one with other members: what split() and subgroup() make their results with.
  ///
  /// A group class of your own overrides it, to have them be of its own type too.
  ///
  /// \param exceptions  the members, at least one
  /// \return            an ExceptionGroup if all of them are std::exceptions, else a BaseExceptionGroup (E2)
  virtual std::exception_ptr derive(std::vector<std::exception_ptr> exceptions) const;

  /// The part of the tree that a condition holds for; what it holds for is not looked into.
  ///
  /// \return  a group; null where there is no such part
  std::exception_ptr subgroup(const Condition& condition) const;
  /// The same for what is one of the types E, or derives from one.
  template <class... E>
    requires(sizeof...(E) > 0)
  std::exception_ptr subgroup() const {
    return subgroup(Condition(is_one_of<E...>));
  }

  /// The two parts of the tree: what a condition holds for, and the rest.
  SplitGroup split(const Condition& condition) const;
  /// The same for what is one of the types E, or derives from one: Python's `except* E`.
  template <class... E>
    requires(sizeof...(E) > 0)
  SplitGroup split() const {
    return split(Condition(is_one_of<E...>));
  }

 private:
  template <class... E>
  static bool is_one_of(const std::exception_ptr& error) {
    return ((exception_ptr_cast<E>(error) != nullptr) || ...);
  }

  std::string message_;
  std::vector<std::exception_ptr> exceptions_;
};

/// Several errors, all of them std::exceptions (E2): what a task group throws in the common case.
class ExceptionGroup : public BaseExceptionGroup, public std::runtime_error {
 public:
  /// \param message     what the errors have in common
  /// \param exceptions  the members, in the order in which they were noticed
  /// \throws std::invalid_argument  where `exceptions` is empty, or holds something that is no std::exception
  ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions);
};

/// The group for these members, ready to be rethrown: Python's `BaseExceptionGroup(message, exceptions)`.
///
/// \return an ExceptionGroup if all members are std::exceptions, else a BaseExceptionGroup (E2)
/// \throws std::invalid_argument  where `exceptions` is empty or holds a null
/// \source CPython Objects/exceptions.c, BaseExceptionGroup_new
std::exception_ptr make_exception_group(std::string message, std::vector<std::exception_ptr> exceptions);

}  // namespace asyncio
