// selector_events.hpp: the loop that real programs run on, over Linux's epoll.
//
// BaseEventLoop asks three things of a loop: to wait, to say what happened, and to be woken. Here the
// kernel does all three. Each descriptor that has a reader or a writer is registered with one epoll
// instance; select() asks that instance; and an eventfd in the same instance is the bell that other
// threads ring.
//
//     add_reader(fd, f) ──► epoll_ctl ──┐
//     call_soon_threadsafe ──► eventfd ─┴─► epoll_pwait2 ──► process_events() ──► ready queue
//
//   E1  A descriptor is registered with epoll exactly while it has a reader or a writer.
//   E2  The bell is edge-triggered and never read: each ring is a new edge, so nobody has to drain it.
//
// Source: CPython Lib/asyncio/selector_events.py, BaseSelectorEventLoop. Rules: S5, S7, S38, S46 to S48, S280.
#pragma once

#include <asyncio/base_events.hpp>

#include <map>
#include <vector>

namespace asyncio {

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

  RandomEngine& random() override;

 protected:
  EventList select(std::optional<Duration> timeout) override;
  void process_events(EventList events) override;
  void write_to_self() noexcept override;

 private:
  struct Watch {  // of one descriptor; an empty handle: not watched in this direction
    Handle reader;
    Handle writer;
  };
  enum class Direction { read, write };

  void watch(int fd, Direction direction, Callback callback);
  bool unwatch(int fd, Direction direction);
  void register_with_epoll(int fd, const Watch& before, const Watch& after);

  int epoll_ = -1;
  int bell_ = -1;  // the eventfd that write_to_self() rings
  std::map<int, Watch> watches_;
  std::vector<SelectorEvent> events_;  // what the last select() found
  std::unique_ptr<RandomEngine> random_;
};

/// asyncio's name for the best loop of the platform.
using EventLoop = SelectorEventLoop;

}  // namespace asyncio
