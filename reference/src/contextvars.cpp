// contextvars.cpp: the tables behind context variables.
//
// A table is a sorted vector of (key, value) that nobody changes once it is made (V2). set() copies it:
// programs have few context variables and set them rarely, while every callback copies its context, so
// copying a context must be the cheap side. CPython uses a tree for the same reason.
#include <asyncio/contextvars.hpp>

#include <asyncio/exceptions.hpp>

#include "context_state.hpp"
#include "thread_state.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>

namespace asyncio {
namespace {

std::atomic<std::uint64_t> next_key = 1;

}  // namespace

class TokenState final : public RefCounted {
 public:
  const ContextVarKey* var = nullptr;
  Ref<ContextState> context;
  std::shared_ptr<const void> old_value;  // null: it was not set
  bool used = false;
};

namespace {

// The context of a thread outside every loop: made when a variable is first set there, gone with the thread.
struct ThreadContext {
  Ref<ContextState> state = make_ref<ContextState>();
  ~ThreadContext() { this_thread().context = nullptr; }
};

// The context that was entered last in this thread.
ContextState& current() {
  ContextState*& context = this_thread().context;
  if (!context) {
    thread_local ThreadContext own;
    context = own.state.get();
  }
  return *context;
}

Ref<const ContextTable> table_with(const ContextTable* old, const ContextVarKey& var, std::uint64_t key,
                                   std::shared_ptr<const void> value) {
  auto table = make_ref<ContextTable>();
  if (old) table->entries = old->entries;
  auto& entries = table->entries;
  const auto place = std::ranges::lower_bound(entries, key, {}, &ContextTable::Entry::key);
  const bool present = place != entries.end() && place->key == key;
  if (!value) {
    if (present) entries.erase(place);
  } else if (present) {
    place->value = std::move(value);
  } else {
    entries.insert(place, {key, &var, std::move(value)});
  }
  return table;
}

}  // namespace

ContextVarKey::ContextVarKey(std::string name)
    : name_(std::move(name)), key_(next_key.fetch_add(1, std::memory_order_relaxed)) {}

std::shared_ptr<const void> ContextVarKey::find() const {
  const ContextState* context = this_thread().context;
  if (!context || !context->table) return nullptr;
  const ContextTable::Entry* entry = context->table->find(key_);
  return entry ? entry->value : nullptr;
}

Token ContextVarKey::assign(std::shared_ptr<const void> value) const {
  ContextState& context = current();
  const auto token_state = make_ref<TokenState>();
  token_state->var = this;
  token_state->context = Ref<ContextState>(&context);
  token_state->old_value = find();
  context.table = table_with(context.table.get(), *this, key_, std::move(value));
  Token token;
  token.state_ = token_state;
  return token;
}

void ContextVarKey::restore(const Token& token) const {
  if (!token) throw std::invalid_argument("an empty Token was given to reset() of context variable '" + name_ + "'");
  TokenState& state = *token.state_;
  if (state.used) throw RuntimeError("Token of context variable '" + name_ + "' has already been used once");
  if (state.var != this) {
    throw std::invalid_argument("Token was created by a different ContextVar than '" + name_ + "'");
  }
  ContextState& context = current();
  if (state.context.get() != &context) {
    throw std::invalid_argument("Token of context variable '" + name_ + "' was created in a different Context");
  }
  state.used = true;
  context.table = table_with(context.table.get(), *this, key_, state.old_value);
}

void ContextVarKey::restore_unless_used(const Token& token) const {
  TokenState& state = *token.state_;
  // On a coroutine's stack that is unwound the current context may be another one. The token's is then left to
  // itself: whoever unwinds the stack drops it.
  if (state.used || state.context.get() != &current()) return;
  restore(token);
}

void ContextVarKey::throw_unset() const {
  throw std::out_of_range("context variable '" + name_ + "' has no value and no default");
}

Token::Token() noexcept = default;
Token::Token(const Token&) noexcept = default;
Token& Token::operator=(const Token&) noexcept = default;
Token::~Token() = default;

const ContextVarKey& Token::var() const {
  if (!state_) throw std::invalid_argument("var() of an empty Token");
  return *state_->var;
}

std::shared_ptr<const void> Token::old_value_of(const ContextVarKey& var) const {
  if (!state_ || state_->var != &var) {
    throw std::invalid_argument("Token was created by a different ContextVar than '" + var.name() + "'");
  }
  return state_->old_value;
}

Context::Context() : state_(make_ref<ContextState>()) {}
Context::Context(Ref<ContextState> state) noexcept : state_(std::move(state)) {}
Context::Context(const Context&) noexcept = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Context::~Context() = default;

Context Context::copy() const {
  auto state = make_ref<ContextState>();
  state->table = state_->table;
  return Context(std::move(state));
}

Context copy_context() {
  auto state = make_ref<ContextState>();
  if (const ContextState* context = this_thread().context) state->table = context->table;
  return Context(std::move(state));
}

void Context::enter() const { state_->enter(this_thread()); }

void Context::leave() const noexcept { state_->leave(this_thread()); }

std::shared_ptr<const void> Context::lookup(const ContextVarKey& var) const {
  if (!state_->table) return nullptr;
  const ContextTable::Entry* entry = state_->table->find(var.key_);
  return entry ? entry->value : nullptr;
}

std::size_t Context::size() const noexcept { return state_->table ? state_->table->entries.size() : 0; }

bool Context::entered() const noexcept { return state_->entered; }

std::vector<std::string> Context::keys() const {
  std::vector<std::string> names;
  if (!state_->table) return names;
  for (const auto& entry : state_->table->entries) names.push_back(entry.var->name());
  return names;
}

bool operator==(const Context& a, const Context& b) noexcept {
  if (a.state_->table == b.state_->table) return true;
  if (a.size() != b.size()) return false;
  if (a.size() == 0) return true;
  return std::ranges::equal(a.state_->table->entries, b.state_->table->entries,
                            [](const auto& x, const auto& y) { return x.key == y.key && x.value == y.value; });
}

}  // namespace asyncio
