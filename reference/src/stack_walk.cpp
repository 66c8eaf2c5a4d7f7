// stack_walk.cpp: the C++ runtime's unwinder, asked for nothing but addresses.
#include "stack_walk.hpp"

#include <unwind.h>

namespace asyncio {
namespace {

struct Progress {
  StackWalk& walk;
  std::uintptr_t newer;
  std::uintptr_t oldest;
};

_Unwind_Reason_Code visit(_Unwind_Context* context, void* argument) {
  const Progress& progress = *static_cast<Progress*>(argument);
  if (progress.oldest != 0 && _Unwind_GetRegionStart(context) == progress.oldest) return _URC_END_OF_STACK;
  // What the unwinder calls the CFA of a frame that it visits is the stack pointer at the call in it. Below the
  // frame `newer` lie the frames of this file and that frame's own; above, its callers.
  if (_Unwind_GetCFA(context) <= progress.newer) return _URC_NO_REASON;
  StackWalk& walk = progress.walk;
  if (walk.count == walk.addresses.size()) return _URC_END_OF_STACK;

  int before_instruction = 0;
  std::uintptr_t address = _Unwind_GetIPInfo(context, &before_instruction);
  if (address == 0) return _URC_END_OF_STACK;
  // A return address belongs to the next statement, or to the next function where the call never returns.
  if (before_instruction == 0) --address;
  walk.addresses[walk.count++] = reinterpret_cast<const void*>(address);
  return _URC_NO_REASON;
}

}  // namespace

void walk_stack(StackWalk& walk, const void* newer, const void* oldest) noexcept {
  walk.count = 0;
  Progress progress{walk, reinterpret_cast<std::uintptr_t>(newer), reinterpret_cast<std::uintptr_t>(oldest)};
  _Unwind_Backtrace(visit, &progress);
}

}  // namespace asyncio
