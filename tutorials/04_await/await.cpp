// await.cpp: a task in thirty lines, and asyncio's own beside it.
//
// The fiber is asyncio::Coroutine: a call stack that can be left in the middle and entered again. What turns it into a
// task is somebody who enters it again at the right moment. That somebody is Worker.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <functional>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

#include "tutorials/lanes.hpp"

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

namespace {

void say(const std::string& what) {
  const auto now = asyncio::get_running_loop().time().time_since_epoch();
  std::cout << std::setw(5) << std::chrono::duration_cast<std::chrono::milliseconds>(now).count() << " ms  " << what
            << '\n';
}

// [worker]
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  explicit Worker(std::function<void()> body) : fiber_(std::move(body)) {}

  void step_soon() {
    loop_.call_soon([self = shared_from_this()] { self->step(); });
  }
  asyncio::Future<void> done() const { return done_; }

 private:
  using Why = asyncio::Stop::Why;

  void step() {
    const asyncio::Stop stop = fiber_.send();  // the fiber runs in here, until it stops
    switch (stop.why) {
      case Why::yielded: return step_soon();            // sleep(0s): again in the next turn
      case Why::awaits: return wait_for(*stop.future);  // when the future is done
      case Why::returned: return done_.set_result();
      case Why::threw: return done_.set_exception(stop.error);
    }
  }

  void wait_for(asyncio::FutureState& future) {
    future.set_blocking(false);  // await() set it, to say: I stopped on purpose. Whoever steps takes note
    const auto current_context = std::nullopt;
    future.add_done_callback([self = shared_from_this()](asyncio::AnyFuture) { self->step(); }, current_context);
  }

  asyncio::AbstractEventLoop& loop_ = asyncio::get_running_loop();
  asyncio::Coroutine fiber_;
  asyncio::Future<void> done_ = loop_.create_future<void>();
};
// [worker]

// [brew]
void brew(const std::string& what, asyncio::Duration time) {
  say(what + " begins");
  asyncio::sleep(time);
  say(what + " ends");
}
// [brew]

// [with_workers]
void with_workers() {
  const auto tea = std::make_shared<Worker>([] { brew("tea", 20ms); });
  const auto eggs = std::make_shared<Worker>([] { brew("eggs", 10ms); });
  tea->step_soon();
  eggs->step_soon();
  asyncio::await(tea->done());
  asyncio::await(eggs->done());  // is done already: does not suspend
}
// [with_workers]

// [breakfast]
void breakfast() {
  const auto tea = asyncio::create_task([] { brew("tea", 20ms); }, {.name = "tea"});
  say("the kettle is on");
  brew("toast", 30ms);  // a plain call
  asyncio::await(tea);
  say("breakfast");
}
// [breakfast]

/// A world with one host, on which `meal` is the main task.
int cook(void (*meal)()) {
  const auto kitchen = [meal](sim::World& world) { world.client("kitchen", meal); };
  const sim::RunResult result = sim::run(kitchen, {.strategy = sim::fifo(), .trace = true});
  if (result.failure) std::cout << "FAIL  " << result.failure->message << '\n';
  std::cout << '\n';
  tutorials::draw_lanes(result.trace);
  return result.failure ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string wanted = argc > 1 ? argv[1] : "breakfast";
  return cook(wanted == "workers" ? with_workers : breakfast);
}
