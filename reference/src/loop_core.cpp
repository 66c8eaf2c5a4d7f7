// loop_core.cpp: the lists of a loop's tasks and generators, its rings, its way in from other threads, its instruments.
#include <asyncio/loop_core.hpp>

#include <asyncio/asyncgen.hpp>
#include <asyncio/events.hpp>
#include <asyncio/instrument.hpp>
#include <asyncio/tasks.hpp>

#include <algorithm>

namespace asyncio {

LoopCore::~LoopCore() = default;

void LoopCore::keep_current_task(TaskState* task) noexcept {
  // What was kept dies last, when this is in order: a task's end may run foreign code.
  const Ref<TaskState> dropped = std::exchange(kept_current_, Ref<TaskState>(task));
}

void LoopCore::register_task(TaskState& task, bool eagerly) {
  {
    const std::lock_guard lock(mutex_);
    const bool listed = task.registered_ || task.registered_eagerly_;
    (eagerly ? task.registered_eagerly_ : task.registered_) = true;
    if (listed) return;  // S119: again is harmless
    task.previous_task_ = last_task_;
    (last_task_ ? last_task_->next_task_ : first_task_) = &task;
    last_task_ = &task;
  }
  notify([&](Instrument& instrument) { instrument.task_registered(AnyTask(Ref<TaskState>(&task))); });
}

void LoopCore::unregister_task(TaskState& task, bool eagerly) {
  {
    const std::lock_guard lock(mutex_);
    bool& registered = eagerly ? task.registered_eagerly_ : task.registered_;
    if (!std::exchange(registered, false)) return;             // S119: unknown tasks are ignored
    if (task.registered_ || task.registered_eagerly_) return;  // still in the other of CPython's two sets
    unlink(task);
  }
  notify([&](Instrument& instrument) { instrument.task_unregistered(AnyTask(Ref<TaskState>(&task))); });
}

void LoopCore::unlink(TaskState& task) noexcept {
  (task.previous_task_ ? task.previous_task_->next_task_ : first_task_) = task.next_task_;
  (task.next_task_ ? task.next_task_->previous_task_ : last_task_) = task.previous_task_;
  task.previous_task_ = task.next_task_ = nullptr;
}

std::vector<Ref<TaskState>> LoopCore::tasks() const {
  std::vector<Ref<TaskState>> found;
  const std::lock_guard lock(mutex_);
  for (TaskState* task = first_task_; task; task = task->next_task_) {
    // A task whose last owner has gone waits for this lock to take itself out: it is not revived (R2).
    if (task->try_retain()) found.push_back(Ref<TaskState>::adopt(task));
  }
  return found;
}

Ref<TaskState> LoopCore::current_task_from_any_thread() const {
  // The pointer alone says nothing about the task's life. But a task that is in the list cannot die while
  // the lock is held, so only a task found there is given out.
  const std::lock_guard lock(mutex_);
  const TaskState* const current = current_task();
  for (TaskState* task = first_task_; task; task = task->next_task_) {
    if (task == current) return task->try_retain() ? Ref<TaskState>::adopt(task) : Ref<TaskState>();
  }
  return {};
}

std::uint64_t LoopCore::remember_ring(Callback cut) {
  const std::lock_guard lock(mutex_);
  rings_.emplace(++last_ring_, std::move(cut));
  return last_ring_;
}

void LoopCore::forget_ring(std::uint64_t ring) noexcept {
  if (ring == 0) return;
  const std::lock_guard lock(mutex_);
  rings_.erase(ring);
}

void LoopCore::cut_rings() {
  for (;;) {
    Callback cut;
    {
      const std::lock_guard lock(mutex_);
      if (rings_.empty()) return;
      cut = std::move(rings_.extract(rings_.begin()).mapped());  // L4
    }
    cut();  // foreign destructors run in here, and may make and forget rings
  }
}

// ---- From other threads ----

bool LoopCore::post(Callback callback) noexcept {
  const std::lock_guard lock(post_mutex_);
  if (!open_) return false;
  try {
    loop_->call_soon_threadsafe(std::move(callback));
    return true;
  } catch (...) {  // a loop that does not close its core refuses by itself
    return false;
  }
}

void LoopCore::close_to_threads() noexcept {
  const std::lock_guard lock(post_mutex_);
  open_ = false;
}

// ---- Asynchronous generators ----

void LoopCore::add_asyncgen(AsyncGeneratorState& generator) {
  const std::lock_guard lock(mutex_);
  generator.listed_ = true;
  generator.previous_ = last_asyncgen_;
  (last_asyncgen_ ? last_asyncgen_->next_ : first_asyncgen_) = &generator;
  last_asyncgen_ = &generator;
}

void LoopCore::remove_asyncgen(AsyncGeneratorState& generator) noexcept {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(generator.listed_, false)) return;
  (generator.previous_ ? generator.previous_->next_ : first_asyncgen_) = generator.next_;
  (generator.next_ ? generator.next_->previous_ : last_asyncgen_) = generator.previous_;
  generator.previous_ = generator.next_ = nullptr;
}

std::vector<Ref<AsyncGeneratorState>> LoopCore::asyncgens() const {
  std::vector<Ref<AsyncGeneratorState>> found;
  const std::lock_guard lock(mutex_);
  for (AsyncGeneratorState* generator = first_asyncgen_; generator; generator = generator->next_) {
    // One whose last owner has just gone is being closed already (R2).
    if (generator->try_retain()) found.push_back(Ref<AsyncGeneratorState>::adopt(generator));
  }
  return found;
}

// ---- Instruments ----

void LoopCore::add_instrument(Instrument& instrument) {
  if (std::ranges::find(instruments_, &instrument) == instruments_.end()) instruments_.push_back(&instrument);
}

void LoopCore::remove_instrument(Instrument& instrument) { std::erase(instruments_, &instrument); }

void Instrument::task_registered(const AnyTask&) {}
void Instrument::task_entered(const AnyTask&) {}
void Instrument::task_left(const AnyTask&) {}
void Instrument::task_unregistered(const AnyTask&) {}
void Instrument::task_swapped(const AnyTask&, const AnyTask&) {}
void Instrument::before_run_once(AbstractEventLoop&) {}
void Instrument::before_poll(AbstractEventLoop&) {}
void Instrument::after_poll(AbstractEventLoop&) {}

}  // namespace asyncio
