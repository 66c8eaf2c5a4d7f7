// futures.cpp: completing a future, and who hears of it.
//
//     add_done_callback(f) ──► [ handle f ]──►[ handle g ]──►[ step of task t ]      the future's list
//     set_result(x)        ──► the same handles, in the same order, on the loop's ready queue
//
// The callbacks of a future are handles already, so completing it moves them and allocates nothing. Each
// of them is told the future (HandleState::subject), which keeps it alive until the callback has run.
#include <asyncio/futures.hpp>

#include <asyncio/coroutine.hpp>
#include <asyncio/events.hpp>
#include <asyncio/handle_state.hpp>

#include <algorithm>
#include <cassert>

namespace asyncio {
namespace {

CallbackId next_callback_id() {
  static std::atomic<std::uint64_t> last = 0;
  return CallbackId{last.fetch_add(1, std::memory_order_relaxed) + 1};
}

/// Of each thread, not of the program: worlds that run side by side do not get in each other's way.
thread_local std::uint64_t futures_made = 0;

}  // namespace

FutureState::FutureState(AbstractEventLoop& loop, AnySlot* slot, std::source_location where)
    : core_(&loop.core()), slot_(slot), number_(++futures_made), where_(where) {
  if (core_->debug()) [[unlikely]] {
    source_ = std::make_unique<StackSummary>(StackSummary::extract(DEBUG_STACK_DEPTH));
  }
}

FutureState::~FutureState() { drop_callbacks(); }  // F3: still pending

AbstractEventLoop& FutureState::loop() const {
  AbstractEventLoop* loop = core_->loop();
  if (!loop) throw RuntimeError(std::string("the event loop of this ") + kind() + " has been destroyed");
  return *loop;
}

// ---- Completing ----

bool FutureState::cancel(std::string message) {
  log_traceback_ = false;  // S66: also where the answer is false
  if (done()) return false;
  cancel_message_ = std::move(message);
  finish_cancelled();
  return true;
}

void FutureState::require_pending() const {
  if (done()) throw InvalidStateError("invalid state");
}

void FutureState::check_settable() const { require_pending(); }

void FutureState::set_result() {
  require_pending();
  finish();
}

void FutureState::set_exception(std::exception_ptr error) {
  require_pending();
  if (!error) throw std::invalid_argument("set_exception() needs an exception, and was given null");
  finish_with(std::move(error));
}

void FutureState::finish() {
  assert(!done());  // F1
  stage_.store(Stage::finished, std::memory_order_relaxed);
  schedule_callbacks();
}

void FutureState::finish_with(std::exception_ptr error) {
  assert(!done());  // F1
  exception_ = std::move(error);
  stage_.store(Stage::finished, std::memory_order_relaxed);
  log_traceback_ = true;
  schedule_callbacks();
}

void FutureState::finish_cancelled() {
  assert(!done());  // F1
  stage_.store(Stage::cancelled, std::memory_order_relaxed);
  schedule_callbacks();
}

void FutureState::schedule_callbacks() {
  if (!first_waiter_) return;
  const Ref<FutureState> self(this);
  try {
    AbstractEventLoop& loop = this->loop();
    while (first_waiter_) {  // F2
      auto handle = pop_waiter();
      handle->set_subject(self);
      loop.call_soon_handle(std::move(handle));
    }
  } catch (...) {
    drop_callbacks();  // the loop is closed or gone: no callback will ever run, and none stays behind (S71, F3)
    throw;
  }
}

Ref<HandleState> FutureState::pop_waiter() noexcept {
  auto handle = Ref<HandleState>::adopt(first_waiter_);
  first_waiter_ = std::exchange(handle->next_, nullptr);
  if (!first_waiter_) last_waiter_ = nullptr;
  return handle;
}

void FutureState::drop_callbacks() noexcept {
  // drop() first: a task's step handle is held by its task, which only the handle's own hold keeps alive.
  while (first_waiter_) pop_waiter()->drop();
}

// ---- Callbacks ----

CallbackId FutureState::add_done_callback(UniqueFunction<void(AnyFuture)> callback, std::optional<Context> context) {
  if (!callback) throw std::invalid_argument("a callable object was expected by add_done_callback(), got None");
  // The future is alive when this runs: the handle that calls it holds the future as its subject.
  auto call = [callback = std::move(callback), this]() mutable { callback(AnyFuture(Ref<FutureState>(this))); };
  return add_waiter(make_ref<HandleState>(std::move(call), loop(), context ? std::move(*context) : copy_context()));
}

CallbackId FutureState::add_waiter(Ref<HandleState> handle) {
  const CallbackId id = next_callback_id();
  handle->set_id(id);
  if (done()) {  // S69
    AbstractEventLoop& loop = this->loop();
    handle->set_subject(Ref<FutureState>(this));
    loop.call_soon_handle(std::move(handle));
    return id;
  }
  HandleState* const added = handle.detach();
  (first_waiter_ ? last_waiter_->next_ : first_waiter_) = added;
  last_waiter_ = added;
  return id;
}

std::size_t FutureState::remove_done_callback(CallbackId id) {
  HandleState* before = nullptr;
  for (HandleState* handle = first_waiter_; handle; before = handle, handle = handle->next_) {
    if (handle->id() != id) continue;
    (before ? before->next_ : first_waiter_) = handle->next_;
    if (last_waiter_ == handle) last_waiter_ = before;
    handle->next_ = nullptr;
    Ref<HandleState>::adopt(handle)->drop();
    return 1;
  }
  return 0;
}

// ---- Looking at the outcome ----

std::exception_ptr FutureState::exception() {
  if (!done()) throw InvalidStateError("Exception is not set.");
  if (cancelled()) std::rethrow_exception(make_cancelled_error());
  log_traceback_ = false;  // S74
  return exception_;
}

void FutureState::check_result() {
  if (!done()) throw InvalidStateError("Result is not set.");
  if (failed()) std::rethrow_exception(take_error());
}

std::exception_ptr FutureState::take_error() {
  assert(done());
  log_traceback_ = false;
  return cancelled() ? make_cancelled_error() : exception_;
}

std::exception_ptr FutureState::make_cancelled_error() {
  if (saved_cancelled_error_) return std::exchange(saved_cancelled_error_, nullptr);
  return std::make_exception_ptr(CancelledError(cancel_message_));
}

// ---- Waiting ----

void FutureState::wait() {
  if (done()) return;  // S72
  blocking_ = true;
  Coroutine::suspend(this);
  if (!done()) throw RuntimeError("await wasn't used with future");  // S73
}

void FutureState::add_awaited_by(FutureState& waiter) {
  if (only_waiter_ == &waiter) return;
  if (!only_waiter_ && more_waiters_.empty()) {
    only_waiter_ = &waiter;
    return;
  }
  if (only_waiter_) more_waiters_.push_back(std::exchange(only_waiter_, nullptr));
  if (std::ranges::find(more_waiters_, &waiter) == more_waiters_.end()) more_waiters_.push_back(&waiter);
}

void FutureState::hold_awaited_by(Ref<FutureState> waiter) {
  if (std::ranges::find(awaited_by(), waiter.get()) != awaited_by().end()) return;
  if (!held_waiters_) held_waiters_ = std::make_unique<std::vector<Ref<FutureState>>>();
  add_awaited_by(*waiter);
  held_waiters_->push_back(std::move(waiter));
}

void FutureState::discard_awaited_by(FutureState& waiter) noexcept {
  if (only_waiter_ == &waiter) only_waiter_ = nullptr;
  if (!more_waiters_.empty()) std::erase(more_waiters_, &waiter);
  if (!held_waiters_) return;
  const auto held = std::ranges::find(*held_waiters_, &waiter, &Ref<FutureState>::get);
  if (held == held_waiters_->end()) return;
  const Ref<FutureState> dropped = std::move(*held);  // goes last: its end may run foreign code
  held_waiters_->erase(held);
}

std::vector<AnyFuture> AnyFuture::asyncio_awaited_by() const {
  std::vector<AnyFuture> waiters;
  for (FutureState* waiter : state().awaited_by()) waiters.emplace_back(Ref<FutureState>(waiter));
  return waiters;
}

AwaitEdge::AwaitEdge(Ref<FutureState> future, FutureState& waiter) : future_(std::move(future)), waiter_(&waiter) {
  future_->add_awaited_by(waiter);
}

AwaitEdge& AwaitEdge::operator=(AwaitEdge&& other) noexcept {
  clear();
  future_ = std::move(other.future_);
  waiter_ = other.waiter_;
  return *this;
}

void AwaitEdge::clear() noexcept {
  if (const Ref<FutureState> future = std::move(future_)) future->discard_awaited_by(*waiter_);
}

// ---- The end ----

void FutureState::last_owner_gone() noexcept {
  if (log_traceback_) {
    // A report may hand the future to somebody who keeps it. So it is owned again while the report runs,
    // and goes for good when that owner lets go (F4).
    const Ref<FutureState> self(this);
    log_traceback_ = false;
    report_never_retrieved();
    return;
  }
  delete this;
}

void FutureState::report_never_retrieved() noexcept {
  AbstractEventLoop* loop = core_->loop();
  if (!loop) return;  // nobody left to tell
  ExceptionContext context{.message = std::string(kind()) + " exception was never retrieved", .exception = exception_};
  context.future = AnyFuture(Ref<FutureState>(this));
  if (loop->get_debug()) context.source_traceback = where_;
  context.source_stack = source();
  try {
    loop->call_exception_handler(context);
  } catch (...) {
    // Only KeyboardInterrupt and SystemExit get here, and nothing can be thrown out of a destruction.
  }
}

// ---- Texts ----

namespace {

/// A text as Python's reprlib.repr() shows it: quoted, on one line, its middle left out where it is long.
std::string quoted(const std::string& text) {
  constexpr std::size_t LONGEST = 30, BEGINNING = 13, END = 14;
  std::string line = "'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') line += '\\';
    line += c == '\n' ? "\\n" : std::string(1, static_cast<unsigned char>(c) < ' ' ? '?' : c);
  }
  line += "'";
  return line.size() <= LONGEST ? line : line.substr(0, BEGINNING) + "..." + line.substr(line.size() - END);
}

template <class T>
std::string shown_if(AnySlot& slot) {
  if (slot.type() != typeid(T)) return {};
  const T& value = static_cast<Slot<T>&>(slot).value();
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "True" : "False";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return quoted(value);
  } else {
    return std::to_string(value);
  }
}

template <class... T>
std::string shown_if_any(AnySlot& slot) {
  return (shown_if<T>(slot) + ...);
}

/// " result=7"; nothing for a type that has no text of its own.
std::string result_text(AnySlot* slot) {
  if (!slot) return {};
  const std::string text =
      slot->type() == typeid(void)
          ? "None"
          : shown_if_any<bool, int, unsigned, long, unsigned long, long long, unsigned long long, std::string>(*slot);
  return text.empty() ? text : " result=" + text;
}

}  // namespace

std::string FutureState::state_text() const {
  switch (stage()) {
    case Stage::pending: return "pending";
    case Stage::cancelled: return "cancelled";
    case Stage::finished: return "finished";
  }
  return {};
}

std::string FutureState::outcome_text() const {
  if (stage() != Stage::finished) return {};
  return exception_ ? " exception=" + describe(exception_) : result_text(slot_);
}

std::string FutureState::created_text() const {
  if (!core_->debug()) return {};
  return std::string(" created at ") + where_.file_name() + ":" + std::to_string(where_.line());
}

std::string FutureState::repr() const {
  return std::string("<") + kind() + " " + state_text() + outcome_text() + created_text() + ">";
}

void AnyFuture::throw_empty() { throw RuntimeError("this handle holds no future"); }

void check_result_type(const AnyFuture& future, const std::type_info& expected) {
  const AnySlot* slot = future.get()->slot();
  if (!slot || slot->type() != expected) {
    throw std::invalid_argument("the result of " + future.repr() + " has another type than was asked for");
  }
}

}  // namespace asyncio
