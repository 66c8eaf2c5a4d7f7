// timeouts.cpp: entering, expiring, and telling apart who cancelled.
#include <asyncio/timeouts.hpp>

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>

#include <cassert>

namespace asyncio {

Timeout::~Timeout() { handle_.cancel(); }  // D3: on_timeout() has this object in hand

void Timeout::run_body(UniqueFunction<void()> body) {
  enter();
  try {
    body();  // suspends
  } catch (const CancelledError&) {
    if (leave()) std::throw_with_nested(TimeoutError());  // D2, S171
    throw;
  } catch (...) {
    leave();
    throw;
  }
  leave();
}

void Timeout::enter() {
  if (state_ != State::created) throw RuntimeError("Timeout has already been entered");
  AnyTask task = current_task();
  if (!task) throw RuntimeError("Timeout should be used inside a task");
  state_ = State::active;
  cancelling_ = task.cancelling();
  task_ = std::move(task);
  reschedule(when_);
}

/// Ends the timeout. \return whether the deadline passed, and nobody but the deadline cancelled the task
bool Timeout::leave() {
  std::exchange(handle_, {}).cancel();  // D3
  const AnyTask task = std::exchange(task_, {});
  if (state_ != State::expiring) {
    state_ = State::finished;
    return false;
  }
  state_ = State::expired;
  return task.uncancel() <= cancelling_;  // D1, S174
}

void Timeout::reschedule(std::optional<TimePoint> when) {
  if (state_ == State::created) throw RuntimeError("Timeout has not been entered");
  if (state_ != State::active) {
    throw RuntimeError(std::string("Cannot change state of ") + state_name() + " Timeout");
  }
  when_ = when;
  std::exchange(handle_, {}).cancel();
  if (!when) return;
  AbstractEventLoop& loop = get_running_loop();
  auto expire = [this] { on_timeout(); };
  handle_ = *when <= loop.time() ? loop.call_soon(expire) : loop.call_at(*when, expire);
}

void Timeout::on_timeout() {
  assert(state_ == State::active);  // D3
  task_.cancel();
  state_ = State::expiring;
  handle_ = {};
}

const char* Timeout::state_name() const noexcept {
  switch (state_) {
    case State::created: return "created";
    case State::active: return "active";
    case State::expiring: return "expiring";
    case State::expired: return "expired";
    case State::finished: return "finished";
  }
  return "";
}

std::string Timeout::repr() const {
  std::string text = std::string("<Timeout [") + state_name() + "]";
  if (state_ == State::active && when_) text += " when=" + std::to_string(when_->time_since_epoch().count()) + "ns";
  return text + ">";
}

std::optional<TimePoint> deadline_after(std::optional<Duration> delay) {
  AbstractEventLoop& loop = get_running_loop();
  if (!delay) return {};
  return saturating_add(loop.time(), *delay);
}

}  // namespace asyncio
