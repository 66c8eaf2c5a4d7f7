// waiters.cpp: joining, leaving and waking.
#include <asyncio/waiters.hpp>

#include <asyncio/events.hpp>

namespace asyncio {

Waiter::Waiter(WaiterQueue& queue, AbstractEventLoop& loop)
    : queue_(&queue), previous_(queue.last_), future_(loop.create_future<void>()) {
  (queue.last_ ? queue.last_->next_ : queue.first_) = this;
  queue.last_ = this;
}

void Waiter::leave() noexcept {
  if (!queue_) return;
  (previous_ ? previous_->next_ : queue_->first_) = next_;
  (next_ ? next_->previous_ : queue_->last_) = previous_;
  queue_ = nullptr;
}

std::size_t WaiterQueue::size() const noexcept {
  std::size_t count = 0;
  for (const Waiter* waiter = first_; waiter; waiter = waiter->next_) ++count;
  return count;
}

bool WaiterQueue::has_live() const noexcept {
  for (const Waiter* waiter = first_; waiter; waiter = waiter->next_) {
    if (!waiter->future_.cancelled()) return true;
  }
  return false;
}

void WaiterQueue::wake_first() {
  if (first_ && !first_->future_.done()) first_->future_.set_result();
}

bool WaiterQueue::wake_next() {
  for (const Waiter* waiter = first_; waiter; waiter = waiter->next_) {
    if (waiter->future_.done()) continue;
    waiter->future_.set_result();
    return true;
  }
  return false;
}

bool WaiterQueue::pop_next() {
  while (Waiter* const waiter = first_) {
    waiter->leave();
    if (waiter->future_.done()) continue;
    waiter->future_.set_result();
    return true;
  }
  return false;
}

void WaiterQueue::wake(std::size_t count) {
  for (const Waiter* waiter = first_; waiter && count > 0; waiter = waiter->next_) {
    if (waiter->future_.done()) continue;
    --count;
    waiter->future_.set_result();
  }
}

}  // namespace asyncio
