// scripted_loop.hpp: a loop whose outside world is what a test says it is.
//
// The clock stands still until a poll waits, and then jumps by as much as the poll would have waited. The
// test decides what a poll finds and what happens meanwhile. So these tests see each iteration on its own,
// and none of them waits. A poll that would wait for ever ends the run: nothing can happen any more.
#pragma once

#include <asyncio/base_events.hpp>

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {

/// A BaseEventLoop with a clock, a selector and an exception handler that write down what they see.
class ScriptedLoop : public BaseEventLoop {
 public:
  ScriptedLoop() {
    set_exception_handler([this](AbstractEventLoop&, const ExceptionContext& context) {
      reports.push_back(context.message + (context.exception ? " " + describe(context.exception) : ""));
    });
  }
  ~ScriptedLoop() override {
    if (!is_closed()) close();
  }

  /// Runs exactly so many iterations, with polls that only look (S27).
  void turn(int turns = 1) {
    for (; turns > 0; --turns) {
      stop();
      run_forever();
    }
  }
  /// Runs until nothing is ready and no timer is left.
  void run_until_idle() { run_forever(); }

  TimePoint time() const override { return now; }
  std::size_t ready_count() const { return ready_.size(); }
  TimerHeap& timers() { return scheduled_; }
  void set_clock_resolution(Duration resolution) { clock_resolution_ = resolution; }
  RandomEngine& random() override { not_implemented("random"); }

  TimePoint now{};
  int iterations = 0;
  std::atomic<int> rings = 0;                  ///< how often the loop was asked to wake
  std::vector<std::optional<Duration>> polls;  ///< what each poll was allowed to wait
  std::vector<std::string> reports;            ///< "message exception" of each reported error
  std::vector<SelectorEvent> next_events;      ///< what the next poll finds
  Callback during_next_poll;                   ///< what happens while the next poll waits
  std::function<void(int fd)> on_event;        ///< what the handle of each event does

 protected:
  void run_once() override {
    ++iterations;
    BaseEventLoop::run_once();
  }
  EventList select(std::optional<Duration> timeout) override {
    polls.push_back(timeout);
    Callback happens = std::exchange(during_next_poll, nullptr);
    if (happens) happens();
    events_ = std::exchange(next_events, {});
    if (timeout) {
      now += *timeout;
    } else if (!happens && events_.empty()) {
      stop();
    }
    return events_;
  }
  void process_events(EventList events) override {
    for (const SelectorEvent& event : events) {
      add_callback(make_ref<HandleState>([this, fd = event.fd] { on_event(fd); }, *this, copy_context()));
    }
  }
  void write_to_self() noexcept override { ++rings; }

 private:
  std::vector<SelectorEvent> events_;
};

/// Gives way for one iteration: Python's `await asyncio.sleep(0)`.
inline void give_way() { Coroutine::suspend(); }

/// The text of the E that `act` throws; "nothing" where it returns.
template <class E, class F>
std::string text_of(F&& act) {
  try {
    act();
  } catch (const E& error) {
    if constexpr (requires { error.what(); }) {
      return error.what();
    } else {
      return std::string(error.message());
    }
  }
  return "nothing";
}

}  // namespace asyncio
