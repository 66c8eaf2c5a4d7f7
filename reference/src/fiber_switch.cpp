// fiber_switch.cpp: the parts of a switch that are not on its hot path, and what the tools are told.
//
// Memory tools keep books of their own about a stack. AddressSanitizer poisons the gaps between locals
// and clears them when a function returns; frames of a fiber that ended in a last switch never return,
// so the marks stay and would accuse the next user of the stack. LeakSanitizer looks for pointers on the
// stacks of threads only; what a suspended fiber alone holds would count as leaked. Valgrind has to be
// told where stacks are.
//
// The request to valgrind is compiled into every build that finds its header. It is a handful of
// instructions that rotate a register once around, it happens once in the life of a stack, and it
// saves everybody who runs valgrind from needing a special build.
#include "fiber_switch.hpp"

#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(bottom, top) 0u
#endif

// libstdc++ declares this in <cxxabi.h>, libc++abi only defines it.
namespace __cxxabiv1 {
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
}  // namespace __cxxabiv1

namespace asyncio {

namespace sanitizer {
extern "C" {
void __asan_unpoison_memory_region(const volatile void* address, std::size_t size);
void __lsan_register_root_region(const void* address, std::size_t size);
void __lsan_unregister_root_region(const void* address, std::size_t size);
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
}
}  // namespace sanitizer

void make_fiber(FiberContext& fiber, char* bottom, char* top, FiberEntry entry) noexcept {
  const auto size = static_cast<std::size_t>(top - bottom);
  fiber.where = boost::context::detail::make_fcontext(top, size, entry);
  fiber.exceptions = {};  // X1: a new stack handles nothing, whatever its maker is in the middle of
  fiber.bottom = bottom;
  fiber.size = size;
  if constexpr (THREAD_SANITIZER) fiber.tsan_fiber = sanitizer::__tsan_create_fiber(0);
}

void forget_fiber(FiberContext& fiber) noexcept {
  fiber.where = nullptr;  // X2
  if constexpr (THREAD_SANITIZER) sanitizer::__tsan_destroy_fiber(fiber.tsan_fiber);
}

void name_thread_stack(FiberContext& stack) noexcept {
  if constexpr (THREAD_SANITIZER) stack.tsan_fiber = sanitizer::__tsan_get_current_fiber();
}

void* exception_state_of_this_thread() noexcept { return __cxxabiv1::__cxa_get_globals(); }

void set_inexact_flag() noexcept {
  // A division rather than feraiseexcept(), which sets the flag of the x87 unit; doubles are computed
  // by SSE. Volatile, or the compiler divides at build time.
  volatile double third = 1.0;
  third = third / 3.0;
}

void announce_stack(char* bottom, char* top) noexcept {
  if constexpr (ADDRESS_SANITIZER) {
    const auto size = static_cast<std::size_t>(top - bottom);
    sanitizer::__asan_unpoison_memory_region(bottom, size);
    sanitizer::__lsan_register_root_region(bottom, size);
  }
}

void withdraw_stack(char* bottom, char* top) noexcept {
  if constexpr (ADDRESS_SANITIZER) {
    sanitizer::__lsan_unregister_root_region(bottom, static_cast<std::size_t>(top - bottom));
  }
}

void register_stack_with_valgrind(char* bottom, char* top) noexcept {
  // valgrind takes the addresses of the lowest and the highest byte.
  [[maybe_unused]] const unsigned id = VALGRIND_STACK_REGISTER(bottom, top - 1);
}

}  // namespace asyncio
