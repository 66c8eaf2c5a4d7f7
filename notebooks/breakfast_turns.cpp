// breakfast_turns.cpp: breakfast on a loop that counts, one JSON object for each of its turns.
//
// A loop of one's own is three functions, and may change the six steps of a turn. This one waits for
// nobody: where another loop would sleep until the next timer is due, it moves its clock there. And it
// looks at the ready queue at the one moment at which its length matters, in step 6.
//
//   {"turn":2,"time_ns":0,"ready":3,"timers":0,"tasks":["tea","toast","eggs"]}
//
// turn     counted from 1
// time_ns  on this loop's clock, during the turn
// ready    handles that step 6 runs: what was on the ready queue when it began
// timers   in the heap at that moment
// tasks    those that were stepped in this turn, in order; a handle that steps no task is not among them
#include "breakfast.hpp"

#include <cstddef>
#include <iostream>
#include <string>

namespace {

class CountingLoop final : public asyncio::BaseEventLoop, private asyncio::Instrument {
 public:
  CountingLoop() { add_instrument(*this); }
  ~CountingLoop() override { remove_instrument(*this); }

  asyncio::TimePoint time() const override { return now_; }

 protected:
  asyncio::EventList select(std::optional<asyncio::Duration> timeout) override {
    if (timeout) now_ += *timeout;
    return {};
  }
  void process_events(asyncio::EventList) override {}
  void write_to_self() noexcept override {}

  void run_ready(std::size_t count) override {
    const auto time_ns = now_.time_since_epoch().count();
    const auto timers = scheduled_.size();
    tasks_.clear();
    BaseEventLoop::run_ready(count);  // step 6
    std::cout << "{\"turn\":" << ++turn_ << ",\"time_ns\":" << time_ns << ",\"ready\":" << count
              << ",\"timers\":" << timers << ",\"tasks\":[" << tasks_ << "]}\n";
  }

 private:
  void task_entered(const asyncio::AnyTask& task) override {
    tasks_ += (tasks_.empty() ? "\"" : ",\"") + task.get_name() + "\"";
  }

  asyncio::TimePoint now_{};
  int turn_ = 0;
  std::string tasks_;  // of this turn, as JSON
};

}  // namespace

int main() {
  CountingLoop loop;
  loop.run_until_complete(breakfast::kitchen);
}
