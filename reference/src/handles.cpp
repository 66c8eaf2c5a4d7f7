// handles.cpp: running and cancelling handles, and the queue they wait in.
//
// run(), cancel() and drop() all take the callback out of the handle before anything happens to it. To
// run it, or to destroy what it captured, is to call foreign code, which may come back to this very
// handle and must find it in order.
#include <asyncio/handle_state.hpp>

#include <asyncio/events.hpp>

#include "guarded_run.hpp"

#include <cassert>

namespace asyncio {

// ---- Handle, TimerHandle: the small values that programs see ----

Handle::Handle() noexcept = default;
Handle::Handle(Callback callback, AbstractEventLoop& loop, Context context)
    : state_(make_ref<HandleState>(std::move(callback), loop, std::move(context))) {}
Handle::Handle(Ref<HandleState> state) noexcept : state_(std::move(state)) {}
Handle::Handle(const Handle&) noexcept = default;
Handle::Handle(Handle&&) noexcept = default;
Handle& Handle::operator=(Handle other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Handle::~Handle() = default;

void Handle::cancel() const {
  // This very handle may lie in what the callback captured, or be assigned to while the callback runs.
  if (const Ref<HandleState> kept = state_) kept->cancel();
}

bool Handle::cancelled() const noexcept { return state_ && state_->cancelled(); }

Context Handle::get_context() const {
  if (!state_) throw RuntimeError("get_context() of an empty Handle");
  return state_->context();
}

void Handle::run() const {
  if (const Ref<HandleState> kept = state_) kept->run();
}

std::string Handle::repr() const {
  if (!state_) return "<no handle>";
  std::string text = cancelled() ? "<Handle cancelled" : "<Handle";
  const std::vector<FrameSummary> made_by = state_->source().frames();
  if (!made_by.empty() && made_by.back().lineno > 0) {
    text += " created at " + made_by.back().filename + ":" + std::to_string(made_by.back().lineno);
  }
  return text + ">";
}

TimerHandle::TimerHandle(TimePoint when, Callback callback, AbstractEventLoop& loop, Context context)
    : Handle(Ref<HandleState>(make_ref<TimerState>(when, std::move(callback), loop, std::move(context)))) {}
TimerHandle::TimerHandle(Ref<TimerState> state) noexcept : Handle(Ref<HandleState>(std::move(state))) {}

TimePoint TimerHandle::when() const noexcept {
  return state_ ? static_cast<const TimerState&>(*state_).when() : TimePoint::max();
}

// ---- HandleState ----

void HandleState::run() {
  run_guarded([this] {
    Callback callback = std::move(callback_);  // H1
    if (callback) callback();
  });
}

/// Called while an exception is being handled.
void HandleState::report_exception() {
  loop_->call_exception_handler({.message = "Exception in callback",
                                 .exception = std::current_exception(),
                                 .handle = Handle(Ref<HandleState>(this)),
                                 .source_stack = source()});
}

void HandleState::cancel() {
  if (std::exchange(cancelled_, true)) return;
  drop();  // H2
}

void HandleState::drop() {
  const Ref<FutureState> subject = std::move(subject_);
  const Callback dropped = std::move(callback_);
}

void TimerState::cancel() {
  AbstractEventLoop* const loop = core_->loop();
  if (!cancelled_ && loop) loop->timer_handle_cancelled(TimerHandle(Ref<TimerState>(this)));
  HandleState::cancel();
}

void ThreadSafeHandleState::cancel() {
  const std::lock_guard lock(mutex_);
  HandleState::cancel();
}

bool ThreadSafeHandleState::cancelled() const noexcept {
  const std::lock_guard lock(mutex_);
  return HandleState::cancelled();
}

void ThreadSafeHandleState::run() {
  const std::lock_guard lock(mutex_);
  HandleState::run();
}

void ThreadSafeHandleState::drop() {  // a loop that closes, while another thread cancels
  const std::lock_guard lock(mutex_);
  HandleState::drop();
}

// ---- HandleQueue ----

Ref<HandleState> HandleQueue::pop_at(std::size_t index) noexcept {
  assert(index < size_);
  if (index == 0) return pop();
  HandleState& before = at(index - 1);
  HandleState* const taken = before.next_;
  before.next_ = std::exchange(taken->next_, nullptr);
  if (last_ == taken) last_ = &before;
  --size_;
  return Ref<HandleState>::adopt(taken);
}

HandleState& HandleQueue::at(std::size_t index) const noexcept {
  HandleState* handle = first_;
  while (index-- > 0) handle = handle->next_;
  return *handle;
}

void HandleQueue::append(HandleQueue& other) noexcept {
  if (other.empty()) return;
  (last_ ? last_->next_ : first_) = std::exchange(other.first_, nullptr);
  last_ = std::exchange(other.last_, nullptr);
  size_ += std::exchange(other.size_, 0);
}

void HandleQueue::clear() noexcept {
  // drop() first: a task's step handle is held by its task, which only the handle's own hold keeps alive.
  while (!empty()) pop()->drop();
}

}  // namespace asyncio
