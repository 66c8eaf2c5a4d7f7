// selector_events.hpp: the loop that real programs run on, over Linux's epoll.
//
// BaseEventLoop asks three things of a loop: to wait, to say what happened, and to be woken. Here the
// kernel does all three. Each descriptor that has a reader or a writer is registered with one epoll
// instance; select() asks that instance; and an eventfd in the same instance is the bell that other
// threads ring.
//
//     add_reader(fd, f) ──► epoll_ctl ──┐
//     call_soon_threadsafe ──► eventfd ─┴─► epoll_pwait2 ──► process_events() ──► ready queue
//     a signal ──► its bit ────► eventfd ─┘                  take_signals() ────┘
//
//   E1  A descriptor is registered with epoll exactly while it has a reader or a writer.
//   E2  The bell is edge-triggered and never read: each ring is a new edge, so nobody has to drain it.
//
// Source: CPython Lib/asyncio/selector_events.py, BaseSelectorEventLoop; unix_events.py for signals. Rules: S5, S7,
// S38, S46 to S48, S280, S325 to S328.
#pragma once

#include <asyncio/base_events.hpp>

#include <map>
#include <vector>

namespace asyncio {

class OpenTransports;

/// The event loop of Linux: what run() and new_event_loop() use.
class SelectorEventLoop : public BaseEventLoop {
 public:
  /// \throws std::system_error  where the system has no descriptors left
  SelectorEventLoop();
  ~SelectorEventLoop() override;

  void close() override;

  /// Calls `callback` whenever `fd` can be read: level-triggered. Replaces an earlier reader.
  ///
  /// \throws RuntimeError       where the loop is closed
  /// \throws std::system_error  where `fd` cannot be watched: EPERM for a regular file, EBADF for none
  void add_reader(int fd, Callback callback) override;
  bool remove_reader(int fd) override;
  /// Like add_reader(), for writing.
  void add_writer(int fd, Callback callback) override;
  bool remove_writer(int fd) override;
  using BaseEventLoop::add_reader;
  using BaseEventLoop::add_writer;
  using BaseEventLoop::remove_reader;
  using BaseEventLoop::remove_writer;

  /// Calls back in the loop, two iterations later, whenever the process gets a signal (S326). Replaces an earlier
  /// handler. System calls that the signal interrupts go on (S328).
  ///
  /// \param signal    its number, such as SIGTERM
  /// \param callback  an ordinary callback of the loop: may do anything
  /// \throws std::invalid_argument  where there is no such signal
  /// \throws RuntimeError           outside the main thread; where the loop is closed; for SIGKILL and SIGSTOP
  ///                                ("sig 9 cannot be caught")
  void add_signal_handler(int signal, Callback callback) override;
  /// Ends that, and restores the default action of the signal, for SIGINT too (S327).
  ///
  /// \return whether there was one
  bool remove_signal_handler(int signal) override;

  RandomEngine& random() override;

 protected:
  EventList select(std::optional<Duration> timeout) override;
  void process_events(EventList events) override;
  void write_to_self() noexcept override;
  void handle_signal(int signal) override;

  std::shared_ptr<ReadTransport> make_read_pipe_transport(int descriptor, Socket owner,
                                                          std::shared_ptr<BaseProtocol> protocol,
                                                          Future<void> waiter) override;
  std::shared_ptr<WriteTransport> make_write_pipe_transport(int descriptor, Socket owner,
                                                            std::shared_ptr<BaseProtocol> protocol,
                                                            Future<void> waiter) override;
  std::shared_ptr<SubprocessTransport> make_subprocess_transport(std::shared_ptr<BaseProtocol> protocol,
                                                                 std::vector<std::string> args, bool shell,
                                                                 SubprocessOptions options) override;

 private:
  struct Watch {  // of one descriptor; an empty handle: not watched in this direction
    Handle reader;
    Handle writer;
  };
  enum class Direction { read, write };

  void watch(int fd, Direction direction, Callback callback);
  bool unwatch(int fd, Direction direction);
  void remove_signal_handlers() noexcept;
  void register_with_epoll(int fd, const Watch& before, const Watch& after);

  int epoll_ = -1;
  int bell_ = -1;  // the eventfd that write_to_self() rings
  std::map<int, Watch> watches_;
  std::map<int, Handle> signal_handlers_;
  std::vector<SelectorEvent> events_;  // what the last select() found
  const std::unique_ptr<OpenTransports> open_transports_;
  std::unique_ptr<RandomEngine> random_;
};

/// asyncio's name for the best loop of the platform.
using EventLoop = SelectorEventLoop;

}  // namespace asyncio
