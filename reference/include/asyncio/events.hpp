// events.hpp: what an event loop is, as an interface; and which loop runs here.
//
// AbstractEventLoop has every method of asyncio's class of the same name and decides nothing: each method
// throws NotImplementedError until a loop overrides it. Programs are written against this class, so they
// run on any loop. BaseEventLoop has the half that all loops share; a loop of your own starts there.
//
// Python's methods take any callable and any awaitable. In C++ that needs templates, and templates cannot
// be overridden. So each such method is a thin typed template, which programs call, over a virtual
// function without types, which loops override:
//
//     create_task(fn, {…}) -> Task<T>            ──►  make_task_object(Coroutine, TaskOptions)
//     run_until_complete(fn) -> T                ──►  run_until_done(AnyFuture, …)
//     create_connection(factory, {…}) -> {…, P}  ──►  connect_stream(ProtocolFactory, …)
//     run_in_executor(executor, fn) -> Future<T> ──►  submit_to_executor(executor, Job)
//
// Source: CPython Lib/asyncio/events.py. Rules: S41, S42 and all of sections A to E for what the methods mean.
#pragma once

#include <asyncio/asyncgen.hpp>
#include <asyncio/clock.hpp>
#include <asyncio/contextvars.hpp>
#include <asyncio/futures.hpp>
#include <asyncio/handles.hpp>
#include <asyncio/instrument.hpp>
#include <asyncio/loop_core.hpp>
#include <asyncio/loop_options.hpp>
#include <asyncio/random.hpp>
#include <asyncio/tasks.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio {

class AbstractServer;
class BaseTransport;
class DatagramTransport;
class Executor;
class Job;
class ReadTransport;
class SSLContext;
class SubprocessTransport;
class Transport;
class WriteTransport;

/// A listening server, shared by everybody who holds it.
using Server = std::shared_ptr<AbstractServer>;

/// What an exception handler is told; only the message is always there (S58).
struct ExceptionContext {
  std::string message = {};                                   ///< what happened
  std::exception_ptr exception = {};                          ///< what was thrown, where anything was
  AnyFuture future = {};                                      ///< the future concerned
  AnyTask task = {};                                          ///< the task concerned
  Handle handle = {};                                         ///< the handle whose callback threw
  std::shared_ptr<BaseProtocol> protocol = {};                ///< the protocol concerned
  std::shared_ptr<BaseTransport> transport = {};              ///< the transport concerned
  Socket socket = {};                                         ///< the socket concerned
  AnyAsyncGenerator asyncgen = {};                            ///< the asynchronous generator concerned
  std::optional<std::source_location> source_traceback = {};  ///< where the object concerned was made
  StackSummary source_stack = {};                             ///< in debug mode: the calls that led to there (S53)
  std::shared_ptr<const ExceptionContext> context = {};       ///< what an exception handler that threw had been told
};

/// Called with every error that has no other receiver: set_exception_handler().
using ExceptionHandler = std::function<void(AbstractEventLoop&, const ExceptionContext&)>;

/// An event loop: runs callbacks, tasks and input/output of one thread, one after the other.
class AbstractEventLoop {
 public:
  AbstractEventLoop();
  AbstractEventLoop(const AbstractEventLoop&) = delete;
  AbstractEventLoop& operator=(const AbstractEventLoop&) = delete;
  virtual ~AbstractEventLoop();

  // ---- Running and stopping ----

  /// Runs until stop() is called.
  ///
  /// \throws RuntimeError  where this loop is closed or running, or another loop runs in this thread (S24)
  virtual void run_forever();

  /// Runs until `what` is done, and gives its result.
  ///
  /// \param what   a nullary callable, which becomes a task, or a future of this loop
  /// \param where  the caller's line, for reports
  /// \return       what the callable returned, or the future holds
  /// \throws RuntimeError  as run_forever(); and where the loop was stopped before `what` was done (S30)
  /// \throws (anything)    that `what` ended with
  template <class What>
  auto run_until_complete(What&& what, std::source_location where = std::source_location::current());

  /// Ends the run after the iteration under way (S26).
  virtual void stop();
  /// Whether some thread is inside run_forever().
  virtual bool is_running() const;
  /// Whether close() was called.
  virtual bool is_closed() const;
  /// Drops everything that is scheduled, and the tasks that are still pending (S36). Again is harmless.
  ///
  /// \throws RuntimeError  while the loop is running
  virtual void close();
  /// Closes all asynchronous generators that have begun and not ended, side by side, and reports each that fails
  /// (S40). One that begins after this call is warned of.
  ///
  /// \suspends until they are closed
  virtual void shutdown_asyncgens();
  /// Waits for the jobs of the default executor and ends its threads (S166). No further job is accepted.
  ///
  /// \param timeout  how long to wait for them; empty: for ever. When it has passed, a warning is written, and the
  ///                 threads are left to end by themselves.
  /// \suspends until the threads have ended, or the time has passed
  virtual void shutdown_default_executor(std::optional<Duration> timeout = {});
  /// The same with a fraction of seconds, such as `0.5s`: see to_duration().
  template <class Rep, class Period>
    requires std::chrono::treat_as_floating_point_v<Rep>
  void shutdown_default_executor(std::chrono::duration<Rep, Period> timeout) {
    shutdown_default_executor(std::optional<Duration>(to_duration(timeout)));
  }

  // ---- Callbacks and time ----

  /// Runs a callback in the next iteration, after everything that was scheduled before it (S1).
  ///
  /// \param callback  any nullary callable
  /// \param context   what it runs in; by default a copy of the current context (S16)
  /// \return          a handle to cancel it with
  /// \throws RuntimeError  where the loop is closed; in debug mode also from another thread (S50)
  virtual Handle call_soon(Callback callback, std::optional<Context> context = {});
  /// The same for a handle that exists already: how a future hands its callbacks over. A loop that refuses the
  /// handle drops it, so that it keeps nothing alive.
  virtual void call_soon_handle(Ref<HandleState> handle);
  /// Runs a callback after a delay (S14). Zero or less is still a timer: the next iteration (S13).
  ///
  /// \param delay     from now on; Duration::max() means never
  /// \param callback  any nullary callable
  /// \param context   as for call_soon()
  /// \return          a handle to cancel it with
  /// \throws RuntimeError  as call_soon()
  virtual TimerHandle call_later(Duration delay, Callback callback, std::optional<Context> context = {});
  /// The same with whatever else of std::chrono, such as `0.5s`: see to_duration().
  template <class Rep, class Period>
    requires(!std::is_same_v<std::chrono::duration<Rep, Period>, Duration>)
  TimerHandle call_later(std::chrono::duration<Rep, Period> delay, Callback callback,
                         std::optional<Context> context = {}) {
    return call_later(to_duration(delay), std::move(callback), std::move(context));
  }
  /// Runs a callback at a time of this loop's clock.
  ///
  /// \param when      as time() counts; what has passed is due in the next iteration
  /// \param callback  any nullary callable
  /// \param context   as for call_soon()
  /// \return          a handle to cancel it with
  /// \throws RuntimeError  as call_soon()
  virtual TimerHandle call_at(TimePoint when, Callback callback, std::optional<Context> context = {});
  /// The same with a time to which a fraction was added, `time() + 0.5s`: see Moment.
  template <class Span>
    requires(!std::is_same_v<Span, Duration>)
  TimerHandle call_at(std::chrono::time_point<LoopClock, Span> when, Callback callback,
                      std::optional<Context> context = {}) {
    return call_at(Moment(when), std::move(callback), std::move(context));
  }
  /// What time it is on this loop's clock.
  virtual TimePoint time() const;
  /// A timer tells its loop, before it is marked, that it is being cancelled (S18).
  virtual void timer_handle_cancelled(const TimerHandle& handle);
  /// The only method that other threads may call: call_soon(), and the loop is woken (S44).
  ///
  /// \param callback  runs in the loop's thread
  /// \param context   what it runs in; by default a copy of the calling thread's current context
  /// \return          a handle to cancel it with, from any thread (S23)
  /// \throws RuntimeError  where the loop is closed
  virtual Handle call_soon_threadsafe(Callback callback, std::optional<Context> context = {});

  // ---- Futures and tasks ----

  /// A pending future of this loop.
  template <class T>
  Future<T> create_future(std::source_location where = std::source_location::current()) {
    return Future<T>(make_ref<FutureOf<T>>(*this, where));
  }

  /// Schedules a callable as a task (S81).
  ///
  /// \param fn       the body; may suspend
  /// \param options  name, context, eager_start
  /// \param where    the caller's line, for reports
  /// \return         the task; its result is what `fn` returns
  /// \throws RuntimeError           where the loop is closed
  /// \throws std::invalid_argument  where a task factory made a task of another result type, or none
  template <class F>
  auto create_task(F fn, TaskOptions options = {}, std::source_location where = std::source_location::current()) {
    using T = ResultOf<F&>;
    return Task<T>(make_task_object(Coroutine(std::move(fn), where), std::move(options)));
  }

  /// Makes a task of a coroutine, by the task factory where there is one (S135).
  virtual AnyTask make_task_object(Coroutine coroutine, TaskOptions options);
  /// Sets what makes tasks; nullptr for this library's own.
  virtual void set_task_factory(TaskFactory factory);
  /// What makes tasks; empty for this library's own.
  virtual TaskFactory get_task_factory() const;
  /// The N of the next default name "Task-N": counts up over the whole process (S360).
  virtual std::uint64_t next_task_number();

  // ---- Threads ----

  /// Runs a function in another thread and gives its outcome as a future.
  ///
  /// To cancel the future cancels a function that has not begun, and never interrupts one that has (S165). On a loop
  /// without threads the function runs as one step of that loop, later.
  ///
  /// \param executor  whose thread; nullptr for the default executor, which is made when it is needed first (S163)
  /// \param fn        runs there, in a context of that thread; must not touch the loop but by call_soon_threadsafe().
  ///                  It and what it captured are destroyed before the future is done.
  /// \return          a Future of what `fn` returns; has what `fn` throws
  /// \throws RuntimeError  where the loop is closed, the executor was shut down, or, for the default executor, after
  ///                       shutdown_default_executor()
  template <class F>
  auto run_in_executor(std::shared_ptr<Executor> executor, F fn);  // executor.hpp

  /// Hands a job to an executor; nullptr for the default one.
  virtual void submit_to_executor(std::shared_ptr<Executor> executor, Job job);
  /// Sets what run_in_executor(nullptr, …) uses.
  ///
  /// \param executor  shared with whoever else holds it; shut down when the loop is closed
  /// \throws std::invalid_argument  unless it is a ThreadPoolExecutor (S164)
  virtual void set_default_executor(std::shared_ptr<Executor> executor);

  // ---- Names and addresses ----

  /// The addresses of a host.
  ///
  /// \param host     a name or a literal address; empty for this machine
  /// \param port     a number or the name of a service; empty for none
  /// \param options  family, type, protocol and AI_… flags
  /// \return         at least one, in the order in which they should be tried
  /// \throws std::system_error  of gaierror_category(): the name does not resolve
  /// \suspends until the resolver has answered
  virtual std::vector<AddressInfo> getaddrinfo(std::string host, std::string port, AddressInfoOptions options = {});
  /// The same with the number of a port. \suspends as above
  ///
  /// \return  at least one
  std::vector<AddressInfo> getaddrinfo(std::string host, int port, AddressInfoOptions options = {}) {
    return getaddrinfo(std::move(host), std::to_string(port), options);
  }
  /// The names of an address: host and service.
  ///
  /// \param address  a literal address and a port
  /// \param flags    NI_NUMERICHOST and its sisters
  /// \return         literals where there are no names
  /// \throws std::system_error  of gaierror_category()
  /// \suspends until the resolver has answered
  virtual std::pair<std::string, std::string> getnameinfo(Address address, int flags = 0);

  // ---- Connections and servers ----

  /// Opens a stream connection.
  ///
  /// \param factory  makes the protocol, as a std::shared_ptr to the caller's own type
  /// \param options  where to, how, how long to wait
  /// \return         the transport and the protocol
  /// \throws std::invalid_argument  where the options contradict each other (S228)
  /// \throws std::system_error      where no connection could be made (S236)
  /// \suspends until connected
  template <class Factory>
  auto create_connection(Factory factory, ConnectionOptions options = {}) {
    return typed<Factory>(connect_stream(std::move(factory), std::move(options)));
  }
  /// Listens for stream connections.
  ///
  /// \param factory  makes the protocol of each connection
  /// \param options  where to listen, and how
  /// \return         the server, which serves unless start_serving is false
  /// \throws std::invalid_argument  where the options contradict each other (S240)
  /// \throws std::system_error      where an address cannot be used
  /// \suspends until listening
  virtual Server create_server(ProtocolFactory factory, ServerOptions options = {});
  /// Opens a connection to the UNIX socket at `path`. \suspends until connected
  ///
  /// \return  the transport, and the protocol that `factory` made
  template <class Factory>
  auto create_unix_connection(Factory factory, std::string path, UnixConnectionOptions options = {}) {
    return typed<Factory>(connect_unix_stream(std::move(factory), std::move(path), std::move(options)));
  }
  /// Listens on a UNIX socket at `path`; `factory` makes the protocol of each connection. \suspends until listening
  ///
  /// \return  the server, as create_server() gives it
  virtual Server create_unix_server(ProtocolFactory factory, std::string path, UnixServerOptions options = {});
  /// Makes a transport for a `socket` that was accepted elsewhere. \suspends until it is set up
  ///
  /// \return  the transport, and the protocol that `factory` made
  template <class Factory>
  auto connect_accepted_socket(Factory factory, Socket socket, AcceptedOptions options = {}) {
    return typed<Factory>(adopt_accepted_socket(std::move(factory), std::move(socket), std::move(options)));
  }
  /// Opens a datagram socket. \suspends until it is bound or connected
  ///
  /// \return  the transport, and the protocol that `factory` made
  template <class Factory>
  auto create_datagram_endpoint(Factory factory, DatagramOptions options = {}) {
    return typed<Factory>(open_datagram_endpoint(std::move(factory), std::move(options)));
  }
  /// Reads from a pipe, a socket or a character device.
  ///
  /// \param factory     makes the protocol: a Protocol or a BufferedProtocol
  /// \param descriptor  becomes non-blocking. The transport owns it, and closes it also where the waiting is cancelled;
  ///                    after one of the two errors below it is still the caller's
  /// \return            the transport and the protocol
  /// \throws std::invalid_argument  where it is something else, such as a regular file (S309), or the protocol cannot
  ///                                receive
  /// \throws std::system_error      where there is no such descriptor
  /// \suspends until connection_made() was called
  /// \source CPython Lib/asyncio/base_events.py, BaseEventLoop.connect_read_pipe
  template <class Factory>
  auto connect_read_pipe(Factory factory, int descriptor) {
    return typed<Factory>(attach_read_pipe(std::move(factory), descriptor, Socket{}));
  }
  /// The same for a descriptor with an owner, which the transport closes with all its handles. \suspends as above
  ///
  /// \return  the transport and the protocol
  template <class Factory>
  auto connect_read_pipe(Factory factory, Socket socket) {
    const int descriptor = socket.fileno();
    return typed<Factory>(attach_read_pipe(std::move(factory), descriptor, std::move(socket)));
  }
  /// Writes to a pipe, a socket or a character device. A reader that has gone ends the connection (S313); it never
  /// raises SIGPIPE.
  ///
  /// \param factory     makes the protocol, of any kind
  /// \param descriptor  as for connect_read_pipe()
  /// \return            the transport and the protocol
  /// \throws std::invalid_argument  where it is something else, such as a regular file (S309)
  /// \throws std::system_error      where there is no such descriptor
  /// \suspends until connection_made() was called
  /// \source CPython Lib/asyncio/base_events.py, BaseEventLoop.connect_write_pipe
  template <class Factory>
  auto connect_write_pipe(Factory factory, int descriptor) {
    return typed<Factory>(attach_write_pipe(std::move(factory), descriptor, Socket{}));
  }
  /// The same for a descriptor with an owner, which the transport closes with all its handles. \suspends as above
  ///
  /// \return  the transport and the protocol
  template <class Factory>
  auto connect_write_pipe(Factory factory, Socket socket) {
    const int descriptor = socket.fileno();
    return typed<Factory>(attach_write_pipe(std::move(factory), descriptor, std::move(socket)));
  }
  /// Starts a program. create_subprocess_exec() is this with streams.
  ///
  /// \param factory  makes the protocol, which must be a SubprocessProtocol
  /// \param args     the program, and what it is given; the program is looked for in PATH, unless its name has a slash
  /// \param options  its descriptors, directory and environment
  /// \return         the transport, and the protocol, whose connection_made() runs in the next iteration (S316)
  /// \throws std::invalid_argument  where `args` is empty, or something has a zero byte in it (S315)
  /// \throws std::system_error      where the program cannot be started: ENOENT where it was not found
  /// \suspends until its pipes are connected
  /// \source CPython Lib/asyncio/base_events.py, BaseEventLoop.subprocess_exec
  template <class Factory>
  auto subprocess_exec(Factory factory, std::vector<std::string> args, SubprocessOptions options = {}) {
    return typed<Factory>(spawn_program(std::move(factory), std::move(args), std::move(options)));
  }
  /// Starts a command of the shell, /bin/sh; else as subprocess_exec(). Quoting what is put into the command is the
  /// caller's business.
  ///
  /// \param factory  makes the protocol, which must be a SubprocessProtocol
  /// \param command  what the shell is to run
  /// \param options  its descriptors, directory and environment
  /// \return         as subprocess_exec()
  /// \throws as subprocess_exec()
  /// \suspends until its pipes are connected
  /// \source CPython Lib/asyncio/base_events.py, BaseEventLoop.subprocess_shell
  template <class Factory>
  auto subprocess_shell(Factory factory, std::string command, SubprocessOptions options = {}) {
    return typed<Factory>(spawn_shell(std::move(factory), std::move(command), std::move(options)));
  }
  /// Sends a file over a transport. Nothing is received and nothing can be written meanwhile (S306).
  ///
  /// \param transport  one of this loop's
  /// \param file     a descriptor that can be read; its position is at the end of what was sent afterwards (S308)
  /// \param options  offset at least 0, count at least 1
  /// \return         how many bytes were sent
  /// \throws std::invalid_argument      where the options are out of range
  /// \throws RuntimeError               where the transport is closing
  /// \throws SendfileNotAvailableError  where the system cannot send this file, and fallback is false
  /// \throws std::system_error          where the connection ends
  /// \suspends until it is in the system's hands
  virtual std::int64_t sendfile(std::shared_ptr<Transport> transport, int file, SendfileOptions options = {});
  /// Turns the connection of `transport` and `protocol` into a TLS connection (S301).
  ///
  /// \param transport  no longer to be used afterwards
  /// \param protocol   hears of the decrypted bytes from then on; connection_made() is not called again
  /// \param context    certificates and rules
  /// \param options    which side this is, whom to expect, how long to wait
  /// \return           the transport to use instead
  /// \throws std::invalid_argument  where there is no context, TLS cannot stand on `transport`, a timeout is not
  ///                                above 0, or the context checks names and there is none
  /// \throws SSLError               where the handshake fails, or the other side's certificate is refused
  /// \throws std::system_error      where the connection ends meanwhile, or the handshake takes too long
  /// \suspends until the handshake is over. The connection is closed where this throws
  virtual std::shared_ptr<Transport> start_tls(std::shared_ptr<Transport> transport,
                                               std::shared_ptr<BaseProtocol> protocol,
                                               std::shared_ptr<SSLContext> context, StartTlsOptions options = {});

  /// For create_connection(): a loop overrides this and those that follow, on which the templates above stand.
  virtual std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> connect_stream(
      ProtocolFactory factory, ConnectionOptions options);
  /// For create_unix_connection().
  virtual std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> connect_unix_stream(
      ProtocolFactory factory, std::string path, UnixConnectionOptions options);
  /// For connect_accepted_socket().
  virtual std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> adopt_accepted_socket(
      ProtocolFactory factory, Socket socket, AcceptedOptions options);
  /// For create_datagram_endpoint().
  virtual std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<BaseProtocol>> open_datagram_endpoint(
      ProtocolFactory factory, DatagramOptions options);
  /// For connect_read_pipe(). `owner`: whose descriptor it is; none where the transport is to own it.
  virtual std::pair<std::shared_ptr<ReadTransport>, std::shared_ptr<BaseProtocol>> attach_read_pipe(
      ProtocolFactory factory, int descriptor, Socket owner);
  /// For connect_write_pipe(). `owner`: as above.
  virtual std::pair<std::shared_ptr<WriteTransport>, std::shared_ptr<BaseProtocol>> attach_write_pipe(
      ProtocolFactory factory, int descriptor, Socket owner);
  /// For subprocess_exec().
  virtual std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> spawn_program(
      ProtocolFactory factory, std::vector<std::string> args, SubprocessOptions options);
  /// For subprocess_shell().
  virtual std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> spawn_shell(
      ProtocolFactory factory, std::string command, SubprocessOptions options);

  // ---- Descriptors ----

  /// Calls `callback` whenever `fd` can be read; replaces an earlier reader.
  virtual void add_reader(int fd, Callback callback);
  /// Ends that. \return whether there was one
  virtual bool remove_reader(int fd);
  /// Calls `callback` whenever `fd` can be written; replaces an earlier writer.
  virtual void add_writer(int fd, Callback callback);
  /// Ends that. \return whether there was one
  virtual bool remove_writer(int fd);
  /// \overload
  void add_reader(const Socket& socket, Callback callback) { add_reader(socket.fileno(), std::move(callback)); }
  /// \overload
  bool remove_reader(const Socket& socket) { return remove_reader(socket.fileno()); }
  /// \overload
  void add_writer(const Socket& socket, Callback callback) { add_writer(socket.fileno(), std::move(callback)); }
  /// \overload
  bool remove_writer(const Socket& socket) { return remove_writer(socket.fileno()); }

  // The functions of a socket by hand try at once and suspend only where that would block (S281). They take a
  // non-blocking socket; in debug mode another one is refused. Cancelling one leaves the socket usable, and loses
  // nothing that has arrived. Each throws std::system_error with what the system says, RuntimeError where the
  // descriptor belongs to an open transport (S280).

  /// Some bytes, at most `size`, that came in on `fd`; empty at the end. \suspends until there are some
  virtual std::string sock_recv(int fd, std::size_t size);
  /// Fills `buffer` with bytes that came in on `fd`; gives their number, 0 at the end. \suspends until there are some
  virtual std::size_t sock_recv_into(int fd, std::span<char> buffer);
  /// One datagram from `fd`, cut off after `size` bytes, and its sender. \suspends until there is one
  virtual std::pair<std::string, Address> sock_recvfrom(int fd, std::size_t size);
  /// The same into `buffer`; gives the number of bytes and the sender. \suspends until there is one
  virtual std::pair<std::size_t, Address> sock_recvfrom_into(int fd, std::span<char> buffer);
  /// Sends all of `data` on `fd`. Cancelled, it may have sent a part. \suspends until it is in the system's hands
  virtual void sock_sendall(int fd, std::string_view data);
  /// Gives the number of bytes sent: `data` as one datagram on `fd` to `address`. \suspends until it is in the system's
  /// hands
  virtual std::size_t sock_sendto(int fd, std::string_view data, Address address);
  /// Connects `fd` to `address`. Host names of IPv4 and IPv6 addresses are resolved first (S282). \suspends until
  /// connected
  virtual void sock_connect(int fd, Address address);
  /// The next connection that comes in on `fd`: its descriptor, non-blocking (S283) and the caller's to close, and the
  /// peer.
  /// \suspends until there is one
  virtual std::pair<int, Address> sock_accept(int fd);
  /// Sends `file`, an open descriptor, on `fd`. See sendfile(). \suspends until it is in the system's hands
  virtual std::int64_t sock_sendfile(int fd, int file, SendfileOptions options = {});
  /// \overload
  std::string sock_recv(const Socket& socket, std::size_t size) { return sock_recv(socket.fileno(), size); }
  /// \overload
  std::size_t sock_recv_into(const Socket& socket, std::span<char> buffer) {
    return sock_recv_into(socket.fileno(), buffer);
  }
  /// \overload
  std::pair<std::string, Address> sock_recvfrom(const Socket& socket, std::size_t size) {
    return sock_recvfrom(socket.fileno(), size);
  }
  /// \overload
  std::pair<std::size_t, Address> sock_recvfrom_into(const Socket& socket, std::span<char> buffer) {
    return sock_recvfrom_into(socket.fileno(), buffer);
  }
  /// \overload
  void sock_sendall(const Socket& socket, std::string_view data) { sock_sendall(socket.fileno(), data); }
  /// \overload
  std::size_t sock_sendto(const Socket& socket, std::string_view data, Address address) {
    return sock_sendto(socket.fileno(), data, std::move(address));
  }
  /// \overload
  void sock_connect(const Socket& socket, Address address) { sock_connect(socket.fileno(), std::move(address)); }
  /// \overload
  std::pair<int, Address> sock_accept(const Socket& socket) { return sock_accept(socket.fileno()); }
  /// \overload
  std::int64_t sock_sendfile(const Socket& socket, int file, SendfileOptions options = {}) {
    return sock_sendfile(socket.fileno(), file, options);
  }

  // ---- Signals ----

  /// Calls `callback` in the loop when the process gets `signal`, as SIGTERM for example.
  virtual void add_signal_handler(int signal, Callback callback);
  /// Ends that. \return whether there was one
  virtual bool remove_signal_handler(int signal);

  // ---- Errors and debugging ----

  /// Sets who hears of errors that have no other receiver; nullptr for the default, which writes to stderr.
  virtual void set_exception_handler(ExceptionHandler handler);
  /// Who hears of them; empty for the default.
  virtual ExceptionHandler get_exception_handler() const;
  /// Writes one report to stderr (S62).
  virtual void default_exception_handler(const ExceptionContext& context);
  /// Reports an error to the handler. Throws nothing but KeyboardInterrupt and SystemExit (S61).
  virtual void call_exception_handler(const ExceptionContext& context);
  /// Whether debug mode is on.
  virtual bool get_debug() const;
  /// Switches debug mode.
  virtual void set_debug(bool enabled);
  /// In debug mode a callback that runs at least this long is reported (S52). asyncio has it in BaseEventLoop.
  Duration slow_callback_duration = std::chrono::milliseconds(100);

  // ---- Asynchronous generators ----

  /// An asynchronous generator is used for the first time, on this loop (Python's sys.set_asyncgen_hooks). By default
  /// nothing happens.
  virtual void asyncgen_firstiter_hook(AnyAsyncGenerator generator);
  /// The last handle of one has gone that is suspended at a yield: to be closed. By default it is unwound at once.
  /// Called on the loop's thread; throws nothing that the loop could not report.
  virtual void asyncgen_finalizer_hook(AnyAsyncGenerator generator);

  // ---- Extensions to asyncio ----

  /// The loop's random engine: seeded by the operating system on a real loop.
  virtual RandomEngine& random();
  /// What a library that has random numbers of its own, such as OpenSSL, is to be seeded with, so that it does the
  /// same again. Each call gives the next number. None where library_world() is 0: it is to ask the system there.
  virtual std::optional<std::uint64_t> library_seed();
  /// Which world those seeds belong to: what was seeded in one must not be used in another.
  ///
  /// \return  a number that no other world of this process has; 0: the real world
  virtual std::uint64_t library_world() const noexcept;

  /// Has `instrument` told of everything its functions name, until it is removed or destroyed with the loop.
  void add_instrument(Instrument& instrument) { core_->add_instrument(instrument); }
  /// Ends that; harmless where it was not added.
  void remove_instrument(Instrument& instrument) { core_->remove_instrument(instrument); }

  /// What tasks and futures share with their loop, and what may outlive it.
  LoopCore& core() const noexcept { return *core_; }
  /// The name of the loop's class, for messages: "SelectorEventLoop".
  std::string class_name() const;

 protected:
  /// Everything run_forever() checks before it runs (S24).
  virtual void check_can_run() const;
  /// Runs until `future` is done. `made_here` says that the future was made for this very run (S29 to S35).
  virtual void run_until_done(AnyFuture future, bool made_here);
  /// Throws the NotImplementedError that says which method which class lacks.
  [[noreturn]] void not_implemented(std::string_view method) const;

 private:
  template <class Factory, class AnyTransport>
  static auto typed(std::pair<AnyTransport, std::shared_ptr<BaseProtocol>> made) {
    using Pointer = std::invoke_result_t<Factory&>;  // a std::shared_ptr to the caller's protocol type
    using P = typename Pointer::element_type;
    return std::pair<AnyTransport, std::shared_ptr<P>>(std::move(made.first),
                                                       std::static_pointer_cast<P>(std::move(made.second)));
  }

  Ref<LoopCore> core_;
};

// ---- Which loop ----

/// The loop that runs in this thread.
///
/// \throws RuntimeError  "no running event loop"
AbstractEventLoop& get_running_loop();
/// The same, or null: asyncio's _get_running_loop().
AbstractEventLoop* get_running_loop_or_null() noexcept;
/// The running loop, else the one that was set for this thread.
///
/// \throws RuntimeError  where there is neither (S41)
AbstractEventLoop* get_event_loop();
/// Sets the loop of this thread, which does not run it; nullptr for none (S42).
void set_event_loop(AbstractEventLoop* loop) noexcept;
/// A new loop of the best kind for this platform.
std::unique_ptr<AbstractEventLoop> new_event_loop();
/// For those who write loops: says which loop runs in this thread; null for none (asyncio's _set_running_loop).
void set_running_loop(AbstractEventLoop* loop) noexcept;

/// Schedules a callable as a task of the running loop: see AbstractEventLoop::create_task().
///
/// \param fn       the body; may suspend
/// \param options  name, context, eager_start
/// \param where    the caller's line, for reports
/// \return         the task
/// \throws RuntimeError  where no loop is running (S134)
template <class F>
auto create_task(F fn, TaskOptions options = {}, std::source_location where = std::source_location::current()) {
  return get_running_loop().create_task(std::move(fn), std::move(options), where);
}

template <class What>
auto AbstractEventLoop::run_until_complete(What&& what, std::source_location where) {
  check_can_run();
  if constexpr (std::is_base_of_v<AnyFuture, std::remove_cvref_t<What>>) {
    const std::remove_cvref_t<What> kept = what;  // the caller's handle may be assigned to meanwhile
    run_until_done(kept, false);
    return kept.result();
  } else {
    auto task = create_task(std::forward<What>(what), {}, where);
    task.get()->set_log_destroy_pending(false);  // S33
    run_until_done(task, true);
    return task.result();
  }
}

}  // namespace asyncio
