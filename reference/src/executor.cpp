// executor.cpp: a job between its two threads, and a pool of threads.
//
//                      run()                       the function has ended
//         waiting ───────────────► running ────────────────────────────► done
//            │                                                            ▲
//            ├── fail(): the executor cannot run it ──────────────────────┘
//            └── cancel(): its future was cancelled ──► cancelled ◄── let_go(): the executor dropped it
//
// Whoever takes the job out of `waiting` does so under its lock, and has the function to himself from then on
// (J1). The outcome is written before the lock is released for the last time; then the loop is told.
//
// Source: CPython Lib/concurrent/futures/_base.py, class Future; thread.py; Lib/asyncio/futures.py, _chain_future.
#include <asyncio/executor.hpp>

#include "left_threads.hpp"
#include "log.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sched.h>

namespace asyncio {

// ---- A job ----

bool JobState::leave_waiting(Stage next) noexcept {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::waiting) return false;
  stage_ = next;
  return true;
}

bool JobState::begin() noexcept { return leave_waiting(Stage::running); }

/// The executor's Job ends, in one way or another. \return whether the function is still there
bool JobState::begin_to_end() noexcept {
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::waiting) stage_ = Stage::running;
  return stage_ == Stage::running;
}

void JobState::run() noexcept {
  if (!begin_to_end()) return;
  std::exception_ptr error;
  try {
    call();
  } catch (...) {
    error = std::current_exception();
  }
  // Not in the catch block: there this thread would hold on to the exception that it gives away.
  destroy_function();  // J2
  finish(Stage::done, std::move(error));
}

void JobState::fail(std::exception_ptr error) noexcept {
  if (!begin_to_end()) return;
  destroy_function();
  finish(Stage::done, std::move(error));
}

void JobState::let_go() noexcept {
  if (!begin_to_end()) return;
  destroy_function();
  finish(Stage::cancelled, nullptr);  // J3
}

/// Writes the outcome, and has it delivered where somebody waits for it already.
void JobState::finish(Stage stage, std::exception_ptr error) noexcept {
  const Ref<JobState> self(this);
  {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
    error_ = std::move(error);
    if (!chained_) return;
  }
  const AbstractEventLoop* const running = get_running_loop_or_null();
  try {
    if (running && &running->core() == core_.get()) return deliver();  // an executor without threads (S78)
    core_->post([self] { self->deliver(); });  // in vain where the loop is closed: it has let go of the future
  } catch (...) {
    log_error("the outcome of a job could not be delivered: " + describe(std::current_exception()));
  }
}

void JobState::chain(const AnyFuture& future) {
  future.add_done_callback([self = Ref<JobState>(this)](AnyFuture done) {
    if (done.cancelled()) self->cancel();
  });
  const std::uint64_t ring = core_->remember_ring([self = Ref<JobState>(this)] { self->take_future(); });
  {
    const std::lock_guard lock(mutex_);
    future_ = future;
    ring_ = ring;
    chained_ = true;
    if (stage_ != Stage::done && stage_ != Stage::cancelled) return;
  }
  deliver();  // it was faster than we are: an await() of it takes no iteration (S78)
}

/// Completes the future. Runs on the loop's thread (J4).
void JobState::deliver() {
  const Ref<JobState> self(this);
  const AnyFuture future = take_future();
  if (!future || future.done()) return;  // it was cancelled meanwhile, and nobody asks for the outcome
  if (stage_ == Stage::cancelled) {
    future.cancel();
  } else if (error_) {
    future.set_exception(std::move(error_));
  } else {
    hand_over(future);
  }
}

/// The future was cancelled: so is the job, unless it has begun (S165). Runs on the loop's thread.
void JobState::cancel() noexcept {
  if (!leave_waiting(Stage::cancelled)) return;
  const Ref<JobState> self(this);
  destroy_function();
  take_future();
}

/// The job has no future any more. Runs on the loop's thread (J4).
AnyFuture JobState::take_future() noexcept {
  core_->forget_ring(std::exchange(ring_, 0));
  return std::exchange(future_, {});
}

void Executor::shutdown(ShutdownOptions) {}

// ---- A pool of threads ----

namespace {

// As many as this process may run on, which is fewer than the machine has where it is confined to some.
int usable_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

std::string default_prefix() {
  static std::atomic<int> count = 0;
  return "ThreadPoolExecutor-" + std::to_string(count++);
}

constexpr const char* INITIALIZER_FAILED = "A thread initializer failed, the thread pool is not usable anymore";

}  // namespace

struct ThreadPoolExecutor::Pool : std::enable_shared_from_this<Pool> {
  explicit Pool(ThreadPoolOptions options) : options(std::move(options)) {}

  void check_accepts_jobs() const;
  void start_thread();
  void work(const std::string& name);
  bool initialize();
  bool is_own_thread();
  void join();

  const ThreadPoolOptions options;
  std::function<void(ShutdownOptions)> replaced_shutdown;  // empty: the jobs run in threads of this pool
  std::mutex mutex;                                        // guards everything up to the empty line
  std::condition_variable work_or_end;
  std::deque<Job> jobs;  // oldest first
  std::size_t idle = 0;  // threads that wait for a job
  bool shut_down = false;
  bool broken = false;               // an initializer threw
  std::vector<std::thread> threads;  // not joined yet
  std::vector<std::thread::id> ids;  // of all that were started

  std::mutex join_mutex;                 // held while threads are joined: two may ask for that at once
  std::atomic<std::size_t> working = 0;  // threads that have not come to their end
};

ThreadPoolExecutor::ThreadPoolExecutor(ThreadPoolOptions options) {
  if (options.max_workers && *options.max_workers <= 0) {
    throw std::invalid_argument("max_workers must be greater than 0");
  }
  if (options.thread_name_prefix.empty()) options.thread_name_prefix = default_prefix();
  pool_ = std::make_shared<Pool>(std::move(options));
}

ThreadPoolExecutor::~ThreadPoolExecutor() {
  bool wait;
  {
    const std::lock_guard lock(pool_->mutex);
    wait = !pool_->shut_down;
  }
  // The last owner may be a job of this pool. Its thread cannot wait for itself.
  ThreadPoolExecutor::shutdown({.wait = wait && !pool_->is_own_thread()});
  std::vector<std::thread> left;
  {
    const std::lock_guard lock(pool_->mutex);
    left.swap(pool_->threads);
  }
  leave_to_exit(std::move(left), [pool = pool_] { return pool->working == 0; });
}

std::optional<int> ThreadPoolExecutor::requested_workers() const noexcept { return pool_->options.max_workers; }

void ThreadPoolExecutor::check_accepts_jobs() const {
  const std::lock_guard lock(pool_->mutex);
  pool_->check_accepts_jobs();
}

void ThreadPoolExecutor::Pool::check_accepts_jobs() const {
  if (broken) throw BrokenThreadPool(INITIALIZER_FAILED);
  if (shut_down) throw RuntimeError("cannot schedule new futures after shutdown");
}

void ThreadPoolExecutor::submit(Job job) {
  const std::lock_guard lock(pool_->mutex);
  pool_->check_accepts_jobs();
  // Idle threads are as good as taken by the jobs that wait already.
  if (pool_->jobs.size() >= pool_->idle) pool_->start_thread();
  pool_->jobs.push_back(std::move(job));
  pool_->work_or_end.notify_one();
}

/// Starts one more thread, where there may be one more. Called under the lock.
void ThreadPoolExecutor::Pool::start_thread() {
  const std::size_t most =
      static_cast<std::size_t>(options.max_workers.value_or(std::min(32, usable_processors() + 4)));
  if (threads.size() >= most) return;
  ++working;
  try {
    std::string number = std::to_string(threads.size());
    number.insert(0, 1, '_');
    constexpr std::size_t NAME_LENGTH = 15;
    const std::string name = options.thread_name_prefix.substr(0, NAME_LENGTH - number.size()) + number;
    threads.emplace_back([pool = shared_from_this(), name] { pool->work(name); });
    ids.push_back(threads.back().get_id());
  } catch (...) {
    --working;
    if (threads.empty()) throw;  // otherwise those that run will come to the job
  }
}

void ThreadPoolExecutor::Pool::work(const std::string& name) {
  pthread_setname_np(pthread_self(), name.c_str());
  if (initialize()) {
    std::unique_lock lock(mutex);
    while (true) {
      if (!jobs.empty()) {
        Job job = std::move(jobs.front());
        jobs.pop_front();
        lock.unlock();
        job();
        lock.lock();
      } else if (shut_down) {
        break;
      } else {
        ++idle;
        work_or_end.wait(lock);
        --idle;
      }
    }
  }
  --working;
}

/// \return whether this thread may take jobs
bool ThreadPoolExecutor::Pool::initialize() {
  if (!options.initializer) return true;
  try {
    options.initializer();
    return true;
  } catch (...) {
    log_error("Exception in initializer: " + describe(std::current_exception()));
  }
  std::unique_lock lock(mutex);
  broken = true;
  std::deque<Job> failed = std::exchange(jobs, {});
  lock.unlock();
  for (Job& job : failed) job.fail(std::make_exception_ptr(BrokenThreadPool(INITIALIZER_FAILED)));
  return false;
}

bool ThreadPoolExecutor::Pool::is_own_thread() {
  const std::lock_guard lock(mutex);
  return std::ranges::find(ids, std::this_thread::get_id()) != ids.end();
}

void ThreadPoolExecutor::Pool::join() {
  const std::lock_guard one_at_a_time(join_mutex);
  std::vector<std::thread> ending;
  {
    const std::lock_guard lock(mutex);
    ending.swap(threads);
  }
  for (std::thread& thread : ending) thread.join();
  const std::lock_guard lock(mutex);
  ids.clear();  // a thread of somebody else's may get one of them now
}

void ThreadPoolExecutor::replace_threads(std::function<void(ShutdownOptions)> shutdown) {
  pool_->replaced_shutdown = std::move(shutdown);
}

void ThreadPoolExecutor::shutdown(ShutdownOptions options) {
  if (pool_->replaced_shutdown) pool_->replaced_shutdown(options);
  std::deque<Job> let_go;
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->shut_down = true;
    if (options.cancel_futures) let_go.swap(pool_->jobs);
    pool_->work_or_end.notify_all();
  }
  let_go.clear();  // J3; not under the lock, for the functions that go here are foreign code
  if (!options.wait) return;
  if (pool_->is_own_thread()) throw RuntimeError("cannot join current thread");
  pool_->join();
}

}  // namespace asyncio
