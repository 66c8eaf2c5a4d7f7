// runners.cpp: making the loop, and leaving nothing behind.
#include <asyncio/runners.hpp>

#include <asyncio/gather.hpp>

#include "log.hpp"

#include <chrono>

namespace asyncio {
namespace {

/// How long the threads of the default executor may take to end (S227).
constexpr Duration THREAD_JOIN_TIMEOUT = std::chrono::seconds(300);

/// Cancels all tasks of a loop and waits for them (S227). The oldest first, which asyncio leaves open (S354).
void cancel_all_tasks(AbstractEventLoop& loop) {
  std::vector<AnyFuture> tasks;
  for (Ref<TaskState>& task : loop.core().tasks()) {
    if (!task->done()) tasks.emplace_back(std::move(task));
  }
  if (tasks.empty()) return;

  for (const AnyFuture& task : tasks) task.cancel();
  loop.run_until_complete(gather_children(tasks, true, [](const std::vector<AnyFuture>&) {}));

  for (const AnyFuture& task : tasks) {
    if (task.cancelled()) continue;
    if (std::exception_ptr error = task.exception()) {
      loop.call_exception_handler({.message = "unhandled exception during asyncio.run() shutdown",
                                   .exception = std::move(error),
                                   .task = AnyTask(Ref<TaskState>(static_cast<TaskState*>(task.get())))});
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

void Runner::close() {
  if (state_ != State::initialized) return;
  try {
    cancel_all_tasks(*loop_);
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
  loop_->close();
  loop_.reset();
  state_ = State::closed;
}

}  // namespace asyncio
