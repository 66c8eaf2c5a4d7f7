// locks.cpp: who is woken, and what a cancelled waiter owes to the others.
//
// The catch clauses are the lesson. `catch (const CancelledError&)` stands where the task was asked to
// stop; `catch (...)` where any end of the wait must be put in order, and it rethrows: the exception may
// be the one that unwinds a coroutine that is being destroyed.
#include <asyncio/locks.hpp>

#include <asyncio/coroutine.hpp>

#include <mutex>
#include <stdexcept>

namespace asyncio {
namespace {

std::string with_waiters(std::string text, const WaiterQueue& waiters) {
  if (!waiters.empty()) text += ", waiters:" + std::to_string(waiters.size());
  return text + "]>";
}

/// Where Python's `async with` would throw, a destructor can only report what is being thrown. Without a
/// running loop there is nobody to tell: a coroutine unwinds because its loop is closing.
void report_from_unlock() noexcept {
  try {
    if (AbstractEventLoop* const loop = get_running_loop_or_null()) {
      loop->call_exception_handler({.message = "Exception in unlock()", .exception = std::current_exception()});
    }
  } catch (...) {
    // KeyboardInterrupt or SystemExit of an exception handler cannot leave a destructor.
  }
}

}  // namespace

// ---- Lock ----

bool Lock::try_lock() noexcept {
  if (locked_ || waiters_.has_live()) return false;
  return locked_ = true;
}

bool Lock::acquire() {
  if (try_lock()) return true;  // K1

  try {
    Waiter waiter(waiters_, get_loop());  // leaves the line before the handler below looks at it
    waiter.wait();                        // suspends
  } catch (const CancelledError&) {
    if (!locked_) waiters_.wake_first();  // K2: the wake-up may have been meant for us
    throw;
  }
  return locked_ = true;
}

void Lock::release() {
  if (!locked_) throw RuntimeError("Lock is not acquired.");
  locked_ = false;
  waiters_.wake_first();
}

void Lock::unlock() noexcept {
  try {
    release();
  } catch (...) {
    report_from_unlock();
  }
}

std::string Lock::repr() const { return with_waiters(locked_ ? "<Lock [locked" : "<Lock [unlocked", waiters_); }

// ---- Event ----

void Event::set() {
  if (set_) return;
  set_ = true;
  waiters_.wake_all();
}

bool Event::wait() {
  if (set_) return true;
  Waiter waiter(waiters_, get_loop());
  waiter.wait();  // suspends
  return true;    // also where clear() came after set(): S198
}

std::string Event::repr() const { return with_waiters(set_ ? "<Event [set" : "<Event [unset", waiters_); }

// ---- Condition ----

Condition::Condition() : LoopBoundMixin("Condition"), own_(std::in_place), lock_(&*own_) {}
Condition::Condition(Lock& lock) : LoopBoundMixin("Condition"), lock_(&lock) {}

bool Condition::wait() {
  if (!locked()) throw RuntimeError("cannot wait on un-acquired lock");
  try {
    AbstractEventLoop& loop = get_loop();
    std::exception_ptr error;  // what ended the wait, if it was no notification
    {
      Waiter waiter(waiters_, loop);
      release();
      try {
        waiter.wait();  // suspends
      } catch (const CoroutineExit&) {
        // This coroutine is being destroyed and must not suspend any more, so it takes the lock without
        // asking (K3): the scoped_lock further up will release it. Should another task hold it, then two
        // do, and the second release is reported. Only a loop that closes destroys coroutines like this.
        lock_->locked_ = true;
        throw;
      } catch (...) {
        error = std::current_exception();
      }
    }
    take_lock_again(error);  // suspends
    if (error) std::rethrow_exception(error);
  } catch (...) {
    // Perhaps this task had been notified before it was ended: then somebody else must hear of it (S201).
    waiters_.wake_next();
    throw;
  }
  return true;
}

/// Takes the lock however often the task is cancelled meanwhile; `error` becomes the last cancellation (S200).
void Condition::take_lock_again(std::exception_ptr& error) {
  while (true) {
    try {
      acquire();  // suspends
      return;
    } catch (const CancelledError&) {
      error = std::current_exception();
    }
  }
}

void Condition::notify(std::size_t n) {
  if (!locked()) throw RuntimeError("cannot notify on un-acquired lock");
  waiters_.wake(n);
}

void Condition::notify_all() { notify(waiters_.size()); }

std::string Condition::repr() const {
  return with_waiters(locked() ? "<Condition [locked" : "<Condition [unlocked", waiters_);
}

// ---- Semaphore ----

Semaphore::Semaphore(std::int64_t value) : Semaphore(value, "Semaphore") {}

Semaphore::Semaphore(std::int64_t value, const char* kind) : LoopBoundMixin(kind), value_(value) {
  if (value < 0) throw std::invalid_argument("Semaphore initial value must be >= 0");
}

bool Semaphore::try_lock() noexcept {
  if (locked()) return false;
  --value_;
  return true;
}

bool Semaphore::acquire() {
  if (try_lock()) return true;  // K1

  Waiter waiter(waiters_, get_loop());
  try {
    waiter.wait();  // suspends
    waiter.leave();
  } catch (...) {
    waiter.leave();
    if (waiter.woken()) ++value_;  // K2: the permit that it was handed
    while (hand_over()) {
    }
    throw;
  }
  // Others may have come while a permit was on its way to this task, and had to queue up behind it (S206).
  while (hand_over()) {
  }
  return true;
}

void Semaphore::release() {
  ++value_;
  hand_over();
}

/// Gives a permit to the first in line who has none. \return whether there was a permit, and somebody
bool Semaphore::hand_over() {
  // S205: the permit is gone before the task runs.
  if (value_ == 0 || !waiters_.wake_next()) return false;
  --value_;
  return true;
}

void Semaphore::unlock() noexcept {
  try {
    release();
  } catch (...) {
    report_from_unlock();
  }
}

std::string Semaphore::repr() const {
  const std::string state = locked() ? "locked" : "unlocked, value:" + std::to_string(value_);
  return with_waiters(std::string("<") + kind() + " [" + state, waiters_);
}

BoundedSemaphore::BoundedSemaphore(std::int64_t value) : Semaphore(value, "BoundedSemaphore"), bound_value_(value) {}

void BoundedSemaphore::release() {
  if (value() >= bound_value_) throw std::invalid_argument("BoundedSemaphore released too many times");
  Semaphore::release();
}

// ---- Barrier ----

Barrier::Barrier(int parties) : parties_(parties) {
  if (parties < 1) throw std::invalid_argument("parties must be >= 1");
}

int Barrier::wait() {
  const std::scoped_lock guard(condition_);  // suspends
  block();                                   // suspends
  const int index = count_++;
  try {
    if (index + 1 == parties_) {
      state_ = State::draining;  // the last one does not suspend (S209)
      condition_.notify_all();
    } else {
      condition_.wait_for([this] { return state_ != State::filling; });  // suspends
      if (state_ == State::broken || state_ == State::resetting) {
        throw BrokenBarrierError("Abort or reset of barrier");
      }
    }
  } catch (...) {
    leave();
    throw;
  }
  leave();
  return index;
}

/// Holds newcomers back while those of the last round are leaving (S209).
void Barrier::block() {
  condition_.wait_for([this] { return state_ != State::draining && state_ != State::resetting; });  // suspends
  if (state_ == State::broken) throw BrokenBarrierError("Barrier aborted");
}

/// The last one out opens the barrier anew (S210).
void Barrier::leave() {
  if (--count_ > 0) return;
  if (state_ == State::draining || state_ == State::resetting) state_ = State::filling;
  condition_.notify_all();
}

void Barrier::reset() {
  const std::scoped_lock guard(condition_);  // suspends
  state_ = count_ > 0 ? State::resetting : State::filling;
  condition_.notify_all();
}

void Barrier::abort() {
  const std::scoped_lock guard(condition_);  // suspends
  state_ = State::broken;
  condition_.notify_all();
}

std::string Barrier::repr() const {
  const auto name = [this] {
    switch (state_) {
      case State::filling: return "filling";
      case State::draining: return "draining";
      case State::resetting: return "resetting";
      case State::broken: return "broken";
    }
    return "";
  };
  std::string text = std::string("<Barrier [") + name();
  if (!broken()) text += ", waiters:" + std::to_string(n_waiting()) + "/" + std::to_string(parties_);
  return text + "]>";
}

}  // namespace asyncio
