// fiber_switch.hpp: the one place where the processor changes from one stack to another.
//
// A fiber is a stack and a place in the code to go on at. Boost.Context's three lines of assembly do the
// change itself: jump_fcontext() pushes the registers that a call must preserve, stores the stack
// pointer, loads that of the other side and pops its registers. It looks to the compiler like a call
// that took a while.
//
//     high   ┌────────────────────────┐
//            │ CoroutineState::       │  coroutine.cpp keeps its record here, on the page that is
//            │   Activation           │  touched anyway
//            ├────────────────────────┤◄─ the `top` that make_fiber() is given
//            │ entry()                │  never returns: what it would return to is the end of the process
//            │ body() ► f() ► g()     │
//            │ suspend()              │
//            │ saved registers        │◄─ FiberContext::where, while switched out
//            ├──── ▼ ────────── ▼ ────┤
//            │ not touched: no memory │
//            ├────────────────────────┤
//            │ guard                  │  to touch it is SIGSEGV (stack_pool.hpp)
//     low    └────────────────────────┘
//
// What the assembly leaves out is done here, around it, and it is more than one would think: the C++
// runtime keeps the exceptions being handled in two words per thread, which belong to the stack and have
// to move with it; and every tool that watches memory has to be told, or it takes a switch for a
// stack gone mad. Hence two rules for this file. Nobody else calls jump_fcontext(). And all
// conditional compilation of reference/ is here and in fiber_switch.cpp: the block below turns it into
// constants, so that the rest is ordinary code, which every build compiles.
//
//   X1  Each stack has its own exceptions: those being handled and those in flight.
//   X2  A fiber that has ended is never switched to again.
//   X3  The tools hear of a switch directly before it, and on arrival before any foreign code runs.
//
// Source: Boost.Context 1.81 detail/fcontext.hpp; Itanium C++ ABI, 2.2.2 (exception globals);
// compiler-rt, sanitizer/common_interface_defs.h and tsan_interface.h. docs/decisions/0001.
#pragma once

#include <boost/context/detail/fcontext.hpp>

#include <cstddef>
#include <cstring>

namespace asyncio {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool ADDRESS_SANITIZER = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool ADDRESS_SANITIZER = true;
#else
inline constexpr bool ADDRESS_SANITIZER = false;
#endif
#else
inline constexpr bool ADDRESS_SANITIZER = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool THREAD_SANITIZER = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool THREAD_SANITIZER = true;
#else
inline constexpr bool THREAD_SANITIZER = false;
#endif
#else
inline constexpr bool THREAD_SANITIZER = false;
#endif

/// Address space of one stack, the guard included. It costs nothing until it is touched: a parked
/// coroutine holds one page, whatever this says. getaddrinfo(), a TLS handshake or a deep printf() need
/// some 100 KiB; frames under a sanitizer are about twice as large.
inline constexpr std::size_t STACK_BYTES = (ADDRESS_SANITIZER || THREAD_SANITIZER ? 512 : 256) * std::size_t{1024};

/// How many fibers the build can hold at once, for tests that make as many as they can. g++'s
/// ThreadSanitizer counts a fiber as a thread and has room for 8128; LeakSanitizer searches its list of
/// live stacks from the front; otherwise memory is the limit, at some 4.7 KB a parked fiber.
inline constexpr std::size_t LIVE_FIBERS_LIMIT = THREAD_SANITIZER ? 7'000 : ADDRESS_SANITIZER ? 20'000 : 1'000'000;

/// The interfaces of the sanitizers, declared rather than included: they are called only where the
/// matching constant is true, and then the sanitizer's runtime defines them.
namespace sanitizer {
extern "C" {
void __sanitizer_start_switch_fiber(void** save, const void* bottom, std::size_t size);
void __sanitizer_finish_switch_fiber(void* saved, const void** old_bottom, std::size_t* old_size);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}
}  // namespace sanitizer

/// The C++ runtime's view of one stack: the exceptions being handled, innermost first, and how many are
/// in flight. Has the layout of the ABI's __cxa_eh_globals, which <cxxabi.h> declares but does not define.
struct ExceptionState {
  void* caught = nullptr;
  unsigned in_flight = 0;  // std::uncaught_exceptions()
};
static_assert(sizeof(ExceptionState) == 16, "a 64-bit Itanium ABI is assumed");

/// One stack that can be switched to: a fiber's, or the one a thread was born with.
struct FiberContext {
  boost::context::detail::fcontext_t where = nullptr;  // the stack pointer, while switched out
  ExceptionState exceptions;                           // while switched out (X1)
  const void* bottom = nullptr;                        // the lowest address of the stack; for ASan, as is `size`
  std::size_t size = 0;
  void* fake_stack = nullptr;  // ASan's, where locals live under detect_stack_use_after_return
  void* tsan_fiber = nullptr;
};

using FiberEntry = void (*)(boost::context::detail::transfer_t);

/// Lays out a fiber on [bottom, top); the first switch to it calls `entry`, which must begin with
/// arrive() and end with a switch that is its last.
void make_fiber(FiberContext& fiber, char* bottom, char* top, FiberEntry entry) noexcept;

/// Tells the tools that a fiber, which has ended or is abandoned, will not be switched to again (X2).
void forget_fiber(FiberContext& fiber) noexcept;

/// Fills in what the tools call the calling thread's own stack.
void name_thread_stack(FiberContext& stack) noexcept;

/// Where the C++ runtime keeps the calling thread's ExceptionState. The address is the same for as long
/// as the thread lives, so it is looked up once; the lookup is a function call, and a switch is five of them.
void* exception_state_of_this_thread() noexcept;

/// Sets the sticky "inexact" flag in the calling thread's floating-point status, from which every fiber
/// made later copies its own. Call it before the thread's first fiber is made.
///
/// jump_fcontext() loads the status register of the other side. Where the flags in it differ from those
/// of this side, some processors take a slow path, and 5 ns become 60 to 140 (others do not mind: the
/// benchmark BareFcontextWhoseFlagsDiffer tells). Nearly every program computes an inexact double sooner
/// or later, on one side first: so everybody starts with the flag set.
void set_inexact_flag() noexcept;

/// A stack enters or leaves service: clears what earlier frames told ASan, and tells LSan to look for
/// pointers here. Both do nothing without a sanitizer.
void announce_stack(char* bottom, char* top) noexcept;
void withdraw_stack(char* bottom, char* top) noexcept;

/// Tells valgrind that [bottom, top) is a stack, once for all its users: valgrind else guesses from the
/// size of the jump whether a stack was changed, guesses wrong, and crashes.
void register_stack_with_valgrind(char* bottom, char* top) noexcept;

/// What the side that is arrived at does first (X3): notes where the other side can be reached.
[[gnu::always_inline]] inline void arrive(FiberContext& self, boost::context::detail::transfer_t transfer) noexcept {
  auto& left = *static_cast<FiberContext*>(transfer.data);
  left.where = transfer.fctx;
  if constexpr (ADDRESS_SANITIZER) {
    // ASan knows the extent of the stack just left. For a thread's own stack it is the only one who does.
    sanitizer::__sanitizer_finish_switch_fiber(self.fake_stack, &left.bottom, &left.size);
  }
}

enum class Leaving {
  for_a_while,
  for_good,  ///< ASan frees what it keeps for the stack that is left
};

/// Leaves the stack `from` and goes on where `to` was left. Returns when somebody switches back to `from`.
///
/// Inlined on purpose, into one function on either side. A processor predicts each return by the call
/// before it, and after a switch all the calls before were made on another stack: every frame between
/// here and the caller's code is a wrong guess of some 5 ns.
///
/// \param runtime  exception_state_of_this_thread()
[[gnu::always_inline]] inline void switch_stacks(void* runtime, FiberContext& from, FiberContext& to,
                                                 Leaving leaving = Leaving::for_a_while) noexcept {
  std::memcpy(&from.exceptions, runtime, sizeof(ExceptionState));  // X1
  std::memcpy(runtime, &to.exceptions, sizeof(ExceptionState));
  if constexpr (ADDRESS_SANITIZER) {
    sanitizer::__sanitizer_start_switch_fiber(leaving == Leaving::for_good ? nullptr : &from.fake_stack, to.bottom,
                                              to.size);
  }
  if constexpr (THREAD_SANITIZER) sanitizer::__tsan_switch_to_fiber(to.tsan_fiber, 0);
  arrive(from, boost::context::detail::jump_fcontext(to.where, &from));
}

}  // namespace asyncio
