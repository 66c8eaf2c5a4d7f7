// The exercise of chapter 1: the loop of loop.cpp, with a heap that does not know who came first.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

class Loop {
 public:
  using Callback = std::function<void()>;

  void call_soon(Callback callback) { ready_.push_back(std::move(callback)); }

  // TODO(ch01): timers with one deadline have to run in the order in which they were made.
  void call_later(std::chrono::seconds delay, Callback callback) {
    timers_.push_back({now_ + delay, std::move(callback)});
    std::push_heap(timers_.begin(), timers_.end(), due_later);
  }

  std::chrono::seconds time() const { return now_; }

  void run() {
    while (!ready_.empty() || !timers_.empty()) run_once();
  }

 private:
  struct Timer {
    std::chrono::seconds when;
    Callback callback;
  };
  static bool due_later(const Timer& a, const Timer& b) { return a.when > b.when; }

  std::deque<Callback> ready_;
  std::vector<Timer> timers_;
  std::chrono::seconds now_{0};

  void run_once() {
    if (ready_.empty()) now_ = timers_.front().when;
    while (!timers_.empty() && timers_.front().when <= now_) {
      std::pop_heap(timers_.begin(), timers_.end(), due_later);
      ready_.push_back(std::move(timers_.back().callback));
      timers_.pop_back();
    }
    for (std::size_t left = ready_.size(); left > 0; --left) {
      const Callback callback = std::move(ready_.front());
      ready_.pop_front();
      callback();
    }
  }
};
