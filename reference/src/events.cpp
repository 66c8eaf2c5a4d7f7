// events.cpp: the abstract loop. Every method here says that it is missing.
#include <asyncio/events.hpp>

#include <asyncio/executor.hpp>
#include <asyncio/handle_state.hpp>

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include <cxxabi.h>

namespace asyncio {

AbstractEventLoop::AbstractEventLoop() : core_(make_ref<LoopCore>(*this)) {}

AbstractEventLoop::~AbstractEventLoop() {
  core_->close_to_threads();
  core_->loop_ = nullptr;
  core_->keep_current_task(nullptr);  // where nobody has called leave_task()
}

std::string AbstractEventLoop::class_name() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), std::free);
  std::string name = status == 0 ? text.get() : typeid(*this).name();
  const auto colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

void AbstractEventLoop::not_implemented(std::string_view method) const {
  throw NotImplementedError(class_name() + "." + std::string(method) + "() is not implemented by this loop");
}

Handle AbstractEventLoop::call_soon(Callback callback, std::optional<Context> context) {
  return call_later(Duration::zero(), std::move(callback), std::move(context));
}

void AbstractEventLoop::call_soon_handle(Ref<HandleState> handle) {
  try {
    call_soon([handle = Handle(handle)] { handle.run(); });
  } catch (...) {
    handle->drop();  // what will never run keeps nothing alive, such as the task that it would have stepped
    throw;
  }
}

// Default names count over the whole process, as in CPython (S80).
std::uint64_t AbstractEventLoop::next_task_number() {
  static std::atomic<std::uint64_t> last = 0;
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void AbstractEventLoop::run_forever() { not_implemented("run_forever"); }
void AbstractEventLoop::run_until_done(AnyFuture, bool) { not_implemented("run_until_complete"); }
void AbstractEventLoop::check_can_run() const { not_implemented("run_until_complete"); }
void AbstractEventLoop::stop() { not_implemented("stop"); }
bool AbstractEventLoop::is_running() const { not_implemented("is_running"); }
bool AbstractEventLoop::is_closed() const { not_implemented("is_closed"); }
void AbstractEventLoop::close() { not_implemented("close"); }
void AbstractEventLoop::shutdown_asyncgens() { not_implemented("shutdown_asyncgens"); }
void AbstractEventLoop::shutdown_default_executor(std::optional<Duration>) {
  not_implemented("shutdown_default_executor");
}
TimerHandle AbstractEventLoop::call_later(Duration, Callback, std::optional<Context>) { not_implemented("call_later"); }
TimerHandle AbstractEventLoop::call_at(TimePoint, Callback, std::optional<Context>) { not_implemented("call_at"); }
TimePoint AbstractEventLoop::time() const { not_implemented("time"); }
void AbstractEventLoop::timer_handle_cancelled(const TimerHandle&) { not_implemented("timer_handle_cancelled"); }
Handle AbstractEventLoop::call_soon_threadsafe(Callback, std::optional<Context>) {
  not_implemented("call_soon_threadsafe");
}
AnyTask AbstractEventLoop::make_task_object(Coroutine, TaskOptions) { not_implemented("create_task"); }
void AbstractEventLoop::set_task_factory(TaskFactory) { not_implemented("set_task_factory"); }
TaskFactory AbstractEventLoop::get_task_factory() const { not_implemented("get_task_factory"); }
void AbstractEventLoop::submit_to_executor(std::shared_ptr<Executor>, Job) { not_implemented("run_in_executor"); }
void AbstractEventLoop::set_default_executor(std::shared_ptr<Executor>) { not_implemented("set_default_executor"); }
std::vector<AddressInfo> AbstractEventLoop::getaddrinfo(std::string, std::string, AddressInfoOptions) {
  not_implemented("getaddrinfo");
}
std::pair<std::string, std::string> AbstractEventLoop::getnameinfo(Address, int) { not_implemented("getnameinfo"); }
Server AbstractEventLoop::create_server(ProtocolFactory, ServerOptions) { not_implemented("create_server"); }
Server AbstractEventLoop::create_unix_server(ProtocolFactory, std::string, UnixServerOptions) {
  not_implemented("create_unix_server");
}
std::int64_t AbstractEventLoop::sendfile(std::shared_ptr<Transport>, int, SendfileOptions) {
  not_implemented("sendfile");
}
std::shared_ptr<Transport> AbstractEventLoop::start_tls(std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>,
                                                        std::shared_ptr<SSLContext>, StartTlsOptions) {
  not_implemented("start_tls");
}
std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::connect_stream(
    ProtocolFactory, ConnectionOptions) {
  not_implemented("create_connection");
}
std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::connect_unix_stream(
    ProtocolFactory, std::string, UnixConnectionOptions) {
  not_implemented("create_unix_connection");
}
std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::adopt_accepted_socket(
    ProtocolFactory, Socket, AcceptedOptions) {
  not_implemented("connect_accepted_socket");
}
std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::open_datagram_endpoint(
    ProtocolFactory, DatagramOptions) {
  not_implemented("create_datagram_endpoint");
}
std::pair<std::shared_ptr<ReadTransport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::attach_read_pipe(
    ProtocolFactory, int, Socket) {
  not_implemented("connect_read_pipe");
}
std::pair<std::shared_ptr<WriteTransport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::attach_write_pipe(
    ProtocolFactory, int, Socket) {
  not_implemented("connect_write_pipe");
}
std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::spawn_program(
    ProtocolFactory, std::vector<std::string>, SubprocessOptions) {
  not_implemented("subprocess_exec");
}
std::pair<std::shared_ptr<SubprocessTransport>, std::shared_ptr<BaseProtocol>> AbstractEventLoop::spawn_shell(
    ProtocolFactory, std::string, SubprocessOptions) {
  not_implemented("subprocess_shell");
}
void AbstractEventLoop::add_reader(int, Callback) { not_implemented("add_reader"); }
bool AbstractEventLoop::remove_reader(int) { not_implemented("remove_reader"); }
void AbstractEventLoop::add_writer(int, Callback) { not_implemented("add_writer"); }
bool AbstractEventLoop::remove_writer(int) { not_implemented("remove_writer"); }
std::string AbstractEventLoop::sock_recv(int, std::size_t) { not_implemented("sock_recv"); }
std::size_t AbstractEventLoop::sock_recv_into(int, std::span<char>) { not_implemented("sock_recv_into"); }
std::pair<std::string, Address> AbstractEventLoop::sock_recvfrom(int, std::size_t) { not_implemented("sock_recvfrom"); }
std::pair<std::size_t, Address> AbstractEventLoop::sock_recvfrom_into(int, std::span<char>) {
  not_implemented("sock_recvfrom_into");
}
void AbstractEventLoop::sock_sendall(int, std::string_view) { not_implemented("sock_sendall"); }
std::size_t AbstractEventLoop::sock_sendto(int, std::string_view, Address) { not_implemented("sock_sendto"); }
void AbstractEventLoop::sock_connect(int, Address) { not_implemented("sock_connect"); }
std::pair<int, Address> AbstractEventLoop::sock_accept(int) { not_implemented("sock_accept"); }
std::int64_t AbstractEventLoop::sock_sendfile(int, int, SendfileOptions) { not_implemented("sock_sendfile"); }
void AbstractEventLoop::add_signal_handler(int, Callback) { not_implemented("add_signal_handler"); }
bool AbstractEventLoop::remove_signal_handler(int) { not_implemented("remove_signal_handler"); }
void AbstractEventLoop::asyncgen_firstiter_hook(AnyAsyncGenerator) {}
void AbstractEventLoop::asyncgen_finalizer_hook(AnyAsyncGenerator generator) { generator.get()->abandon(); }
void AbstractEventLoop::set_exception_handler(ExceptionHandler) { not_implemented("set_exception_handler"); }
ExceptionHandler AbstractEventLoop::get_exception_handler() const { not_implemented("get_exception_handler"); }
void AbstractEventLoop::default_exception_handler(const ExceptionContext&) {
  not_implemented("default_exception_handler");
}
void AbstractEventLoop::call_exception_handler(const ExceptionContext&) { not_implemented("call_exception_handler"); }
bool AbstractEventLoop::get_debug() const { not_implemented("get_debug"); }
void AbstractEventLoop::set_debug(bool) { not_implemented("set_debug"); }
RandomEngine& AbstractEventLoop::random() { not_implemented("random"); }
std::optional<std::uint64_t> AbstractEventLoop::library_seed() { return {}; }
std::uint64_t AbstractEventLoop::library_world() const noexcept { return 0; }

}  // namespace asyncio
