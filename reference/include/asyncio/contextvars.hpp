// contextvars.hpp: variables that belong to a flow of control, not to a thread.
//
// A loop runs many tasks on one thread, so a thread_local cannot say "the user of this request". A
// ContextVar can: its value lies in a Context, and each callback and each task runs in a context.
//
//     create_task() ── copies ──► the task's own context ── every step runs in it
//     call_soon()   ── copies ──► the handle's context ──── its callback runs in it
//
// Copying is cheap, because a Context is only a pointer to a table that never changes: set() makes a new
// table and points to that. Two contexts that were copies go different ways without noticing each other.
//
//   V1  A context is entered at most once at a time.
//   V2  A table that a context points to is never changed.
//
// Source: CPython Python/context.c; PEP 567. Rules: S349 to S351.
#pragma once

#include <asyncio/ref.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace asyncio {

class ContextState;
class TokenState;
class ContextVarKey;
template <class T>
class ContextVar;

/// What a ContextVar was before a set(), so that reset() can put it back. Copies are the same token.
class Token {
 public:
  /// No token.
  Token() noexcept;
  /// The same token.
  Token(const Token&) noexcept;
  /// Becomes the same token as the other.
  Token& operator=(const Token&) noexcept;
  ~Token();
  /// Whether this is a token.
  explicit operator bool() const noexcept { return state_.operator bool(); }

  /// The variable whose set() gave this token. It must still exist.
  ///
  /// \throws std::invalid_argument  where this is no token
  const ContextVarKey& var() const;
  /// What the variable was before; empty where it was not set: asyncio's Token.MISSING.
  ///
  /// \param var  the variable whose set() gave this token, which knows the type
  /// \throws std::invalid_argument  where that was another variable
  template <class T>
  std::optional<T> old_value(const ContextVar<T>& var) const;

 private:
  friend class ContextVarKey;
  std::shared_ptr<const void> old_value_of(const ContextVarKey& var) const;

  Ref<TokenState> state_;
};

/// The part of a ContextVar that needs no type: its name, and its key in the tables.
class ContextVarKey {
 public:
  ContextVarKey(const ContextVarKey&) = delete;
  ContextVarKey& operator=(const ContextVarKey&) = delete;

  /// The name given at construction, for reports.
  const std::string& name() const noexcept { return name_; }

 protected:
  /// \param name  for reports
  explicit ContextVarKey(std::string name);
  ~ContextVarKey() = default;

  /// The value in the current context; null where it is not set.
  std::shared_ptr<const void> find() const;
  /// See ContextVar::set().
  Token assign(std::shared_ptr<const void> value) const;
  /// See ContextVar::reset().
  void restore(const Token& token) const;
  /// The same, but a token that was used already is passed over: at the end of a body.
  void restore_unless_used(const Token& token) const;
  /// Throws what ContextVar::get() throws where there is no value.
  [[noreturn]] void throw_unset() const;

 private:
  friend class Context;
  std::string name_;
  std::uint64_t key_;  // process-wide, in order of construction: an address would not be repeatable
};

/// An immutable-looking set of values of context variables. Copies are the same context; copy() makes another.
class Context {
 public:
  /// An empty context: no variable is set in it.
  Context();
  /// The same context; copy() makes another.
  Context(const Context&) noexcept;
  /// Takes the handle over; the other may only be assigned to or destroyed.
  Context(Context&&) noexcept;
  /// Becomes the same context as the other.
  Context& operator=(Context) noexcept;
  ~Context();

  /// Calls `fn` with this context current; what it sets stays in this context.
  ///
  /// \return what `fn` returns
  /// \throws RuntimeError  where this context is entered already, here or further down the stack (V1)
  template <class F>
  decltype(auto) run(F&& fn) const;

  /// Another context with the same values.
  Context copy() const;

  /// The value of `var` in this context.
  ///
  /// \throws std::out_of_range  where it is not set here; a variable's default does not count
  template <class T>
  T get(const ContextVar<T>& var) const;
  /// The same, or `fallback` where it is not set here.
  template <class T>
  T get(const ContextVar<T>& var, std::type_identity_t<T> fallback) const;
  /// Whether the variable is set in this context.
  bool contains(const ContextVarKey& var) const { return lookup(var) != nullptr; }
  /// How many variables are set.
  std::size_t size() const noexcept;
  /// Whether somebody is inside run() of this context now.
  bool entered() const noexcept;
  /// The names of the variables that are set, in the order in which they were constructed.
  std::vector<std::string> keys() const;

  /// True where both have the same variables set to the same value objects.
  friend bool operator==(const Context& a, const Context& b) noexcept;

 private:
  friend Context copy_context();
  friend class ContextVarKey;
  friend class HandleState;  // enters a context for every callback
  friend class FiberTask;    // a task may suspend inside run(): then its step puts this context aside
  class Entered;

  explicit Context(Ref<ContextState> state) noexcept;
  std::shared_ptr<const void> lookup(const ContextVarKey& var) const;
  void enter() const;
  void leave() const noexcept;

  Ref<ContextState> state_;  // null only after it was moved from
};

/// A copy of the current context.
Context copy_context();

/// A variable whose value belongs to the current context. Declare it once, at namespace scope.
template <class T>
class ContextVar : public ContextVarKey {
 public:
  /// \param name  for reports
  explicit ContextVar(std::string name) : ContextVarKey(std::move(name)) {}
  /// \param name      for reports
  /// \param fallback  what get() gives where nothing was set
  ContextVar(std::string name, T fallback) : ContextVarKey(std::move(name)), default_(std::move(fallback)) {}

  /// The value in the current context, else the variable's default (S349).
  ///
  /// \throws std::out_of_range  where there is neither
  T get() const {
    if (const auto value = find()) return *static_cast<const T*>(value.get());
    if (default_) return *default_;
    throw_unset();
  }
  /// The value in the current context, else `fallback`.
  T get(T fallback) const {
    const auto value = find();
    return value ? *static_cast<const T*>(value.get()) : std::move(fallback);
  }
  /// Sets the value in the current context.
  ///
  /// \return a token for reset()
  Token set(T value) const { return assign(std::make_shared<const T>(std::move(value))); }
  /// Sets the value while `body` runs, and puts it back on every way out: Python's `with var.set(value):`.
  ///
  /// \param value  what the variable is meanwhile
  /// \param body   takes nothing; may suspend
  /// \return       what `body` returns
  template <class Body>
    requires std::is_invocable_v<Body&>
  decltype(auto) set(T value, Body&& body) const {
    const Restored scope(*this, set(std::move(value)));
    return std::forward<Body>(body)();
  }
  /// Puts the value back to what it was before the set() that gave `token`.
  ///
  /// \throws std::invalid_argument  where the token is of another variable or another context
  /// \throws RuntimeError           where the token was used already
  void reset(const Token& token) const { restore(token); }

 private:
  // Puts the value back at the end of its life, unless somebody has done so before.
  class Restored {
   public:
    Restored(const ContextVar& var, Token token) : var_(var), token_(std::move(token)) {}
    ~Restored() { var_.restore_unless_used(token_); }
    Restored(const Restored&) = delete;
    Restored& operator=(const Restored&) = delete;

   private:
    const ContextVar& var_;
    Token token_;
  };

  std::optional<T> default_;
};

template <class T>
std::optional<T> Token::old_value(const ContextVar<T>& var) const {
  const auto value = old_value_of(var);
  return value ? std::optional<T>(*static_cast<const T*>(value.get())) : std::nullopt;
}

// Enters a context for as long as it lives.
class Context::Entered {
 public:
  explicit Entered(const Context& context) : context_(context) { context_.enter(); }
  ~Entered() { context_.leave(); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  const Context context_;  // a copy: the one that run() was called on may be assigned to, or gone, by the end of run()
};

template <class F>
decltype(auto) Context::run(F&& fn) const {
  const Entered scope(*this);
  return std::forward<F>(fn)();
}

template <class T>
T Context::get(const ContextVar<T>& var) const {
  const auto value = lookup(var);
  if (!value) throw std::out_of_range("context variable '" + var.name() + "' is not set in this context");
  return *static_cast<const T*>(value.get());
}

template <class T>
T Context::get(const ContextVar<T>& var, std::type_identity_t<T> fallback) const {
  const auto value = lookup(var);
  return value ? *static_cast<const T*>(value.get()) : std::move(fallback);
}

}  // namespace asyncio
