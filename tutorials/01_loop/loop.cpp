// loop.cpp: an event loop in forty lines of plain C++, and a program that runs on it.
//
// Nothing of Orrery is in here. What reference/src/base_events.cpp does beyond this, the last part of README.md lists.
#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <iomanip>
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

class Loop {
 public:
  using Callback = std::function<void()>;

  // [call_soon]
  void call_soon(Callback callback) { ready_.push_back(std::move(callback)); }
  // [call_soon]

  // [call_later]
  void call_later(std::chrono::seconds delay, Callback callback) {
    timers_.push_back({now_ + delay, std::move(callback)});
    std::push_heap(timers_.begin(), timers_.end(), due_later);
  }
  // [call_later]

  std::chrono::seconds time() const { return now_; }

  // [run]
  void run() {
    while (!ready_.empty() || !timers_.empty()) run_once();
  }
  // [run]

 private:
  // [members]
  struct Timer {
    std::chrono::seconds when;
    Callback callback;
  };
  static bool due_later(const Timer& a, const Timer& b) { return a.when > b.when; }

  std::deque<Callback> ready_;  // the front runs next
  std::vector<Timer> timers_;   // a heap: the front is due first
  std::chrono::seconds now_ = 0s;
  // [members]

  // [run_once]
  void run_once() {
    if (ready_.empty()) now_ = timers_.front().when;  // nothing to do until then: the clock jumps there

    while (!timers_.empty() && timers_.front().when <= now_) {
      std::pop_heap(timers_.begin(), timers_.end(), due_later);  // moves the front to the back
      ready_.push_back(std::move(timers_.back().callback));
      timers_.pop_back();
    }

    for (std::size_t left = ready_.size(); left > 0; --left) {  // those that are ready now, and no others
      const Callback callback = std::move(ready_.front());
      ready_.pop_front();
      callback();
    }
  }
  // [run_once]
};

}  // namespace

// [main]
int main() {
  Loop loop;
  const auto say = [&](std::string_view what) {
    std::cout << std::setw(5) << loop.time().count() << " s  " << what << '\n';
  };

  loop.call_later(2h, [&] { say("the rest is cold"); });
  loop.call_later(3min, [&] {
    loop.call_soon([&] { say("drink"); });
    say("take the bag out");
  });
  loop.call_soon([&] { say("pour the water"); });
  loop.run();
}
// [main]
