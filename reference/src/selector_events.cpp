// selector_events.cpp: epoll, and the bell that wakes it.
#include <asyncio/selector_events.hpp>

#include "log.hpp"
#include "open_transports.hpp"
#include "repeated_handle.hpp"
#include "system_socket.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <random>
#include <span>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

namespace asyncio {
namespace {

std::uint32_t interest(const Handle& reader, const Handle& writer) {
  return (reader ? std::uint32_t{EPOLLIN} : 0u) | (writer ? std::uint32_t{EPOLLOUT} : 0u);
}

// epoll_wait(), to the nanosecond. Where epoll_pwait2() is missing (before Linux 5.11; under valgrind), to the
// millisecond and rounded up: a loop that woke too early would turn round until its timer is due.
int wait_for_events(int epoll, std::span<epoll_event> found, std::optional<Duration> timeout) {
  static std::atomic<bool> missing = false;
  const int room = static_cast<int>(found.size());
  if (!missing.load(std::memory_order_relaxed)) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(timeout.value_or(Duration::zero()));
    const timespec wait{.tv_sec = seconds.count(), .tv_nsec = (timeout.value_or(Duration::zero()) - seconds).count()};
    const int count = epoll_pwait2(epoll, found.data(), room, timeout ? &wait : nullptr, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    missing.store(true, std::memory_order_relaxed);
  }
  if (!timeout) return epoll_wait(epoll, found.data(), room, -1);
  constexpr std::chrono::milliseconds longest(std::numeric_limits<int>::max());
  const auto wait = std::min(std::chrono::ceil<std::chrono::milliseconds>(*timeout), longest);
  return epoll_wait(epoll, found.data(), room, static_cast<int>(wait.count()));
}

// Seeded once by the operating system; what follows from the seed is the standard's, not the platform's.
class SystemRandomEngine final : public RandomEngine {
 public:
  SystemRandomEngine() : engine_((std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}()) {}

 protected:
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace

SelectorEventLoop::SelectorEventLoop() : open_transports_(std::make_unique<OpenTransports>()) {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) throw_errno("epoll_create1");
  bell_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.fd = bell_}};  // E2
  if (bell_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_, &event) < 0) {
    const int error = errno;
    if (bell_ >= 0) ::close(bell_);
    ::close(epoll_);
    throw std::system_error(error, std::generic_category(), "eventfd");
  }
}

SelectorEventLoop::~SelectorEventLoop() {
  if (!is_closed()) {
    log_warning("an event loop was destroyed that had not been closed");  // S39
    SelectorEventLoop::close();
  }
  // Not before: other threads may ring at a loop that is closed, and its number may be a new file's by then (S46).
  ::close(bell_);
}

void SelectorEventLoop::close() {
  if (is_running()) throw RuntimeError("Cannot close a running event loop");
  if (is_closed()) return;
  BaseEventLoop::close();  // first: the tasks that it lets go of may still remove readers
  open_transports_->close_all();
  watched_ = 0;
  for (const Watch& watch : std::exchange(watches_, {})) {
    watch.reader.cancel();
    watch.writer.cancel();
  }
  ::close(std::exchange(epoll_, -1));
  remove_signal_handlers();  // last (S38)
}

// ---- Waiting ----

EventList SelectorEventLoop::select(std::optional<Duration> timeout) {
  events_.clear();
  // With nothing registered but the bell, a poll that must not wait can find nothing: take_posted() looks
  // at what the bell announces. A system call costs more than ten callbacks.
  if (timeout == Duration::zero() && watched_ == 0) return {};

  std::array<epoll_event, 128> found;
  const int count = wait_for_events(epoll_, found, timeout);
  if (count < 0) {
    if (errno == EINTR) return {};  // a signal: the turn goes on with nothing found
    throw_errno("epoll_wait");
  }
  for (int i = 0; i < count; ++i) {
    const auto& [bits, data] = found[static_cast<std::size_t>(i)];
    if (data.fd == bell_) continue;
    // An error or a hang-up makes both directions ready: whoever reads or writes next is told.
    constexpr std::uint32_t broken = EPOLLERR | EPOLLHUP;
    events_.push_back(
        {.fd = data.fd, .readable = (bits & (EPOLLIN | broken)) != 0, .writable = (bits & (EPOLLOUT | broken)) != 0});
  }
  return events_;
}

void SelectorEventLoop::process_events(EventList events) {
  for (const SelectorEvent& event : events) {
    if (event.readable) queue_run(event.fd, Direction::read);  // the reader before the writer (S5)
    if (event.writable) queue_run(event.fd, Direction::write);
  }
}

void SelectorEventLoop::queue_run(int fd, Direction direction) {
  if (static_cast<std::size_t>(fd) >= watches_.size()) return;
  const Watch& watch = watches_[static_cast<std::size_t>(fd)];
  const Handle& handle = direction == Direction::read ? watch.reader : watch.writer;
  if (!handle) return;
  RepeatedHandle& repeated = RepeatedHandle::of(handle);
  if (repeated.cancelled()) {
    unwatch(fd, direction);  // S7
  } else {
    ready_.push(repeated.next_run());
  }
}

void SelectorEventLoop::write_to_self() noexcept {
  const std::uint64_t ring = 1;
  // Every error is ignored: a full counter has rung already, and a closed loop needs no waking (S46).
  [[maybe_unused]] const auto written = ::write(bell_, &ring, sizeof ring);
}

// ---- Readers and writers ----

void SelectorEventLoop::add_reader(int fd, Callback callback) {
  check_no_transport(fd);
  watch(fd, Direction::read, std::move(callback), copy_context());
}

void SelectorEventLoop::add_writer(int fd, Callback callback) {
  check_no_transport(fd);
  watch(fd, Direction::write, std::move(callback), copy_context());
}

bool SelectorEventLoop::remove_reader(int fd) {
  check_no_transport(fd);
  return unwatch(fd, Direction::read);
}

bool SelectorEventLoop::remove_writer(int fd) {
  check_no_transport(fd);
  return unwatch(fd, Direction::write);
}

void SelectorEventLoop::check_no_transport(int fd) const {
  const auto found = transports_.find(fd);
  if (found == transports_.end()) return;
  const std::string number = std::to_string(fd);
  throw RuntimeError("File descriptor " + number + " is used by transport <" + found->second + " fd=" + number + ">");
}

SelectorEventLoop::Watch SelectorEventLoop::watch_of(int fd) const {
  return static_cast<std::size_t>(fd) < watches_.size() ? watches_[static_cast<std::size_t>(fd)] : Watch{};
}

/// To be called for what epoll has accepted: any other number may be too large for a table.
void SelectorEventLoop::set_watch(int fd, Watch watch) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) watches_.resize(std::max(index + 1, 2 * watches_.size()));
  if (watch && !watches_[index]) ++watched_;
  if (!watch && watches_[index]) --watched_;
  watches_[index] = std::move(watch);
}

bool SelectorEventLoop::watches(int fd, Direction direction, const Handle& handle) const {
  const Watch watch = watch_of(fd);
  return (direction == Direction::read ? watch.reader : watch.writer) == handle;
}

Handle SelectorEventLoop::watch(int fd, Direction direction, Callback callback, Context context) {
  check_closed();
  if (fd < 0) throw std::invalid_argument("Invalid file descriptor: " + std::to_string(fd));
  const Watch before = watch_of(fd);
  Watch after = before;
  Handle& slot = direction == Direction::read ? after.reader : after.writer;
  slot = Handle(Ref<HandleState>(make_ref<RepeatedHandle>(std::move(callback), *this, std::move(context))));
  const Handle added = slot;
  register_with_epoll(fd, before, after);
  set_watch(fd, std::move(after));
  (direction == Direction::read ? before.reader : before.writer).cancel();  // replaced (S280)
  return added;
}

bool SelectorEventLoop::unwatch(int fd, Direction direction) {
  const Watch before = watch_of(fd);
  Watch after = before;
  const Handle removed = std::exchange(direction == Direction::read ? after.reader : after.writer, {});
  if (!removed) return false;
  register_with_epoll(fd, before, after);
  set_watch(fd, std::move(after));
  removed.cancel();
  return true;
}

void SelectorEventLoop::register_with_epoll(int fd, const Watch& before, const Watch& after) {
  const std::uint32_t had = interest(before.reader, before.writer);
  epoll_event event{.events = interest(after.reader, after.writer), .data = {.fd = fd}};
  if (event.events == had) return;
  const int operation = had == 0 ? EPOLL_CTL_ADD : event.events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;  // E1
  if (epoll_ctl(epoll_, operation, fd, &event) == 0) return;
  // A descriptor that was closed while it was watched has left epoll by itself.
  const bool gone = errno == EBADF || errno == ENOENT;
  if (operation == EPOLL_CTL_DEL && gone) return;
  if (operation == EPOLL_CTL_MOD && gone && epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0) return;
  if (gone && (event.events & ~had) == 0) return;  // to watch less of what is closed is nobody's mistake
  throw_errno("epoll_ctl");
}

RandomEngine& SelectorEventLoop::random() {
  if (!random_) random_ = std::make_unique<SystemRandomEngine>();
  return *random_;
}

std::unique_ptr<AbstractEventLoop> new_event_loop() { return std::make_unique<SelectorEventLoop>(); }

}  // namespace asyncio
