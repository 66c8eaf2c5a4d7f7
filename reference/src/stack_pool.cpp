// stack_pool.cpp: regions, lists of idle stacks, and the handler for the fault in a guard.
//
// Three layers, each with its own rule. A Region is memory: it is only ever added, to a list that a
// signal handler can walk without a lock. The StackPool owns all stacks that nobody uses, behind a mutex.
// A ThreadList is a few of them in the hands of one thread, so that most coroutines meet no lock.
#include "stack_pool.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <csignal>

namespace asyncio {
namespace {

constexpr std::size_t STACKS_PER_REGION = 64;
constexpr std::size_t REGION_BYTES = STACKS_PER_REGION * STACK_BYTES;
constexpr std::size_t BATCH = 64;              // stacks that move, or lose their memory, at once
constexpr std::size_t KEPT_BYTES = 16 * 1024;  // of an idle stack; deeper pages are given back first
constexpr int GUARD_INSTALL = 102;             // MADV_GUARD_INSTALL, which Debian 12's headers do not have
constexpr int NAME_MAPPING = 0x53564d41, NAME_ANONYMOUS = 0;  // PR_SET_VMA, PR_SET_VMA_ANON_NAME

/// The slot that begins at `base`: guard and stack.
Stack stack_in(char* base) noexcept { return {.bottom = base + GUARD_BYTES, .top = base + STACK_BYTES}; }

/// Gives memory back; the next touch finds zeroes. Guards survive that (P3).
void decommit(char* from, char* to) noexcept { ::madvise(from, static_cast<std::size_t>(to - from), MADV_DONTNEED); }

}  // namespace

// Regions ---------------------------------------------------------------------------------------------

struct StackPool::Region {
  char* base;
  std::size_t carved;
  Region* next;

  static inline std::atomic<Region*> all{nullptr};  // regions are added, never removed (P3)

  static Region* map() {
    void* base = ::mmap(nullptr, REGION_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    ::madvise(base, REGION_BYTES, MADV_NOHUGEPAGE);  // a huge page would give 2 MiB to whoever touches a byte
    ::prctl(NAME_MAPPING, NAME_ANONYMOUS, base, REGION_BYTES, "coroutine stacks");  // for /proc/self/maps
    auto* region = new Region{static_cast<char*>(base), 0, all.load(std::memory_order_relaxed)};
    while (!all.compare_exchange_weak(region->next, region, std::memory_order_release)) {
    }
    return region;
  }
};

Stack StackPool::guarded_stack_at(const void* address) noexcept {
  const auto* at = static_cast<const char*>(address);
  for (const Region* region = Region::all.load(std::memory_order_acquire); region; region = region->next) {
    if (at < region->base || at >= region->base + REGION_BYTES) continue;
    const auto offset = static_cast<std::size_t>(at - region->base);
    if (offset % STACK_BYTES >= GUARD_BYTES) return {};
    return stack_in(region->base + offset / STACK_BYTES * STACK_BYTES);
  }
  return {};
}

// The pool --------------------------------------------------------------------------------------------

StackPool::StackPool(Options options) : options_(options), light_guards_(options.light_guards) {}

StackPool& StackPool::instance() {
  static StackPool& pool = *new StackPool({});
  return pool;
}

/// Puts a guard below the slot at `base`; false where there may be no more guards.
bool StackPool::guard(char* base) {
  if (light_guards_) {
    if (::madvise(base, GUARD_BYTES, GUARD_INSTALL) == 0) return true;
    light_guards_ = false;  // a kernel before 6.13: asked once, answered for good
  }
  if (guards_by_mprotect_ < options_.mprotect_limit && ::mprotect(base, GUARD_BYTES, PROT_NONE) == 0) {
    ++guards_by_mprotect_;
    return true;
  }
  if (!std::exchange(told_of_missing_guards_, true)) {
    ReportLine line;
    line
        << "orrery: " << guards_by_mprotect_
        << " coroutine stacks have a guard page, and further ones get none: before Linux 6.13 each guard is a mapping, "
           "and vm.max_map_count limits those. A stack overflow in a later coroutine is not noticed.\n";
    line.write();
  }
  return false;
}

Stack StackPool::carve() {
  if (!region_ || region_->carved == STACKS_PER_REGION) region_ = Region::map();
  char* const base = region_->base + region_->carved++ * STACK_BYTES;
  if (!guard(base)) ++unguarded_;
  ++carved_;
  const Stack stack = stack_in(base);
  register_stack_with_valgrind(stack.bottom, stack.top);
  return stack;
}

void StackPool::take(Stack* into, std::size_t count) {
  const std::lock_guard lock(mutex_);
  // All the room that give() will need, so that it cannot fail: it runs where nothing may be thrown.
  if (const std::size_t needed = carved_ + count; idle_.capacity() < needed) {
    idle_.reserve(2 * needed);
    cold_.reserve(2 * needed);
  }
  for (std::size_t i = 0; i != count; ++i) {
    std::vector<Stack>& source = !idle_.empty() ? idle_ : cold_;
    if (source.empty()) {
      into[i] = carve();
    } else {
      into[i] = source.back();
      source.pop_back();
    }
  }
}

void StackPool::give(const Stack* from, std::size_t count) noexcept {
  // Before the lock: nobody else knows these stacks. The top pages stay, the rest was for one deep call.
  std::for_each_n(from, count, [](const Stack& stack) { decommit(stack.bottom, stack.top - KEPT_BYTES); });
  const std::lock_guard lock(mutex_);
  idle_.insert(idle_.end(), from, from + count);
  if (idle_.size() >= options_.resident_limit + BATCH) decommit_oldest();
}

/// Shrinks the idle stacks to the limit. In batches, so that a program which goes back and forth over
/// the limit does not pay a system call, and a page fault later, for each coroutine.
void StackPool::decommit_oldest() noexcept {
  const auto surplus = static_cast<std::ptrdiff_t>(idle_.size() - options_.resident_limit);
  const auto last = idle_.begin() + surplus;
  std::for_each(idle_.begin(), last, [](const Stack& stack) { decommit(stack.bottom, stack.top); });
  cold_.insert(cold_.end(), idle_.begin(), last);
  idle_.erase(idle_.begin(), last);
}

void StackPool::abandon() noexcept {
  const std::lock_guard lock(mutex_);
  ++abandoned_;
}

StackPool::Counts StackPool::counts() const {
  const std::lock_guard lock(mutex_);
  return {
      .carved = carved_, .idle = idle_.size(), .cold = cold_.size(), .abandoned = abandoned_, .unguarded = unguarded_};
}

// What a thread keeps ---------------------------------------------------------------------------------

namespace {

/// The stacks that one thread keeps for itself. Has no constructor and no destructor that does anything,
/// so that it can be used before and after all other thread-locals; ThreadEnd empties it.
struct ThreadList {
  std::array<Stack, 2 * BATCH> stacks;
  std::atomic<std::size_t> count{0};  // changed by its thread only, read by stacks_in_thread_lists()
  bool known = false;                 // is in the list of ThreadLists, and its ThreadEnd is alive
  bool ended = false;                 // other thread-locals may still release stacks
};
constinit thread_local ThreadList thread_list;

struct Threads {
  std::mutex mutex;
  std::vector<const ThreadList*> lists;
};
Threads& threads() {
  static Threads& all = *new Threads;  // never destroyed: threads may end after main()
  return all;
}

/// At the end of a thread, gives its stacks to the pool (P2), and the alternate signal stack back.
struct ThreadEnd {
  void* signal_stack = nullptr;  // null where the thread had one before us
  std::size_t signal_stack_bytes = 0;

  ~ThreadEnd() {
    ThreadList& mine = thread_list;
    mine.ended = true;
    if (mine.known) {
      const std::lock_guard lock(threads().mutex);
      std::erase(threads().lists, &mine);
    }
    StackPool::instance().give(mine.stacks.data(), mine.count);
    mine.count = 0;
    if (!signal_stack) return;
    const stack_t none = {.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    ::sigaltstack(&none, nullptr);
    ::munmap(signal_stack, signal_stack_bytes);
  }
};
thread_local ThreadEnd thread_end;

void introduce(ThreadList& mine) {
  const std::lock_guard lock(threads().mutex);
  threads().lists.push_back(&mine);
  mine.known = true;
  thread_end.signal_stack_bytes = 0;  // the first use of a thread-local registers its destructor
}

}  // namespace

Stack acquire_stack() {
  ThreadList& mine = thread_list;
  if (mine.ended) [[unlikely]] {
    Stack stack;
    StackPool::instance().take(&stack, 1);
    return stack;
  }
  std::size_t count = mine.count.load(std::memory_order_relaxed);
  if (count == 0) [[unlikely]] {
    if (!mine.known) introduce(mine);
    count = BATCH;
    StackPool::instance().take(mine.stacks.data(), count);
  }
  mine.count.store(--count, std::memory_order_relaxed);
  return mine.stacks[count];
}

void release_stack(Stack stack) noexcept {
  ThreadList& mine = thread_list;
  // A thread that never acquired a stack has nobody who would empty its list.
  if (mine.ended || !mine.known) [[unlikely]]
    return StackPool::instance().give(&stack, 1);
  std::size_t count = mine.count.load(std::memory_order_relaxed);
  if (count == mine.stacks.size()) [[unlikely]] {
    StackPool::instance().give(mine.stacks.data(), BATCH);  // the oldest: the others are warm in the cache
    std::copy(mine.stacks.begin() + BATCH, mine.stacks.end(), mine.stacks.begin());
    count -= BATCH;
  }
  mine.stacks[count] = stack;
  mine.count.store(count + 1, std::memory_order_relaxed);
}

std::size_t stacks_in_thread_lists() {
  const std::lock_guard lock(threads().mutex);
  std::size_t sum = 0;
  for (const ThreadList* list : threads().lists) sum += list->count.load(std::memory_order_relaxed);
  return sum;
}

// Overflow --------------------------------------------------------------------------------------------

ReportLine& ReportLine::operator<<(std::string_view text) noexcept {
  const std::size_t length = std::min(text.size(), room() - 1);  // a line that is too long ends early
  std::memcpy(end(), text.data(), length);
  length_ += length;
  return *this;
}

ReportLine& ReportLine::operator<<(std::uint64_t number) noexcept {
  char digits[20];
  char* first = std::end(digits);
  do {
    *--first = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  return *this << std::string_view(first, static_cast<std::size_t>(std::end(digits) - first));
}

void ReportLine::wrote_until_zero() noexcept { length_ += ::strnlen(end(), room() - 1); }

void ReportLine::write() const noexcept {
  for (std::size_t done = 0; done != length_;) {
    const ssize_t wrote = ::write(STDERR_FILENO, text_ + done, length_ - done);
    if (wrote <= 0) return;  // nobody can be told that nobody can be told
    done += static_cast<std::size_t>(wrote);
  }
}

namespace {

void (*name_stack_user)(const Stack&, ReportLine&) = nullptr;
struct sigaction previous_action;

/// Runs on the alternate stack of a thread that may hold any lock: no allocation, no lock, no C++ runtime.
void on_fault(int signal, siginfo_t* info, void* machine_context) {
  const int kept_errno = errno;
  static std::atomic<bool> reported = false;  // passing the signal on may bring it back here
  if (const Stack stack = StackPool::guarded_stack_at(info->si_addr); stack && !reported.exchange(true)) {
    ReportLine line;
    line << "orrery: stack overflow in ";
    name_stack_user(stack, line);
    line << ": it has used up its stack of " << static_cast<std::uint64_t>(stack.top - stack.bottom) / 1024
         << " KiB. Recurse less deeply, keep large objects on the heap, or raise STACK_BYTES in "
            "reference/src/fiber_switch.hpp.\n";
    line.write();
  }
  errno = kept_errno;
  if (previous_action.sa_flags & SA_SIGINFO) return previous_action.sa_sigaction(signal, info, machine_context);
  if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    return previous_action.sa_handler(signal);
  }
  // Back to the instruction that faulted, which faults again and now ends the process.
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
}

}  // namespace

void watch_for_stack_overflow(void (*name_user)(const Stack&, ReportLine&)) {
  static std::once_flag once;
  std::call_once(once, [name_user] {
    name_stack_user = name_user;
    struct sigaction ours = {};
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(SIGSEGV, &ours, &previous_action);
  });

  stack_t current = {};
  ::sigaltstack(nullptr, &current);
  if (!(current.ss_flags & SS_DISABLE)) return;  // the program, or ASan, has given this thread one
  const std::size_t size = std::max<std::size_t>(64 * 1024, static_cast<std::size_t>(::sysconf(_SC_SIGSTKSZ)));
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;  // an overflow then ends the process without a message
  const stack_t ours = {.ss_sp = memory, .ss_flags = 0, .ss_size = size};
  ::sigaltstack(&ours, nullptr);
  thread_end.signal_stack = memory;
  thread_end.signal_stack_bytes = size;
}

}  // namespace asyncio
