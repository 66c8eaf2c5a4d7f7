// signals.hpp: from the kernel's signal handler to a loop.
//
// A signal handler may interrupt any thread anywhere, even inside malloc(), and so may do next to nothing. This one
// notes the signal with the loop that it is routed to, and rings its bell; everything else happens in an iteration.
//
//     kernel ──► the handler ──► loop.signal_arrived(n): SignalQueue, write_to_self()
//                                        ┊
//                run_once() ──► a handle ──► loop.handle_signal(n)
//                         └──► SIGINT under a Runner: Runner::on_sigint(), before everything that is ready
//
// Ctrl-C under a Runner is the one signal with a second meaning: where the loop does not come round to notice it,
// a third one ends the process, as if there were no handler. C++ has no way to throw into code that is running.
//
//   G1  No handler uses a loop after unroute_signal() has returned, in whatever thread it runs.
#pragma once

namespace asyncio {

class BaseEventLoop;

/// What a signal is routed for.
enum class SignalUse {
  handler,    ///< add_signal_handler()
  interrupt,  ///< SIGINT, for a Runner
};

/// Whether this is the thread that main() runs in.
bool is_main_thread() noexcept;

/// Whether the process takes the default action on a signal: nobody has set a handler, and it is not ignored.
bool has_default_action(int signal) noexcept;

/// Has a signal noted by a loop from now on; instead of whatever was there.
///
/// \return 0, or the errno with which the kernel refuses: EINVAL for a signal that cannot be caught
int route_signal(int signal, BaseEventLoop& loop, SignalUse use) noexcept;

/// Restores the default action (G1).
void unroute_signal(int signal) noexcept;

/// Whether SIGINT still goes to `loop` for its Runner.
bool interrupts_go_to(const BaseEventLoop& loop) noexcept;

/// How many SIGINT have come since the last call, while they were routed for a Runner.
int take_interrupts() noexcept;

}  // namespace asyncio
