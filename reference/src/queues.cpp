// queues.cpp: who waits at a queue, and for how long.
#include <asyncio/queues.hpp>

#include <stdexcept>

namespace asyncio {

/// What put() and get() have in common: wait in line for as long as `blocked` is true.
void AnyQueue::wait_while(bool (AnyQueue::*blocked)() const noexcept, WaiterQueue& line) {
  while ((this->*blocked)()) {
    if (is_shutdown_) throw QueueShutDown();  // S218
    Waiter waiter(line, get_loop());
    try {
      waiter.wait();  // suspends; nothing is reserved meanwhile, so the loop looks again (S214)
    } catch (...) {
      waiter.leave();
      if (waiter.woken() && !(this->*blocked)()) line.pop_next();  // Q1
      throw;
    }
  }
}

void AnyQueue::wait_for_slot() { wait_while(&AnyQueue::full, putters_); }
void AnyQueue::wait_for_item() { wait_while(&AnyQueue::empty, getters_); }

void AnyQueue::check_puttable() const {
  if (is_shutdown_) throw QueueShutDown();
  if (full()) throw QueueFull();
}

void AnyQueue::check_gettable() const {
  if (!empty()) return;
  if (is_shutdown_) throw QueueShutDown();
  throw QueueEmpty();
}

void AnyQueue::item_put() {
  ++unfinished_tasks_;
  finished_.clear();
  getters_.pop_next();
}

void AnyQueue::item_taken() { putters_.pop_next(); }

void AnyQueue::task_done() {
  if (unfinished_tasks_ <= 0) throw std::invalid_argument("task_done() called too many times");
  if (--unfinished_tasks_ == 0) finished_.set();
}

void AnyQueue::join() {
  if (unfinished_tasks_ > 0) finished_.wait();  // suspends
}

void AnyQueue::shutdown(QueueShutdownOptions options) {
  is_shutdown_ = true;
  if (options.immediate) {
    while (!empty()) {
      drop_item();
      if (unfinished_tasks_ > 0) --unfinished_tasks_;
    }
    if (unfinished_tasks_ == 0) finished_.set();  // S219
  }
  getters_.wake_all();
  putters_.wake_all();
}

std::string AnyQueue::repr() const {
  std::string text = std::string("<") + kind() + " maxsize=" + std::to_string(maxsize_);
  if (!getters_.empty()) text += " _getters[" + std::to_string(getters_.size()) + "]";
  if (!putters_.empty()) text += " _putters[" + std::to_string(putters_.size()) + "]";
  if (unfinished_tasks_ > 0) text += " tasks=" + std::to_string(unfinished_tasks_);
  return text + (is_shutdown_ ? " shutdown>" : ">");
}

}  // namespace asyncio
