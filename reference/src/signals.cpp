// signals.cpp: the only code of this library that runs in a signal handler.
//
// Source: CPython Modules/signalmodule.c, trip_signal; Lib/asyncio/runners.py, _on_sigint. Rules: S43, S225, S326.
#include "signals.hpp"

#include <asyncio/base_events.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace asyncio {
namespace {

// Constant initialized and lock-free: the handler may run before main() and on any thread.
std::array<std::atomic<BaseEventLoop*>, NSIG> routes{};
std::atomic<int> handlers_running{0};
std::atomic<int> unnoticed_interrupts{0};
static_assert(std::atomic<BaseEventLoop*>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int signal) noexcept {
  const int interrupted_errno = errno;
  ++handlers_running;  // G1
  if (BaseEventLoop* const loop = routes[static_cast<std::size_t>(signal)]) loop->signal_arrived(signal);
  --handlers_running;
  errno = interrupted_errno;
}

void on_interrupt(int signal) noexcept {
  constexpr int ENOUGH = 3;
  if (++unnoticed_interrupts >= ENOUGH) {
    ::signal(signal, SIG_DFL);
    ::raise(signal);  // taken when this handler returns, which has it blocked
  }
  on_signal(signal);
}

int set_action(int signal, void (*handler)(int)) noexcept {
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // S328
  sigemptyset(&action.sa_mask);
  return sigaction(signal, &action, nullptr) == 0 ? 0 : errno;
}

void (*action_of(int signal) noexcept)(int) {
  struct sigaction action{};
  if (sigaction(signal, nullptr, &action) != 0) return SIG_ERR;
  return action.sa_handler;
}

// The child of a fork() rings nobody's bell: it would be its parent's (S43).
void forget_routes() noexcept {
  for (auto& route : routes) route = nullptr;
}

[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, forget_routes);

}  // namespace

bool is_main_thread() noexcept { return gettid() == getpid(); }

bool has_default_action(int signal) noexcept { return action_of(signal) == SIG_DFL; }

int route_signal(int signal, BaseEventLoop& loop, SignalUse use) noexcept {
  if (use == SignalUse::interrupt) unnoticed_interrupts = 0;
  routes[static_cast<std::size_t>(signal)] = &loop;
  const int error = set_action(signal, use == SignalUse::interrupt ? on_interrupt : on_signal);
  if (error) routes[static_cast<std::size_t>(signal)] = nullptr;
  return error;
}

void unroute_signal(int signal) noexcept {
  set_action(signal, SIG_DFL);
  routes[static_cast<std::size_t>(signal)] = nullptr;
  while (handlers_running != 0) sched_yield();  // G1: one in another thread; here none can be under way
}

bool interrupts_go_to(const BaseEventLoop& loop) noexcept {
  return routes[SIGINT] == &loop && action_of(SIGINT) == on_interrupt;
}

int take_interrupts() noexcept { return unnoticed_interrupts.exchange(0); }

}  // namespace asyncio
