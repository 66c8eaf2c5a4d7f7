// A solution of the exercise of chapter 1.
//
// A heap keeps no order among elements that compare equal, so no two may: each timer gets the number of timers made
// before it, which breaks every tie. The number is 64 bits wide; a timer each nanosecond would use it up in 584 years.
// reference/src/timer_heap.cpp does the same. (Sorting the vector instead would do as well, and make call_later()
// O(n).)
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

  void call_later(std::chrono::seconds delay, Callback callback) {
    timers_.push_back({now_ + delay, made_++, std::move(callback)});
    std::push_heap(timers_.begin(), timers_.end(), due_later);
  }

  std::chrono::seconds time() const { return now_; }

  void run() {
    while (!ready_.empty() || !timers_.empty()) run_once();
  }

 private:
  struct Timer {
    std::chrono::seconds when;
    std::uint64_t made;  // how many were made before this one
    Callback callback;
  };
  static bool due_later(const Timer& a, const Timer& b) { return a.when != b.when ? a.when > b.when : a.made > b.made; }

  std::deque<Callback> ready_;
  std::vector<Timer> timers_;
  std::chrono::seconds now_{0};
  std::uint64_t made_ = 0;

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
