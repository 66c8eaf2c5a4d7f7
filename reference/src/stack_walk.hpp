// stack_walk.hpp: which calls are on a stack, as addresses of instructions.
//
// The unwinder is the one that throws exceptions, so it is part of every C++ program, and what it can read is
// there in release builds too. It walks the stack on which it runs: a suspended coroutine is therefore walked
// from its own stack (coroutine.cpp).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace asyncio {

/// Addresses of calls, newest first, without allocating: the stack that is walked may be nearly full.
struct StackWalk {
  std::array<const void*, 256> addresses;
  std::size_t count = 0;

  std::vector<const void*> list() const { return std::vector(addresses.begin(), addresses.begin() + count); }
};

/// How much stack a walk may need: the unwinder's own frames take about 1 KiB; a sanitizer's several times that.
inline constexpr std::size_t WALK_BYTES = 12 * 1024;

/// Walks the calling stack.
///
/// \param walk     gets what is found; stops where it is full
/// \param newer    __builtin_frame_address(0) of a function that is not inlined: its caller comes first
/// \param oldest   the code of the function where the walk ends, itself left out; null: at the end of the stack
void walk_stack(StackWalk& walk, const void* newer, const void* oldest) noexcept;

}  // namespace asyncio
