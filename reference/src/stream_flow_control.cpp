// stream_flow_control.cpp: the tasks that wait in drain().

#include <asyncio/stream_flow_control.hpp>

#include <asyncio/events.hpp>

#include <system_error>

namespace asyncio::streams {

FlowControlMixin::~FlowControlMixin() = default;

void FlowControlMixin::resume_writing() {
  paused_ = false;
  drain_waiters_.wake_all();
}

void FlowControlMixin::connection_lost(const std::exception_ptr& error) {
  connection_lost_ = true;
  // Where writing was resumed, whoever still stands in line was let go without an error, and only
  // has not run yet.
  if (paused_) lost_while_paused_ = error;
  drain_waiters_.wake_all();
}

void FlowControlMixin::drain_helper() {
  if (connection_lost_) {
    throw std::system_error(std::make_error_code(std::errc::connection_reset), "Connection lost");
  }
  if (!paused_) return;
  Waiter(drain_waiters_, get_running_loop()).wait();  // suspends
  if (lost_while_paused_) std::rethrow_exception(lost_while_paused_);
}

}  // namespace asyncio::streams
