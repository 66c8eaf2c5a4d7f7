// object_pool.cpp: where the objects of a loop get their memory.
//
// A loop makes and drops handles, contexts, futures and tasks by the million, all of them small and of a
// dozen sizes. malloc() keeps only seven free blocks of a size at hand; beyond that it merges and splits
// them, at some 200 instructions a block. Here each thread keeps the blocks it was given back, in one list
// for each size class, last in first out, so that the next object gets memory that is still in the cache.
// By callgrind's count a call_soon() in batches of 1000 takes 770 instructions with malloc(), and 416 with
// this file (CallSoonInBatchesOf1000 of `make bench`).
//
//   P1  A block in a list is of that list's size class.
//   P2  A list never holds more than KEPT blocks: what a burst needed goes back to malloc().
//
// With sanitizers the lists stay empty: they would hide a use after free from AddressSanitizer.
#include <asyncio/ref.hpp>

#include "fiber_switch.hpp"

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace asyncio {
namespace {

constexpr std::size_t CLASS_BYTES = 32;
constexpr std::size_t LARGEST = 512;  // larger objects are rare: malloc() may have them
constexpr std::size_t CLASSES = LARGEST / CLASS_BYTES;
constexpr unsigned KEPT = 4096;
constexpr bool POOLED = !ADDRESS_SANITIZER && !THREAD_SANITIZER;

struct FreeBlock {
  FreeBlock* next;
};

struct Lists {
  std::array<FreeBlock*, CLASSES> first;
  std::array<unsigned, CLASSES> room;  // how many blocks more each list may take
  bool watched;                        // a Closer will give the blocks back; until there is one, there is no room
};

// Without a destructor, so that reading it costs no check; Closer gives the blocks back.
thread_local constinit Lists lists{};

struct Closer {
  ~Closer() {
    lists.room.fill(0);  // the thread is ending, and nothing is kept any more
    for (FreeBlock*& first : lists.first) {
      while (first) ::operator delete(std::exchange(first, first->next));
    }
  }
};

constexpr std::size_t class_of(std::size_t size) noexcept { return (size - 1) / CLASS_BYTES; }

/// What a list without room comes to: at the first block of a thread all lists get theirs.
[[gnu::cold]] bool make_room() noexcept {
  if (std::exchange(lists.watched, true)) return false;  // full, or closed (P2)
  thread_local Closer closer;
  [[maybe_unused]] const Closer& made = closer;
  lists.room.fill(KEPT);
  return true;
}

}  // namespace

void* RefCounted::operator new(std::size_t size) {
  if (!POOLED || size > LARGEST) return ::operator new(size);
  const std::size_t index = class_of(size);
  FreeBlock* const block = lists.first[index];
  if (!block) return ::operator new((index + 1) * CLASS_BYTES);  // P1
  lists.first[index] = block->next;
  ++lists.room[index];
  return block;
}

void RefCounted::operator delete(void* memory, std::size_t size) noexcept {
  const std::size_t index = class_of(size);
  if (!POOLED || size > LARGEST || (lists.room[index] == 0 && !make_room())) {  // P2
    ::operator delete(memory);
    return;
  }
  lists.first[index] = ::new (memory) FreeBlock{lists.first[index]};
  --lists.room[index];
}

}  // namespace asyncio
