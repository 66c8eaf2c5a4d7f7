// coroutine.cpp: how a coroutine starts, stops, goes on, and ends.
//
//                send()                     suspend()
//     created ────────────► running ───────────────────► suspended
//        │                   │   ▲                         │  │ │
//        │ throw_in(),       │   └── send(), throw_in() ───┘  │ │
//        │ close()           │       close(), the last Ref ───┘ │
//        ▼                   ▼                                  ▼
//      closed ◄──────── body() has ended                    abandoned
//
// A coroutine that has started has an Activation: everything that exists between its start and its end.
// The Activation lies at the top of the coroutine's own stack, so a start allocates nothing but the stack,
// and the stack is found again from the address of a fault alone. Resuming is a switch to the fiber;
// suspending is a switch to the resumer, which may be a coroutine itself: then the resumers form a chain
// that ends at a thread's own stack, and only the last link of it executes.
//
// What surprises is the end. A stack cannot be freed like an object: on it lie objects that have to be
// destroyed, by the code that made them, which has to run for that. So a coroutine that nobody can
// resume any more is resumed a last time, with CoroutineExit, and its stack unwinds. Where that cannot
// be done, or the coroutine will not have it, the stack is left as it is, for ever, and stderr says so.
//
// A stack that is switched out can be looked at, and only from itself: the unwinder walks the stack on which
// it runs. Whoever wants to see it leaves a Look for it and switches there. What wakes up finds the Look,
// walks, and switches back; it has not gone on. The two places at which a stack can be switched out, suspend()
// and resume(), look for it where they have to look for trouble anyway.
//
//   C1 to C5 are in coroutine.hpp. And here:
//   C6  While a coroutine runs, its runner holds a Ref to it: it cannot be destroyed under its own feet.
//   C7  The callable outlives every frame on the stack; it is dropped as the last thing on that stack.
//   C8  A Look changes nothing of the coroutine that is looked at, and nothing of the thread.
//
// Source: CPython Objects/genobject.c, gen_send_ex, _gen_throw, gen_close, _PyGen_Finalize.
#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/futures.hpp>

#include "fiber_switch.hpp"
#include "stack_pool.hpp"
#include "stack_walk.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <string_view>

namespace asyncio {

/// What a coroutine has from its start to its end. Lies at the top of its stack. The order is by use:
/// with thousands of coroutines each step waits for memory, and what every step needs is in two lines.
struct CoroutineState::Activation {
  CoroutineState* owner;            // first, for owner_on()
  std::uint64_t thread;             // the number of the thread that started it (C3)
  FiberContext* resumer = nullptr;  // where suspend() goes
  std::exception_ptr error = {};    // going in: what suspend() shall throw; at the end: what the callable threw
  FutureState* future = nullptr;
  Stop::Why why = Stop::Why::yielded;
  bool unwinding = false;   // nobody will resume it again: every suspend() throws
  bool dropping = false;    // the callable is being destroyed
  FiberContext fiber = {};  // its own place to go on at; in use while it is suspended, or resumes another
  Stack stack;
  const char* abandoned = nullptr;  // why it has left its stack for good, with frames on it
  unsigned exits_swallowed = 0;     // how often it suspended while unwinding

  /// Where the Activation of a coroutine on this stack is.
  static Activation* on(const Stack& stack) noexcept {
    constexpr std::size_t room = (sizeof(Activation) + 15) / 16 * 16;  // the ABI wants stacks aligned to 16
    return reinterpret_cast<Activation*>(stack.top - room);
  }

  /// The coroutine on a stack; null where the stack is idle. The memory of an idle stack stays readable,
  /// and the overflow handler may look at it.
  static const CoroutineState* owner_on(const Stack& stack) noexcept {
    return *reinterpret_cast<CoroutineState* const*>(on(stack));
  }
  /// What is left for owner_on() when an Activation is gone. A plain assignment before the end of its
  /// life would be optimized away.
  static void clear_owner(void* place) noexcept { new (place) CoroutineState*(nullptr); }

  /// False where an exception thrown at the suspension would end the process: the frames there belong
  /// to a destructor that unwinding called, or to drop(), which is noexcept.
  bool can_be_thrown_into() const noexcept { return fiber.exceptions.in_flight == 0 && !dropping; }
};

constexpr unsigned EXITS_SWALLOWED_LIMIT = 100;  // after that many, a coroutine is taken to do so for ever

/// The only one who changes the stage of a coroutine. No function here is called with a thread's state that
/// is not the calling thread's.
struct CoroutineRunner {
  using Activation = CoroutineState::Activation;
  using State = Coroutine::State;

  /// A wish to see a stack that is switched out.
  struct Look {
    FiberContext* back;  // who wants to know, switched out meanwhile
    StackWalk walk = {};
  };

  /// What a thread knows about the coroutines on it.
  struct ThreadState {
    Activation* running = nullptr;  // the innermost coroutine that executes; null on the thread's own stack
    void* exceptions = nullptr;     // exception_state_of_this_thread()
    std::uint64_t number = 0;       // 0 until the first coroutine starts; never used twice, unlike addresses
    Look* look = nullptr;           // for the stack that is switched to; null: it is to go on
    FiberContext own_stack;
  };

  static ThreadState& this_thread() noexcept;
  static void prepare(ThreadState& thread);

  static Stop resume(CoroutineState& state, std::exception_ptr* error = nullptr);
  static Stop throw_in(CoroutineState& state, std::exception_ptr error);
  static void suspend(FutureState* future);
  static void close(CoroutineState& state);

  static void start(CoroutineState& state, ThreadState& thread);
  static void entry(boost::context::detail::transfer_t transfer) noexcept;
  static Stop never_enter(CoroutineState& state, std::exception_ptr error) noexcept;
  static Stop finish(Activation& activation) noexcept;

  static void look(CoroutineState& state, StackWalk& walk);
  static void show(FiberContext& shown, ThreadState& thread) noexcept;

  [[noreturn]] static void refuse(const CoroutineState& state);
  [[noreturn]] static void exit_again(Activation& self, ThreadState& thread);
  static void abandon(CoroutineState& state, std::string_view reason) noexcept;
  static void append_name(const CoroutineState& state, ReportLine& line) noexcept;
  static void append_user(const Stack& stack, ReportLine& line);
};

// What a thread has -----------------------------------------------------------------------------------

/// Never inlined, and opaque even to an optimizer that sees through the call: a compiler may compute the
/// address of a thread_local once per function and keep it over a switch.
[[gnu::noinline]] CoroutineRunner::ThreadState& CoroutineRunner::this_thread() noexcept {
  constinit static thread_local ThreadState state;
  asm volatile("" ::: "memory");
  return state;
}

/// Once per thread, before its first coroutine starts.
void CoroutineRunner::prepare(ThreadState& thread) {
  static std::atomic<std::uint64_t> threads{0};
  thread.exceptions = exception_state_of_this_thread();
  name_thread_stack(thread.own_stack);
  set_inexact_flag();
  watch_for_stack_overflow(append_user);
  thread.number = ++threads;
}

// Resuming and suspending -----------------------------------------------------------------------------

/// Runs a coroutine until it stops. Each line is paid at every step of every task, and so is each return
/// between the switch and the caller (fiber_switch.hpp): hence inlined into send().
///
/// \param state  is kept alive by the caller (C6)
/// \param error  what its suspend() throws; null to go on normally
[[gnu::always_inline]] inline Stop CoroutineRunner::resume(CoroutineState& state, std::exception_ptr* error) {
  ThreadState& thread = this_thread();
  if (state.stage_ != State::suspended) [[unlikely]] {
    if (state.stage_ != State::created) refuse(state);
    if (error) return never_enter(state, std::move(*error));  // C2
    start(state, thread);
  }
  Activation& activation = *state.activation_;
  if (activation.thread != thread.number) [[unlikely]]
    refuse(state);  // C3

  // A coroutine that resumes another is not suspended itself, so the place for its own registers is free.
  Activation* const outer = thread.running;
  FiberContext& here = outer ? outer->fiber : thread.own_stack;
  if (error) activation.error = std::move(*error);
  activation.resumer = &here;
  state.stage_ = State::running;
  thread.running = &activation;
  switch_stacks(thread.exceptions, here, activation.fiber);
  thread.running = outer;

  while (state.stage_ != State::suspended) [[unlikely]] {
    if (!thread.look) return finish(activation);
    show(here, thread);  // it runs on; somebody up there looks at this stack
    thread.running = outer;
  }
  return {.why = activation.why, .future = activation.future};
}

Stop CoroutineRunner::throw_in(CoroutineState& state, std::exception_ptr error) {
  const Ref<CoroutineState> keep(&state);  // C6
  return resume(state, &error);
}

Stop Coroutine::send() const {
  const Ref<CoroutineState> keep = state_;  // C6
  return CoroutineRunner::resume(*keep);
}

Stop Coroutine::send_kept() const { return CoroutineRunner::resume(*state_); }

Stop Coroutine::throw_in(std::exception_ptr error) const {
  assert(error);
  return CoroutineRunner::throw_in(*state_, std::move(error));
}

/// Leaves the running coroutine. Inlined for the same reason.
[[gnu::always_inline]] inline void CoroutineRunner::suspend(FutureState* future) {
  ThreadState& thread = this_thread();
  Activation* const self = thread.running;
  if (!self) [[unlikely]]
    throw RuntimeError(
        "suspend() was called outside a coroutine: only a task can wait. Give the function that waits to run() or "
        "create_task()");
  if (self->unwinding) [[unlikely]]
    exit_again(*self, thread);

  self->future = future;
  self->why = future ? Stop::Why::awaits : Stop::Why::yielded;
  self->owner->stage_ = State::suspended;
  switch_stacks(thread.exceptions, self->fiber, *self->resumer);
  while (self->error) [[unlikely]] {
    const std::exception_ptr error = std::exchange(self->error, nullptr);
    if (!thread.look) std::rethrow_exception(error);
    show(self->fiber, thread);
  }
}

void Coroutine::suspend(FutureState* future) { CoroutineRunner::suspend(future); }

void FutureState::wait() {
  if (done()) return;  // S72
  blocking_ = true;
  CoroutineRunner::suspend(this);
  if (!done()) throw RuntimeError("await wasn't used with future");  // S73
}

/// Says why a coroutine cannot be resumed. \throws RuntimeError  always
void CoroutineRunner::refuse(const CoroutineState& state) {
  if (state.stage_ == State::running) throw RuntimeError("coroutine already executing");
  if (state.stage_ == State::closed) throw RuntimeError("cannot reuse already awaited coroutine");
  ReportLine line;
  append_name(state, line);
  line << " was started by another thread: only that one can resume it";
  throw RuntimeError(std::string(line.text()));
}

// The start and the end -------------------------------------------------------------------------------

void CoroutineRunner::start(CoroutineState& state, ThreadState& thread) {
  if (thread.number == 0) prepare(thread);
  const Stack stack = acquire_stack();
  announce_stack(stack.bottom, stack.top);
  auto* place = reinterpret_cast<char*>(Activation::on(stack));
  state.activation_ = new (place) Activation{.owner = &state, .thread = thread.number, .stack = stack};
  make_fiber(state.activation_->fiber, stack.bottom, place, entry);
}

/// The lowest frame of every coroutine. Whatever is thrown ends here: below is nobody who could catch it.
void CoroutineRunner::entry(boost::context::detail::transfer_t transfer) noexcept {
  ThreadState& thread = this_thread();
  Activation& self = *thread.running;
  arrive(self.fiber, transfer);
  try {
    self.owner->body();
    self.why = Stop::Why::returned;
  } catch (...) {
    self.error = std::current_exception();
    self.why = Stop::Why::threw;
  }
  self.dropping = true;
  self.owner->drop();  // C7
  switch_stacks(thread.exceptions, self.fiber, *self.resumer, Leaving::for_good);
  std::abort();  // X2; to return from here would end the process with success
}

/// What resume() does when the coroutine has not suspended but ended.
Stop CoroutineRunner::finish(Activation& activation) noexcept {
  CoroutineState& state = *activation.owner;
  Stop stop{.why = activation.why, .error = std::move(activation.error)};
  const Stack stack = activation.stack;
  if (activation.abandoned) {
    abandon(state, activation.abandoned);
    return {.why = Stop::Why::threw, .error = std::make_exception_ptr(CoroutineExit())};
  }
  state.activation_ = nullptr;  // C1
  state.stage_ = State::closed;
  forget_fiber(activation.fiber);
  std::destroy_at(&activation);
  Activation::clear_owner(&activation);
  withdraw_stack(stack.bottom, stack.top);
  release_stack(stack);
  return stop;
}

/// Thrown into before its start (C2), which is also how it is closed before its start.
Stop CoroutineRunner::never_enter(CoroutineState& state, std::exception_ptr error) noexcept {
  state.stage_ = State::closed;
  state.drop();
  return {.why = Stop::Why::threw, .error = std::move(error)};
}

// Unwinding -------------------------------------------------------------------------------------------

namespace {
constexpr const char* IN_DESTRUCTOR = "is suspended in a destructor, where an exception would end the process";
constexpr const char* SWALLOWS_EXIT =
    "caught CoroutineExit 100 times and suspended again each time (a catch (...) around an await must rethrow it)";
constexpr const char* OF_ANOTHER_THREAD = "was suspended when its last handle went, on another thread than its own";
}  // namespace

/// suspend() of a coroutine that nobody will resume: throws at once, or gives the stack up.
void CoroutineRunner::exit_again(Activation& self, ThreadState& thread) {
  const bool can_throw = std::uncaught_exceptions() == 0 && !self.dropping;
  if (can_throw && ++self.exits_swallowed < EXITS_SWALLOWED_LIMIT) throw CoroutineExit();
  self.abandoned = can_throw ? SWALLOWS_EXIT : IN_DESTRUCTOR;
  switch_stacks(thread.exceptions, self.fiber, *self.resumer);
  std::abort();  // X2
}

void CoroutineRunner::close(CoroutineState& state) {
  const Ref<CoroutineState> keep(&state);  // C6: to drop() a callable is to run foreign code
  if (state.stage_ == State::closed) return;
  if (state.stage_ == State::created) return static_cast<void>(never_enter(state, nullptr));
  if (state.stage_ == State::running || state.activation_->thread != this_thread().number) refuse(state);
  if (!state.activation_->can_be_thrown_into()) return abandon(state, IN_DESTRUCTOR);

  const Stop stop = throw_in(state, std::make_exception_ptr(CoroutineExit()));
  switch (stop.why) {
    case Stop::Why::yielded:
    case Stop::Why::awaits: throw RuntimeError("coroutine ignored GeneratorExit");
    case Stop::Why::returned: return;
    case Stop::Why::threw:
      if (!holds<CoroutineExit>(stop.error)) std::rethrow_exception(stop.error);
  }
}

void CoroutineState::unwind() noexcept {
  if (!activation_) return;
  assert(stage_ == Coroutine::State::suspended);  // C6
  retain();  // or a handle that the unwinding code makes and drops would destroy this a second time
  if (activation_->thread != CoroutineRunner::this_thread().number) {
    return CoroutineRunner::abandon(*this, OF_ANOTHER_THREAD);  // C3
  }
  if (!activation_->can_be_thrown_into()) return CoroutineRunner::abandon(*this, IN_DESTRUCTOR);

  activation_->unwinding = true;
  const Stop stop = CoroutineRunner::throw_in(*this, std::make_exception_ptr(CoroutineExit()));
  if (stop.why != Stop::Why::threw || holds<CoroutineExit>(stop.error)) return;
  ReportLine line;  // as CPython reports what a finalizer raises: nobody is there to receive it
  line << "orrery: exception ignored in ";
  CoroutineRunner::append_name(*this, line);
  line << ", which was being unwound: " << describe(stop.error) << "\n";
  line.write();
}

/// Leaves a suspended coroutine's stack as it is, for ever. LSan goes on taking pointers on it for valid.
void CoroutineRunner::abandon(CoroutineState& state, std::string_view reason) noexcept {
  ReportLine line;
  line << "orrery: ";
  append_name(state, line);
  line << " " << reason << ": its stack is abandoned, and the objects on it are never destroyed.\n";
  line.write();

  Activation* const activation = std::exchange(state.activation_, nullptr);
  state.stage_ = State::closed;
  forget_fiber(activation->fiber);
  Activation::clear_owner(activation);
  StackPool::instance().abandon();
}

CoroutineState::~CoroutineState() {
  assert(!activation_);  // C4: the derived class has called unwind()
}

// Names in messages -----------------------------------------------------------------------------------

/// "Task-3 (made at server.cpp:12)". Async-signal-safe, as far as the owner's function is.
void CoroutineRunner::append_name(const CoroutineState& state, ReportLine& line) noexcept {
  if (state.describe_) {
    state.describe_(state.owner_, line.end(), line.room());
    line.wrote_until_zero();
  } else {
    line << "a coroutine";
  }
  line << " (made at " << state.where_.file_name() << ":" << std::uint64_t{state.where_.line()} << ")";
}

void CoroutineRunner::append_user(const Stack& stack, ReportLine& line) {
  if (const CoroutineState* owner = Activation::owner_on(stack)) {
    append_name(*owner, line);
  } else {
    line << "nobody: an access went astray into the guard of an idle stack";
  }
}

// Looking at a stack ----------------------------------------------------------------------------------

/// Walks the stack of a coroutine, on whichever stack that is (C8).
[[gnu::noinline]] void CoroutineRunner::look(CoroutineState& state, StackWalk& walk) {
  Activation* const seen = state.activation_;
  ThreadState& thread = this_thread();
  if (!seen || seen->thread != thread.number) return;  // C1, C3
  Activation* const running = thread.running;
  if (seen == running) {
    return walk_stack(walk, __builtin_frame_address(0), reinterpret_cast<const void*>(&entry));
  }
  const auto* const top_of_calls = static_cast<const char*>(seen->fiber.where);
  if (top_of_calls - seen->stack.bottom < static_cast<std::ptrdiff_t>(WALK_BYTES)) return;

  Look look{.back = running ? &running->fiber : &thread.own_stack};
  // In suspend(), `error` is what says that this is no ordinary waking; in resume(), that the stage is not suspended.
  if (state.stage_ == State::suspended) seen->error = std::make_exception_ptr(CoroutineExit());
  thread.look = &look;
  thread.running = seen;
  switch_stacks(thread.exceptions, *look.back, seen->fiber);
  thread.running = running;
  walk = look.walk;
}

/// The other end of look(), on the stack that is looked at.
[[gnu::noinline]] void CoroutineRunner::show(FiberContext& shown, ThreadState& thread) noexcept {
  Look& look = *std::exchange(thread.look, nullptr);
  walk_stack(look.walk, __builtin_frame_address(0), reinterpret_cast<const void*>(&entry));
  switch_stacks(thread.exceptions, shown, *look.back);
}

StackSummary Coroutine::get_stack() const {
  StackWalk walk;
  CoroutineRunner::look(*state_, walk);
  return StackSummary(walk.list());
}

[[gnu::noinline]] StackSummary StackSummary::extract(std::size_t limit) {
  constexpr std::size_t OWN = 8;  // calls of this library on the way here, which nobody is shown
  StackWalk walk;
  walk_stack(walk, __builtin_frame_address(0), reinterpret_cast<const void*>(&CoroutineRunner::entry));
  walk.count = std::min(walk.count, limit + OWN);
  return StackSummary(walk.list(), limit);
}

// The public face -------------------------------------------------------------------------------------

void Coroutine::close() const { CoroutineRunner::close(*state_); }

Coroutine::State Coroutine::state() const noexcept { return state_->stage_; }

std::source_location Coroutine::where() const noexcept { return state_->where_; }

bool Coroutine::inside() noexcept { return CoroutineRunner::this_thread().running != nullptr; }

StackStatistics stack_statistics() {
  const StackPool::Counts counts = StackPool::instance().counts();
  const std::size_t listed = stacks_in_thread_lists();
  return {.live = counts.carved - counts.idle - counts.cold - counts.abandoned - listed,
          .idle = counts.idle + counts.cold + listed,
          .abandoned = counts.abandoned,
          .unguarded = counts.unguarded,
          .stack_bytes = STACK_BYTES,
          .live_limit = LIVE_FIBERS_LIMIT};
}

}  // namespace asyncio
