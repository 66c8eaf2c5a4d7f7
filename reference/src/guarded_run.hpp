// guarded_run.hpp: what every run of a handle has around it: its context, and a net for what is thrown.
//
// A template, so that each kind of handle has its own copy with its call in the middle. Every event and every step of
// a task passes here, and a step comes back from another stack: a processor has to guess each return behind such a
// switch, and guesses wrong (fiber_switch.hpp). So no call lies between the loop and what a handle does.
#pragma once

#include <asyncio/exceptions.hpp>
#include <asyncio/handle_state.hpp>

#include "context_state.hpp"
#include "thread_state.hpp"

namespace asyncio {

// Context::run() for the hottest place there is: the thread is looked up once.
class HandleState::Entered {
 public:
  explicit Entered(ContextState& context) : thread_(this_thread()), context_(context) { context_.enter(thread_); }
  ~Entered() { context_.leave(thread_); }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  ThreadState& thread_;  // a handle runs on its loop's own stack, which stays on its thread
  ContextState& context_;
};

template <class Call>
[[gnu::always_inline]] inline void HandleState::run_guarded(Call call) {
  if (cancelled_) return;
  try {
    const Entered scope(*context_.state_);
    call();
  } catch (const KeyboardInterrupt&) {
    throw;  // H3: these two leave the loop (S57)
  } catch (const SystemExit&) {
    throw;
  } catch (...) {
    report_exception();
  }
}

}  // namespace asyncio
