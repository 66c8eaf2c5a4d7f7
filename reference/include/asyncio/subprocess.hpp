// subprocess.hpp: programs that run beside this one.
//
//     auto process = create_subprocess_exec({"sort", "-u"}, {.stdin_ = subprocess::PIPE, .stdout_ = subprocess::PIPE});
//     auto [sorted, errors] = process.communicate("b\na\nb\n");
//
// A Process is a small handle of a child process and of the streams that lead to it. Only what is asked for is
// a pipe; by default the child has the parent's streams.
//
// What may surprise is how easily two processes wait for each other for ever. A pipe holds 64 KiB. A child that
// writes more than nobody reads stands still, and wait() then waits for ever; so does a program that writes all
// its input before it reads. communicate() does both at once: use it wherever it fits.
//
//   P1  wait() returns when the process has ended, whoever still holds its pipes (S318).
//   P2  A process whose handles are all gone runs on. When its loop is closed it is killed (S321).
//
// Who owns whom: the loop owns the transport until the process and its pipes have ended. The transport owns the
// protocol, and that the streams. A Process shares all of them, and nobody owns it.
//
// Source: CPython Lib/asyncio/subprocess.py. Rules: S315 to S323.
#pragma once

#include <asyncio/loop_options.hpp>
#include <asyncio/protocols.hpp>
#include <asyncio/stream_reader.hpp>
#include <asyncio/stream_writer.hpp>
#include <asyncio/transports.hpp>

#include <array>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace asyncio {

/// Feeds the streams of a Process with what its transport tells.
class SubprocessStreamProtocol : public SubprocessProtocol {
 public:
  /// Must be made while its loop is running.
  ///
  /// \param limit  of the readers, in bytes; see StreamReader
  /// \throws std::invalid_argument  unless `limit` is positive
  explicit SubprocessStreamProtocol(std::ptrdiff_t limit);
  ~SubprocessStreamProtocol() override;

  void connection_made(std::shared_ptr<BaseTransport> transport) override;
  void pipe_data_received(int fd, std::string_view data) override;
  void pipe_connection_lost(int fd, std::exception_ptr error) override;
  void process_exited() override;
  void pause_writing() override;
  void resume_writing() override;

  /// The writer of the child's stdin. None before connection_made(), or where it is no pipe.
  const StreamWriter& stdin_() const noexcept { return stdin_writer_; }
  /// The reader of the child's stdout. None as above.
  const StreamReader& stdout_() const noexcept { return readers_[1]; }
  /// The reader of the child's stderr. None as above.
  const StreamReader& stderr_() const noexcept { return readers_[2]; }

 private:
  class StdinFlow;

  void maybe_close_transport();

  const std::ptrdiff_t limit_;
  const std::shared_ptr<StdinFlow> flow_;  // apart from this, so that the writer need not own its owner
  std::weak_ptr<SubprocessTransport> transport_;
  StreamWriter stdin_writer_;
  std::array<StreamReader, 3> readers_;  // by descriptor; the first is none
  std::array<bool, 3> open_{};           // those of the readers whose pipe has not ended
  bool process_exited_ = false;
};

/// A child process. Copies are the same process.
class Process {
 public:
  /// No process: converts to false.
  Process() = default;
  /// Not for programs: create_subprocess_exec() makes one.
  ///
  /// \param transport  of the child
  /// \param protocol   its protocol, whose connection_made() was called
  Process(std::shared_ptr<SubprocessTransport> transport, const SubprocessStreamProtocol& protocol);

  /// The number of the process. It stays, although the system may give it to another one after this has ended.
  int pid() const;
  /// How it ended: its exit status, or minus the signal that ended it; 255 where somebody else has read the status
  /// (S319). Empty while it runs, as far as the loop knows.
  std::optional<int> returncode() const;

  /// Waits until the process has ended (P1). Waits for ever where the child writes more than a pipe holds and nobody
  /// reads it.
  ///
  /// \return  as returncode()
  /// \suspends until then; not at all where it has
  int wait() const;
  /// Sends `input` to its stdin and closes that, reads its stdout and stderr to their ends, all at once, and waits
  /// until it has ended. A child that does not read its input is no error (S323).
  ///
  /// \param input  bytes; ignored where stdin is no pipe
  /// \return       what came from stdout and from stderr; empty where that is no pipe
  /// \suspends until the process and both streams have ended
  std::pair<std::string, std::string> communicate(std::string_view input = "") const;

  /// Sends it a signal. Does nothing where it has just ended.
  ///
  /// \throws std::system_error  ESRCH where it has ended and was closed; EPERM, EINVAL where the system refuses (S320)
  void send_signal(int signal) const;
  /// Asks it to end: SIGTERM. \throws as send_signal()
  void terminate() const;
  /// Ends it: SIGKILL. \throws as send_signal()
  void kill() const;

  /// The writer of its stdin; none where that is no pipe.
  StreamWriter stdin_() const;
  /// The reader of its stdout; none where that is no pipe.
  StreamReader stdout_() const;
  /// The reader of its stderr; none where that is no pipe.
  StreamReader stderr_() const;

  /// One line for reports: "<Process 4711>".
  std::string repr() const;

  /// Whether there is a process.
  explicit operator bool() const noexcept { return state_ != nullptr; }
  /// Whether both are handles of the same process.
  friend bool operator==(const Process&, const Process&) = default;

 private:
  struct State;
  const State& state() const;

  std::shared_ptr<const State> state_;  // null: no process
};

/// The keywords of create_subprocess_exec() and create_subprocess_shell(): those of SubprocessOptions, with the
/// parent's streams where nothing else is said, and a limit.
struct CreateSubprocessOptions {
  std::optional<StdioTarget> stdin_ = {};                      ///< default: the parent's
  std::optional<StdioTarget> stdout_ = {};                     ///< default: the parent's
  std::optional<StdioTarget> stderr_ = {};                     ///< default: the parent's
  std::ptrdiff_t limit = DEFAULT_STREAM_LIMIT;                 ///< of the readers, in bytes
  std::optional<std::string> cwd = {};                         ///< default: the parent's
  std::optional<std::map<std::string, std::string>> env = {};  ///< all of it; default: the parent's
  std::optional<std::string> executable = {};                  ///< the file to run, instead of args[0] or /bin/sh
  bool close_fds = true;                                       ///< the child has its streams and pass_fds only
  std::vector<int> pass_fds = {};                              ///< further descriptors for the child, same numbers
  bool restore_signals = true;                                 ///< SIGPIPE and SIGXFSZ act as by default
  bool start_new_session = false;                              ///< setsid()
  std::optional<int> process_group = {};                       ///< setpgid() to it; 0: a new one
  std::optional<int> umask = {};                               ///< default: the parent's
};

/// Starts a program in the running loop.
///
/// \param args     the program, and what it is given; it is looked for in PATH, unless its name has a slash
/// \param options  where its streams go; its directory and environment
/// \return         the process
/// \throws std::invalid_argument  where `args` is empty, something has a zero byte in it, or the limit is not positive
/// \throws std::system_error      where the program cannot be started: ENOENT where it was not found (S315)
/// \throws RuntimeError           where no loop is running
/// \suspends until its pipes are connected
Process create_subprocess_exec(std::vector<std::string> args, CreateSubprocessOptions options = {});
/// Starts a command of the shell, /bin/sh. Quoting what is put into the command is the caller's business.
///
/// \param command  what the shell is to run
/// \param options  where its streams go; its directory and environment
/// \return         the process of the shell
/// \throws as create_subprocess_exec(); a program that the shell does not find is its exit status 127
/// \suspends until its pipes are connected
Process create_subprocess_shell(std::string command, CreateSubprocessOptions options = {});

namespace subprocess {
using asyncio::Process;
using asyncio::SubprocessStreamProtocol;
}  // namespace subprocess

}  // namespace asyncio
