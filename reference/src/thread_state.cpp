// thread_state.cpp: the library's only thread_local outside the fibers.
#include "thread_state.hpp"

#include <asyncio/events.hpp>

#include <pthread.h>

namespace asyncio {
namespace {

thread_local constinit ThreadState state;

// The child of a fork() has no running loop and no loop of its thread (S43): both belong to the parent.
void forget_loops() noexcept { state.running_loop = state.event_loop = nullptr; }

[[maybe_unused]] const int forget_after_fork = pthread_atfork(nullptr, nullptr, forget_loops);

}  // namespace

ThreadState& this_thread() noexcept { return state; }

AbstractEventLoop* get_running_loop_or_null() noexcept { return this_thread().running_loop; }

void set_running_loop(AbstractEventLoop* loop) noexcept { this_thread().running_loop = loop; }

void set_event_loop(AbstractEventLoop* loop) noexcept { this_thread().event_loop = loop; }

AbstractEventLoop& get_running_loop() {
  AbstractEventLoop* loop = get_running_loop_or_null();
  if (!loop) throw RuntimeError("no running event loop");
  return *loop;
}

AbstractEventLoop* get_event_loop() {
  if (AbstractEventLoop* loop = get_running_loop_or_null()) return loop;
  if (AbstractEventLoop* loop = this_thread().event_loop) return loop;
  throw RuntimeError("There is no current event loop in this thread.");
}

}  // namespace asyncio
