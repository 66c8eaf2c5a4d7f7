// unix_events.cpp: the part of SelectorEventLoop that answers signals.
//
// From the signal to its callback it takes two iterations, as in asyncio: the first finds out that something has
// arrived, the second runs the callback. A signal that arrives twice before that is seen twice, unless the kernel has
// merged the two: it does where the signal is blocked meanwhile.
//
// Source: CPython Lib/asyncio/unix_events.py, _UnixSelectorEventLoop. Rules: S38, S325 to S328.
#include <asyncio/selector_events.hpp>

#include "repeated_handle.hpp"
#include "signals.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace asyncio {
namespace {

void check_signal(int signal) {
  // Between the standard signals and SIGRTMIN lie those that the C library keeps for itself.
  const bool valid = signal > 0 && signal < NSIG && (signal < __SIGRTMIN || signal >= SIGRTMIN);
  if (!valid) throw std::invalid_argument("invalid signal number " + std::to_string(signal));
}

}  // namespace

void SelectorEventLoop::add_signal_handler(int signal, Callback callback) {
  check_callback(callback, "add_signal_handler");
  check_signal(signal);
  check_closed();
  if (!is_main_thread()) throw RuntimeError("add_signal_handler only works in main thread of the process");
  const Handle handle(Ref<HandleState>(make_ref<RepeatedHandle>(std::move(callback), *this, copy_context())));
  if (const int error = route_signal(signal, *this, SignalUse::handler)) {
    signal_handlers_.erase(signal);
    if (error == EINVAL) throw RuntimeError("sig " + std::to_string(signal) + " cannot be caught");
    throw std::system_error(error, std::generic_category(), "sigaction");
  }
  signal_handlers_[signal] = handle;
}

bool SelectorEventLoop::remove_signal_handler(int signal) {
  check_signal(signal);
  if (signal_handlers_.erase(signal) == 0) return false;
  unroute_signal(signal);
  return true;
}

void SelectorEventLoop::remove_signal_handlers() noexcept {
  for (const auto& [signal, handle] : std::exchange(signal_handlers_, {})) unroute_signal(signal);
}

void SelectorEventLoop::handle_signal(int signal) {
  const auto found = signal_handlers_.find(signal);
  if (found == signal_handlers_.end()) return BaseEventLoop::handle_signal(signal);
  const Handle handle = found->second;
  if (handle.cancelled()) {
    remove_signal_handler(signal);
  } else {
    add_callback(RepeatedHandle::of(handle).next_run());  // S326
  }
}

}  // namespace asyncio
