// stack_pool.hpp: where coroutines get their stacks, and what happens when one is too small.
//
// A stack of its own mapping costs a microsecond or four for mmap, guard and munmap, and another two for
// the first touch. One that was used a moment ago costs nothing: its memory is there, and in the
// cache. So stacks are kept, and handed out last in, first out:
//
//     acquire() ◄── this thread's list ◄── idle, with memory ◄── cold, without ◄── carved from a region
//                   no lock, up to 128     ▲ one mutex          ▲                  64 stacks a mmap
//     release() ──► (a batch of the ───────┘                    │
//                    oldest moves on)        beyond a limit, the oldest give their memory back
//
// Regions are never unmapped, so an address that once belonged to a stack always will: the fault
// handler relies on it. What a stack costs is the pages that were touched; deep ones are given back as
// soon as a stack leaves its thread's list, the top ones late, and in batches.
//
// Below each stack lies a guard. On Linux 6.13 and later it is made by MADV_GUARD_INSTALL, which marks
// pages without splitting the mapping. Elsewhere by mprotect(), and each guard is then a mapping of its
// own, of which a process may have 65,530: after `mprotect_limit` guards the pool goes on without, and
// says so once on stderr. Better a coroutine without a guard than none, but nobody should have to
// guess which he has.
//
//   P1  A stack is used by one coroutine at a time; whoever releases it has left it for good.
//   P2  Any thread may release what another acquired, also after that other has ended.
//   P3  A guard stays where it is for as long as the process lives.
//
// Source: docs/decisions/0002-stacks-from-a-pool.md; man 2 madvise, sigaltstack.
#pragma once

#include "fiber_switch.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace asyncio {

/// What may be used of a stack: [bottom, top). The guard is below.
struct Stack {
  char* bottom = nullptr;
  char* top = nullptr;
  explicit operator bool() const noexcept { return bottom != nullptr; }
  friend bool operator==(const Stack&, const Stack&) = default;
};

/// A frame with a buffer of several KiB steps over a guard of one page without touching it.
inline constexpr std::size_t GUARD_BYTES = 16 * 1024;

/// Memory for stacks, shared by all threads behind a mutex. Threads come here with batches only.
class StackPool {
 public:
  struct Options {
    bool light_guards = true;                ///< use MADV_GUARD_INSTALL, where the kernel has it
    std::size_t mprotect_limit = 16'000;     ///< guards by mprotect(); 2 mappings each, of 65,530
    std::size_t resident_limit = 16 * 1024;  ///< idle stacks that keep their topmost pages
  };
  struct Counts {
    std::size_t carved;     ///< made so far
    std::size_t idle;       ///< lying here, with memory
    std::size_t cold;       ///< lying here, without memory
    std::size_t abandoned;  ///< never to be used again
    std::size_t unguarded;  ///< without a guard
  };

  explicit StackPool(Options options);
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// The pool of the process. Never destroyed: coroutines may outlive main().
  static StackPool& instance();

  /// Moves `count` stacks to `into`.
  /// \throws std::system_error  mmap: no address space is left
  void take(Stack* into, std::size_t count);
  /// Takes `count` stacks back, the one that was idle longest first.
  void give(const Stack* from, std::size_t count) noexcept;
  /// Notes that a stack will never come back.
  void abandon() noexcept;
  Counts counts() const;

  /// The stack in whose guard `address` lies; empty where it lies in none. Async-signal-safe.
  static Stack guarded_stack_at(const void* address) noexcept;

 private:
  struct Region;

  Stack carve();
  bool guard(char* base);
  void decommit_oldest() noexcept;

  const Options options_;
  mutable std::mutex mutex_;  // guards all below
  std::vector<Stack> idle_;   // the one that was idle longest first
  std::vector<Stack> cold_;
  Region* region_ = nullptr;  // the one that is being carved
  bool light_guards_;
  bool told_of_missing_guards_ = false;
  std::size_t carved_ = 0, abandoned_ = 0, guards_by_mprotect_ = 0, unguarded_ = 0;
};

/// A stack for the calling thread, which nobody else uses (P1). 2 ns where the thread has one lying about.
/// \throws std::system_error  mmap: no address space is left
Stack acquire_stack();
/// Gives a stack back, from any thread (P2).
void release_stack(Stack stack) noexcept;
/// Stacks that lie in the lists of all threads, ready to be acquired.
std::size_t stacks_in_thread_lists();

/// A line of text that is put together without allocating, for signal handlers and last words.
class ReportLine {
 public:
  ReportLine& operator<<(std::string_view text) noexcept;
  ReportLine& operator<<(std::uint64_t number) noexcept;
  /// Where a function writes itself: at most room() bytes, with a terminating zero.
  char* end() noexcept { return text_ + length_; }
  std::size_t room() const noexcept { return sizeof text_ - length_; }
  void wrote_until_zero() noexcept;
  std::string_view text() const noexcept { return {text_, length_}; }
  /// Sends the line to stderr, in one write(2) where the system lets it.
  void write() const noexcept;

 private:
  char text_[768] = {};
  std::size_t length_ = 0;
};

/// Makes the calling thread ready to report a stack overflow: a SIGSEGV handler for the process, the first
/// time, and an alternate stack for the thread, because the handler cannot run on the stack that is full.
///
/// The handler recognises an access to a guard, prints one message and passes the signal on to whoever
/// handled it before. The process still dies by SIGSEGV.
///
/// \param name_user  appends who runs on a stack to a line; async-signal-safe; of the first call
void watch_for_stack_overflow(void (*name_user)(const Stack& stack, ReportLine& line));

}  // namespace asyncio
