// asyncgen.cpp: how the body of an asynchronous generator is driven, and how it comes to its end.
//
//                    advance()                     yield(value)
//        created ────────────────► running ◄─────────────────────► suspended at a yield
//           │                        │  ▲                            │
//           │                        │  └── the body waits for a     │ the last handle goes
//           │ aclose()               │      future: so does the      ▼
//           ▼                        ▼      caller's task           asyncgen_finalizer_hook(): aclose() in a task
//         closed ◄───────────── returned, threw
//
// A coroutine comes back to whoever resumed it for one of three reasons, and run_to_yield() tells them apart. Where
// the body waits for a future, or gives way, the caller's own coroutine does the same: it suspends with that very
// future, as if it waited itself. What it is resumed with then, a plain send or an exception, goes down to the body.
// Python's `yield from` does just that.
//
// Source: CPython Objects/genobject.c. Rules: S40.
#include <asyncio/asyncgen.hpp>

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>

#include "thread_state.hpp"

#include <cassert>
#include <string_view>

namespace asyncio {
namespace {

/// Sets a flag for as long as it lives.
class Running {
 public:
  explicit Running(bool& flag) : flag_(flag) { flag_ = true; }
  ~Running() { flag_ = false; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  bool& flag_;
};

}  // namespace

void AsyncGeneratorState::set_body(Coroutine body) {
  coroutine_ = std::move(body);
  coroutine_.get()->set_owner(
      [](const void*, char* buffer, std::size_t size) {
        constexpr std::string_view name = "an asynchronous generator";
        buffer[name.copy(buffer, size - 1)] = '\0';
      },
      nullptr);
}

std::string AsyncGeneratorState::repr() const {
  const std::string_view path = where_.file_name();
  return "<AsyncGenerator made at " + std::string(path.substr(path.find_last_of('/') + 1)) + ":" +
         std::to_string(where_.line()) + ">";
}

// ---- Driving ----

void AsyncGeneratorState::first_iteration() {
  if (std::exchange(begun_, true)) return;
  AbstractEventLoop* const loop = get_running_loop_or_null();
  if (!loop) return;
  core_ = Ref<LoopCore>(&loop->core());
  loop->asyncgen_firstiter_hook(AnyAsyncGenerator(Ref<AsyncGeneratorState>(this)));
}

bool AsyncGeneratorState::advance(std::exception_ptr error, const char* caller) {
  const Ref<AsyncGeneratorState> self(this);
  first_iteration();
  if (running_) throw RuntimeError(std::string(caller) + "(): asynchronous generator is already running");  // A1
  if (closed_) return false;
  return run_to_yield(std::move(error));  // suspends
}

void AsyncGeneratorState::aclose() {
  const Ref<AsyncGeneratorState> self(this);
  first_iteration();
  if (running_) throw RuntimeError("aclose(): asynchronous generator is already running");  // A1
  if (std::exchange(closed_, true)) return;
  try {
    const bool yielded = run_to_yield(std::make_exception_ptr(CoroutineExit()));  // suspends
    if (yielded) throw RuntimeError("async generator ignored GeneratorExit");
  } catch (const CoroutineExit&) {
    // The one that was thrown above has done its work. The caller's own, where the caller unwinds, goes on.
    if (std::exchange(caller_leaves_, false)) throw;
  }
}

/// Runs the body until it yields (true) or returns (false).
bool AsyncGeneratorState::run_to_yield(std::exception_ptr error) {
  const Running scope(running_);
  while (true) {
    const Stop stop = resume(std::exchange(error, nullptr));
    switch (stop.why) {
      case Stop::Why::returned: closed_ = true; return false;
      case Stop::Why::threw:
        closed_ = true;
        if (holds<StopAsyncIteration>(stop.error)) throw RuntimeError("async generator raised StopAsyncIteration");
        std::rethrow_exception(stop.error);
      case Stop::Why::yielded:
        if (std::exchange(at_yield_, false)) return true;  // A2
        break;                                             // it only gives way: sleep(0)
      case Stop::Why::awaits: break;
    }
    try {
      Coroutine::suspend(stop.future);  // suspends: the caller waits in the body's place
    } catch (const CoroutineExit&) {
      caller_leaves_ = true;
      error = std::current_exception();
    } catch (...) {
      error = std::current_exception();
    }
  }
}

Stop AsyncGeneratorState::resume(std::exception_ptr error) {
  // As in FiberTask::resume(): the body may suspend inside Context::run().
  ThreadState& thread = this_thread();
  ContextState* const own = thread.context;
  if (inner_context_) thread.context = std::exchange(inner_context_, nullptr);
  Stop stop{.why = Stop::Why::threw};
  try {
    stop = error ? coroutine_.throw_in(std::move(error)) : coroutine_.send();
  } catch (...) {  // it belongs to another thread
    if (thread.context != own) inner_context_ = std::exchange(thread.context, own);
    throw;
  }
  if (thread.context != own) inner_context_ = std::exchange(thread.context, own);
  return stop;
}

void AsyncGeneratorState::suspend_at_yield() {
  if (coroutine_.state() != Coroutine::State::running) {
    throw RuntimeError("yield was called outside the body of its asynchronous generator");
  }
  at_yield_ = true;
  Coroutine::suspend();  // suspends
}

// ---- The end ----

void AsyncGeneratorState::last_owner_gone() noexcept {
  if (core_) core_->remove_asyncgen(*this);
  if (core_ && suspended()) {  // A3
    // The generator lives on in the callback, and comes here again when that has run, or is dropped by a loop that
    // closes: then post() is in vain, and there is nobody who could wait for its clean-up.
    const Ref<AsyncGeneratorState> self(this);
    const bool posted =
        core_->post([generator = AnyAsyncGenerator(self)] { get_running_loop().asyncgen_finalizer_hook(generator); });
    if (!posted) abandon();
    return;
  }
  delete this;
}

}  // namespace asyncio
