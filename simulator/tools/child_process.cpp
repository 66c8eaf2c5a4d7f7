// child_process.cpp: posix_spawn, and a pipe that is read to its end. What a child prints is kept up to a limit: it may
// print for ever.
#include "child_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "interruption.hpp"
#include "stopwatch.hpp"

extern char** environ;

namespace asyncio::sim::tool {
namespace {

constexpr std::size_t MOST_OUTPUT = 1 << 20;
constexpr int LONGEST_WAIT = 100;  // ms, until the limit and Ctrl-C are looked at again

/// A descriptor that is closed in the end.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return number_; }
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

/// Starts it with both outputs going to `output`, and nothing to read.
pid_t start(std::vector<std::string>& words, int output) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), words.front() + " could not be started");
  return child;
}

/// Reads until nobody can write any more, or a limit is reached.
ChildEnd::How read_all(int from, std::string& output, std::optional<std::chrono::seconds> limit) {
  const Stopwatch stopwatch;
  std::array<char, 4096> bytes;
  while (output.size() < MOST_OUTPUT) {
    if (Interruption::requested()) return ChildEnd::How::interrupted;
    if (limit && stopwatch.seconds() >= static_cast<double>(limit->count())) return ChildEnd::How::out_of_time;
    pollfd readable{.fd = from, .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, LONGEST_WAIT) <= 0) continue;
    const ssize_t got = ::read(from, bytes.data(), bytes.size());
    if (got == 0) return ChildEnd::How::exited;
    if (got > 0) output.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return ChildEnd::How::out_of_space;
}

}  // namespace

ChildEnd run_child(std::vector<std::string> words, std::optional<std::chrono::seconds> limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const pid_t child = start(words, writing.get());
  writing.close();

  ChildEnd end;
  end.how = read_all(reading.get(), end.output, limit);
  if (end.how != ChildEnd::How::exited) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (end.how != ChildEnd::How::exited) return end;
  end.how = WIFEXITED(status) ? ChildEnd::How::exited : ChildEnd::How::killed;
  end.number = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
  return end;
}

}  // namespace asyncio::sim::tool
