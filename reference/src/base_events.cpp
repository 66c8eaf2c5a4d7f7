// base_events.cpp: one turn of the loop, and how a run begins and ends.
//
// Read run_once() first. It is the whole event loop; everything else here is about who may call what
// when. The turn has six steps, and their order is what the rest of asyncio leans on:
//
//   1  Cancelled timers go first, so that none of them decides how long to wait.
//   2  How long to wait: not at all while anything is ready, else until the first timer is due.
//   3  The wait, or a look where there is nothing to wait for.
//   4  What the poll found is queued behind what was ready before it,
//   5  and timers that are due by now behind that: ready, input/output, timers (S4).
//   6  As many handles run as are queued now, counted before the first of them runs (B2). A callback that
//      schedules itself again and again keeps the loop busy, but cannot keep it from polling.
//
// Source: CPython Lib/asyncio/base_events.py. Rules: S1 to S63.
#include <asyncio/base_events.hpp>
#include <asyncio/sslproto.hpp>

#include "log.hpp"
#include "signal_queue.hpp"

#include <cassert>
#include <csignal>
#include <cstdlib>
#include <ranges>

namespace asyncio {
namespace {

// S49. A loop that must not look at its environment switches the mode itself.
bool debug_mode_from_environment() {
  const char* value = std::getenv("PYTHONASYNCIODEBUG");
  return value && *value;
}

TimePoint steady_now() {
  return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace

BaseEventLoop::BaseEventLoop() : debug_(debug_mode_from_environment()), signals_(std::make_unique<SignalQueue>()) {
  core().set_debug(debug_);
}

BaseEventLoop::~BaseEventLoop() {
  // A loop of one's own closes itself in its own destructor, where its functions can still be called.
  assert(closed_ || (ready_.empty() && scheduled_.empty()));
  // What the handler captured may have something to report when it goes; and not to a handler half destroyed.
  const ExceptionHandler dropped = std::exchange(exception_handler_, nullptr);
}

// ---- One turn ----

// clang-format off: the numbers of the steps stand in one column
void BaseEventLoop::run_once() {
  core().notify([this](Instrument& instrument) { instrument.before_run_once(*this); });
  scheduled_.sweep();                                      // 1
  take_posted();
  const std::optional<Duration> timeout = poll_timeout();  // 2
  core().notify([this](Instrument& instrument) { instrument.before_poll(*this); });
  const EventList events = select(timeout);                // 3
  core().notify([this](Instrument& instrument) { instrument.after_poll(*this); });
  take_posted();                                           // posted while we waited: ahead of what the poll found (S48)
  take_signals();
  process_events(events);                                  // 4
  move_due_timers();                                       // 5
  run_ready(ready_.size());                                // 6: counted here, once (B2)
}
// clang-format on

std::optional<Duration> BaseEventLoop::poll_timeout() const {
  if (!ready_.empty() || stopping_) return Duration::zero();
  if (scheduled_.empty()) return std::nullopt;
  const TimePoint next = scheduled_.next_time();
  const TimePoint now = time();
  if (next <= now) return Duration::zero();
  // Far ahead of a clock that may be far below zero: the difference need not fit.
  return next > now + MAXIMUM_SELECT_TIMEOUT ? MAXIMUM_SELECT_TIMEOUT : next - now;
}

void BaseEventLoop::move_due_timers() {
  if (scheduled_.empty()) return;
  // The clock is read again: the poll may have waited. A timer less than one resolution ahead counts as
  // due, since the clock could not tell the difference; one exactly that far ahead does not (S10).
  const TimePoint end = time() + clock_resolution_;
  while (!scheduled_.empty() && scheduled_.next_time() < end) ready_.push(scheduled_.pop());
}

void BaseEventLoop::run_ready(std::size_t count) {
  for (; count > 0; --count) {
    // An exception that leaves here is KeyboardInterrupt or SystemExit. What has not run stays queued (S57).
    const Ref<HandleState> handle = ready_.pop();
    run_handle(*handle);  // a cancelled one counts, but does nothing (S6)
  }
}

void BaseEventLoop::run_handle(HandleState& handle) {
  if (!debug_) return handle.run();
  run_and_time(handle);
}

void BaseEventLoop::run_and_time(HandleState& handle) {
  const Ref<TaskState> task(handle.steps_task());  // asked before: a handle forgets its task when it runs
  const TimePoint before = time();
  current_handle_ = Handle(Ref<HandleState>(&handle));
  try {
    handle.run();
  } catch (...) {
    current_handle_ = {};
    throw;
  }
  const Handle ran = std::exchange(current_handle_, {});
  const Duration took = time() - before;
  if (took < slow_callback_duration) return;
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  std::string fraction = std::to_string(milliseconds % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  log_warning("Executing " + (task ? task->repr() : ran.repr()) + " took " + std::to_string(milliseconds / 1000) + "." +
              fraction + " seconds");
}

// ---- A run ----

void BaseEventLoop::run_forever() {
  run_forever_setup();
  try {
    do run_once();
    while (!stopping_);  // B3: looked at after a whole turn
  } catch (...) {
    run_forever_cleanup();
    throw;
  }
  run_forever_cleanup();
}

void BaseEventLoop::run_forever_setup() {
  check_closed();
  check_running();
  thread_id_ = std::this_thread::get_id();
  set_running_loop(this);
}

void BaseEventLoop::run_forever_cleanup() noexcept {
  stopping_ = false;
  thread_id_ = std::thread::id{};
  set_running_loop(nullptr);  // empty, not what it was before (S25)
}

void BaseEventLoop::check_can_run() const {
  check_closed();
  check_running();
}

void BaseEventLoop::run_until_done(AnyFuture future, bool made_here) {
  check_can_run();
  if (&future.get_loop() != this) {
    throw std::invalid_argument("The future belongs to a different loop than the one specified as the loop argument");
  }
  const CallbackId stopper = future.add_done_callback([this](AnyFuture done) {
    // Those two have left run_forever() already; a stop() now would cut the next run short (S34).
    const std::exception_ptr error = done.cancelled() ? nullptr : done.exception();
    if (!holds<SystemExit>(error) && !holds<KeyboardInterrupt>(error)) stop();
  });
  try {
    run_forever();
  } catch (...) {
    if (made_here && future.done() && !future.cancelled()) future.get()->mark_retrieved();  // S35
    future.remove_done_callback(stopper);
    throw;
  }
  future.remove_done_callback(stopper);
  if (!future.done()) throw RuntimeError("Event loop stopped before Future completed.");
}

void BaseEventLoop::stop() { stopping_ = true; }

bool BaseEventLoop::is_running() const { return thread_id_.load() != std::thread::id{}; }

bool BaseEventLoop::is_closed() const { return closed_; }

void BaseEventLoop::close() {
  if (is_running()) throw RuntimeError("Cannot close a running event loop");
  if (closed_) return;
  // While the tasks unwind, their destructors may still schedule things. These are accepted, so that
  // nothing throws in a destructor, and dropped with the rest.
  abandon_pending_tasks();
  core().cut_rings();
  core().close_to_threads();  // before closed_: what posts now is refused where it asks
  closed_ = true;
  take_posted();
  ready_.clear();
  scheduled_.clear();
  shut_down_executor_without_waiting();  // S36
}

// Python's garbage collector finds a task and a future that hold only each other. Here they would stay
// for ever, so a loop that closes lets go of the tasks that are still pending (S359). The newest goes first:
// children refer to what lies on the stack of their parent, as the body of a task group invites them to.
void BaseEventLoop::abandon_pending_tasks() {
  constexpr int ROUNDS = 100;  // a task that starts another one while it unwinds cannot keep us here
  for (int round = 0; round < ROUNDS; ++round) {
    bool found = false;
    const std::vector<Ref<TaskState>> oldest_first = core().tasks();
    for (const Ref<TaskState>& task : std::views::reverse(oldest_first)) {
      if (task->done()) continue;
      found = true;
      task->abandon();
      task->drop_callbacks();  // the future of a gather(), for instance, which holds the task in its turn
      core().unregister_task(*task, false);
      core().unregister_task(*task, true);
    }
    if (!found) return;
  }
}

// ---- Scheduling ----

Handle BaseEventLoop::call_soon(Callback callback, std::optional<Context> context) {
  check_closed();
  if (debug_) {
    check_thread();
    check_callback(callback, "call_soon");
  }
  auto handle = make_ref<HandleState>(std::move(callback), *this, context ? std::move(*context) : copy_context());
  if (debug_) handle->remember_source();
  if (has_posted_.load(std::memory_order_relaxed)) take_posted();  // they were scheduled earlier (B1)
  ready_.push(handle);
  return Handle(std::move(handle));
}

void BaseEventLoop::call_soon_handle(Ref<HandleState> handle) {
  if (closed_ || debug_) [[unlikely]]
    check_or_drop(*handle);
  if (has_posted_.load(std::memory_order_relaxed)) take_posted();
  ready_.push(std::move(handle));
}

void BaseEventLoop::check_or_drop(HandleState& handle) const {
  try {
    check_closed();
    if (debug_) check_thread();
  } catch (...) {
    handle.drop();  // what will never run keeps nothing alive, such as the task that it would have stepped
    throw;
  }
}

TimerHandle BaseEventLoop::call_later(Duration delay, Callback callback, std::optional<Context> context) {
  return call_at(saturating_add(time(), delay), std::move(callback), std::move(context));
}

TimerHandle BaseEventLoop::call_at(TimePoint when, Callback callback, std::optional<Context> context) {
  check_closed();
  if (debug_) {
    check_thread();
    check_callback(callback, "call_at");
  }
  auto timer = make_ref<TimerState>(when, std::move(callback), *this, context ? std::move(*context) : copy_context());
  if (debug_) timer->remember_source();
  scheduled_.push(timer);
  return TimerHandle(std::move(timer));
}

TimePoint BaseEventLoop::time() const { return steady_now(); }

void BaseEventLoop::timer_handle_cancelled(const TimerHandle& handle) {
  if (static_cast<const TimerState&>(*handle.get()).scheduled()) scheduled_.count_cancelled();  // S19
}

Handle BaseEventLoop::call_soon_threadsafe(Callback callback, std::optional<Context> context) {
  check_closed();
  if (debug_) check_callback(callback, "call_soon_threadsafe");
  const auto handle =
      make_ref<ThreadSafeHandleState>(std::move(callback), *this, context ? std::move(*context) : copy_context());
  if (debug_) handle->remember_source();
  add_callback_signalsafe(handle);
  return Handle(Ref<HandleState>(handle));
}

void BaseEventLoop::add_callback(Ref<HandleState> handle) {
  if (!handle->cancelled()) ready_.push(std::move(handle));
}

void BaseEventLoop::add_callback_signalsafe(Ref<HandleState> handle) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push(std::move(handle));
    has_posted_.store(true, std::memory_order_relaxed);
  }
  write_to_self();  // after the append, and always (S44)
}

[[gnu::noinline]] void BaseEventLoop::take_posted() {  // rare, and asked for at every callback
  if (!has_posted_.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(posted_mutex_);
  ready_.append(posted_);
  has_posted_.store(false, std::memory_order_relaxed);
}

// ---- Signals ----

void BaseEventLoop::signal_arrived(int signal) noexcept {
  signals_->push(signal);
  write_to_self();
}

void BaseEventLoop::take_signals() {
  if (signals_->empty()) return;
  bool interrupted = false;
  while (const int signal = signals_->pop()) {
    if (signal == SIGINT) interrupted = true;
    add_callback(make_ref<HandleState>([this, signal] { handle_signal(signal); }, *this, Context()));
  }
  // Ctrl-C comes before everything that is ready, as near to "at once" as can be; and last here: it may leave the loop.
  const std::function<void()> tell = interrupt_handler_;
  if (tell && interrupted) tell();
}

void BaseEventLoop::handle_signal(int) {}

// ---- Tasks ----

AnyTask BaseEventLoop::make_task_object(Coroutine coroutine, TaskOptions options) {
  check_closed();
  if (!task_factory_) return make_task(*this, std::move(coroutine), std::move(options));
  const TaskFactory factory = task_factory_;  // an eager task runs in there, and may set another one
  AnyTask task = factory(*this, std::move(coroutine), std::move(options));
  if (!task) throw std::invalid_argument("a task was expected from the task factory, and none was returned");
  return task;
}

void BaseEventLoop::set_task_factory(TaskFactory factory) { task_factory_ = std::move(factory); }

TaskFactory BaseEventLoop::get_task_factory() const { return task_factory_; }

// ---- Checks ----

void BaseEventLoop::check_closed() const {
  if (closed_) throw RuntimeError("Event loop is closed");
}

void BaseEventLoop::check_running() const {
  if (is_running()) throw RuntimeError("This event loop is already running");
  if (get_running_loop_or_null()) {
    throw RuntimeError("Cannot run the event loop while another loop is running");
  }
}

void BaseEventLoop::check_thread() const {
  const std::thread::id runs_in = thread_id_.load();
  if (runs_in != std::thread::id{} && runs_in != std::this_thread::get_id()) {
    throw RuntimeError("Non-thread-safe operation invoked on an event loop other than the current one");
  }
}

void BaseEventLoop::check_callback(const Callback& callback, const char* method) const {
  if (!callback)
    throw std::invalid_argument(std::string("a callable object was expected by ") + method + "(), got None");
}

void BaseEventLoop::check_connection_options(const ConnectionOptions& options) const {
  const auto refuse = [](const char* why) { throw std::invalid_argument(why); };
  if (options.server_hostname && !options.ssl) refuse("server_hostname is only meaningful with ssl");
  if (!options.server_hostname && options.ssl && options.host.value_or("").empty()) {
    refuse("You must set server_hostname when using ssl without a host");
  }
  if (options.ssl_handshake_timeout && !options.ssl) refuse("ssl_handshake_timeout is only meaningful with ssl");
  if (options.ssl_shutdown_timeout && !options.ssl) refuse("ssl_shutdown_timeout is only meaningful with ssl");
  const bool by_name = options.host || options.port;
  if (by_name && options.sock) refuse("host/port and sock can not be specified at the same time");
  if (!by_name && !options.sock) refuse("host and port was not specified and no sock specified");
  SSLProtocol::check(*this, TransportSecurity::of(options));
}

void BaseEventLoop::check_server_options(const ServerOptions& options) const {
  const auto refuse = [](const char* why) { throw std::invalid_argument(why); };
  if (options.ssl_handshake_timeout && !options.ssl) refuse("ssl_handshake_timeout is only meaningful with ssl");
  if (options.ssl_shutdown_timeout && !options.ssl) refuse("ssl_shutdown_timeout is only meaningful with ssl");
  const bool by_name = options.host || !options.hosts.empty() || options.port;
  if (by_name && options.sock) refuse("host/port and sock can not be specified at the same time");
  if (!by_name && !options.sock) refuse("Neither host/port nor sock were specified");
  SSLProtocol::check(*this, TransportSecurity::of_server(options));
}

// ---- Errors ----

void BaseEventLoop::set_exception_handler(ExceptionHandler handler) { exception_handler_ = std::move(handler); }

ExceptionHandler BaseEventLoop::get_exception_handler() const { return exception_handler_; }

bool BaseEventLoop::get_debug() const { return debug_; }

void BaseEventLoop::set_debug(bool enabled) {
  debug_ = enabled;
  core().set_debug(enabled);
}

}  // namespace asyncio
