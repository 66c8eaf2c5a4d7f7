// thread_state.hpp: what a thread knows about its loop.
#pragma once

namespace asyncio {

class AbstractEventLoop;
class ContextState;

/// One of these for each thread.
struct ThreadState {
  AbstractEventLoop* running_loop = nullptr;  // asyncio's _running_loop
  AbstractEventLoop* event_loop = nullptr;    // what set_event_loop() was given
  ContextState* context = nullptr;            // the context entered last; null: none yet
};

/// This thread's state.
///
/// Not inlined on purpose: a compiler may keep the address of a thread_local across a call, and on a
/// fiber that call may come back on another stack. Calling a function in another file asks anew.
ThreadState& this_thread() noexcept;

}  // namespace asyncio
