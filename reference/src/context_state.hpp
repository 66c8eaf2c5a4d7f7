// context_state.hpp: what lies behind a Context, for those files that enter one at every step.
#pragma once

#include <asyncio/contextvars.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/ref.hpp>

#include "thread_state.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace asyncio {

/// The values of some context variables; nobody changes it once a context points to it (V2).
class ContextTable final : public RefCounted {
 public:
  struct Entry {
    std::uint64_t key;
    const ContextVarKey* var;
    std::shared_ptr<const void> value;
  };

  const Entry* find(std::uint64_t key) const {
    const auto place = std::ranges::lower_bound(entries, key, {}, &Entry::key);
    return place != entries.end() && place->key == key ? &*place : nullptr;
  }

  std::vector<Entry> entries;  // by key
};

class ContextState final : public RefCounted {
 public:
  Ref<const ContextTable> table;     // null: nothing is set
  bool entered = false;              // V1
  ContextState* previous = nullptr;  // what leave() goes back to

  void enter(ThreadState& thread) {
    if (entered) throw RuntimeError("cannot enter context: it is already entered");
    entered = true;
    previous = std::exchange(thread.context, this);
  }
  void leave(ThreadState& thread) noexcept {
    entered = false;
    ContextState* const outer = std::exchange(previous, nullptr);
    // A coroutine that suspended in here and is unwound instead of resumed finds its contexts put aside.
    if (thread.context == this) thread.context = outer;
  }
};

}  // namespace asyncio
