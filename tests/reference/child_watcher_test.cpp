// child_watcher_test.cpp: what becomes of a child that cannot be watched, or is gone before it is. C1 and C2 are in
// child_watcher.hpp.
#include "reference/src/child_watcher.hpp"

#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <optional>
#include <system_error>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"
#include "tests/reference/until.hpp"

namespace asyncio {
namespace {

using testing::HasSubstr;

/// A child that sleeps until it is killed.
pid_t sleeping_child() {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl("/bin/sleep", "sleep", "60", nullptr);
    ::_exit(1);
  }
  return pid;
}

/// While it lives, this process can open no more descriptors.
class NoDescriptorsLeft {
 public:
  NoDescriptorsLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::fcntl(2, F_DUPFD_CLOEXEC, 0);
    ::close(next);
    const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptorsLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// A child that nobody would ever wait for is not left alone.
TEST(AChildWatcher, EndsAChildThatItCannotWatch) {
  const pid_t pid = sleeping_child();
  std::exception_ptr thrown;  // looked at later: a sanitizer that looks at an object needs a descriptor, too

  {
    const NoDescriptorsLeft scope;
    try {
      PidfdChildWatcher{pid};
    } catch (...) {
      thrown = std::current_exception();
    }
  }

  EXPECT_TRUE(holds<std::system_error>(thrown));
  EXPECT_THAT(describe(thrown), HasSubstr("pidfd_open: cannot watch the child process, which was ended again"));
  EXPECT_THAT(describe(thrown), HasSubstr("Too many open files"));
  EXPECT_FALSE(has_children());
}

// S319: it has ended, and somebody else has read its status, before it could be watched.
TEST(AChildWatcher, ReportsAChildThatIsGoneAlready) {
  const pid_t pid = sleeping_child();
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  std::optional<int> returncode;

  testing::internal::CaptureStderr();
  run([&] {
    PidfdChildWatcher watcher(pid);
    watcher.add_child_handler(get_running_loop(), [&](int code) { returncode = code; });
    watcher.send_signal(SIGTERM);
    EXPECT_EQ(watcher.kill_now(), std::nullopt);
    sleep(Duration::zero());
  });

  EXPECT_EQ(returncode, 255);
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("exit status already read"));
}

// S324, C1: on the loop's thread, and a signal that comes later hits nobody.
TEST(AChildWatcher, ReadsTheStatusOnce) {
  const std::size_t before = open_descriptors();
  run([] {
    int calls = 0;
    PidfdChildWatcher watcher(sleeping_child());
    watcher.add_child_handler(get_running_loop(), [&](int code) {
      EXPECT_EQ(code, -SIGTERM);
      ++calls;
    });

    watcher.send_signal(SIGTERM);
    until([&] { return calls > 0; });
    watcher.send_signal(SIGTERM);
    for (int turns = 0; turns < 3; ++turns) sleep(Duration::zero());

    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(has_children());
  });
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace asyncio
