// base_subprocess.cpp: from pipes and an exit to one order of events.
#include <asyncio/base_subprocess.hpp>

#include <asyncio/coroutine.hpp>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <csignal>
#include <ranges>
#include <string>
#include <system_error>
#include <utility>

namespace asyncio {

/// One pipe of a child. The transport owns it, and it the transport, until the pipe has ended.
class BaseSubprocessTransport::Pipe {
 public:
  Pipe(std::shared_ptr<BaseSubprocessTransport> process, int fd) : fd_(fd), process_(std::move(process)) {}
  virtual ~Pipe() = default;

  const std::shared_ptr<BaseTransport>& transport() const noexcept { return transport_; }
  bool disconnected() const noexcept { return disconnected_; }
  /// The loop is closed: whatever the pipe has to say, nobody hears it.
  void let_go() noexcept { process_ = nullptr; }

 protected:
  void made(std::shared_ptr<BaseTransport> transport) { transport_ = std::move(transport); }
  void lost(const std::exception_ptr& error) {
    disconnected_ = true;
    if (const auto process = std::move(process_)) process->pipe_connection_lost(fd_, error);
  }
  void received(std::string_view data) const {
    if (process_) process_->pipe_data_received(fd_, data);
  }
  std::shared_ptr<BaseProtocol> protocol() const { return process_ ? process_->get_protocol() : nullptr; }

 private:
  const int fd_;                                      // the child's: 0, 1, 2
  std::shared_ptr<BaseSubprocessTransport> process_;  // null once the pipe has ended
  std::shared_ptr<BaseTransport> transport_;
  bool disconnected_ = false;
};

/// asyncio's WriteSubprocessPipeProto: the child's stdin. Flow control goes to the child's protocol at once.
class BaseSubprocessTransport::WritePipe final : public BaseProtocol, public Pipe {
 public:
  using Pipe::Pipe;
  void connection_made(std::shared_ptr<BaseTransport> transport) override { made(std::move(transport)); }
  void connection_lost(std::exception_ptr error) override { lost(error); }
  void pause_writing() override {
    if (const auto told = protocol()) told->pause_writing();
  }
  void resume_writing() override {
    if (const auto told = protocol()) told->resume_writing();
  }
};

/// asyncio's ReadSubprocessPipeProto: its stdout or stderr.
class BaseSubprocessTransport::ReadPipe final : public Protocol, public Pipe {
 public:
  using Pipe::Pipe;
  void connection_made(std::shared_ptr<BaseTransport> transport) override { made(std::move(transport)); }
  void connection_lost(std::exception_ptr error) override { lost(error); }
  void data_received(std::string_view data) override { received(data); }
};

BaseSubprocessTransport::BaseSubprocessTransport(AbstractEventLoop& loop, StartedProcess process)
    : loop_(&loop), process_(std::move(process)) {}

BaseSubprocessTransport::~BaseSubprocessTransport() = default;

std::shared_ptr<BaseSubprocessTransport> BaseSubprocessTransport::self() {
  return std::dynamic_pointer_cast<BaseSubprocessTransport>(shared_from_this());
}

std::shared_ptr<SubprocessProtocol> BaseSubprocessTransport::protocol() const {
  return std::dynamic_pointer_cast<SubprocessProtocol>(get_protocol());
}

// ---- Connecting ----

void BaseSubprocessTransport::begin(std::shared_ptr<SubprocessProtocol> protocol, const Future<void>& waiter) {
  set_protocol(std::move(protocol));
  loop_->create_task([self = self(), waiter] { self->connect_pipes(waiter); });
}

void BaseSubprocessTransport::connect_pipes(const Future<void>& waiter) {
  try {
    const auto write = [this](auto factory, Socket pipe) {
      loop_->connect_write_pipe(std::move(factory), std::move(pipe));  // suspends
    };
    const auto read = [this](auto factory, Socket pipe) {
      loop_->connect_read_pipe(std::move(factory), std::move(pipe));  // suspends
    };
    connect_pipe<WritePipe>(0, write);  // S316: in this order
    connect_pipe<ReadPipe>(1, read);
    connect_pipe<ReadPipe>(2, read);
  } catch (const CoroutineExit&) {
    throw;  // the loop is being closed
  } catch (const CancelledError&) {
    give_up_connecting();
    waiter.cancel();
    throw;
  } catch (const std::exception&) {
    give_up_connecting();
    if (!waiter.done()) waiter.set_exception(std::current_exception());
    return;
  }
  connecting_ = false;
  introduced_ = true;
  loop_->call_soon([self = self(), protocol = protocol()] { protocol->connection_made(self); });  // Q1
  auto held_back = std::exchange(held_back_, std::nullopt);
  for (Callback& event : *held_back) loop_->call_soon(std::move(event));
  if (!waiter.done()) waiter.set_result();
  try_finish();
}

template <class PipeProtocol, class Connect>
void BaseSubprocessTransport::connect_pipe(int fd, Connect connect) {
  Socket end = std::exchange(process_.pipes[static_cast<std::size_t>(fd)], {});
  if (!end) return;
  const auto pipe = std::make_shared<PipeProtocol>(self(), fd);
  connect([pipe] { return pipe; }, std::move(end));  // suspends
  pipes_[static_cast<std::size_t>(fd)] = pipe;
  if (closed_) pipe->transport()->close();  // meanwhile
}

/// What is connected is closed, what is not is given back. The protocol was told of nothing, and will not be.
void BaseSubprocessTransport::give_up_connecting() {
  connecting_ = false;
  process_.pipes = {};
  held_back_.reset();
  for (const auto& pipe : pipes_) {
    if (pipe) pipe->transport()->close();
  }
  try_finish();
}

// ---- Events ----

/// Queues an event for the protocol as it is now, or holds it back until connection_made() is queued.
template <class Event>
void BaseSubprocessTransport::call(Event event) {
  auto told = [protocol = protocol(), event = std::move(event)] {
    if (protocol) event(*protocol);
  };
  if (held_back_) {
    held_back_->emplace_back(std::move(told));
  } else if (introduced_) {  // and not given up
    loop_->call_soon(std::move(told));
  }
}

void BaseSubprocessTransport::pipe_data_received(int fd, std::string_view data) {
  call([fd, data = std::string(data)](SubprocessProtocol& protocol) { protocol.pipe_data_received(fd, data); });
}

void BaseSubprocessTransport::pipe_connection_lost(int fd, const std::exception_ptr& error) {
  call([fd, error](SubprocessProtocol& protocol) { protocol.pipe_connection_lost(fd, error); });
  try_finish();
}

void BaseSubprocessTransport::process_exited(int returncode) {
  if (!loop_) return;
  assert(!returncode_);
  returncode_ = returncode;
  call([](SubprocessProtocol& protocol) { protocol.process_exited(); });
  try_finish();
  // Last: where there is no pipe left, wait() returns after connection_lost(), as it always did before CPython 3.15,
  // and a program that then sends a signal is told that there is nobody (S320).
  for (const Future<int>& waiter : std::exchange(exit_waiters_, {})) {
    if (!waiter.done()) waiter.set_result(returncode);  // Q3
  }
}

void BaseSubprocessTransport::try_finish() {
  if (!returncode_ || connecting_ || finished_) return;
  if (!std::ranges::all_of(pipes_, [](const auto& pipe) { return !pipe || pipe->disconnected(); })) return;
  finished_ = true;
  loop_->call_soon([self = self()] { self->call_connection_lost(); });
}

void BaseSubprocessTransport::call_connection_lost() {
  if (!loop_) return;
  const auto kept = self();
  try {
    const auto protocol = introduced_ ? get_protocol() : nullptr;
    if (protocol) protocol->connection_lost(nullptr);
  } catch (...) {
    let_go(returncode_);
    disconnected();
    throw;  // to the handle, which reports it
  }
  let_go(returncode_);
  disconnected();
}

void BaseSubprocessTransport::let_go(std::optional<int> returncode) noexcept {
  loop_ = nullptr;  // Q4
  returncode_ = returncode;
  process_.pipes = {};
  const auto dropped = std::exchange(held_back_, std::nullopt);
  for (const auto& pipe : pipes_) {
    if (pipe) pipe->let_go();
  }
  set_protocol(nullptr);
}

// ---- What programs ask for ----

std::shared_ptr<BaseTransport> BaseSubprocessTransport::get_pipe_transport(int fd) const {
  if (fd < 0 || fd > 2 || !pipes_[static_cast<std::size_t>(fd)]) return nullptr;
  return pipes_[static_cast<std::size_t>(fd)]->transport();
}

void BaseSubprocessTransport::send_signal(int signal) {
  if (!loop_) {
    throw std::system_error(ESRCH, std::generic_category(), "process " + std::to_string(process_.pid) + " has ended");
  }
  if (!returncode_) signal_child(signal);  // S320
}

void BaseSubprocessTransport::terminate() { send_signal(SIGTERM); }
void BaseSubprocessTransport::kill() { send_signal(SIGKILL); }

int BaseSubprocessTransport::wait() {
  const auto kept = self();
  if (returncode_) return *returncode_;
  if (!loop_) throw RuntimeError("Event loop is closed");
  // Those whose waiting was cancelled are dropped here: a program may look again and again, with a timeout.
  std::erase_if(exit_waiters_, [](const Future<int>& waiter) { return waiter.done(); });
  const auto waiter = loop_->create_future<int>();
  exit_waiters_.push_back(waiter);
  return await(waiter);  // suspends
}

void BaseSubprocessTransport::close() {
  if (!loop_ || std::exchange(closed_, true)) return;
  for (const auto& pipe : pipes_) {
    if (pipe) pipe->transport()->close();
  }
  if (returncode_) return;
  try {
    signal_child(SIGKILL);  // S321
  } catch (const std::system_error&) {
    // A child that runs as somebody else, and may not be killed. It is still waited for.
  }
}

}  // namespace asyncio
