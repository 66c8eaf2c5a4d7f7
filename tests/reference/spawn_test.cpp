// spawn_test.cpp: how programs are started, what they find when they begin, and what happens where they cannot be
// started. F1 to F3 are in spawn.cpp.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"
#include "tests/reference/process_test.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using subprocess::DEVNULL;
using subprocess::PIPE;

using AProgramThatCannotBeStarted = ProcessTest;
using TheEnvironmentOfAProcess = ProcessTest;
using TheDescriptorsOfAProcess = ProcessTest;
using TheSignalsOfAProcess = ProcessTest;

// Starting -------------------------------------------------------------------------------------------------

// S315: raised by the call, with the program's name, and no process is left.
TEST_F(AProgramThatCannotBeStarted, IsAnErrorOfTheCall) {
  run([] {
    EXPECT_EQ(error_of([] { create_subprocess_exec({"no-such-program"}, {.stdin_ = PIPE, .stdout_ = PIPE}); }),
              (std::pair<int, std::string>(ENOENT, "cannot start 'no-such-program': No such file or directory")));
    EXPECT_EQ(error_of([] { create_subprocess_exec({"/etc/passwd"}); }).first, EACCES);
    EXPECT_EQ(error_of([] { create_subprocess_exec({"/"}); }).first, EACCES);
  });
}

TEST_F(AProgramThatCannotBeStarted, NamesTheDirectory) {
  run([] {
    EXPECT_EQ(error_of([] { create_subprocess_exec({"true"}, {.cwd = "/no/such"}); }),
              (std::pair<int, std::string>(
                  ENOENT, "cannot start 'true' in the directory '/no/such': No such file or directory")));
  });
}

TEST_F(AProgramThatCannotBeStarted, IsOneThatCannotBeNamed) {
  run([] {
    const std::string zero("a\0b", 3);

    EXPECT_THROW(create_subprocess_exec({}), std::invalid_argument);
    EXPECT_THROW(create_subprocess_exec({"true", zero}), std::invalid_argument);
    EXPECT_THROW(create_subprocess_shell(zero), std::invalid_argument);
    EXPECT_THROW(create_subprocess_exec({"true"}, {.cwd = zero}), std::invalid_argument);
    EXPECT_THROW(create_subprocess_exec({"true"}, {.env = {{{"A", zero}}}}), std::invalid_argument);
    EXPECT_THROW(create_subprocess_exec({"true"}, {.env = {{{"A=B", "C"}}}}), std::invalid_argument);
  });
}

// The shell's business, and its answer.
TEST_F(AProgramThatCannotBeStarted, IsStatus127OfTheShell) {
  run([] { EXPECT_EQ(create_subprocess_shell("no-such-program", {.stderr_ = DEVNULL}).wait(), 127); });
}

TEST_F(AProgramThatCannotBeStarted, NeedsAProtocolForProcesses) {
  run([] {
    EXPECT_THROW(get_running_loop().subprocess_exec([] { return std::make_shared<Protocol>(); }, {"true"}),
                 std::invalid_argument);
  });
}

// S321: a creation that is cancelled ends the child, and waits for that.
TEST_F(AProgramThatCannotBeStarted, IsEndedWhereTheCallIsCancelled) {
  run([] {
    const auto task = create_task([] { create_subprocess_exec({"sleep", "60"}, {.stdin_ = PIPE, .stdout_ = PIPE}); });
    sleep(0s);
    EXPECT_TRUE(has_children());

    task.cancel();

    EXPECT_THROW(await(task), CancelledError);
    EXPECT_FALSE(has_children());
  });
}

// Surroundings ---------------------------------------------------------------------------------------------

TEST_F(TheEnvironmentOfAProcess, IsTheParentsUnlessGiven) {
  ::setenv("ORRERY_TEST", "inherited", 1);
  run([] {
    EXPECT_EQ(output_of("echo $ORRERY_TEST"), "inherited\n");
    const Process process =
        create_subprocess_exec({"/usr/bin/env"}, {.stdout_ = PIPE, .env = {{{"B", "2"}, {"A", "1"}}}});
    EXPECT_EQ(process.communicate().first, "A=1\nB=2\n");
  });
  ::unsetenv("ORRERY_TEST");
}

// Popen looks in the PATH that the child will have.
TEST_F(TheEnvironmentOfAProcess, SaysWhereProgramsAreLookedFor) {
  run([] {
    EXPECT_EQ(error_of([] { create_subprocess_exec({"true"}, {.env = {{{"PATH", "/etc:/proc"}}}}); }).first, ENOENT);
    EXPECT_EQ(create_subprocess_exec({"true"}, {.env = {{{"PATH", "/no/such::/bin"}}}}).wait(), 0);
    EXPECT_EQ(create_subprocess_exec({"true"}, {.env = std::map<std::string, std::string>{}}).wait(), 0);
  });
}

TEST_F(TheEnvironmentOfAProcess, HasADirectory) {
  run([] { EXPECT_EQ(output_of("pwd", {.cwd = "/proc"}), "/proc\n"); });
}

TEST_F(TheEnvironmentOfAProcess, MayRunAnotherFileThanItsName) {
  run([] {
    const Process process =
        create_subprocess_exec({"called-so", "-c", "echo $0"}, {.stdout_ = PIPE, .executable = "/bin/sh"});
    EXPECT_EQ(process.communicate().first, "called-so\n");
    EXPECT_EQ(output_of("-c", {.executable = "/bin/echo"}), "-c -c\n");  // of the shell: instead of /bin/sh
  });
}

TEST_F(TheEnvironmentOfAProcess, HasAMaskForNewFiles) {
  run([] { EXPECT_EQ(output_of("umask", {.umask = 077}), "0077\n"); });
}

// Fields 1, 5 and 6 of /proc/self/stat: the process, its group, its session.
TEST_F(TheEnvironmentOfAProcess, MayHaveAGroupOrASessionOfItsOwn) {
  const auto ids = [](CreateSubprocessOptions options) {
    options.stdout_ = PIPE;
    const Process process = create_subprocess_exec({"cut", "-d", " ", "-f", "5,6", "/proc/self/stat"}, options);
    const std::string pid = std::to_string(process.pid());
    const std::string fields = process.communicate().first;
    const auto space = fields.find(' ');
    return std::pair(fields.substr(0, space) == pid, fields.substr(space + 1) == pid + "\n");
  };
  run([&] {
    EXPECT_EQ(ids({}), std::pair(false, false));
    EXPECT_EQ(ids({.process_group = 0}), std::pair(true, false));
    EXPECT_EQ(ids({.start_new_session = true}), std::pair(true, true));
    EXPECT_EQ(error_of([&] { ids({.process_group = 1}); }).first, EPERM);
  });
}

// Whatever the parent has open, by whoever's mistake, the child has its streams and no more.
TEST_F(TheDescriptorsOfAProcess, AreItsStreamsOnly) {
  run([] {
    const int forgotten = ::open("/dev/null", O_RDONLY);  // not close-on-exec
    const Process process = create_subprocess_exec({"ls", "/proc/self/fd"}, {.stdout_ = PIPE});

    EXPECT_EQ(process.communicate().first, "0\n1\n2\n3\n");  // the last is the directory itself
    EXPECT_EQ(output_of("readlink /proc/self/fd/" + std::to_string(forgotten), {.close_fds = false}), "/dev/null\n");

    ::close(forgotten);
  });
}

TEST_F(TheDescriptorsOfAProcess, MayBePassedByNumber) {
  run([] {
    const RawPipe pipe;
    const std::string command = "echo passed >&" + std::to_string(pipe.ends[1]);

    EXPECT_EQ(create_subprocess_exec({"bash", "-c", command}, {.pass_fds = {pipe.ends[1]}}).wait(), 0);
    EXPECT_NE(create_subprocess_exec({"bash", "-c", command}, {.stderr_ = DEVNULL}).wait(), 0);

    EXPECT_EQ(pipe.read(), "passed\n");
    EXPECT_EQ(error_of([] { create_subprocess_exec({"true"}, {.pass_fds = {9999}}); }).first, EBADF);
  });
}

// What the parent does with a signal is not the child's affair; what it ignores stays ignored, but for SIGPIPE.
TEST_F(TheSignalsOfAProcess, ActAsByDefault) {
  const auto handler = ::signal(SIGUSR1, [](int) {});
  const auto pipe_action = ::signal(SIGPIPE, SIG_IGN);
  run([] {
    EXPECT_EQ(create_subprocess_shell("kill -USR1 $$").wait(), -SIGUSR1);
    EXPECT_EQ(create_subprocess_shell("kill -PIPE $$").wait(), -SIGPIPE);
    EXPECT_EQ(create_subprocess_shell("kill -PIPE $$", {.restore_signals = false}).wait(), 0);
    EXPECT_EQ(output_of("grep SigBlk /proc/self/status"), "SigBlk:\t0000000000000000\n");
  });
  ::signal(SIGUSR1, handler);
  ::signal(SIGPIPE, pipe_action);
}

}  // namespace
}  // namespace asyncio
