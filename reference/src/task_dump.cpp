// task_dump.cpp: from a signal to a callback.
//
//     kill -USR1 ─► wake_for_dump() ─► write(eventfd) ─► the loop's poll ─► reader ─► format_task_tree()
//                   on any thread, in the middle of anything             on the loop's thread, between two steps
//
// Of the functions that a signal handler may call, write(2) is the one that wakes a poll. Where to write stands in
// a table by signal number, since a handler has no argument of its own.
//
//   D1  A slot of the table holds a descriptor exactly while a TaskDumpOnSignal has that signal.
//   D2  The handler leaves errno as it was.
#include <asyncio/tools.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <system_error>

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace asyncio {
namespace {

constexpr int FREE = -1;

struct Wakes {
  std::atomic<int> descriptor = FREE;  // D1
};
constinit std::array<Wakes, NSIG> wakes;  // by signal number
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler reads it");

extern "C" void wake_for_dump(int signal) {
  const int before = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wakes[static_cast<std::size_t>(signal)].descriptor, &one, sizeof one);
  errno = before;  // D2
}

}  // namespace

class TaskDumpOnSignal::State {
 public:
  State(AbstractEventLoop& loop, TaskDumpOptions options) : loop_(loop), options_(options) {
    if (options.signal < 1 || options.signal >= NSIG) refuse("does not exist");
    descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    try {
      install();
    } catch (...) {
      ::close(descriptor_);
      throw;
    }
  }

  ~State() {
    ::sigaction(options_.signal, &before_, nullptr);
    slot() = FREE;
    if (!loop_.is_closed()) loop_.remove_reader(descriptor_);
    ::close(descriptor_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

 private:
  std::atomic<int>& slot() const { return wakes[static_cast<std::size_t>(options_.signal)].descriptor; }

  [[noreturn]] void refuse(const char* why) const {
    throw std::invalid_argument("TaskDumpOnSignal: signal " + std::to_string(options_.signal) + " " + why);
  }

  void install() {
    int expected = FREE;
    if (!slot().compare_exchange_strong(expected, descriptor_)) refuse("has a TaskDumpOnSignal already");
    try {
      loop_.add_reader(descriptor_, [this] { print(); });
      struct sigaction action{};
      action.sa_handler = wake_for_dump;
      action.sa_flags = SA_RESTART;  // what the program is in the middle of goes on
      if (::sigaction(options_.signal, &action, &before_) == 0) return;
      loop_.remove_reader(descriptor_);
      refuse("cannot be caught");
    } catch (...) {
      slot() = FREE;  // D1
      throw;
    }
  }

  void print() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(descriptor_, &count, sizeof count);  // several signals: one tree
    (options_.file ? *options_.file : std::cerr) << format_task_tree(loop_) << std::flush;
  }

  AbstractEventLoop& loop_;
  const TaskDumpOptions options_;
  int descriptor_ = -1;
  struct sigaction before_{};
};

TaskDumpOnSignal::TaskDumpOnSignal(AbstractEventLoop& loop, TaskDumpOptions options)
    : state_(std::make_unique<State>(loop, options)) {}
TaskDumpOnSignal::~TaskDumpOnSignal() = default;

}  // namespace asyncio
