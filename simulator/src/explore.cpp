// explore.cpp: many executions, by one thread or several, with one outcome.
//
// Seeds are handed out in batches. Whatever a batch found, its worker brings back here, and batches are
// accepted in the order of their seeds, however they come in. So all that is counted is what one thread alone
// would have counted, and the failure reported is the one with the lowest seed:
//
//     seeds   0 ─────── 63 │ 64 ────── 127 │ 128 ────── 191 │ …
//              accepted       at work: B     waits for B: A     not handed out
//
//   E1  The result does not depend on `jobs`, nor on how large batches are: they grow and shrink with the
//       time they take, so that progress is seen and the lock is not.
//   E2  Only a budget, or progress() saying no, lets time decide where an exploration ends.
#include <asyncio/sim/run.hpp>

#include "distinct_traces.hpp"
#include "noted_token.hpp"
#include "runner.hpp"
#include "self_check.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio::sim {
namespace {

using RealClock = std::chrono::steady_clock;  // for budgets and progress; nothing in a world sees it

/// What some executions in a row gave; ends with the first that fails.
struct Batch {
  std::uint64_t begin = 0;                 // the first execution, counted from 0
  std::vector<std::uint64_t> hashes = {};  // one for each execution that was run
  std::map<std::string, std::uint64_t, std::less<>> sometimes = {};
  std::optional<RunResult> failing = {};  // the last of them
  std::exception_ptr error = {};          // the one after the last of them threw while its world was built
  bool no_choices = false;                // the first execution of all made none, so there is no other
  bool cut_short = false;                 // by the budget

  bool is_last() const noexcept { return failing || error || no_choices || cut_short; }
};

/// What all workers share.
class Exploration {
 public:
  explicit Exploration(const ExploreOptions& options) : options_(options), began_(RealClock::now()), told_(began_) {}

  /// Hands out up to `size` executions; [begin, end), empty when there are no more.
  std::pair<std::uint64_t, std::uint64_t> hand_out(std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (over_) return {};
    const std::uint64_t begin = next_;
    next_ += std::min(size, options_.executions - begin);
    return {begin, next_};
  }

  /// Takes what a worker brings back.
  void bring_back(Batch batch) {
    const std::lock_guard lock(mutex_);
    if (batch.is_last()) {
      // Whoever is beyond it may stop; whoever is before it goes on, and may find a lower one.
      last_useful_ = std::min<std::uint64_t>(last_useful_, batch.begin + batch.hashes.size());
      next_ = options_.executions;
    }
    waiting_.emplace(batch.begin, std::move(batch));
    while (!over_ && !waiting_.empty() && waiting_.begin()->first == result_.executions) {
      accept(std::move(waiting_.extract(waiting_.begin()).mapped()));
    }
  }

  /// A worker ended with an exception: the others need not go on.
  void give_up() {
    const std::lock_guard lock(mutex_);
    over_ = true;
    last_useful_ = 0;
  }

  /// Whether the outcome may still depend on this execution.
  bool is_useful(std::uint64_t execution) const noexcept { return execution < last_useful_; }
  bool has_budget() const noexcept { return options_.budget > Duration::zero(); }
  bool budget_is_spent() const { return has_budget() && RealClock::now() - began_ >= options_.budget; }
  const ExploreOptions& options() const noexcept { return options_; }

  /// The outcome, when all workers have ended.
  ExploreResult finish() {
    if (!result_.failing && !error_) salvage();
    if (error_) std::rethrow_exception(error_);
    result_.distinct_traces = distinct_.size();
    if (options_.progress) options_.progress(progress());
    return std::move(result_);
  }

 private:
  void accept(Batch batch) {
    for (const std::uint64_t hash : batch.hashes) {
      if (distinct_.insert(hash)) last_new_ = result_.executions;
      ++result_.executions;
    }
    for (const auto& [label, held] : batch.sometimes) result_.sometimes[label] += held;
    result_.exhausted = batch.no_choices;
    result_.failing = std::move(batch.failing);
    error_ = batch.error;
    over_ = batch.is_last() || !tell();
    if (over_) last_useful_ = 0;
  }

  /// Tells how far it is, not more than ten times a second; false to stop.
  bool tell() {
    if (!options_.progress) return true;
    const auto now = RealClock::now();
    if (now - told_ < std::chrono::milliseconds(100)) return true;
    told_ = now;
    return options_.progress(progress());
  }

  Progress progress() const { return {result_.executions, distinct_.size(), last_new_}; }

  /// A budget may end while a failure waits for a batch before it that was cut short: better this one than none.
  void salvage() {
    for (auto& [begin, batch] : waiting_) {
      if (!batch.failing) continue;
      accept(std::move(batch));
      return;
    }
  }

  const ExploreOptions& options_;
  const RealClock::time_point began_;
  std::atomic<std::uint64_t> last_useful_ = std::numeric_limits<std::uint64_t>::max();

  std::mutex mutex_;  // guards everything below
  RealClock::time_point told_;
  std::uint64_t next_ = 0;                  // the execution to hand out next
  std::map<std::uint64_t, Batch> waiting_;  // for batches before them
  bool over_ = false;
  DistinctTraces distinct_;
  std::uint64_t last_new_ = 0;
  std::exception_ptr error_;
  ExploreResult result_;
};

/// Runs executions in one thread.
class Worker {
 public:
  Worker(Exploration& exploration, const Scenario& scenario, const StrategyHints& hints)
      : exploration_(exploration),
        runner_(scenario, exploration.options().run),
        strategy_(runner_.options().strategy.make(hints)),
        token_(Token::of(runner_.options(), hints)),
        note_(token_) {}

  void work() {
    for (std::uint64_t size = 1;;) {
      const auto [begin, end] = exploration_.hand_out(size);
      if (begin == end) return;
      const auto started = RealClock::now();
      exploration_.bring_back(run_batch(begin, end));
      const bool quick = RealClock::now() - started < std::chrono::milliseconds(4);
      size = quick ? std::min<std::uint64_t>(size * 2, 1024) : std::max<std::uint64_t>(size / 2, 1);
    }
  }

 private:
  Batch run_batch(std::uint64_t begin, std::uint64_t end) {
    Batch batch{.begin = begin};
    batch.hashes.reserve(end - begin);
    for (std::uint64_t execution = begin; execution != end && exploration_.is_useful(execution); ++execution) {
      batch.cut_short = exploration_.budget_is_spent();
      if (batch.cut_short) break;
      try {
        run_one(execution, batch);
      } catch (...) {  // building the world, or about_to_run; rethrown by finish()
        batch.error = std::current_exception();
      }
      if (batch.is_last()) break;
    }
    return batch;
  }

  void run_one(std::uint64_t execution, Batch& batch) {
    const std::uint64_t seed = exploration_.options().run.seed + execution;
    token_.seed = seed;
    note_.seed(seed);
    if (exploration_.options().about_to_run) exploration_.options().about_to_run(token_.text());

    runner_.execute(*strategy_, seed, false);
    const Execution& ran = runner_.execution();
    batch.hashes.push_back(ran.trace().hash());
    count_sometimes(ran, batch);
    batch.no_choices = execution == 0 && ran.choices().entries().empty();
    if (ran.failed()) batch.failing = run_again(runner_, *strategy_, seed, token_);
  }

  static void count_sometimes(const Execution& ran, Batch& batch) {
    for (const Execution::Sometimes& seen : ran.sometimes_seen()) {
      const std::string& label = ran.names().text(seen.label);
      const auto place = batch.sometimes.try_emplace(label, 0).first;
      if (seen.held) ++place->second;
    }
  }

  Exploration& exploration_;
  Runner runner_;
  std::unique_ptr<StrategyState> strategy_;
  Token token_;
  NotedToken note_;
};

}  // namespace

ExploreResult explore(Scenario scenario, ExploreOptions options) {
  if (options.jobs < 1) throw std::invalid_argument("ExploreOptions::jobs is 0; at least one thread has to explore");
  const StrategyHints hints = Runner(scenario, options.run).hints();
  Exploration exploration(options);

  std::vector<std::exception_ptr> errors(options.jobs);
  const auto work = [&](unsigned job) {
    try {
      Worker(exploration, scenario, hints).work();
    } catch (...) {  // progress(), or no memory; rethrown below
      errors[job] = std::current_exception();
      exploration.give_up();
    }
  };
  {
    std::vector<std::jthread> others;
    for (unsigned job = 1; job != options.jobs; ++job) others.emplace_back(work, job);
    work(0);
  }  // joins them
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  return exploration.finish();
}

}  // namespace asyncio::sim
