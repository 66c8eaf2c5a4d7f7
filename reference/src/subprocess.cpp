// subprocess.cpp: from the events of a child process to three streams and an exit status.
#include <asyncio/subprocess.hpp>

#include <asyncio/events.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/stream_flow_control.hpp>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace asyncio {

// ---- The protocol ----

/// What a writer of the child's stdin waits for: drain() for room, wait_closed() for the end.
class SubprocessStreamProtocol::StdinFlow final : public streams::FlowControlMixin {
 public:
  Future<void> get_close_waiter(const StreamWriter&) override { return closed_; }
  void stdin_lost(const std::exception_ptr& error) {
    connection_lost(error);
    if (closed_.done()) return;  // cancelled, with a task that was waiting for it
    if (error) {
      closed_.set_exception(error);
      closed_.get()->mark_retrieved();  // nobody has to call wait_closed()
    } else {
      closed_.set_result();
    }
  }

 private:
  const Future<void> closed_ = get_running_loop().create_future<void>();
};

SubprocessStreamProtocol::SubprocessStreamProtocol(std::ptrdiff_t limit)
    : limit_(limit),
      flow_(std::make_shared<StdinFlow>()),
      readers_{StreamReader::none(), StreamReader::none(), StreamReader::none()} {
  StreamReader{limit};  // throws now where the limit is wrong, and not when the child has been started
}

SubprocessStreamProtocol::~SubprocessStreamProtocol() = default;

void SubprocessStreamProtocol::connection_made(std::shared_ptr<BaseTransport> transport) {
  const auto process = std::dynamic_pointer_cast<SubprocessTransport>(transport);
  transport_ = process;
  for (const int fd : {1, 2}) {
    const auto pipe = std::dynamic_pointer_cast<ReadTransport>(process->get_pipe_transport(fd));
    if (!pipe) continue;
    const auto i = static_cast<std::size_t>(fd);
    readers_[i] = StreamReader(limit_);
    readers_[i].set_transport(pipe);
    open_[i] = true;
  }
  const auto stdin_pipe = std::dynamic_pointer_cast<WriteTransport>(process->get_pipe_transport(0));
  if (stdin_pipe) stdin_writer_ = StreamWriter(stdin_pipe, flow_, StreamReader::none());
}

void SubprocessStreamProtocol::pipe_data_received(int fd, std::string_view data) {
  if (const StreamReader& reader = readers_.at(static_cast<std::size_t>(fd))) reader.feed_data(data);
}

void SubprocessStreamProtocol::pipe_connection_lost(int fd, std::exception_ptr error) {
  if (fd == 0) {
    if (stdin_writer_) stdin_writer_.close();
    return flow_->stdin_lost(error);
  }
  const auto i = static_cast<std::size_t>(fd);
  if (const StreamReader& reader = readers_.at(i)) {
    if (error) {
      reader.set_exception(error);
    } else {
      reader.feed_eof();
    }
  }
  open_.at(i) = false;
  maybe_close_transport();
}

void SubprocessStreamProtocol::process_exited() {
  process_exited_ = true;
  maybe_close_transport();
}

/// Nothing more will come: stdin is not waited for (S322).
void SubprocessStreamProtocol::maybe_close_transport() {
  if (!process_exited_ || open_[1] || open_[2]) return;
  if (const auto transport = transport_.lock()) transport->close();
  transport_.reset();
}

void SubprocessStreamProtocol::pause_writing() { flow_->pause_writing(); }
void SubprocessStreamProtocol::resume_writing() { flow_->resume_writing(); }

// ---- The process ----

struct Process::State {
  std::shared_ptr<SubprocessTransport> transport;
  StreamWriter stdin_writer;
  StreamReader stdout_reader;
  StreamReader stderr_reader;
};

Process::Process(std::shared_ptr<SubprocessTransport> transport, const SubprocessStreamProtocol& protocol)
    : state_(std::make_shared<State>(
          State{std::move(transport), protocol.stdin_(), protocol.stdout_(), protocol.stderr_()})) {}

const Process::State& Process::state() const {
  if (!state_) throw std::logic_error("this Process is none");
  return *state_;
}

int Process::pid() const { return state().transport->get_pid(); }
std::optional<int> Process::returncode() const { return state().transport->get_returncode(); }
void Process::send_signal(int signal) const { state().transport->send_signal(signal); }
void Process::terminate() const { state().transport->terminate(); }
void Process::kill() const { state().transport->kill(); }
StreamWriter Process::stdin_() const { return state().stdin_writer; }
StreamReader Process::stdout_() const { return state().stdout_reader; }
StreamReader Process::stderr_() const { return state().stderr_reader; }
std::string Process::repr() const { return state_ ? "<Process " + std::to_string(pid()) + ">" : "<no Process>"; }

int Process::wait() const {
  const auto transport = state().transport;  // kept: the caller may let go of its handle meanwhile
  return transport->wait();                  // suspends
}

namespace {

/// Writes everything and closes. A child that has stopped reading has its reasons (S323).
void feed_stdin(const StreamWriter& writer, std::string_view input) {
  try {
    if (!input.empty()) writer.write(input);
    writer.drain();  // suspends
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::broken_pipe && error.code() != std::errc::connection_reset) throw;
  }
  writer.close();
}

std::string read_stream(const StreamReader& reader, const std::shared_ptr<BaseTransport>& pipe) {
  if (!reader) return {};              // no pipe
  std::string output = reader.read();  // suspends
  pipe->close();
  return output;
}

}  // namespace

std::pair<std::string, std::string> Process::communicate(std::string_view input) const {
  const Process kept = *this;
  const State& state = kept.state();
  auto [fed, output, errors] =
      await(gather(  // suspends
                     // A copy of the input: where one of the three fails, the others go on when this call has ended.
          [writer = state.stdin_writer, bytes = std::string(input)] {
            if (writer) feed_stdin(writer, bytes);
          },
          [reader = state.stdout_reader, pipe = state.transport->get_pipe_transport(1)] {
            return read_stream(reader, pipe);
          },
          [reader = state.stderr_reader, pipe = state.transport->get_pipe_transport(2)] {
            return read_stream(reader, pipe);
          }));
  kept.wait();  // suspends
  return {std::move(output), std::move(errors)};
}

// ---- Starting one ----

namespace {

SubprocessOptions for_loop(CreateSubprocessOptions options) {
  return {.stdin_ = options.stdin_,
          .stdout_ = options.stdout_,
          .stderr_ = options.stderr_,
          .cwd = std::move(options.cwd),
          .env = std::move(options.env),
          .executable = std::move(options.executable),
          .close_fds = options.close_fds,
          .pass_fds = std::move(options.pass_fds),
          .restore_signals = options.restore_signals,
          .start_new_session = options.start_new_session,
          .process_group = options.process_group,
          .umask = options.umask};
}

}  // namespace

Process create_subprocess_exec(std::vector<std::string> args, CreateSubprocessOptions options) {
  const auto factory = [limit = options.limit] { return std::make_shared<SubprocessStreamProtocol>(limit); };
  const auto [transport, protocol] =
      get_running_loop().subprocess_exec(factory, std::move(args), for_loop(std::move(options)));  // suspends
  return Process(transport, *protocol);
}

Process create_subprocess_shell(std::string command, CreateSubprocessOptions options) {
  const auto factory = [limit = options.limit] { return std::make_shared<SubprocessStreamProtocol>(limit); };
  const auto [transport, protocol] =
      get_running_loop().subprocess_shell(factory, std::move(command), for_loop(std::move(options)));  // suspends
  return Process(transport, *protocol);
}

}  // namespace asyncio
