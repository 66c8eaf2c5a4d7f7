// spawn.cpp: from vfork() to execve().
//
//     parent                                  child
//       prepare everything: Plan
//       vfork() ───────────────────────────►  descriptors, directory, signals, session: no memory, no locks
//          (stands still)                     execve() ── succeeds ──► the program; `report` closes by itself
//       read report: the end, or what failed ◄──── fails ──► Failure into `report`, _exit()
//
// vfork() and not fork(): fork() copies the tables of the parent's memory, which takes a large program many
// milliseconds in which its loop stands still. The price is that the child borrows the parent's memory and
// stack until execve(). So it may change none of it, and everything it needs is prepared in the Plan. It
// allocates nothing and takes no lock, which would be required after fork() as well, in a program with
// threads. All signals are blocked meanwhile: a handler of the parent must not run in the child.
//
//   F1  Between vfork() and execve() the child calls async-signal-safe functions only.
//   F2  All our descriptors are close-on-exec, here and elsewhere. What the child is to have is named.
//   F3  No process is left behind where the program could not be started.
//
// Source: CPython Lib/subprocess.py, Popen._execute_child; Modules/_posixsubprocess.c, child_exec. Rules: S315.
#include "spawn.hpp"

#include "descriptor.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asyncio {
namespace {

constexpr int FIRST_FREE = 3;  // the first descriptor that is none of stdin, stdout and stderr
constexpr int INHERITED = -1;  // the child has what the parent has

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// ---- The child ----

enum class Step { descriptors, directory, session, program };

/// What the child writes into `report`.
struct Failure {
  Step step;
  int error;  // errno
};

/// Everything the child needs (F1).
struct Plan {
  std::array<int, 3> streams{INHERITED, INHERITED, INHERITED};
  std::vector<const char*> programs;  // files to try, in this order
  std::vector<char*> args;            // ends with a null pointer, as the environment does
  std::vector<char*> env;
  const SubprocessOptions* options = nullptr;
  sigset_t signal_mask{};  // the parent's
  int report = -1;
};

[[noreturn]] void fail(const Plan& plan, Step step, int error) noexcept {
  const Failure failure{step, error};
  [[maybe_unused]] const auto written = ::write(plan.report, &failure, sizeof failure);
  ::_exit(255);
}

/// Puts the streams into their places. One that lies where another one is to go is moved away first.
bool place_streams(const Plan& plan) noexcept {
  std::array<int, 3> from = plan.streams;
  for (int i = 0; i < FIRST_FREE; ++i) {
    int& source = from[static_cast<std::size_t>(i)];
    if (source == INHERITED || source >= FIRST_FREE || source == i) continue;
    source = ::fcntl(source, F_DUPFD_CLOEXEC, FIRST_FREE);
    if (source < 0) return false;
  }
  for (int i = 0; i < FIRST_FREE; ++i) {
    const int source = from[static_cast<std::size_t>(i)];
    if (source == INHERITED) continue;
    const bool in_place = source == i;
    if ((in_place ? ::fcntl(i, F_SETFD, 0) : ::dup2(source, i)) < 0) return false;
  }
  return true;
}

bool pass_descriptors(const SubprocessOptions& options) noexcept {
  constexpr unsigned int LAST = std::numeric_limits<unsigned int>::max();
  if (options.close_fds && ::close_range(FIRST_FREE, LAST, CLOSE_RANGE_CLOEXEC) < 0) return false;
  for (const int fd : options.pass_fds) {
    if (::fcntl(fd, F_SETFD, 0) < 0) return false;
  }
  return true;
}

/// Signals that the parent handles act as by default from now on, and only then may they come again.
void restore_signals(const Plan& plan) noexcept {
  struct sigaction by_default{};
  by_default.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action{};
    if (::sigaction(signal, nullptr, &action) < 0) continue;
    const bool ignored = action.sa_handler == SIG_IGN;
    const bool restored = plan.options->restore_signals && (signal == SIGPIPE || signal == SIGXFSZ);
    if (action.sa_handler != SIG_DFL && (!ignored || restored)) ::sigaction(signal, &by_default, nullptr);
  }
  ::sigprocmask(SIG_SETMASK, &plan.signal_mask, nullptr);
}

/// Tries the files one after the other, as execvp() does. \return the errno that says most
int run_program(const Plan& plan) noexcept {
  int error = ENOENT;
  for (const char* program : plan.programs) {
    ::execve(program, plan.args.data(), plan.env.data());
    if (errno != ENOENT && errno != ENOTDIR && error == ENOENT) error = errno;
  }
  return error;
}

[[noreturn]] void run_child(const Plan& plan) noexcept {
  const SubprocessOptions& options = *plan.options;
  if (!place_streams(plan)) fail(plan, Step::descriptors, errno);
  if (options.cwd && ::chdir(options.cwd->c_str()) < 0) fail(plan, Step::directory, errno);
  if (options.umask) ::umask(static_cast<mode_t>(*options.umask));
  restore_signals(plan);
  if (options.start_new_session) ::setsid();
  if (options.process_group && ::setpgid(0, *options.process_group) < 0) fail(plan, Step::session, errno);
  if (!pass_descriptors(options)) fail(plan, Step::descriptors, errno);
  fail(plan, Step::program, run_program(plan));
}

/// Not inlined: nothing of the caller may live in the frame that the child runs in.
[[gnu::noinline]] pid_t start_child(Plan& plan) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &plan.signal_mask);
  const pid_t pid = ::vfork();
  if (pid == 0) run_child(plan);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &plan.signal_mask, nullptr);
  errno = error;
  return pid;
}

// ---- The parent ----

/// This end of a pipe to a child.
class PipeToChild final : public SocketState {
 public:
  explicit PipeToChild(Descriptor end) noexcept : end_(std::move(end)) {}
  int fileno() const noexcept override { return end_.number(); }
  Address getsockname() const override { return {}; }
  Address getpeername() const override { throw std::system_error(ENOTCONN, std::generic_category(), "getpeername"); }
  void close() noexcept override { end_.close(); }

 private:
  Descriptor end_;
};

struct PipeEnds {
  Descriptor read;
  Descriptor write;
};

/// Away from where the child's streams go: there are programs that run with their own stdin closed.
Descriptor above_streams(Descriptor end) {
  if (end.number() >= FIRST_FREE) return end;
  const int moved = ::fcntl(end.number(), F_DUPFD_CLOEXEC, FIRST_FREE);
  if (moved < 0) throw_errno("fcntl");
  return Descriptor(moved);
}

PipeEnds make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) < 0) throw_errno("pipe2");
  Descriptor read(fds[0]);
  Descriptor write(fds[1]);
  return {above_streams(std::move(read)), above_streams(std::move(write))};
}

/// The child's three streams: what it gets, which is closed here once it has it, and what stays here.
class Streams {
 public:
  explicit Streams(const SubprocessOptions& options) {
    add(0, options.stdin_);
    add(1, options.stdout_);
    if (options.stderr_ == subprocess::STDOUT) {
      childs_[2] = childs_[1] == INHERITED ? STDOUT_FILENO : childs_[1];
    } else {
      add(2, options.stderr_);
    }
  }
  const std::array<int, 3>& childs() const noexcept { return childs_; }
  std::array<Socket, 3> take_ours() { return std::move(ours_); }

 private:
  void add(std::size_t i, const std::optional<StdioTarget>& target) {
    if (!target) return;
    if (*target == subprocess::PIPE) {
      PipeEnds ends = make_pipe();
      if (i != 0) std::swap(ends.read, ends.write);  // now "read" is what the child gets
      ours_[i] = Socket(std::make_shared<PipeToChild>(std::move(ends.write)));
      keep(i, std::move(ends.read));
    } else if (*target == subprocess::DEVNULL) {
      Descriptor nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
      if (!nowhere) throw_errno("/dev/null");
      keep(i, above_streams(std::move(nowhere)));
    } else if (*target == subprocess::STDOUT) {
      throw std::invalid_argument("subprocess::STDOUT is for stderr only");
    } else if (target->descriptor < 0) {
      throw std::invalid_argument("a child's stream cannot go to descriptor " + std::to_string(target->descriptor));
    } else {
      childs_[i] = target->descriptor;
    }
  }
  void keep(std::size_t i, Descriptor end) {
    childs_[i] = end.number();
    made_[i] = std::move(end);
  }

  std::array<int, 3> childs_{INHERITED, INHERITED, INHERITED};
  std::array<Descriptor, 3> made_;  // those of childs_ that are ours to close
  std::array<Socket, 3> ours_;
};

void refuse_zero_byte(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) throw std::invalid_argument("embedded null byte");
}

/// The texts that a Plan points to.
struct Texts {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::vector<std::string> programs;
};

std::vector<std::string> environment(const SubprocessOptions& options) {
  std::vector<std::string> env;
  if (!options.env) {
    for (char** entry = ::environ; entry && *entry; ++entry) env.emplace_back(*entry);
    return env;
  }
  for (const auto& [name, value] : *options.env) {
    refuse_zero_byte(name);
    refuse_zero_byte(value);
    if (name.find('=') != std::string::npos) throw std::invalid_argument("illegal environment variable name");
    env.push_back(name + "=" + value);
  }
  return env;
}

/// The folders in which programs are looked for: by the PATH that the child will have.
std::string search_path(const SubprocessOptions& options) {
  constexpr const char* BY_DEFAULT = "/bin:/usr/bin";
  if (!options.env) {
    const char* path = std::getenv("PATH");
    return path ? path : BY_DEFAULT;
  }
  const auto found = options.env->find("PATH");
  return found == options.env->end() ? BY_DEFAULT : found->second;
}

std::vector<std::string> files_to_try(const std::string& program, const SubprocessOptions& options) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> files;
  const std::string path = search_path(options);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    files.push_back(folder.empty() ? program : folder + "/" + program);
    begin = end + 1;
  }
  return files;
}

Texts prepare_texts(std::vector<std::string> args, bool shell, const SubprocessOptions& options) {
  if (shell) args.insert(args.begin(), {options.executable.value_or("/bin/sh"), "-c"});
  for (const std::string& arg : args) refuse_zero_byte(arg);
  if (options.cwd) refuse_zero_byte(*options.cwd);
  if (options.executable) refuse_zero_byte(*options.executable);
  std::vector<std::string> programs = files_to_try(options.executable.value_or(args.front()), options);
  return {std::move(args), environment(options), std::move(programs)};
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// What became of the child: nothing where the program runs.
std::optional<Failure> read_report(int report) {
  Failure failure{};
  for (;;) {
    const ssize_t count = ::read(report, &failure, sizeof failure);
    if (count == static_cast<ssize_t>(sizeof failure)) return failure;
    if (count >= 0 || errno != EINTR) return std::nullopt;
  }
}

[[noreturn]] void throw_failure(const Failure& failure, const std::string& program, const SubprocessOptions& options) {
  std::string what;
  switch (failure.step) {
    case Step::descriptors:
      what = "cannot hand its descriptors to '" + program + "'";
      if (failure.error == ENOSYS || failure.error == EINVAL) what += " (close_fds needs Linux 5.11)";
      break;
    case Step::directory: what = "cannot start '" + program + "' in the directory '" + *options.cwd + "'"; break;
    case Step::session: what = "cannot put '" + program + "' into its process group"; break;
    case Step::program: what = "cannot start '" + program + "'"; break;
  }
  throw std::system_error(failure.error, std::generic_category(), what);
}

}  // namespace

StartedProcess spawn(std::vector<std::string> args, bool shell, const SubprocessOptions& options) {
  Texts texts = prepare_texts(std::move(args), shell, options);
  Streams streams(options);
  PipeEnds report = make_pipe();

  Plan plan;
  plan.streams = streams.childs();
  for (const std::string& program : texts.programs) plan.programs.push_back(program.c_str());
  plan.args = pointers(texts.args);
  plan.env = pointers(texts.env);
  plan.options = &options;
  plan.report = report.write.number();

  const pid_t pid = start_child(plan);
  if (pid < 0) throw_errno("vfork");
  report.write.close();
  if (const auto failure = read_report(report.read.number())) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;  // F3
    throw_failure(*failure, options.executable.value_or(texts.args.front()), options);
  }
  return {.pid = pid, .pipes = streams.take_ours()};
}

}  // namespace asyncio
