// sim_threads.cpp: when a job begins and when it runs.
//
// The times that a job may take are powers of four: the races that matter lie between it and a callback, a message or
// a timeout, which are microseconds, milliseconds and seconds apart. Way 0 is the shortest.
#include "sim_threads.hpp"

#include "host.hpp"
#include "sim_event_loop.hpp"
#include "world_core.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <utility>

namespace asyncio::sim {
namespace {

constexpr std::uint32_t TIME_WAYS = 8;
constexpr Duration SHORTEST_TIME = std::chrono::microseconds(50);  // the longest: 0.8 s

// Of a machine with four processors, whatever this one has.
constexpr int DEFAULT_WORKERS = 8;

}  // namespace

/// A job that has a worker, or waits for one. Happens twice: when it begins, and when it runs.
class SimThreads::Working final : public WorldEvent {
 public:
  Working(SimThreads& threads, Pool& pool, std::uint64_t number, Job job)
      : threads(threads), pool(pool), number(number), job(std::move(job)) {}
  void happen() override { threads.happened(*this); }
  bool cancelled() const noexcept override { return over || threads.loop_.dead(); }

  SimThreads& threads;
  Pool& pool;
  const std::uint64_t number;
  Job job;
  Duration half_time{};
  bool begun = false;
  bool over = false;  // it ran before its time: somebody blocked on the end of the pool
};

/// What a ThreadPoolExecutor is in this loop.
struct SimThreads::Pool {
  std::weak_ptr<ThreadPoolExecutor> executor;  // whoever drops it waits for its jobs: see shut_down()
  std::size_t workers = 1;
  std::deque<Ref<Working>> waiting;   // for a worker, oldest first (T1)
  std::vector<Ref<Working>> working;  // each has a worker
  std::vector<Future<void>> told_at_end;
};

SimThreads::SimThreads(SimEventLoop& loop) noexcept : loop_(loop) {}
SimThreads::~SimThreads() = default;

SimThreads::Pool& SimThreads::pool_of(const std::shared_ptr<ThreadPoolExecutor>& executor) {
  const auto found = std::ranges::find(pools_, executor, [](const auto& pool) { return pool->executor.lock(); });
  if (found != pools_.end()) return **found;
  pools_.push_back(std::make_unique<Pool>());
  Pool& pool = *pools_.back();
  pool.executor = executor;
  pool.workers = static_cast<std::size_t>(executor->requested_workers().value_or(DEFAULT_WORKERS));
  executor->replace_threads([this, &pool](ShutdownOptions options) { shut_down(pool, options); });
  return pool;
}

void SimThreads::submit(const std::shared_ptr<ThreadPoolExecutor>& executor, Job job) {
  executor->check_accepts_jobs();
  Pool& pool = pool_of(executor);
  pool.waiting.push_back(make_ref<Working>(*this, pool, ++last_number_, std::move(job)));
  start_some(pool);
}

void SimThreads::start_some(Pool& pool) {
  WorldCore& world = loop_.world();
  while (!pool.waiting.empty() && pool.working.size() < pool.workers) {
    const Ref<Working> next = std::move(pool.waiting.front());
    pool.waiting.pop_front();
    pool.working.push_back(next);
    const auto way = world.choose(ChoiceKind::thread, TIME_WAYS, loop_.host().name_id(), NameId::none);
    next->half_time = SHORTEST_TIME * (1 << (2 * way)) / 2;
    world.schedule(world.now() + next->half_time, next);
  }
}

void SimThreads::happened(Working& job) {
  if (loop_.host().paused()) {  // T3
    standing_still_.emplace_back(&job);
    return;
  }
  WorldCore& world = loop_.world();
  if (job.begun) return run(job);
  if (job.job.begin()) {
    job.begun = true;
    world.record({.kind = EventKind::job_begin, .host = loop_.host().name_id(), .a = job.number});
    return world.schedule(world.now() + job.half_time, Ref<WorldEvent>(&job));
  }
  // It was cancelled while it waited: its worker takes the next one.
  std::erase(job.pool.working, Ref<Working>(&job));
  start_some(job.pool);
  tell_those_who_wait(job.pool);
}

void SimThreads::run(Working& job) {
  const Ref<Working> self(&job);
  WorldCore& world = loop_.world();
  job.over = true;
  std::erase(job.pool.working, self);
  const NameId outer = std::exchange(world.execution().running_host, loop_.host().name_id());
  AbstractEventLoop* const loop = get_running_loop_or_null();
  set_running_loop(nullptr);
  Context().run([&] { job.job(); });  // a thread has a context of its own
  set_running_loop(loop);
  world.record({.kind = EventKind::job_end, .host = loop_.host().name_id(), .a = job.number});
  world.execution().running_host = outer;
  if (!world.running_host()) world.check_properties();
  if (loop_.dead()) return;  // the job has crashed its own host
  start_some(job.pool);
  tell_those_who_wait(job.pool);
}

void SimThreads::tell_those_who_wait(Pool& pool) {
  if (!pool.waiting.empty() || !pool.working.empty()) return;
  for (const Future<void>& told : std::exchange(pool.told_at_end, {})) {
    loop_.call_soon_threadsafe([told] {
      if (!told.done()) told.set_result();
    });
  }
}

Future<void> SimThreads::ended(const std::shared_ptr<ThreadPoolExecutor>& executor) {
  Pool& pool = pool_of(executor);
  const auto told = loop_.create_future<void>();
  pool.told_at_end.push_back(told);
  tell_those_who_wait(pool);
  return told;
}

/// Somebody calls shutdown(). On a real machine that call blocks its thread until the jobs have ended; here they
/// end within it, at this very instant.
void SimThreads::shut_down(Pool& pool, ShutdownOptions options) {
  if (options.cancel_futures) {
    const auto let_go = std::exchange(pool.waiting, {});
    for (const Ref<Working>& job : let_go) Job dropped = std::move(job->job);
  }
  while (options.wait && !loop_.dead() && !(pool.working.empty() && pool.waiting.empty())) {
    if (pool.working.empty()) start_some(pool);
    run(*Ref<Working>(pool.working.front()));
  }
}

bool SimThreads::busy() const noexcept {
  return std::ranges::any_of(pools_, [](const auto& pool) { return !pool->waiting.empty() || !pool->working.empty(); });
}

void SimThreads::go_on() {
  for (const Ref<Working>& job : std::exchange(standing_still_, {})) {
    loop_.world().schedule(loop_.world().now(), job);
  }
}

void SimThreads::clear() noexcept {
  standing_still_.clear();
  for (const auto& pool : pools_) {
    if (const auto executor = pool->executor.lock()) executor->replace_threads(nullptr);
    pool->told_at_end.clear();
    pool->waiting.clear();
    // The world's events may still hold some of these: what they are about to run goes now.
    for (const Ref<Working>& job : std::exchange(pool->working, {})) Job dropped = std::move(job->job);
  }
  pools_.clear();
}

}  // namespace asyncio::sim
