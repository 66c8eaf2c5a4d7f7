// crash_note.cpp: slots that hold tokens, and a handler that reads them.
//
// A token is put together and gets its checksum only when the process dies: an execution costs one store of
// its seed. A handler runs in the thread that did the damage, but SIGTERM comes to any thread: then the
// first slot in use is as good as another.
#include <asyncio/sim/crash_note.hpp>

#include "noted_token.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <mutex>
#include <utility>

#include <unistd.h>

// There where the program is linked with a sanitizer, null where it is not.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)(void));

namespace asyncio::sim {
namespace {

/// A text that a signal handler may find half written: it has an end at every moment.
template <std::size_t Size>
struct FixedText {
  std::array<char, Size> bytes{};
  std::size_t length = 0;

  void append(std::string_view text) noexcept {
    const std::size_t fits = std::min(text.size(), Size - length);
    std::copy_n(text.begin(), fits, bytes.begin() + static_cast<std::ptrdiff_t>(length));
    length += fits;
  }
  void assign(std::string_view text) noexcept {
    length = 0;
    append(text);
  }
  std::string_view view() const noexcept { return {bytes.data(), length}; }
};

constexpr std::size_t LINE_BYTES = 1000;
constexpr std::size_t TOKEN_BYTES = 8192;  // a longer one is not noted: half a token is of no use

FixedText<LINE_BYTES> line_before, line_after;
std::atomic<bool> active = false;  // a CrashNote lives

}  // namespace

struct NotedToken::Slot {
  std::atomic<bool> used = false;
  bool has_seed = false;
  FixedText<TOKEN_BYTES> before;
  FixedText<128> after;
  std::atomic<std::uint64_t> seed = 0;
};

constexpr std::size_t SLOTS = 64;  // threads that run executions at the same time; further ones have no note
NotedToken::Slot NotedToken::slots[SLOTS];

NotedToken::Slot*& NotedToken::slot_of_thread() noexcept {
  static constinit thread_local Slot* slot = nullptr;
  return slot;
}

NotedToken::NotedToken(Token token) {
  if (!active) return;
  token.hash_prefix.reset();
  const bool has_seed = !token.strategy.empty();
  std::string text = has_seed ? token.before_seed() : token.text();
  if (!has_seed) text.resize(text.rfind('-'));  // the handler adds the checksum
  if (text.size() > TOKEN_BYTES) return;

  for (Slot& slot : slots) {
    if (slot.used.exchange(true)) continue;
    slot.has_seed = has_seed;
    slot.before.assign(text);
    slot.after.assign(has_seed ? token.after_seed() : std::string());
    slot.seed = token.seed;
    slot_ = slot_of_thread() = &slot;
    return;
  }
}

NotedToken::~NotedToken() {
  if (slot_ == nullptr) return;
  slot_of_thread() = nullptr;
  slot_->used = false;
}

void NotedToken::seed(std::uint64_t seed) noexcept {
  if (slot_ != nullptr) slot_->seed.store(seed, std::memory_order_relaxed);
}

void CrashNote::write() noexcept {
  static std::atomic<bool> written = false;
  if (!active) return;
  const NotedToken::Slot* slot = NotedToken::slot_of_thread();
  for (const NotedToken::Slot& other : NotedToken::slots) {
    if (slot == nullptr && other.used) slot = &other;
  }
  if (slot == nullptr || written.exchange(true)) return;

  static FixedText<TOKEN_BYTES + 2 * LINE_BYTES + 256> line;  // not on the stack, which may be a small one
  line.assign("\n");
  line.append(line_before.view());
  const std::size_t token = line.length;
  line.append(slot->before.view());
  if (slot->has_seed) {
    std::array<char, 20> digits;
    const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), slot->seed.load()).ptr;
    line.append({digits.data(), static_cast<std::size_t>(end - digits.data())});
    line.append(slot->after.view());
  }
  const std::uint32_t checksum = token_checksum(line.view().substr(token));
  line.append("-");
  for (int shift = 28; shift >= 0; shift -= 4) line.append({&"0123456789abcdef"[checksum >> shift & 15], 1});
  line.append(line_after.view());
  line.append("\n");
  for (std::string_view rest = line.view(); !rest.empty();) {
    const ssize_t wrote = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (wrote <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

// The handlers ----------------------------------------------------------------------------------------

namespace {

constexpr std::array SIGNALS = {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGBUS, SIGTERM};
std::array<struct sigaction, SIGNALS.size()> previous;

void on_signal(int signal, siginfo_t* info, void* machine_context) {
  const int kept_errno = errno;
  CrashNote::write();
  errno = kept_errno;
  const auto place = static_cast<std::size_t>(std::find(SIGNALS.begin(), SIGNALS.end(), signal) - SIGNALS.begin());
  const struct sigaction& before_us = previous[place];
  if (before_us.sa_flags & SA_SIGINFO) return before_us.sa_sigaction(signal, info, machine_context);  // N2
  if (before_us.sa_handler != SIG_DFL && before_us.sa_handler != SIG_IGN) return before_us.sa_handler(signal);
  // It is delivered again when this handler returns, and then ends the process as if we had not been here.
  struct sigaction standard = {};
  standard.sa_handler = SIG_DFL;
  ::sigaction(signal, &standard, nullptr);
  ::raise(signal);
}

void install() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction ours = {};
    ours.sa_sigaction = on_signal;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;  // the fault may be that there is no stack left
    ::sigemptyset(&ours.sa_mask);
    for (std::size_t i = 0; i != SIGNALS.size(); ++i) {
      ::sigaction(SIGNALS[i], nullptr, &previous[i]);
      const bool ignored = !(previous[i].sa_flags & SA_SIGINFO) && previous[i].sa_handler == SIG_IGN;
      if (!ignored) ::sigaction(SIGNALS[i], &ours, nullptr);
    }
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(CrashNote::write);
  });
}

}  // namespace

CrashNote::CrashNote(std::string_view before, std::string_view after)
    : outer_before_(line_before.view()), outer_after_(line_after.view()), outer_active_(active) {
  install();
  line_before.assign(before);
  line_after.assign(after);
  active = true;
}

CrashNote::~CrashNote() {
  active = outer_active_;
  line_before.assign(outer_before_);
  line_after.assign(outer_after_);
}

}  // namespace asyncio::sim
