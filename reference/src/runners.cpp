// runners.cpp: making the loop, and leaving nothing behind.
#include <asyncio/runners.hpp>

#include <asyncio/base_events.hpp>
#include <asyncio/gather.hpp>

#include "log.hpp"
#include "signals.hpp"

#include <chrono>
#include <csignal>
#include <set>
#include <vector>

namespace asyncio {
namespace {

/// How long the threads of the default executor may take to end (S227).
constexpr Duration THREAD_JOIN_TIMEOUT = std::chrono::seconds(300);

/// Cancels all tasks of a loop and waits for them (S227). The oldest first, which asyncio leaves open (S354).
void cancel_all_tasks(AbstractEventLoop& loop) {
  const std::set<AnyTask> tasks = all_tasks(loop);
  if (tasks.empty()) return;

  for (const AnyTask& task : tasks) task.cancel();
  loop.run_until_complete(gather_children({tasks.begin(), tasks.end()}, true, [](const std::vector<AnyFuture>&) {}));

  for (const AnyTask& task : tasks) {
    if (task.cancelled()) continue;
    if (std::exception_ptr error = task.exception()) {
      loop.call_exception_handler({.message = "unhandled exception during asyncio.run() shutdown",
                                   .exception = std::move(error),
                                   .task = task});
    }
  }
}

}  // namespace

void check_not_running(const char* refusal) {
  if (get_running_loop_or_null()) throw RuntimeError(refusal);
}

Runner::Runner(RunnerOptions options) : options_(std::move(options)) {}

Runner::~Runner() {
  try {
    close();
  } catch (...) {
    log_error("closing a Runner failed: " + describe(std::current_exception()));
  }
}

void Runner::lazy_init() {
  if (state_ == State::closed) throw RuntimeError("Runner is closed");
  if (state_ == State::initialized) return;
  loop_ = options_.loop_factory ? options_.loop_factory() : new_event_loop();
  if (!options_.loop_factory) {
    set_event_loop(loop_.get());
    set_event_loop_ = true;
  }
  if (options_.debug) loop_->set_debug(*options_.debug);
  context_ = copy_context();
  state_ = State::initialized;
}

AbstractEventLoop& Runner::get_loop() {
  lazy_init();
  return *loop_;
}

void Runner::prepare_run() {
  check_not_running("Runner.run() cannot be called from a running event loop");
  lazy_init();
}

// ---- Ctrl-C ----

Runner::CatchSigint::CatchSigint(Runner& runner, const AnyTask& main_task) {
  runner.interrupt_count_ = 0;
  auto* const loop = dynamic_cast<BaseEventLoop*>(runner.loop_.get());    // another kind cannot be told
  if (!loop || !is_main_thread() || !has_default_action(SIGINT)) return;  // U3
  loop->interrupt_handler_ = [&runner, main_task] { runner.on_sigint(main_task); };
  if (route_signal(SIGINT, *loop, SignalUse::interrupt) == 0) loop_ = loop;
}

Runner::CatchSigint::~CatchSigint() {
  if (!loop_) return;
  loop_->interrupt_handler_ = nullptr;
  if (!interrupts_go_to(*loop_)) return;  // the program has set a handler of its own, which stays
  unroute_signal(SIGINT);
  // The loop has ended with an exception, and has not noticed this one. Now it has its default action.
  if (take_interrupts() > 0) ::raise(SIGINT);
}

/// One came in the very last iteration.
void Runner::throw_late_interrupt() {
  if (take_interrupts() > 0) throw KeyboardInterrupt();
}

/// Runs in an iteration of the loop, before everything that is ready.
void Runner::on_sigint(const AnyTask& main_task) {
  for (int left = take_interrupts(); left > 0; --left) {
    if (++interrupt_count_ > 1 || main_task.done()) throw KeyboardInterrupt();  // S225; leaves the loop (S57)
    main_task.cancel();
  }
}

void Runner::close() {
  if (state_ != State::initialized) return;
  try {
    cancel_all_tasks(*loop_);  // U2
    loop_->run_until_complete([this] { loop_->shutdown_asyncgens(); });
    loop_->run_until_complete([this] { loop_->shutdown_default_executor(THREAD_JOIN_TIMEOUT); });
  } catch (...) {
    close_loop();  // whatever happened while the tasks ended
    throw;
  }
  close_loop();
}

void Runner::close_loop() {
  if (set_event_loop_) set_event_loop(nullptr);
  loop_->close();  // U1
  loop_.reset();
  state_ = State::closed;
}

}  // namespace asyncio
