// gather.cpp: what the end of a child means for the whole.
#include <asyncio/gather.hpp>

#include <asyncio/events.hpp>
#include <asyncio/loop_core.hpp>

#include <cassert>
#include <set>
#include <stdexcept>

namespace asyncio {

GatheringFuture::GatheringFuture(AbstractEventLoop& loop, std::vector<AnyFuture> children, bool returns_exceptions)
    : FutureState(loop, nullptr, std::source_location::current()),
      children_(std::move(children)),
      edges_(children_.size()),
      returns_exceptions_(returns_exceptions) {}

GatheringFuture::~GatheringFuture() { core().forget_ring(ring_); }

void GatheringFuture::start() {
  const Ref<GatheringFuture> self(this);
  const Context context = copy_context();
  // asyncio's edge goes to the task that gathers, not to this future: it is who a reader looks for (S344).
  if (get_running_loop_or_null()) waiter_ = Ref<FutureState>(current_task().get());
  std::set<AnyFuture> seen;  // only asked, never walked through: its order decides nothing
  std::vector<std::size_t> done_already;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    const AnyFuture& child = children_[i];
    if (!seen.insert(child).second) continue;  // a repetition shares the result, and is counted once (S136)
    ++unfinished_;
    if (child.done()) {
      done_already.push_back(i);
      continue;
    }
    if (waiter_) edges_[i] = AwaitEdge(Ref<FutureState>(child.get()), *waiter_);
    child.add_done_callback([self, i](const AnyFuture&) { self->on_child_done(i); }, context);
  }
  if (children_.empty()) {
    waiter_ = {};
    collect();
    set_result();
  }
  if (done_already.size() < unfinished_) ring_ = core().remember_ring([this] { let_go(); });
  // Only now, when all are counted: the last of them may complete this future (S142).
  for (const std::size_t i : done_already) on_child_done(i);
}

void GatheringFuture::on_child_done(std::size_t index) {
  edges_[index].clear();
  FutureState& child = *children_[index].get();
  if (--unfinished_ == 0) {
    core().forget_ring(std::exchange(ring_, 0));
    waiter_ = {};
  }
  if (done()) {
    child.mark_retrieved();  // G3
    return;
  }

  if (!returns_exceptions_) {
    // A cancelled child counts as one that failed with CancelledError, so this future is not cancelled() (S138).
    if (std::exception_ptr error = child.take_error()) return set_exception(std::move(error));
  }
  if (unfinished_ > 0) return;

  if (cancel_requested_) {  // G4
    // Nobody will look at the children's errors any more. What is said is what the last argument has to say,
    // whichever child ended last: nothing, where that one was not cancelled.
    for (const AnyFuture& each : children_) each.get()->mark_retrieved();
    return set_exception(children_.back().get()->make_cancelled_error());
  }
  try {
    collect();
  } catch (...) {
    return set_exception(std::current_exception());  // copying a result failed
  }
  set_result();
}

bool GatheringFuture::cancel(std::string message) {
  if (done()) return false;
  bool accepted = false;
  for (const AnyFuture& child : children_) accepted |= child.cancel(message);
  cancel_requested_ |= accepted;
  return accepted;
}

/// The loop closes with children still pending: none of them will call back any more.
void GatheringFuture::let_go() {
  const Ref<GatheringFuture> self(this);  // which a child may be the last to hold
  ring_ = 0;
  edges_.clear();
  waiter_ = {};
  children_.clear();
}

AbstractEventLoop& common_loop(const std::vector<AnyFuture>& futures) {
  if (futures.empty()) return *get_event_loop();
  AbstractEventLoop& loop = futures.front().get_loop();
  for (const AnyFuture& future : futures) check_future_loop(future, {.loop = &loop});
  return loop;
}

std::exception_ptr error_of(const AnyFuture& future) {
  assert(future.done());
  if (!future.cancelled()) return future.exception();
  return std::make_exception_ptr(CancelledError(future.get()->cancel_message()));
}

}  // namespace asyncio
