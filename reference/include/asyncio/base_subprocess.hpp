// base_subprocess.hpp: what happens to a child process, in which order its protocol hears of it.
//
// A child is up to three pipes and an exit. They end in any order: the exit may be seen before the last data,
// and a pipe may outlive the child, because a grandchild has inherited it. This class brings order into that:
//
//     pipe 0 ─┐                                          pipe_data_received(fd, data)
//     pipe 1 ─┼─► call() ─► held back until ─► queued ─► pipe_connection_lost(fd, error)
//     pipe 2 ─┤             connection_made()            process_exited()
//     exit   ─┘                                          connection_lost(): the exit is known, and all pipes have ended
//
// What may surprise is that nothing reaches the protocol directly: every event is queued once more, and so it
// comes one iteration after the pipe had it.
//
//   Q1  connection_made() comes first, connection_lost() last, each once.
//   Q2  For each pipe, its data comes before its loss. Between pipes, and between them and the exit, there is no
//       order (S317).
//   Q3  wait() waits for the exit only (S318).
//   Q4  loop_ is null exactly when connection_lost() was called, or the loop is closed.
//
// For those who write loops: a class for a kind of process supplies three functions. How a process is started,
// and how its end is noticed, is its business.
//
// Source: CPython Lib/asyncio/base_subprocess.py, BaseSubprocessTransport. Rules: S316 to S321.
#pragma once

#include <asyncio/events.hpp>
#include <asyncio/transports.hpp>

#include <array>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace asyncio {

/// A child process that was just started: what subprocess.Popen is to asyncio.
struct StartedProcess {
  int pid = 0;                       ///< its number
  std::array<Socket, 3> pipes = {};  ///< this end of its stdin, stdout and stderr; empty where it has no pipe
};

/// A child process with the pipes that lead to it.
class BaseSubprocessTransport : public SubprocessTransport {
 public:
  ~BaseSubprocessTransport() override;

  int get_pid() const override { return process_.pid; }
  std::optional<int> get_returncode() const override { return returncode_; }
  std::shared_ptr<BaseTransport> get_pipe_transport(int fd) const override;
  void send_signal(int signal) override;
  void terminate() override;
  void kill() override;
  int wait() override;

  bool is_closing() const override { return closed_; }
  /// Closes the pipes, and kills the child if it still runs (S321). connection_lost() follows when it has ended.
  void close() override;

 protected:
  /// \param loop     whose callbacks it schedules; must outlive the last of them
  /// \param process  one that was just started
  BaseSubprocessTransport(AbstractEventLoop& loop, StartedProcess process);

  /// Begins to connect the pipes, in the order stdin, stdout, stderr. To be called once, from a std::shared_ptr.
  ///
  /// \param protocol  hears of everything; a SubprocessProtocol
  /// \param waiter    is done when the pipes are connected and connection_made() is queued, or with what went wrong
  void begin(std::shared_ptr<SubprocessProtocol> protocol, const Future<void>& waiter);
  /// To be called once, when the child has ended (Q3).
  ///
  /// \param returncode  its exit status, or minus the signal that ended it
  void process_exited(int returncode);
  /// Ends the ties to the loop, the protocol and the pipes without a word to anybody: for a loop that is closed.
  ///
  /// \param returncode  how the child ended, where that is known
  void let_go(std::optional<int> returncode) noexcept;

  // ---- What the class for a kind of process must supply ----

  /// Sends the child a signal. Must not fail where it has ended already.
  ///
  /// \throws std::system_error  EPERM, EINVAL where the system refuses
  virtual void signal_child(int signal) = 0;
  /// It is all over: connection_lost() was called. The loop may let go of this transport.
  virtual void disconnected() noexcept = 0;

 private:
  class Pipe;
  class WritePipe;
  class ReadPipe;

  std::shared_ptr<BaseSubprocessTransport> self();
  std::shared_ptr<SubprocessProtocol> protocol() const;
  void connect_pipes(const Future<void>& waiter);
  template <class PipeProtocol, class Connect>
  void connect_pipe(int fd, Connect connect);
  void give_up_connecting();
  template <class Event>
  void call(Event event);
  void pipe_data_received(int fd, std::string_view data);
  void pipe_connection_lost(int fd, const std::exception_ptr& error);
  void try_finish();
  void call_connection_lost();

  AbstractEventLoop* loop_;                                        // Q4
  StartedProcess process_;                                         // its pipes are moved out as they are connected
  std::array<std::shared_ptr<Pipe>, 3> pipes_;                     // by descriptor; null: no pipe, or not connected yet
  std::optional<std::vector<Callback>> held_back_{std::in_place};  // asyncio's _pending_calls; until connection_made()
  std::vector<Future<int>> exit_waiters_;
  std::optional<int> returncode_;  // empty: running, as far as known
  bool connecting_ = true;         // there may be pipes that are not in pipes_ yet
  bool introduced_ = false;        // connection_made() is queued
  bool finished_ = false;          // connection_lost() is queued
  bool closed_ = false;
};

}  // namespace asyncio
