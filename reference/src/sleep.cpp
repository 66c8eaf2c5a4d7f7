// sleep.cpp: the smallest wait.
#include <asyncio/sleep.hpp>

#include <asyncio/coroutine.hpp>

namespace asyncio {
namespace {

/// A timer that is cancelled on every way out, also where it has run already (S132).
class ScopedTimer {
 public:
  explicit ScopedTimer(TimerHandle timer) : timer_(std::move(timer)) {}
  ~ScopedTimer() { timer_.cancel(); }
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;

 private:
  TimerHandle timer_;
};

}  // namespace

void sleep(Delay delay) {
  if (Duration(delay) <= Duration::zero()) return Coroutine::suspend();  // one bare yield, no timer (S132)

  AbstractEventLoop& loop = get_running_loop();
  const auto woken = loop.create_future<void>();
  const ScopedTimer timer(loop.call_later(delay, [woken] { set_result_unless_cancelled(woken); }));
  await(woken);
}

void check_future_loop(const AnyFuture& future, const EnsureFutureOptions& options) {
  if (options.loop && options.loop != &future.get_loop()) {
    throw std::invalid_argument("The future belongs to a different loop than the one specified as the loop argument");
  }
}

AbstractEventLoop& loop_for_future(const EnsureFutureOptions& options) {
  return options.loop ? *options.loop : *get_event_loop();
}

}  // namespace asyncio
