// timeouts.cpp: entering, expiring, and telling apart who cancelled.
#include <asyncio/timeouts.hpp>

#include <asyncio/events.hpp>
#include <asyncio/exception_groups.hpp>
#include <asyncio/exceptions.hpp>

#include <cassert>

namespace asyncio {
namespace {

/// A TimeoutError that was thrown in the middle of `cancelled`, as what something else was thrown in the middle of.
std::nested_exception timeout_error_from(const std::exception_ptr& cancelled) {
  try {
    try {
      std::rethrow_exception(cancelled);
    } catch (...) {
      std::throw_with_nested(TimeoutError());
    }
  } catch (...) {
    return {};  // it takes what is being handled
  }
}

/// Puts a TimeoutError before the first CancelledError of what `error` carries, if it carries one.
void insert_timeout_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (std::nested_exception& link) {  // the very object that `error` owns
    const std::exception_ptr context = link.nested_ptr();
    if (holds<CancelledError>(context)) {
      link = timeout_error_from(context);
    } else if (context) {
      insert_timeout_error(context);
    }
  } catch (...) {  // it carries nothing
  }
}

/// The same for a group's members as well, but not for theirs (S172).
void insert_timeout_errors(const std::exception_ptr& error) {
  insert_timeout_error(error);
  if (const auto* const group = exception_ptr_cast<ExceptionGroup>(error)) {
    for (const std::exception_ptr& member : group->exceptions()) insert_timeout_error(member);
  }
}

}  // namespace

Timeout::~Timeout() { handle_.cancel(); }  // D3: on_timeout() has this object in hand

void Timeout::run_body(UniqueFunction<void()> body) {
  enter();
  try {
    body();  // suspends
  } catch (const CancelledError&) {
    if (leave()) std::throw_with_nested(TimeoutError());  // D2, S171
    throw;
  } catch (...) {
    if (leave()) insert_timeout_errors(std::current_exception());  // S172
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

void Timeout::reschedule(std::optional<Moment> when) {
  if (state_ == State::created) throw RuntimeError("Timeout has not been entered");
  if (state_ != State::active) {
    throw RuntimeError(std::string("Cannot change state of ") + state_name() + " Timeout");
  }
  when_ = when;
  std::exchange(handle_, {}).cancel();
  if (!when_) return;
  AbstractEventLoop& loop = get_running_loop();
  auto expire = [this] { on_timeout(); };
  handle_ = *when_ <= loop.time() ? loop.call_soon(expire) : loop.call_at(*when_, expire);
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

std::optional<TimePoint> deadline_after(std::optional<Delay> delay) {
  AbstractEventLoop& loop = get_running_loop();
  if (!delay) return {};
  return saturating_add(loop.time(), *delay);
}

}  // namespace asyncio
