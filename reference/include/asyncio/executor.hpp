// executor.hpp: functions that run in other threads, so that a loop need not wait for them.
//
// A call that blocks (a resolver, a file, a long computation) would stop every task of its loop. So it is
// handed to an executor as a Job, and what it comes to returns as a Future:
//
//     loop's thread                                          a thread of the executor
//
//     run_in_executor(pool, fn) ── submit(job) ───────────► job()
//       returns the future                                    fn() returns or throws
//     await(future) … suspended                               fn and what it captured are destroyed
//     the future is done ◄────── call_soon_threadsafe ─────── the outcome lies in the job
//
// The two threads meet in the job alone. The future itself never leaves the loop's thread: no other one
// completes it, and no other one destroys it, even where the loop is closed before the job has ended.
//
//   J1  A job's function is called at most once, and by then it cannot be cancelled any more (S165).
//   J2  What the function captured is destroyed before the future is done.
//   J3  A job that is let go without having run cancels its future.
//   J4  The future of a job is touched by its loop's thread only; a loop that closes lets go of it.
//
// Source: CPython Lib/concurrent/futures/_base.py and thread.py, Lib/asyncio/futures.py, _chain_future. Rules:
// S36, S78, S163 to S166.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/loop_core.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace asyncio {

/// What lies behind a Job: concurrent.futures.Future without a type, and its way to the loop.
class JobState : public RefCounted {
 public:
  /// \param core  of the loop that waits for the outcome
  explicit JobState(LoopCore& core) noexcept : core_(&core) {}

  /// From now on the job cannot be cancelled; false where it was (Python's set_running_or_notify_cancel).
  bool begin() noexcept;
  /// Calls the function in this thread, unless the job was cancelled. Throws nothing (J1).
  void run() noexcept;
  /// Ends a job that will not run with an exception instead.
  void fail(std::exception_ptr error) noexcept;
  /// The executor lets go of the job; where it has not run, it is cancelled (J3).
  void let_go() noexcept;

  /// Has `future` completed with the outcome: at once where that is there, else through the loop (S78).
  void chain(const AnyFuture& future);

 protected:
  /// Calls the function and keeps what it returns.
  virtual void call() = 0;
  /// Destroys the function and what it captured.
  virtual void destroy_function() noexcept = 0;
  /// Moves what was returned into the future, which completes it.
  virtual void hand_over(const AnyFuture& future) = 0;

 private:
  enum class Stage { waiting, running, done, cancelled };

  bool leave_waiting(Stage next) noexcept;
  bool begin_to_end() noexcept;
  void finish(Stage stage, std::exception_ptr error) noexcept;
  void cancel() noexcept;
  void deliver();
  AnyFuture take_future() noexcept;

  const Ref<LoopCore> core_;
  std::mutex mutex_;  // guards the next four
  Stage stage_ = Stage::waiting;
  bool chained_ = false;
  std::exception_ptr error_;  // what the function threw
  AnyFuture future_;          // empty before chain() and after the end (J4)
  std::uint64_t ring_ = 0;    // the job and its future hold each other; a loop that closes cuts that
};

/// A JobState for one type of function.
template <class F>
class JobOf final : public JobState {
 public:
  using Result = ResultOf<F&>;

  JobOf(LoopCore& core, F fn) : JobState(core), fn_(std::move(fn)) {}

 private:
  void call() override {
    if constexpr (std::is_void_v<Result>) {
      (*fn_)();
    } else {
      value_.emplace((*fn_)());
    }
  }
  void destroy_function() noexcept override { fn_.reset(); }
  void hand_over(const AnyFuture& future) override {
    if constexpr (std::is_void_v<Result>) {
      Future<void>(future).set_result();
    } else {
      Future<Result>(future).set_result(std::move(*value_));
      value_.reset();
    }
  }

  std::optional<F> fn_;
  std::optional<std::conditional_t<std::is_void_v<Result>, std::monostate, Result>> value_;
};

/// A function on its way to another thread: what an Executor is given.
///
/// An executor of one's own calls it once, in whatever thread; or fails it; or destroys it, which cancels
/// the future that waits for it. All three may be done in any thread.
class Job {
 public:
  /// For those who write loops.
  explicit Job(Ref<JobState> state) noexcept : state_(std::move(state)) {}
  /// The job goes over; what is left is no job.
  Job(Job&&) noexcept = default;
  /// The same. The job that was here before is let go of, as by its destructor.
  Job& operator=(Job&& other) noexcept {
    Job dropped(std::move(*this));
    state_ = std::move(other.state_);
    return *this;
  }
  ~Job() {
    if (state_) state_->let_go();
  }

  /// Says that the function is about to run, so that it cannot be cancelled any more. To run it says so as well.
  ///
  /// \return false where the job was cancelled: to run it will do nothing
  bool begin() noexcept { return state_ && state_->begin(); }
  /// Runs the function, unless the job was cancelled. Throws nothing: what the function throws goes into the future.
  void operator()() noexcept {
    if (const Ref<JobState> state = std::move(state_)) state->run();
  }
  /// Completes the future with an exception; the function is never called.
  void fail(std::exception_ptr error) noexcept {
    if (const Ref<JobState> state = std::move(state_)) state->fail(std::move(error));
  }

 private:
  Ref<JobState> state_;  // empty once it has run or failed
};

/// The keywords of Executor::shutdown().
struct ShutdownOptions {
  bool wait = true;             ///< return when all jobs have ended and all threads are gone
  bool cancel_futures = false;  ///< let go of the jobs that have not begun: their futures are cancelled
};

/// Runs jobs somewhere else than on the loop's thread; what run_in_executor() takes.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Takes a job over, to run it once. Any thread may call this.
  ///
  /// \throws RuntimeError  after a shutdown
  virtual void submit(Job job) = 0;
  /// Takes no jobs any more. By default there is nothing to do.
  virtual void shutdown(ShutdownOptions options = {});
};

/// A ThreadPoolExecutor one of whose threads could not be initialized.
class BrokenThreadPool : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// The keywords of ThreadPoolExecutor.
struct ThreadPoolOptions {
  /// How many threads at most; empty: as many as this process may use processors, and 4 more, but at most 32.
  std::optional<int> max_workers = {};
  /// Threads are named after it: "prefix_0", … of which Linux keeps 15 characters; empty: "ThreadPoolExecutor-N".
  std::string thread_name_prefix = {};
  /// Called at the start of each thread. Where it throws, the pool is broken: see BrokenThreadPool.
  std::function<void()> initializer = {};
};

/// Runs jobs in threads of its own, which it starts when they are needed first and uses again.
///
/// Jobs begin in the order in which they were submitted. In a world of the simulator no thread is started: the
/// jobs run at virtual times that are chosen, at most `max_workers` (there by default 8) of them at a time.
class ThreadPoolExecutor : public Executor {
 public:
  /// Starts no thread yet.
  ///
  /// \throws std::invalid_argument  where `max_workers` is not positive
  explicit ThreadPoolExecutor(ThreadPoolOptions options = {});
  ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
  ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;
  /// shutdown(), as at the end of Python's `with`. After a shutdown({.wait = false}) it does not wait: jobs that
  /// still run are waited for when the process ends.
  ~ThreadPoolExecutor() override;

  /// Takes a job over; starts a thread where none is idle and there are fewer than `max_workers`.
  ///
  /// \throws RuntimeError       after a shutdown
  /// \throws BrokenThreadPool   after an initializer threw
  /// \throws std::system_error  where the system has no thread left and the pool has none yet
  void submit(Job job) override;

  /// Takes no jobs any more. Those that were submitted still run, unless they are to be cancelled.
  ///
  /// \throws RuntimeError  where a thread of this very pool would wait for itself
  void shutdown(ShutdownOptions options = {}) override;

  /// What `max_workers` was set to; empty where the number of processors decides.
  std::optional<int> requested_workers() const noexcept;
  /// \throws RuntimeError  as submit() would
  void check_accepts_jobs() const;
  /// For loops that run the jobs of this pool by other means than its threads. Not while a thread submits.
  ///
  /// \param shutdown  called first by shutdown(); has to see to those jobs
  void replace_threads(std::function<void(ShutdownOptions)> shutdown);

 private:
  struct Pool;

  std::shared_ptr<Pool> pool_;  // shared with its threads, which may outlive this object
};

template <class F>
auto AbstractEventLoop::run_in_executor(std::shared_ptr<Executor> executor, F fn) {
  const auto job = make_ref<JobOf<F>>(core(), std::move(fn));
  submit_to_executor(std::move(executor), Job(Ref<JobState>(job)));
  const auto future = create_future<ResultOf<F&>>();
  job->chain(future);
  return future;
}

}  // namespace asyncio
