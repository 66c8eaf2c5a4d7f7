// runners.hpp: from a plain main() into the world of tasks, and back.
//
//     int main() { return asyncio::run([] { return async_main(); }); }
//
// run() makes a loop, runs one task on it, and cleans up. The cleaning up is what most programs that build
// it from run_until_complete() get wrong: the tasks that are still there are cancelled and waited for, so
// that their destructors run while there is a loop; then the executor's threads; then the loop itself.
//
//     created ── first run(), get_loop() ──► initialized ── close() ──► closed
//
// A Runner is the same for several runs. They share the loop and a context, so that a ContextVar set by one
// is seen by the next (S223).
//
// Ctrl-C under a Runner is a cancellation. The first one cancels the main task, which can clean up as after any
// cancel(); when it has ended so, run() throws KeyboardInterrupt. A second one leaves the loop at once, that is,
// when the callback that is running returns to it. C++ cannot throw into code that is running: where a callback never
// returns, a third one ends the process, as Ctrl-C does without a Runner. Nobody need catch KeyboardInterrupt inside
// the loop; main() should, for an exception that leaves main() ends a C++ program by abort():
//
//     } catch (const asyncio::KeyboardInterrupt&) { return 130; }
//
//   U1  A loop is made when it is needed first, and closed by close() or the destructor (S222).
//   U2  When close() returns, no task of the loop is pending that could be cancelled (S227).
//   U3  SIGINT is caught only inside run(), in the main thread, and where its action was the default one (S224).
//
// Source: CPython Lib/asyncio/runners.py. Rules: S221 to S227.
#pragma once

#include <asyncio/contextvars.hpp>
#include <asyncio/events.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/tasks.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

namespace asyncio {

class BaseEventLoop;

/// The keywords of Runner.
struct RunnerOptions {
  std::optional<bool> debug = {};                                         ///< debug mode; empty: as the loop has it
  std::function<std::unique_ptr<AbstractEventLoop>()> loop_factory = {};  ///< makes the loop; empty: new_event_loop
};
/// The keywords of run().
using RunOptions = RunnerOptions;

/// The keywords of Runner::run().
struct RunnerRunOptions {
  std::optional<Context> context = {};  ///< what the task runs in; default: the runner's own
};

/// Runs tasks one after the other on a loop of its own, and cleans up at the end.
class Runner {
 public:
  /// Makes nothing yet: the loop comes with the first run() or get_loop().
  explicit Runner(RunnerOptions options = {});
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  /// close(); what that throws is reported on stderr.
  ~Runner();

  /// Runs a callable as a task until it has ended.
  ///
  /// \param awaitable  a nullary callable, or a future of this runner's loop (S221)
  /// \param options    in which context
  /// \param where      the caller's line, for reports
  /// \return           what the callable returned
  /// \throws RuntimeError       inside a running loop, and on a closed runner
  /// \throws KeyboardInterrupt  after a Ctrl-C (SIGINT) that cancelled the task, and at once after a second one; only
  ///                            in the main thread, and where SIGINT had its default action (S224 to S226)
  /// \throws (anything)         that it ended with
  template <Awaitable A>
  Awaited<A> run(A awaitable, RunnerRunOptions options = {},
                 std::source_location where = std::source_location::current()) {
    prepare_run();
    TaskOptions task_options{.context = options.context ? options.context : context_};
    if constexpr (std::is_base_of_v<AnyFuture, A>) {
      return run_main(loop_->create_task([awaitable] { return await(awaitable); }, std::move(task_options), where));
    } else {
      return run_main(loop_->create_task(std::move(awaitable), std::move(task_options), where));
    }
  }

  /// The loop; made now, where there is none yet.
  ///
  /// \throws RuntimeError  where the runner is closed
  AbstractEventLoop& get_loop();

  /// Cancels the tasks that are left, waits for them, and closes the loop. Again is harmless.
  ///
  /// \throws KeyboardInterrupt, SystemExit  that a task ended with while it was cancelled; the loop is closed then
  void close();

 private:
  enum class State { created, initialized, closed };

  /// Has SIGINT told to a runner for as long as it lives (U3).
  class CatchSigint {
   public:
    CatchSigint(Runner& runner, const AnyTask& main_task);
    ~CatchSigint();
    CatchSigint(const CatchSigint&) = delete;
    CatchSigint& operator=(const CatchSigint&) = delete;

   private:
    BaseEventLoop* loop_ = nullptr;  // null: SIGINT is somebody else's
  };

  template <class T>
  T run_main(const Task<T>& main_task) {
    const CatchSigint scope(*this, main_task);
    try {
      if constexpr (std::is_void_v<T>) {
        loop_->run_until_complete(main_task);
        throw_late_interrupt();
      } else {
        T result = loop_->run_until_complete(main_task);
        throw_late_interrupt();
        return result;
      }
    } catch (const CancelledError&) {
      if (interrupt_count_ > 0 && main_task.uncancel() == 0) throw KeyboardInterrupt();  // S226
      throw;
    }
  }

  void lazy_init();
  void on_sigint(const AnyTask& main_task);
  static void throw_late_interrupt();
  void prepare_run();
  void close_loop();

  RunnerOptions options_;
  State state_ = State::created;
  std::unique_ptr<AbstractEventLoop> loop_;  // null unless initialized
  std::optional<Context> context_;           // what all runs share; set with the loop
  bool set_event_loop_ = false;              // whether the loop became the thread's own
  int interrupt_count_ = 0;                  // SIGINTs that this run has noticed
};

/// Refuses to run inside a running loop: what run() checks before anything else.
///
/// \param refusal  what the error says
/// \throws RuntimeError  where a loop is running in this thread
void check_not_running(const char* refusal);

/// Runs a callable as the main task of a new loop, and cleans up when it has ended.
///
/// \param awaitable  a nullary callable; what it starts and does not wait for is cancelled at the end
/// \param options    debug, loop_factory
/// \param where      the caller's line, for reports
/// \return           what the callable returned
/// \throws RuntimeError       inside a running loop
/// \throws KeyboardInterrupt  after a Ctrl-C: see Runner::run()
/// \throws (anything)         that it ended with
/// \source CPython Lib/asyncio/runners.py, run
template <Awaitable A>
Awaited<A> run(A awaitable, RunOptions options = {}, std::source_location where = std::source_location::current()) {
  check_not_running("asyncio.run() cannot be called from a running event loop");
  Runner runner(std::move(options));
  // close() may throw, and a destructor must not; so close() is called on both ways out.
  Slot<Awaited<A>> result;
  try {
    if constexpr (std::is_void_v<Awaited<A>>) {
      runner.run(std::move(awaitable), {}, where);
    } else {
      result.emplace(runner.run(std::move(awaitable), {}, where));
    }
  } catch (...) {
    runner.close();
    throw;
  }
  runner.close();
  if constexpr (!std::is_void_v<Awaited<A>>) return std::move(result.value());
}

}  // namespace asyncio
