// sim_threads.hpp: the threads of a host's executors, of which there are none.
//
// A job that runs in another thread ends at some time, and nobody knows when. That is all that a program may rely on,
// so that is what a world gives it: one choice (thread) says how long the job takes. For the first half of that time
// it waits for its thread and can be cancelled; at the end its function runs, as one step, outside every task.
//
//     run_in_executor() ──► waits for a worker ──► starts ── half the time ──► begins ── the other half ──► runs
//
// A pool has as many workers as its ThreadPoolExecutor was made with. So a pool of one worker keeps the order of its
// jobs, as on a real machine; with more of them, the order is what is chosen.
//
//   T1  Jobs of one pool start in the order in which they were submitted.
//   T2  Nothing of a crashed host's jobs runs or is destroyed before the execution is over (W3).
//   T3  A paused host's jobs stand still.
#pragma once

#include <asyncio/executor.hpp>

#include "event_queue.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace asyncio::sim {

class SimEventLoop;

/// The simulated threads of one loop.
class SimThreads {
 public:
  explicit SimThreads(SimEventLoop& loop) noexcept;
  ~SimThreads();
  SimThreads(const SimThreads&) = delete;
  SimThreads& operator=(const SimThreads&) = delete;

  /// Takes a job over.
  ///
  /// \throws RuntimeError  where the pool was shut down
  void submit(const std::shared_ptr<ThreadPoolExecutor>& executor, Job job);
  /// A future of the loop that is done when the pool has no job any more.
  Future<void> ended(const std::shared_ptr<ThreadPoolExecutor>& executor);
  /// Whether some job has not ended.
  bool busy() const noexcept;
  /// The host goes on: what should have happened meanwhile happens now (T3).
  void go_on();
  /// The loop is closed: lets go of everything.
  void clear() noexcept;

 private:
  class Working;
  struct Pool;

  Pool& pool_of(const std::shared_ptr<ThreadPoolExecutor>& executor);
  void start_some(Pool& pool);
  void happened(Working& job);
  void run(Working& job);
  void shut_down(Pool& pool, ShutdownOptions options);
  void tell_those_who_wait(Pool& pool);

  SimEventLoop& loop_;
  std::uint64_t last_number_ = 0;
  std::vector<std::unique_ptr<Pool>> pools_;  // in order of first use
  std::vector<Ref<Working>> standing_still_;  // of a paused host
};

}  // namespace asyncio::sim
