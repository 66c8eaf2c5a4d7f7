// host.cpp: how a host starts, what follows from the end of its main, and how it is described.
//
// The end of a client's main is that of asyncio.run(): one iteration more, all tasks are cancelled and waited
// for, and what one of them failed with is reported; then its asynchronous generators are closed, and the jobs of its
// executor waited for (S227).
#include "host.hpp"

#include "world_core.hpp"

#include <utility>

namespace asyncio::sim {

SimHost::SimHost(WorldCore& world, std::string name, std::uint32_t number, bool client, std::function<void()> main)
    : world_(world),
      name_(std::move(name)),
      name_id_(world.execution().names().intern(name_)),
      number_(number),
      client_(client),
      main_(std::move(main)) {}

void SimHost::start() {
  if (loop_) crashed_loops_.push_back(std::move(loop_));
  loop_ = std::make_unique<SimEventLoop>(world_, *this);
  paused_ = slow_ = last_iteration_ = cleaning_up_ = false;
  phase_ = Phase::running;
  ++starts_;
  cancelled_tasks_.clear();
  world_.record({.kind = EventKind::host_start, .host = name_id_, .a = static_cast<std::uint64_t>(starts_)});
  loop_->start();
  // In a context of its own: whoever restarts a host may be inside a task of another one.
  main_task_ = loop_->create_task(std::function<void()>(main_), {.context = Context()});
}

bool SimHost::turn() {
  const bool ran = loop_->turn();
  if (!running() || world_.execution().failed()) return ran;
  if (phase_ == Phase::ending) {
    look_whether_ended();
  } else if (main_task_ && main_task_.done()) {
    // What was ready when main returned still has its turn on a real loop, before run() comes back. Under `any`
    // each turn is a single handle, and that order is free.
    const bool in_order = world_.execution().options().ready == ReadyOrder::fifo;
    if (in_order && !last_iteration_ && loop_->ready_count() > 0) {
      last_iteration_ = true;
    } else {
      main_ended();
    }
  }
  return ran;
}

void SimHost::main_ended() {
  world_.record({.kind = EventKind::host_end, .host = name_id_});
  const AnyTask main_task = std::exchange(main_task_, {});
  std::exception_ptr error;
  try {
    error = main_task.exception();
  } catch (const CancelledError&) {
    error = std::current_exception();
  }
  if (error) return world_.fail_with(error, "main failed", "host " + name_);
  if (!client_) return;

  phase_ = Phase::ending;
  cancelled_tasks_ = pending_tasks();
  try {
    for (const AnyTask& task : cancelled_tasks_) task.cancel();
  } catch (...) {  // tasks that wait for each other in a ring; run() would throw it as well
    return world_.fail_with(std::current_exception(), "cancelling what main has left failed", "host " + name_);
  }
  look_whether_ended();
}

void SimHost::look_whether_ended() {
  if (!pending_tasks().empty()) return;
  for (const AnyTask& task : std::exchange(cancelled_tasks_, {})) {
    if (task.cancelled()) continue;
    if (const std::exception_ptr error = task.exception()) {
      loop_->call_exception_handler(
          {.message = "unhandled exception during asyncio.run() shutdown", .exception = error, .task = task});
    }
  }
  if (!std::exchange(cleaning_up_, true) && loop_->has_to_clean_up()) {
    // A task that nothing is left to wait for costs no turn: a world that needs none looks as if there were none.
    static constexpr Duration THREAD_JOIN_TIMEOUT = std::chrono::seconds(300);
    cancelled_tasks_.push_back(loop_->create_task(
        [loop = loop_.get()] {
          loop->shutdown_asyncgens();
          loop->shutdown_default_executor(THREAD_JOIN_TIMEOUT);
        },
        {.context = Context()}));
    return;
  }
  phase_ = Phase::ended;
  world_.client_ended(*this);
  loop_->die();
}

void SimHost::crash() noexcept {
  phase_ = Phase::crashed;
  paused_ = false;
  loop_->die();  // first: what a task that goes with the next line reports is not heard any more
  main_task_ = {};
}

std::vector<AnyTask> SimHost::pending_tasks() const {
  std::vector<AnyTask> pending;
  for (Ref<TaskState>& task : loop_->core().tasks()) {
    if (!task->done()) pending.emplace_back(std::move(task));
  }
  return pending;
}

std::string SimHost::what_it_waits_for() const {
  constexpr std::size_t NAMED = 8;  // more would not help whoever reads it
  if (phase_ == Phase::crashed) return name_ + " has crashed and is not restarted";
  if (paused_) return name_ + " is paused";
  std::string text = name_ + ":";
  const std::vector<AnyTask> pending = pending_tasks();
  for (std::size_t i = 0; i < pending.size() && i < NAMED; ++i) {
    const AnyTask& task = pending[i];
    text += (i == 0 ? " " : "; ") + task.get_name();
    text += task == main_task_ ? " (its main)" : " made at " + place_of(task.get()->where());
    if (const FutureState* awaited = task.get()->waits_for()) {
      text += " waits for " + awaited->repr() + " made at " + place_of(awaited->where());
    } else {
      text += " waits for nothing that is known";
    }
  }
  if (pending.size() > NAMED) text += "; and " + std::to_string(pending.size() - NAMED) + " more";
  return text;
}

void SimHost::unwind() noexcept {
  main_task_ = {};
  cancelled_tasks_.clear();
  for (const auto& loop : crashed_loops_) loop->unwind();
  if (loop_) loop_->unwind();
}

}  // namespace asyncio::sim
