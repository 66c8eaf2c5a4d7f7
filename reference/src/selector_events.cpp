// selector_events.cpp: epoll, and the bell that wakes it.
#include <asyncio/selector_events.hpp>

#include "log.hpp"
#include "open_transports.hpp"
#include "repeated_handle.hpp"

#include <array>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

namespace asyncio {
namespace {

[[noreturn]] void throw_errno(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

std::uint32_t interest(const Handle& reader, const Handle& writer) {
  return (reader ? std::uint32_t{EPOLLIN} : 0u) | (writer ? std::uint32_t{EPOLLOUT} : 0u);
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
  for (const auto& [fd, watch] : std::exchange(watches_, {})) {
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
  if (timeout == Duration::zero() && watches_.empty()) return {};

  std::array<epoll_event, 128> found;
  const auto seconds = timeout ? std::chrono::duration_cast<std::chrono::seconds>(*timeout) : std::chrono::seconds{};
  timespec wait{};
  if (timeout) {
    wait.tv_sec = seconds.count();
    wait.tv_nsec = (*timeout - seconds).count();
  }
  const int count = epoll_pwait2(epoll_, found.data(), found.size(), timeout ? &wait : nullptr, nullptr);
  if (count < 0) {
    if (errno == EINTR) return {};  // a signal: the turn goes on with nothing found
    throw_errno("epoll_pwait2");
  }
  for (int i = 0; i < count; ++i) {
    const auto& [bits, data] = found[static_cast<std::size_t>(i)];
    if (data.fd == bell_) continue;
    // An error or a hang-up makes both directions ready: whoever reads or writes next is told.
    const bool broken = (bits & (EPOLLERR | EPOLLHUP)) != 0;
    events_.push_back(
        {.fd = data.fd, .readable = broken || (bits & EPOLLIN) != 0, .writable = broken || (bits & EPOLLOUT) != 0});
  }
  return events_;
}

void SelectorEventLoop::process_events(EventList events) {
  for (const SelectorEvent& event : events) {
    const auto found = watches_.find(event.fd);
    if (found == watches_.end()) continue;
    const Watch watch = found->second;  // a copy: removing a cancelled one changes the map
    if (event.readable && watch.reader) {  // the reader before the writer (S5)
      if (watch.reader.cancelled()) {
        remove_reader(event.fd);  // S7
      } else {
        add_callback(make_ref<RepeatedRun>(watch.reader));
      }
    }
    if (event.writable && watch.writer) {
      if (watch.writer.cancelled()) {
        remove_writer(event.fd);
      } else {
        add_callback(make_ref<RepeatedRun>(watch.writer));
      }
    }
  }
}

void SelectorEventLoop::write_to_self() noexcept {
  const std::uint64_t ring = 1;
  // Every error is ignored: a full counter has rung already, and a closed loop needs no waking (S46).
  [[maybe_unused]] const auto written = ::write(bell_, &ring, sizeof ring);
}

// ---- Readers and writers ----

void SelectorEventLoop::add_reader(int fd, Callback callback) { watch(fd, Direction::read, std::move(callback)); }
void SelectorEventLoop::add_writer(int fd, Callback callback) { watch(fd, Direction::write, std::move(callback)); }
bool SelectorEventLoop::remove_reader(int fd) { return unwatch(fd, Direction::read); }
bool SelectorEventLoop::remove_writer(int fd) { return unwatch(fd, Direction::write); }

void SelectorEventLoop::watch(int fd, Direction direction, Callback callback) {
  check_closed();
  if (fd < 0) throw std::invalid_argument("Invalid file descriptor: " + std::to_string(fd));
  const auto found = watches_.find(fd);
  const Watch before = found == watches_.end() ? Watch{} : found->second;
  Watch after = before;
  Handle& slot = direction == Direction::read ? after.reader : after.writer;
  slot = Handle(Ref<HandleState>(make_ref<RepeatedHandle>(std::move(callback), *this, copy_context())));
  register_with_epoll(fd, before, after);
  watches_[fd] = after;
  (direction == Direction::read ? before.reader : before.writer).cancel();  // replaced (S280)
}

bool SelectorEventLoop::unwatch(int fd, Direction direction) {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return false;
  const Watch before = found->second;
  Watch after = before;
  const Handle removed = std::exchange(direction == Direction::read ? after.reader : after.writer, {});
  if (!removed) return false;
  register_with_epoll(fd, before, after);
  if (after.reader || after.writer) {
    found->second = after;
  } else {
    watches_.erase(found);
  }
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
