// base_events.hpp: the half of an event loop that every loop has.
//
// A loop is this class plus a way to wait for the outside. BaseEventLoop keeps two collections, handles
// that are ready and timers that are not yet due, and turns the crank:
//
//     run_once():  1  drop cancelled timers              4  process_events(): outside ──► ready
//                  2  how long may we wait?              5  due timers ──► ready
//                  3  select(): wait for the outside     6  run what is ready now, and no more
//
// Step 6 takes its count before it begins. What callbacks schedule meanwhile waits for the next turn,
// after another look at the outside: however busy the callbacks are, the network gets its turn.
//
// To write a loop of your own, override three functions: select(), process_events(), write_to_self().
// Everything with tasks, timers and callbacks works then. For connections, override connect_stream() and
// create_server() too; whatever you leave out throws NotImplementedError with its name.
//
//   B1  Handles run in the order in which they became ready, each at most once (S1).
//   B2  An iteration runs exactly the handles that were ready when its step 6 began (S3).
//   B3  stop() ends a run after a whole iteration, never in the middle of one (S26).
//   B4  Only call_soon_threadsafe() and the functions that say so may be called from another thread.
//
// Source: CPython Lib/asyncio/base_events.py, BaseEventLoop. Rules: sections A to E of the rules.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/executor.hpp>
#include <asyncio/handle_state.hpp>
#include <asyncio/timer_heap.hpp>

#include <atomic>
#include <mutex>
#include <thread>

namespace asyncio {

/// No poll is longer than a day: asyncio's MAXIMUM_SELECT_TIMEOUT, 86400 seconds (S8).
inline constexpr Duration MAXIMUM_SELECT_TIMEOUT = std::chrono::hours(24);

/// Something that select() found out: a descriptor, and what can be done with it.
struct SelectorEvent {
  int fd = -1;            ///< the descriptor
  bool readable = false;  ///< reading will not block: data, end or error
  bool writable = false;  ///< writing will not block
};

/// What select() returns: valid until the next select().
using EventList = std::span<const SelectorEvent>;

class SignalQueue;

/// The common half of all loops. Not a loop yet: select(), process_events() and write_to_self() are missing.
class BaseEventLoop : public AbstractEventLoop {
 public:
  BaseEventLoop();
  ~BaseEventLoop() override;

  void run_forever() override;
  void stop() override;
  bool is_running() const override;
  bool is_closed() const override;
  void close() override;
  void shutdown_asyncgens() override;
  using AbstractEventLoop::shutdown_default_executor;
  void shutdown_default_executor(std::optional<Duration> timeout = {}) override;

  Handle call_soon(Callback callback, std::optional<Context> context = {}) override;
  void call_soon_handle(Ref<HandleState> handle) override;
  using AbstractEventLoop::call_later;
  TimerHandle call_later(Duration delay, Callback callback, std::optional<Context> context = {}) override;
  using AbstractEventLoop::call_at;
  TimerHandle call_at(TimePoint when, Callback callback, std::optional<Context> context = {}) override;
  TimePoint time() const override;
  void timer_handle_cancelled(const TimerHandle& handle) override;
  Handle call_soon_threadsafe(Callback callback, std::optional<Context> context = {}) override;

  void submit_to_executor(std::shared_ptr<Executor> executor, Job job) override;
  void set_default_executor(std::shared_ptr<Executor> executor) override;
  std::shared_ptr<Transport> start_tls(std::shared_ptr<Transport> transport, std::shared_ptr<BaseProtocol> protocol,
                                       std::shared_ptr<SSLContext> context, StartTlsOptions options = {}) override;

  void asyncgen_firstiter_hook(AnyAsyncGenerator generator) override;
  void asyncgen_finalizer_hook(AnyAsyncGenerator generator) override;

  /// A signal has arrived: the only function of a loop that a signal handler may call. Does no more than note it.
  void signal_arrived(int signal) noexcept;

  AnyTask make_task_object(Coroutine coroutine, TaskOptions options) override;
  void set_task_factory(TaskFactory factory) override;
  TaskFactory get_task_factory() const override;

  void set_exception_handler(ExceptionHandler handler) override;
  ExceptionHandler get_exception_handler() const override;
  void default_exception_handler(const ExceptionContext& context) override;
  void call_exception_handler(const ExceptionContext& context) override;
  bool get_debug() const override;
  void set_debug(bool enabled) override;

  std::pair<std::shared_ptr<ReadTransport>, std::shared_ptr<BaseProtocol>> attach_read_pipe(ProtocolFactory factory,
                                                                                            int descriptor,
                                                                                            Socket owner) override;
  std::pair<std::shared_ptr<WriteTransport>, std::shared_ptr<BaseProtocol>> attach_write_pipe(ProtocolFactory factory,
                                                                                              int descriptor,
                                                                                              Socket owner) override;
  std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> spawn_program(
      ProtocolFactory factory, std::vector<std::string> args, SubprocessOptions options) override;
  std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> spawn_shell(
      ProtocolFactory factory, std::string command, SubprocessOptions options) override;

 protected:
  // ---- What a loop must supply ----

  /// Waits for the outside: asyncio's `self._selector.select(timeout)`.
  ///
  /// Called once an iteration, on the loop's thread, with nothing else running.
  ///
  /// \param timeout  zero: only look; empty: until something happens; else at most so long
  /// \return         what happened, in the order in which it is to be handled
  virtual EventList select(std::optional<Duration> timeout) = 0;

  /// Turns what select() returned into handles on the ready queue, by add_callback(). Must run nothing itself.
  virtual void process_events(EventList events) = 0;

  /// Makes a select() that waits return. Any thread may call it, at any time, on a closed loop too, and so may a
  /// signal handler: it must not throw (S46), lock or allocate.
  virtual void write_to_self() noexcept = 0;

  // ---- What a loop may change ----

  /// One iteration. The order of its six steps is what the rest of asyncio relies on (S2).
  virtual void run_once();
  /// Moves the due timers to the ready queue, earliest first (S10, S12).
  virtual void move_due_timers();
  /// A signal has arrived; runs as a handle (asyncio's _handle_signal). By default nothing happens.
  virtual void handle_signal(int signal);
  /// Runs `count` handles from the front of the ready queue.
  virtual void run_ready(std::size_t count);

  /// Makes the transport of connect_read_pipe().
  ///
  /// Must queue the protocol's connection_made(), then the begin of reading, then the result of `waiter`. Must not
  /// take the descriptor over where it throws.
  ///
  /// \param descriptor  of a pipe, a socket or a character device
  /// \param owner       whose descriptor it is; none where the transport is to own it
  /// \param protocol    what the transport talks to
  /// \param waiter      to be completed
  /// \throws NotImplementedError  unless overridden: this loop has no pipes
  virtual std::shared_ptr<ReadTransport> make_read_pipe_transport(int descriptor, Socket owner,
                                                                  std::shared_ptr<BaseProtocol> protocol,
                                                                  Future<void> waiter);
  /// The same for connect_write_pipe(), which has the same demands. See make_read_pipe_transport().
  virtual std::shared_ptr<WriteTransport> make_write_pipe_transport(int descriptor, Socket owner,
                                                                    std::shared_ptr<BaseProtocol> protocol,
                                                                    Future<void> waiter);
  /// Starts the program of subprocess_exec() and subprocess_shell(). BaseSubprocessTransport is a begin.
  ///
  /// Must not return before the child's pipes are connected and the protocol's connection_made() is queued (S316).
  ///
  /// \param protocol  what the transport talks to
  /// \param args      the program and its arguments; for a shell: the command alone
  /// \param shell     whether it is a command
  /// \param options   of the call, as they were given
  /// \return       the transport
  /// \throws NotImplementedError  unless overridden: this loop has no processes
  /// \suspends until the child's pipes are connected
  virtual std::shared_ptr<SubprocessTransport> make_subprocess_transport(std::shared_ptr<BaseProtocol> protocol,
                                                                         std::vector<std::string> args, bool shell,
                                                                         SubprocessOptions options);

  // ---- What a loop can build on ----

  /// What run_forever() does before its first iteration and after its last: to embed this loop in another.
  void run_forever_setup();
  /// Undoes what run_forever_setup() did: the thread has no running loop afterwards.
  void run_forever_cleanup() noexcept;

  void check_can_run() const override;
  /// \throws RuntimeError  "Event loop is closed"
  void check_closed() const;
  /// \throws RuntimeError  where this or another loop runs in this thread
  void check_running() const;
  /// In debug mode: \throws RuntimeError  where the loop runs in another thread (S50)
  void check_thread() const;
  /// In debug mode: \throws std::invalid_argument  where the callback is empty (S51); names `method`
  void check_callback(const Callback& callback, const char* method) const;
  /// \throws RuntimeError  "Executor shutdown has been called", after shutdown_default_executor() (S163)
  void check_default_executor() const;
  /// Which executor a job goes to: the one given, or the default one, which is made where there is none yet.
  ///
  /// \throws RuntimeError  where the loop is closed; see check_default_executor()
  std::shared_ptr<Executor> executor_for(std::shared_ptr<Executor> executor);
  /// Waits for the threads of the default executor, somewhere else than on the loop's thread.
  ///
  /// \return done when they are gone
  /// \source CPython Lib/asyncio/base_events.py, _do_shutdown
  virtual Future<void> do_shutdown(std::shared_ptr<Executor> executor);
  /// The checks of create_connection() before any input or output (S228).
  ///
  /// \throws std::invalid_argument  naming what contradicts what
  void check_connection_options(const ConnectionOptions& options) const;
  /// The checks of create_server() before any input or output (S228, S240).
  void check_server_options(const ServerOptions& options) const;

  /// Puts a handle onto the ready queue unless it is cancelled.
  void add_callback(Ref<HandleState> handle);
  /// The same from any thread or from a signal's path, and wakes the loop.
  void add_callback_signalsafe(Ref<HandleState> handle);
  /// Whether an exception handler, timer or handle is running: the handle, in debug mode.
  const Handle& current_handle() const noexcept { return current_handle_; }

  void run_until_done(AnyFuture future, bool made_here) override;
  /// Runs one handle, and in debug mode looks at the clock.
  void run_handle(HandleState& handle);
  /// Takes over what other threads have posted.
  void take_posted();
  /// Queues a handle for each signal that has arrived, and tells the Runner of SIGINT.
  ///
  /// \throws KeyboardInterrupt  as the Runner decides
  void take_signals();
  /// How long select() may wait (S8).
  std::optional<Duration> poll_timeout() const;

  HandleQueue ready_;                         ///< asyncio's _ready
  TimerHeap scheduled_;                       ///< asyncio's _scheduled
  Duration clock_resolution_{1};              ///< a timer less than this ahead is due (S10)
  bool stopping_ = false;                     ///< survives until a run ends (S27, S28)
  std::atomic<std::thread::id> thread_id_{};  ///< whose run_forever() is active; none: not running

 private:
  friend class Runner;  // has SIGINT told to it while it runs

  void check_or_drop(HandleState& handle) const;
  void run_and_time(HandleState& handle);
  void abandon_pending_tasks();
  void shut_down_executor_without_waiting();

  std::atomic<bool> closed_ = false;  // call_soon_threadsafe() asks from other threads
  bool debug_ = false;
  Handle current_handle_;
  TaskFactory task_factory_;
  ExceptionHandler exception_handler_;
  bool asyncgens_shutdown_called_ = false;
  std::function<void()> interrupt_handler_;     // the Runner's; empty: nobody is told of SIGINT
  const std::unique_ptr<SignalQueue> signals_;  // those that have arrived; written by signal handlers

  std::mutex executor_mutex_;  // guards the next two: run_in_executor() has no thread check (S50)
  std::shared_ptr<Executor> default_executor_;
  bool executor_shutdown_called_ = false;

  std::mutex posted_mutex_;               // guards posted_
  HandleQueue posted_;                    // what other threads have scheduled
  std::atomic<bool> has_posted_ = false;  // a look without the lock
};

}  // namespace asyncio
