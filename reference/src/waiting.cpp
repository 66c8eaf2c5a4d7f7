// waiting.cpp: callbacks that are taken back.
//
// Three of these functions watch futures by a done-callback. A callback that was handed to the loop can no
// longer be taken back (S70), and may run after the function that added it has been left, for instance by a
// cancellation in the same iteration. So what it works on is never on the stack of the waiting task, but
// shared by all callbacks, and finds out by itself that nobody waits any more.
#include <asyncio/waiting.hpp>

#include <asyncio/events.hpp>
#include <asyncio/queues.hpp>

#include <cassert>
#include <stdexcept>

namespace asyncio {
namespace {

/// A done-callback and the edge of the call graph that goes with it (M3); both end with this object.
class Watch {
 public:
  /// \param waiter  on whose behalf; empty for none
  Watch(AnyFuture future, AnyTask waiter, UniqueFunction<void(AnyFuture)> callback, const Context& context)
      : future_(std::move(future)),
        id_(future_.add_done_callback(std::move(callback), context)),
        waiter_(std::move(waiter)) {
    if (waiter_) edge_ = AwaitEdge(Ref<FutureState>(future_.get()), *waiter_.get());
  }
  Watch(Watch&&) noexcept = default;
  Watch& operator=(Watch&&) noexcept = default;
  ~Watch() {
    if (future_) future_.remove_done_callback(id_);
  }

 private:
  AnyFuture future_;  // empty once moved from
  CallbackId id_{};
  AnyTask waiter_;  // outlives the edge, which only points to it
  AwaitEdge edge_;
};

/// A timer that is cancelled when this object goes, if there is one.
class Timer {
 public:
  Timer(AbstractEventLoop& loop, std::optional<Duration> delay, Callback callback) {
    if (delay) handle_ = loop.call_later(*delay, std::move(callback));
  }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }
  void cancel() { handle_.cancel(); }

 private:
  TimerHandle handle_;
};

/// The task that is running on that loop, if it is running here.
AnyTask running_task(AbstractEventLoop& loop) {
  return get_running_loop_or_null() == &loop ? current_task() : AnyTask();
}

/// The future that a task in wait() awaits: counts the futures that are done.
class SeveralDone final : public FutureState {
 public:
  SeveralDone(AbstractEventLoop& loop, std::size_t count, ReturnWhen return_when)
      : FutureState(loop, nullptr, std::source_location::current()), left_(count), return_when_(return_when) {}

  void one_is_done(FutureState& future) {
    --left_;
    if (left_ == 0 || return_when_ == FIRST_COMPLETED ||
        (return_when_ == FIRST_EXCEPTION && !future.cancelled() && future.exception())) {
      wake();
    }
  }
  /// Lets the waiting task go on, if it is still there to be woken.
  void wake() {
    if (!done()) set_result();
  }

 private:
  std::size_t left_;
  ReturnWhen return_when_;
};

bool known(ReturnWhen return_when) {
  switch (return_when) {
    case ReturnWhen::all_completed:
    case ReturnWhen::first_completed:
    case ReturnWhen::first_exception: return true;
  }
  return false;  // a number that was cast
}

}  // namespace

// ---- wait() ----

void wait_untyped(const std::vector<AnyFuture>& futures, const WaitOptions& options) {
  if (futures.empty()) throw std::invalid_argument("Set of Tasks/Futures is empty.");
  if (!known(options.return_when)) {
    throw std::invalid_argument("Invalid return_when value: " + std::to_string(static_cast<int>(options.return_when)));
  }

  AbstractEventLoop& loop = get_running_loop();
  const auto enough = make_ref<SeveralDone>(loop, futures.size(), options.return_when);
  const Timer timer(loop, options.timeout, [enough] { enough->wake(); });
  const Context context = copy_context();
  std::vector<Watch> watches;
  watches.reserve(futures.size());
  for (const AnyFuture& future : futures) {
    watches.emplace_back(
        future, running_task(loop), [enough](const AnyFuture& f) { enough->one_is_done(*f.get()); }, context);
  }
  enough->wait();  // suspends
}

// ---- wait_for() ----

void cancel_and_wait(const AnyFuture& future) {
  AbstractEventLoop& loop = get_running_loop();
  const auto ended = make_ref<SeveralDone>(loop, 1, FIRST_COMPLETED);
  const Watch watch(future, running_task(loop), [ended](const AnyFuture&) { ended->wake(); }, copy_context());
  future.cancel();
  ended->wait();  // suspends
}

// ---- shield() ----

namespace {

/// How the outer future finds the inner one, which it must not keep alive (S156): else the two would hold each
/// other for as long as neither is done.
class Shielded final : public RefCounted {
 public:
  FutureState* inner = nullptr;  // null once the callback of the inner future has run or was dropped
  CallbackId callback{};
};

/// Part of the inner future's callback, and gone before the inner future is: the outer one's way to it, and the
/// edge of the call graph. An AwaitEdge would have the inner future hold itself.
class InnerIsThere {
 public:
  InnerIsThere(Ref<Shielded> shielded, FutureState& inner)
      : shielded_(std::move(shielded)), waiter_(running_task(inner.loop())) {
    shielded_->inner = &inner;
    if (waiter_) inner.add_awaited_by(*waiter_.get());
  }
  InnerIsThere(InnerIsThere&&) noexcept = default;
  InnerIsThere& operator=(InnerIsThere&&) = delete;
  ~InnerIsThere() {
    if (!shielded_) return;
    FutureState& inner = *std::exchange(shielded_->inner, nullptr);
    if (waiter_) inner.discard_awaited_by(*waiter_.get());
  }

 private:
  Ref<Shielded> shielded_;  // empty once moved from
  AnyTask waiter_;
};

}  // namespace

void shield_untyped(const AnyFuture& inner, const AnyFuture& outer,
                    void (*copy_result)(const AnyFuture& from, const AnyFuture& to)) {
  const auto shielded = make_ref<Shielded>();
  shielded->callback = inner.add_done_callback(
      [outer, copy_result, there = InnerIsThere(shielded, *inner.get())](const AnyFuture& ended) {
        if (outer.done()) return;  // cancelled in this very iteration; an error of `ended` is not looked at (S155)
        if (ended.cancelled()) {
          outer.cancel();  // without the message (S154)
        } else if (const std::exception_ptr error = ended.exception()) {
          outer.set_exception(error);
        } else {
          copy_result(ended, outer);
        }
      });
  outer.add_done_callback([shielded](const AnyFuture&) {
    if (shielded->inner) shielded->inner->remove_done_callback(shielded->callback);
  });
}

// ---- as_completed() ----

/// What the callbacks share with the range: the order in which futures ended.
class CompletionOrder::State final : public RefCounted {
 public:
  explicit State(std::size_t count) : left_(count), watches_(count) {}

  /// Begins to watch. The futures keep this object alive until stop().
  void start(const std::vector<AnyFuture>& futures, const AsCompletedOptions& options) {
    if (futures.empty()) return;
    AbstractEventLoop& loop = futures.front().get_loop();
    const Ref<State> self(this);
    const Context context = copy_context();
    for (std::size_t i = 0; i < futures.size(); ++i) {
      watches_[i].emplace(futures[i], running_task(loop), [self, i](const AnyFuture&) { self->ended(i); }, context);
    }
    unfinished_ = futures.size();
    timer_.emplace(loop, options.timeout, [self] { self->time_is_over(); });
  }

  std::optional<std::size_t> next() {
    if (left_ == 0) return {};
    --left_;
    std::optional<std::size_t> index;
    try {
      index = ended_.get();  // suspends
    } catch (...) {
      ++left_;  // S160
      throw;
    }
    if (!index) throw TimeoutError();
    return index;
  }

  void stop() {
    timer_.reset();
    watches_.clear();
  }

 private:
  void ended(std::size_t index) {
    if (index >= watches_.size() || !watches_[index]) return;  // stopped, or the time was over in this iteration
    watches_[index].reset();
    ended_.put_nowait(index);
    if (--unfinished_ == 0) timer_.reset();
  }

  /// One marker for each future that is missing (S159).
  void time_is_over() {
    for (std::optional<Watch>& watch : watches_) {
      if (!watch) continue;
      watch.reset();
      ended_.put_nowait({});
    }
  }

  std::size_t left_;                           // how many next() has not given yet
  std::size_t unfinished_ = 0;                 // how many have not ended yet
  std::vector<std::optional<Watch>> watches_;  // by index; empty where ended
  std::optional<Timer> timer_;
  Queue<std::optional<std::size_t>> ended_;  // empty items: the markers
};

CompletionOrder::CompletionOrder(std::vector<AnyFuture> futures, const AsCompletedOptions& options)
    : state_(make_ref<State>(futures.size())) {
  state_->start(futures, options);
}

CompletionOrder::CompletionOrder(CompletionOrder&&) noexcept = default;

CompletionOrder::~CompletionOrder() {
  if (state_) state_->stop();
}

std::optional<std::size_t> CompletionOrder::next() { return state_->next(); }

}  // namespace asyncio
