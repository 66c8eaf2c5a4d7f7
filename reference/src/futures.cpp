// futures.cpp: completing a future, and who hears of it.
//
//     add_done_callback(f) ──► [ handle f ]──►[ handle g ]──►[ step of task t ]      the future's list
//     set_result(x)        ──► the same handles, in the same order, on the loop's ready queue
//
// The callbacks of a future are handles already, so completing it moves them and allocates nothing. Each
// of them is told the future (HandleState::future_done), which keeps it alive until the callback has run.
#include <asyncio/futures.hpp>

#include <asyncio/events.hpp>
#include <asyncio/handle_state.hpp>

#include <algorithm>
#include <cassert>

namespace asyncio {
namespace {

// Of each thread, not of the program: worlds that run side by side do not get in each other's way.
thread_local constinit std::uint64_t futures_made = 0;

[[noreturn, gnu::noinline]] void throw_loop_gone(const char* kind) {
  throw RuntimeError(std::string("the event loop of this ") + kind + " has been destroyed");
}

}  // namespace

FutureState::FutureState(AbstractEventLoop& loop, AnySlot* slot, std::source_location where)
    : core_(&loop.core()), slot_(slot), number_(++futures_made), where_(where) {
  if (core_->debug()) [[unlikely]] {
    extra().source = StackSummary::extract(DEBUG_STACK_DEPTH);
  }
}

FutureState::~FutureState() { drop_callbacks(); }  // F3: still pending

FutureState::Extra& FutureState::extra() {
  if (!extra_) extra_ = std::make_unique<Extra>();
  return *extra_;
}

AbstractEventLoop& FutureState::loop() const {
  AbstractEventLoop* const loop = core_->loop();
  if (!loop) throw_loop_gone(kind());
  return *loop;
}

bool FutureState::renew(AbstractEventLoop& loop) noexcept {
  const bool has_result = stage() == Stage::finished && !exception_;
  if (!has_result || !has_one_owner() || only_waiter_ || extra_ || core_.get() != &loop.core() || core_->debug()) {
    return false;
  }
  number_ = ++futures_made;
  stage_.store(Stage::pending, std::memory_order_relaxed);
  return true;
}

// ---- Completing ----

bool FutureState::cancel(std::string message) {
  log_traceback_ = false;  // S66: also where the answer is false
  if (done()) return false;
  set_cancel_message(std::move(message));
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

/// Handles that have left the list of a future, and are dropped unless they are popped.
class FutureState::Waiters {
 public:
  explicit Waiters(HandleState* first) noexcept : first_(first) {}
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;
  ~Waiters() {
    // drop() first: a task's step handle is held by its task, which only the handle's own hold keeps alive.
    while (first_) pop()->drop();
  }
  bool empty() const noexcept { return first_ == nullptr; }
  Ref<HandleState> pop() noexcept {
    auto handle = Ref<HandleState>::adopt(first_);
    first_ = std::exchange(handle->next_, nullptr);
    return handle;
  }

 private:
  HandleState* first_;
};

/// Where the loop is closed or gone it throws: no callback will ever run, and none stays behind (S71, F3). To drop
/// them may be the end of this future. So it is left alone from there on.
void FutureState::schedule_callbacks() {
  if (!first_waiter_) return;
  Waiters waiters(std::exchange(first_waiter_, nullptr));
  AbstractEventLoop& loop = this->loop();
  do {  // F2
    auto handle = waiters.pop();
    handle->future_done(*this);
    loop.call_soon_handle(std::move(handle));
  } while (!waiters.empty());
}

void FutureState::drop_callbacks() noexcept { const Waiters dropped(std::exchange(first_waiter_, nullptr)); }

// ---- Callbacks ----

CallbackId FutureState::add_done_callback(UniqueFunction<void(AnyFuture)> callback, std::optional<Context> context) {
  if (!callback) throw std::invalid_argument("a callable object was expected by add_done_callback(), got None");
  // The future is alive when this runs: the handle that calls it was told of it, and holds it.
  auto call = [callback = std::move(callback), this]() mutable { callback(AnyFuture(Ref<FutureState>(this))); };
  return add_waiter(make_ref<HandleState>(std::move(call), loop(), context ? std::move(*context) : copy_context()));
}

/// What add_waiter() does where the future is done (S69).
void FutureState::queue_waiter(Ref<HandleState> handle) {
  AbstractEventLoop& loop = this->loop();
  handle->future_done(*this);
  loop.call_soon_handle(std::move(handle));
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

void FutureState::throw_outcome() {
  if (!done()) throw InvalidStateError("Result is not set.");
  std::rethrow_exception(take_error());
}

std::exception_ptr FutureState::take_error() {
  assert(done());
  log_traceback_ = false;
  return cancelled() ? make_cancelled_error() : exception_;
}

std::exception_ptr FutureState::make_cancelled_error() {
  if (saved_cancelled_error_) return std::exchange(saved_cancelled_error_, nullptr);
  return std::make_exception_ptr(CancelledError(cancel_message()));
}

const std::string& FutureState::cancel_message() const noexcept {
  static const std::string nothing;
  return extra_ ? extra_->cancel_message : nothing;
}

void FutureState::set_cancel_message(std::string message) {
  if (extra_ || !message.empty()) extra().cancel_message = std::move(message);
}

// ---- Who waits: FutureState::wait() is in coroutine.cpp ----

/// add_awaited_by() where `waiter` may not be the first.
void FutureState::add_one_of_many(FutureState& waiter) {
  if (only_waiter_ == &waiter) return;
  if (!only_waiter_ && extra().waiters.empty()) {
    only_waiter_ = &waiter;
    return;
  }
  std::vector<FutureState*>& waiters = extra().waiters;
  if (only_waiter_) waiters.push_back(std::exchange(only_waiter_, nullptr));
  if (std::ranges::find(waiters, &waiter) == waiters.end()) waiters.push_back(&waiter);
}

void FutureState::hold_awaited_by(Ref<FutureState> waiter) {
  if (std::ranges::find(awaited_by(), waiter.get()) != awaited_by().end()) return;
  add_awaited_by(*waiter);
  extra().held.push_back(std::move(waiter));
}

/// discard_awaited_by() where `waiter` may not be the only one.
void FutureState::discard_one_of_many(FutureState& waiter) noexcept {
  if (only_waiter_ == &waiter) only_waiter_ = nullptr;
  if (!extra_) return;
  std::erase(extra_->waiters, &waiter);
  std::vector<Ref<FutureState>>& held = extra_->held;
  const auto found = std::ranges::find(held, &waiter, &Ref<FutureState>::get);
  if (found == held.end()) return;
  const Ref<FutureState> dropped = std::move(*found);  // goes last: its end may run foreign code
  held.erase(found);
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
