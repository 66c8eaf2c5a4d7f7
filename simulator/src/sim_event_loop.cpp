// sim_event_loop.cpp: the points at which an order is open, and the end of a loop.
//
// A choice is asked only where its answer matters. Timers that are due together and input that is found together
// are put into an order only under ReadyOrder::fifo: under `any` the ready queue has no order that one could put
// them into, and a choice that changes nothing would only lengthen the tape.
//
// Source: the hooks of reference/src/base_events.cpp. Rules: S2 to S12, S56 to S63, S352, S357.
#include "sim_event_loop.hpp"

#include "host.hpp"
#include "ids.hpp"
#include "mix.hpp"
#include "world_core.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace asyncio::sim {

SimEventLoop::SimEventLoop(WorldCore& world, SimHost& host)
    : world_(world),
      host_(host),
      observer_(world, host),
      random_(world, host.name_id()),
      threads_(*this),
      any_order_(world.execution().options().ready == ReadyOrder::any) {
  set_debug(false);  // whatever the environment says: a world does not look at it
  add_instrument(observer_);
}

SimEventLoop::~SimEventLoop() { assert(is_closed()); }

// ---- Turns ----

void SimEventLoop::start() {
  run_forever_setup();
  set_running_loop(nullptr);  // the loop runs for ever, but it is the running loop only during a turn
}

bool SimEventLoop::turn() {
  ran_ = false;
  set_running_loop(this);
  try {
    run_once();
  } catch (...) {  // KeyboardInterrupt or SystemExit: on a real loop they leave run_forever() (S57)
    world_.fail_with(std::current_exception(), "left the loop");
  }
  set_running_loop(nullptr);
  if (std::exchange(stopping_, false)) {
    world_.fail(FailureKind::exception, "RuntimeError: Event loop stopped before Future completed.",
                "host " + host_.name());
  }
  return ran_;
}

bool SimEventLoop::has_work() {
  take_posted();
  return !ready_.empty() || !choosable_.empty() || !io_.empty() || next_timer() <= time();
}

TimePoint SimEventLoop::next_timer() {
  if (scheduled_.empty()) return TimePoint::max();
  scheduled_.sweep();
  return scheduled_.empty() ? TimePoint::max() : scheduled_.next_time();
}

/// No choice: other keys would lead to no other behaviour, and each choice is one more to explore.
std::optional<std::uint64_t> SimEventLoop::library_seed() { return mix(hash_text(host_.name()) + ++library_seeds_); }

std::uint64_t SimEventLoop::library_world() const noexcept { return world_.number(); }

TimePoint SimEventLoop::time() const { return world_.now(); }

EventList SimEventLoop::select(std::optional<Duration>) { return {}; }

void SimEventLoop::io_ready(IoSource& source) {
  if (dead_ || source.awaits_poll_) return;
  source.awaits_poll_ = true;
  io_.emplace_back(&source);
}

void SimEventLoop::process_events(EventList) {
  while (!io_.empty()) {
    std::uint32_t next = 0;
    if (io_.size() > 1 && !any_order_) {
      std::vector<std::uint64_t> ids;
      for (const Ref<IoSource>& source : io_) ids.push_back(source->io_id());
      next =
          world_.choose(ChoiceKind::io, static_cast<std::uint32_t>(io_.size()), host_.name_id(), NameId::none, 0, ids);
    }
    const Ref<IoSource> source = std::move(io_[next]);
    io_.erase(io_.begin() + next);
    source->awaits_poll_ = false;
    source->queue_handles();
  }
}

void SimEventLoop::move_due_timers() {
  // A timer of this very instant is due; one of the next nanosecond is not (S10).
  if (next_timer() > time()) return;
  if (any_order_) return BaseEventLoop::move_due_timers();
  std::vector<Ref<TimerState>> tied;
  while (next_timer() <= time()) {
    const TimePoint when = scheduled_.next_time();
    while (next_timer() == when) tied.push_back(scheduled_.pop());
    queue_tied(tied);
  }
}

/// Queues timers of one instant, in an order that is chosen (S352).
void SimEventLoop::queue_tied(std::vector<Ref<TimerState>>& tied) {
  while (!tied.empty()) {
    const auto ways = static_cast<std::uint32_t>(tied.size());
    const std::uint32_t next = world_.choose(ChoiceKind::tie, ways, host_.name_id(), NameId::none);
    ready_.push(std::move(tied[next]));
    tied.erase(tied.begin() + next);
  }
}

// ---- Running what is ready ----

void SimEventLoop::run_ready(std::size_t count) {
  if (any_order_) {
    run_chosen();
  } else {
    run_in_order(count);
  }
}

void SimEventLoop::run_in_order(std::size_t count) {
  for (; count > 0 && !must_stop(); --count) {
    const Ref<HandleState> handle = ready_.pop();
    if (!handle->cancelled()) run_one(*handle);
  }
}

void SimEventLoop::run_chosen() {
  take_choosable();
  drop_cancelled();
  if (choosable_.empty() || must_stop()) return;
  const Ref<HandleState> handle = take_chosen(choose_ready());
  run_one(*handle);
}

Ref<HandleState> SimEventLoop::take_chosen(std::size_t index) {
  const auto offset = static_cast<std::ptrdiff_t>(index);
  Ref<HandleState> handle = std::move(choosable_[index]);
  if (is_handle_id(choosable_ids_[index])) --choosable_callbacks_;
  choosable_.erase(choosable_.begin() + offset);
  choosable_ids_.erase(choosable_ids_.begin() + offset);
  return handle;
}

/// Chooses among choosable_ids_, unless choose_caller() has done so.
std::uint32_t SimEventLoop::choose_ready() {
  if (const std::uint64_t chosen = std::exchange(chosen_id_, 0)) {
    const auto found = std::ranges::find(choosable_ids_, chosen);
    if (found != choosable_ids_.end()) return static_cast<std::uint32_t>(found - choosable_ids_.begin());
  }
  const auto ways = static_cast<std::uint32_t>(choosable_ids_.size());
  if (ways == 1) return 0;
  const TaskState* first = choosable_.front()->steps_task();
  const NameId site = first ? world_.task_name(first->tag()) : NameId::none;
  return world_.choose(ChoiceKind::ready, ways, host_.name_id(), site, 0, choosable_ids_);
}

bool SimEventLoop::choose_caller() {
  take_choosable();
  drop_cancelled();
  if (choosable_.empty()) return true;
  const TaskState* caller = core().current_task();
  if (!caller) return false;
  choosable_ids_.push_back(task_id(caller->tag()));  // it would be the last in the queue
  const std::uint32_t next = choose_ready();
  choosable_ids_.pop_back();
  if (next == choosable_.size()) return true;
  chosen_id_ = choosable_ids_[next];
  return false;
}

void SimEventLoop::take_choosable() {
  while (!ready_.empty()) {
    Ref<HandleState> handle = ready_.pop();
    if (const TaskState* task = handle->steps_task()) {
      choosable_ids_.push_back(task_id(task->tag()));
    } else {
      choosable_ids_.push_back(handle_id(world_.new_handle_number()));
      ++choosable_callbacks_;
    }
    choosable_.push_back(std::move(handle));
  }
}

/// A cancelled handle does not run, so it is nobody to choose.
void SimEventLoop::drop_cancelled() {
  if (choosable_callbacks_ == 0) return;
  for (std::size_t i = choosable_.size(); i-- > 0;) {
    if (choosable_[i]->cancelled()) take_chosen(i);
  }
}

void SimEventLoop::run_one(HandleState& handle) {
  ran_ = true;
  handle.run();
  if (TaskState* current = core().current_task()) observer_.handle_ended(current);
}

/// After a crash, a pause or a failure not even the rest of this iteration runs.
bool SimEventLoop::must_stop() const noexcept { return dead_ || host_.paused() || world_.execution().failed(); }

// ---- Scheduling ----

Handle SimEventLoop::call_soon(Callback callback, std::optional<Context> context) {
  if (is_closed()) return Handle();  // V3
  return BaseEventLoop::call_soon(std::move(callback), std::move(context));
}

void SimEventLoop::call_soon_handle(Ref<HandleState> handle) {
  if (is_closed()) return handle->drop();  // V3; a task's handle would keep its task
  ready_.push(std::move(handle));
}

TimerHandle SimEventLoop::call_at(TimePoint when, Callback callback, std::optional<Context> context) {
  if (is_closed()) return TimerHandle();  // V3
  return BaseEventLoop::call_at(when, std::move(callback), std::move(context));
}

Handle SimEventLoop::call_soon_threadsafe(Callback callback, std::optional<Context> context) {
  if (is_closed()) return Handle();  // V3
  return BaseEventLoop::call_soon_threadsafe(std::move(callback), std::move(context));
}

AnyTask SimEventLoop::make_task_object(Coroutine coroutine, TaskOptions options) {
  if (is_closed()) return make_task(*this, std::move(coroutine), std::move(options));  // V3: it will never run
  return BaseEventLoop::make_task_object(std::move(coroutine), std::move(options));
}

// ---- Threads ----

void SimEventLoop::submit_to_executor(std::shared_ptr<Executor> executor, Job job) {
  if (is_closed()) return;  // V3
  executor = executor_for(std::move(executor));
  if (const auto pool = std::dynamic_pointer_cast<ThreadPoolExecutor>(executor)) {
    threads_.submit(pool, std::move(job));
  } else {
    executor->submit(std::move(job));  // one of the program's own, which is as deterministic as the program makes it
  }
}

Future<void> SimEventLoop::do_shutdown(std::shared_ptr<Executor> executor) {
  executor->shutdown({.wait = false});
  return threads_.ended(std::static_pointer_cast<ThreadPoolExecutor>(executor));  // a default one is a pool (S164)
}

bool SimEventLoop::has_to_clean_up() const {
  return threads_.busy() ||
         std::ranges::any_of(core().asyncgens(), [](const auto& generator) { return generator->suspended(); });
}

// ---- Errors ----

void SimEventLoop::call_exception_handler(const ExceptionContext& context) {
  if (!dead_) BaseEventLoop::call_exception_handler(context);
}

/// The handler of last resort: what comes here nobody has received, and so the execution fails.
void SimEventLoop::default_exception_handler(const ExceptionContext& context) {
  if (dead_) return;
  const std::string where = "host " + host_.name();
  std::string what = context.message;
  if (context.task) what += " " + context.task.repr();
  if (context.message == "Task was destroyed but it is pending!") {
    const std::string made = " made at " + place_of(context.task.get()->where());
    return world_.fail(FailureKind::leaked_task, what + made, where);
  }
  if (!context.exception) return world_.fail(FailureKind::exception, what, where);
  world_.fail_with(context.exception, what, where);
}

// ---- The end ----

void SimEventLoop::die() noexcept {
  dead_ = true;
  observer_.go_blind();
}

void SimEventLoop::close() {
  if (is_running()) throw RuntimeError("Cannot close a running event loop");
  BaseEventLoop::close();
  // As HandleQueue::clear() does: drop() first, for the step handle of a task is held by its task.
  for (const Ref<HandleState>& handle : std::exchange(choosable_, {})) handle->drop();
  choosable_ids_.clear();
  choosable_callbacks_ = 0;
  io_.clear();
  threads_.clear();
}

void SimEventLoop::unwind() noexcept {
  if (is_closed()) return;
  die();
  run_forever_cleanup();
  set_running_loop(this);  // for the destructors that ask which loop runs
  try {
    close();
  } catch (...) {
    // A destructor of the program threw through a handle. Nothing after the execution is looked at.
  }
  set_running_loop(nullptr);
}

}  // namespace asyncio::sim
