// child_watcher.cpp: a pidfd, from pidfd_open() to waitid().
#include "child_watcher.hpp"

#include "log.hpp"

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/wait.h>

extern "C" {  // which the header of glibc 2.36 has forgotten
#include <sys/pidfd.h>
}

namespace asyncio {
namespace {

constexpr int STATUS_UNKNOWN = 255;     // asyncio's number for it
constexpr int KILLED_WITHIN_MS = 1000;  // how long the end of a loop waits for a child that was killed

/// What a child becomes that cannot be watched. The error is the system's answer to pidfd_open().
[[noreturn]] void give_up(int pid, int error) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  std::string what = "pidfd_open: cannot watch the child process, which was ended again";
  if (error == ENOSYS || error == EPERM) what += "; Linux has it since 5.3, but this kernel or sandbox forbids it";
  throw std::system_error(error, std::generic_category(), what);
}

int warn_of_unknown_status(int pid) {
  log_warning("child process pid " + std::to_string(pid) + " exit status already read:  will report returncode 255");
  return STATUS_UNKNOWN;
}

}  // namespace

PidfdChildWatcher::PidfdChildWatcher(int pid) : pid_(pid), pidfd_(::pidfd_open(pid, 0)) {
  // ESRCH: somebody waits for all children of this process, and has had this one already.
  if (!pidfd_ && errno != ESRCH) give_up(pid, errno);
}

void PidfdChildWatcher::add_child_handler(AbstractEventLoop& loop, Handler handler) {
  loop_ = &loop;
  if (!pidfd_) {
    loop.call_soon([pid = pid_, handler = std::move(handler)]() mutable { handler(warn_of_unknown_status(pid)); });
    return;
  }
  handler_ = std::move(handler);
  loop.add_reader(pidfd_.number(), [this] { child_ended(); });
}

void PidfdChildWatcher::child_ended() {
  const std::optional<int> returncode = read_status();
  if (!returncode) return;
  loop_->remove_reader(pidfd_.number());
  pidfd_.close();
  Handler handler = std::exchange(handler_, {});  // may be all that keeps this watcher alive
  handler(*returncode);
}

/// \return  empty where the child has not ended
std::optional<int> PidfdChildWatcher::read_status() const {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.number()), &info, WEXITED | WNOHANG) < 0) {
    if (errno != EINTR) return warn_of_unknown_status(pid_);
  }
  if (info.si_pid == 0) return std::nullopt;
  return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;  // C1
}

void PidfdChildWatcher::send_signal(int signal) const {
  if (!pidfd_ || ::pidfd_send_signal(pidfd_.number(), signal, nullptr, 0) == 0 || errno == ESRCH) return;
  throw std::system_error(errno, std::generic_category(), "pidfd_send_signal");
}

std::optional<int> PidfdChildWatcher::kill_now() noexcept {
  if (!pidfd_) return std::nullopt;
  loop_->remove_reader(pidfd_.number());
  const Handler dropped = std::exchange(handler_, {});
  if (::pidfd_send_signal(pidfd_.number(), SIGKILL, nullptr, 0) < 0 && errno != ESRCH) return std::nullopt;
  // Only a child in the middle of a system call that never ends takes longer than a moment.
  pollfd ended{.fd = pidfd_.number(), .events = POLLIN, .revents = 0};
  while (::poll(&ended, 1, KILLED_WITHIN_MS) < 0 && errno == EINTR) continue;
  return read_status();
}

}  // namespace asyncio
