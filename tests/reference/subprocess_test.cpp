// subprocess_test.cpp: real programs. P1 and P2 are in subprocess.hpp.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"
#include "tests/reference/process_test.hpp"
#include "tests/reference/until.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using subprocess::DEVNULL;
using subprocess::PIPE;
using subprocess::STDOUT;
using testing::HasSubstr;
using testing::StartsWith;

using AProcess = ProcessTest;
using Communicate = ProcessTest;
using TheStreamsOfAProcess = ProcessTest;
using TheEndOfAProcess = ProcessTest;

// Running --------------------------------------------------------------------------------------------------

// S319.
TEST_F(AProcess, EndsWithItsStatus) {
  run([] {
    EXPECT_EQ(create_subprocess_exec({"true"}).wait(), 0);
    EXPECT_EQ(create_subprocess_exec({"/bin/false"}).wait(), 1);
    EXPECT_EQ(create_subprocess_shell("exit 77").wait(), 77);
  });
}

TEST_F(AProcess, HasANumberAndLaterAReturncode) {
  run([] {
    const Process process = create_subprocess_exec({"cat"}, {.stdin_ = PIPE});
    const Process copy = process;

    EXPECT_EQ(::kill(process.pid(), 0), 0);
    EXPECT_EQ(process.returncode(), std::nullopt);
    EXPECT_EQ(process.repr(), "<Process " + std::to_string(process.pid()) + ">");
    process.stdin_().close();
    copy.wait();

    EXPECT_EQ(process.returncode(), 0);
    EXPECT_EQ(process, copy);
  });
}

// S319: minus the signal.
TEST_F(AProcess, EndsWithTheSignalThatEndedIt) {
  run([] {
    const Process killed = create_subprocess_exec({"sleep", "60"});
    const Process terminated = create_subprocess_exec({"sleep", "60"});
    const Process signalled = create_subprocess_exec({"sleep", "60"});

    killed.kill();
    terminated.terminate();
    signalled.send_signal(SIGUSR1);

    EXPECT_EQ(killed.wait(), -SIGKILL);
    EXPECT_EQ(terminated.wait(), -SIGTERM);
    EXPECT_EQ(signalled.wait(), -SIGUSR1);
  });
}

TEST_F(AProcess, MayBeWaitedForByManyAndAgain) {
  run([] {
    const Process process = create_subprocess_shell("exit 3");

    const auto [a, b, c] =
        await(gather([&] { return process.wait(); }, [&] { return process.wait(); }, [&] { return process.wait(); }));

    EXPECT_EQ(a + b + c, 9);
    EXPECT_EQ(process.wait(), 3);
  });
}

TEST_F(AProcess, RunsOnWhereWaitingForItIsCancelled) {
  run([] {
    const Process process = create_subprocess_exec({"sleep", "60"});

    EXPECT_THROW(wait_for([&] { return process.wait(); }, 1ms), TimeoutError);
    EXPECT_EQ(process.returncode(), std::nullopt);
    process.kill();

    EXPECT_EQ(process.wait(), -SIGKILL);
  });
}

// Many at once, in any order: not one status is lost.
TEST_F(AProcess, IsOneOfMany) {
  run([] {
    std::vector<Task<int>> tasks;
    for (int i = 0; i < 40; ++i) {
      tasks.push_back(create_task([i] { return create_subprocess_shell("exit " + std::to_string(i)).wait(); }));
    }

    const std::vector<int> codes = await(gather(std::move(tasks)));

    for (int i = 0; i < 40; ++i) EXPECT_EQ(codes[static_cast<std::size_t>(i)], i);
  });
}

// No signal is involved, so no thread is special.
TEST_F(AProcess, MayBeStartedInAnyThread) {
  int code = 0;

  std::thread([&] { code = run([] { return create_subprocess_shell("exit 5").wait(); }); }).join();

  EXPECT_EQ(code, 5);
}

TEST(NoProcess, ConvertsToFalse) {
  EXPECT_FALSE(Process());
  EXPECT_THROW(Process().pid(), std::logic_error);
  EXPECT_EQ(Process().repr(), "<no Process>");
}

// Streams --------------------------------------------------------------------------------------------------

// S323.
TEST_F(Communicate, FeedsAndReadsAndWaits) {
  run([] {
    const Process process =
        create_subprocess_shell("cat; echo oops >&2; exit 4", {.stdin_ = PIPE, .stdout_ = PIPE, .stderr_ = PIPE});

    const auto [output, errors] = process.communicate("some data");

    EXPECT_EQ(output, "some data");
    EXPECT_EQ(errors, "oops\n");
    EXPECT_EQ(process.returncode(), 4);
  });
}

// S323: closes stdin without input too, so the child sees the end.
TEST_F(Communicate, ClosesStdinWithoutInput) {
  run([] {
    const auto [output, errors] = create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE}).communicate();

    EXPECT_EQ(output, "");
    EXPECT_EQ(errors, "");
  });
}

// S323: streams that are not pipes give nothing.
TEST_F(Communicate, GivesNothingForWhatIsNoPipe) {
  run([] {
    const auto [output, errors] = create_subprocess_exec({"true"}).communicate("ignored");

    EXPECT_EQ(output, "");
    EXPECT_EQ(errors, "");
  });
}

// Much more than the pipes hold, both ways at once: whoever first writes all and then reads stands still here.
TEST_F(Communicate, MovesLargeDataBothWays) {
  run([] {
    std::string input;
    while (input.size() < 3'000'000) input += std::to_string(input.size()) + "\n";
    const Process process =
        create_subprocess_shell("tee /dev/stderr", {.stdin_ = PIPE, .stdout_ = PIPE, .stderr_ = PIPE});

    const auto [output, errors] = process.communicate(input);

    EXPECT_TRUE(output == input);
    EXPECT_TRUE(errors == input);
    EXPECT_EQ(process.returncode(), 0);
  });
}

// S323: a child that does not read its input.
TEST_F(Communicate, IgnoresThatItsInputIsNotWanted) {
  run([] {
    const Process process = create_subprocess_exec({"true"}, {.stdin_ = PIPE, .stdout_ = PIPE});

    const auto [output, errors] = process.communicate(std::string(1'000'000, 'x'));

    EXPECT_EQ(output, "");
    EXPECT_EQ(process.returncode(), 0);
  });
}

TEST_F(TheStreamsOfAProcess, TalkWithIt) {
  run([] {
    const Process process = create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE});
    StreamWriter writer = process.stdin_();

    writer.write("first\n");
    writer.drain();
    EXPECT_EQ(process.stdout_().readline(), "first\n");
    writer.write("second\n");
    EXPECT_EQ(process.stdout_().readline(), "second\n");
    writer.close();
    writer.wait_closed();

    EXPECT_EQ(process.stdout_().read(), "");
    EXPECT_FALSE(process.stderr_());
    EXPECT_EQ(process.wait(), 0);
  });
}

// S313, S338: drain() and wait_closed() of a child that is gone throw, and there is no SIGPIPE.
TEST_F(TheStreamsOfAProcess, TellTheWriterThatItHasGone) {
  run([] {
    const Process process = create_subprocess_exec({"sleep", "60"}, {.stdin_ = PIPE});
    process.stdin_().write(std::string(1'000'000, 'x'));

    process.kill();
    EXPECT_EQ(error_of([&] { process.stdin_().drain(); }).first, EPIPE);
    process.wait();

    EXPECT_EQ(error_of([&] { process.stdin_().wait_closed(); }).first, EPIPE);
  });
}

// S329: a child that writes faster than it is read from is held up, and its reader's memory is bounded.
TEST_F(TheStreamsOfAProcess, HoldItUpWhereNobodyReads) {
  run([] {
    const Process process =
        create_subprocess_exec({"head", "-c", "500000", "/dev/zero"}, {.stdout_ = PIPE, .limit = 1000});
    for (int turns = 0; turns < 20; ++turns) sleep(100us);
    EXPECT_EQ(process.returncode(), std::nullopt);

    EXPECT_EQ(process.stdout_().read().size(), 500'000u);

    EXPECT_EQ(process.wait(), 0);
  });
}

TEST_F(TheStreamsOfAProcess, CanBeReadWhenItHasEnded) {
  run([] {
    const Process process = create_subprocess_shell("echo last words", {.stdout_ = PIPE});

    process.wait();

    EXPECT_EQ(process.stdout_().read(), "last words\n");
  });
}

TEST_F(TheStreamsOfAProcess, MayGoNowhere) {
  run([] {
    const Process process = create_subprocess_shell("cat; echo out; echo err >&2",
                                                    {.stdin_ = DEVNULL, .stdout_ = DEVNULL, .stderr_ = DEVNULL});

    EXPECT_EQ(process.wait(), 0);
    EXPECT_FALSE(process.stdin_());
    EXPECT_FALSE(process.stdout_());
  });
}

TEST_F(TheStreamsOfAProcess, MayBeOne) {
  run([] {
    const auto [output, errors] =
        create_subprocess_shell("echo out; echo err >&2", {.stdout_ = PIPE, .stderr_ = STDOUT}).communicate();

    EXPECT_EQ(output, "out\nerr\n");
    EXPECT_EQ(errors, "");
  });
}

TEST_F(TheStreamsOfAProcess, MayBeDescriptorsOfTheParent) {
  run([] {
    const RawPipe pipe;

    create_subprocess_shell("echo out; echo err >&2", {.stdout_ = pipe.ends[1], .stderr_ = STDOUT}).wait();

    EXPECT_EQ(pipe.read(), "out\nerr\n");
  });
}

// stdout where stderr is, and the other way round: neither may be overwritten before it was put into its place.
TEST_F(TheStreamsOfAProcess, MayChangePlaces) {
  run([] {
    const RawPipe out, err;
    const int saved_out = ::dup(1), saved_err = ::dup(2);
    ::dup2(out.ends[1], 1);
    ::dup2(err.ends[1], 2);
    const Process process = create_subprocess_shell("echo out; echo err >&2", {.stdout_ = 2, .stderr_ = 1});
    ::dup2(saved_out, 1);
    ::dup2(saved_err, 2);
    ::close(saved_out);
    ::close(saved_err);

    process.wait();

    EXPECT_EQ(out.read(), "err\n");
    EXPECT_EQ(err.read(), "out\n");
  });
}

// A program may run with its stdin closed: then the numbers 0 to 2 are free for our pipes, and in the way.
TEST_F(TheStreamsOfAProcess, ArePutInPlaceWhereTheParentHasClosedItsOwn) {
  std::vector<int> saved;
  for (const int fd : {0, 1}) {
    saved.push_back(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
    ::close(fd);
  }
  std::string output;
  run([&] {
    output = create_subprocess_exec({"cat"}, {.stdin_ = PIPE, .stdout_ = PIPE}).communicate("through").first;
  });
  for (const int fd : {0, 1}) {
    ::dup2(saved[static_cast<std::size_t>(fd)], fd);
    ::close(saved[static_cast<std::size_t>(fd)]);
  }

  EXPECT_EQ(output, "through");
}

TEST_F(TheStreamsOfAProcess, CannotGoJustAnywhere) {
  run([] {
    EXPECT_THROW(create_subprocess_exec({"true"}, {.stdin_ = STDOUT}), std::invalid_argument);
    EXPECT_THROW(create_subprocess_exec({"true"}, {.stdout_ = -7}), std::invalid_argument);
    EXPECT_THROW(create_subprocess_exec({"true"}, {.limit = 0}), std::invalid_argument);
    EXPECT_EQ(error_of([] { create_subprocess_exec({"true"}, {.stdout_ = 9999}); }),
              (std::pair<int, std::string>(EBADF, "cannot hand its descriptors to 'true': Bad file descriptor")));
  });
}

// Ending ---------------------------------------------------------------------------------------------------

// S318: a grandchild that holds the pipe open is not waited for.
TEST_F(TheEndOfAProcess, IsNotThatOfItsPipes) {
  run([] {
    const Process process = create_subprocess_shell("sleep 60 & echo $!", {.stdout_ = PIPE});
    const pid_t grandchild = std::stoi(process.stdout_().readline());

    EXPECT_EQ(process.wait(), 0);
    EXPECT_FALSE(process.stdout_().at_eof());
    ::kill(grandchild, SIGKILL);

    EXPECT_EQ(process.stdout_().read(), "");
  });
}

// S320: nothing while the exit is known and the transport is still there, then ESRCH.
TEST_F(TheEndOfAProcess, LeavesNobodyToSignal) {
  run([] {
    const Process process = create_subprocess_exec({"true"});
    process.wait();

    until([&] { return error_of([&] { process.kill(); }).first == ESRCH; });

    EXPECT_THAT(error_of([&] { process.terminate(); }).second, HasSubstr("has ended"));
  });
}

// S322: nobody can use stdin any more, so that is not waited for.
TEST_F(TheEndOfAProcess, ClosesAStdinThatIsStillOpen) {
  run([] {
    const Process process = create_subprocess_exec({"true"}, {.stdin_ = PIPE, .stdout_ = PIPE});

    process.stdout_().read();
    process.wait();

    until([&] { return process.stdin_().is_closing() && error_of([&] { process.kill(); }).first == ESRCH; });
  });
}

TEST_F(TheEndOfAProcess, DoesNotComeByASignalThatIsNone) {
  run([] {
    const Process process = create_subprocess_exec({"cat"}, {.stdin_ = PIPE});

    EXPECT_EQ(error_of([&] { process.send_signal(12345); }).first, EINVAL);
    process.send_signal(0);
    process.communicate();

    EXPECT_EQ(process.returncode(), 0);
  });
}

// S319: somebody waits for all children of this process, and is faster.
TEST_F(TheEndOfAProcess, IsUnknownWhereSomebodyElseHasReadTheStatus) {
  run([] {
    const Process process = create_subprocess_exec({"sleep", "60"});
    process.kill();
    EXPECT_EQ(::waitpid(process.pid(), nullptr, 0), process.pid());

    testing::internal::CaptureStderr();
    EXPECT_EQ(process.wait(), 255);

    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("exit status already read"));
  });
}

// P2: nobody has to keep a handle.
TEST_F(TheEndOfAProcess, DoesNotComeWithThatOfItsHandles) {
  run([] {
    const RawPipe pipe;
    create_subprocess_shell("sleep 0.01; echo still there", {.stdin_ = PIPE, .stdout_ = pipe.ends[1]});

    until([] { return !has_children(); });

    EXPECT_EQ(pipe.read(), "still there\n");
  });
}

// S321: a loop that is closed ends its children and reads their statuses: no zombie.
TEST_F(TheEndOfAProcess, ComesWithThatOfItsLoop) {
  Process kept;
  run([&] {
    kept = create_subprocess_exec({"sleep", "60"}, {.stdin_ = PIPE, .stdout_ = PIPE});
    create_subprocess_exec({"sleep", "60"}, {.stdout_ = PIPE});
  });

  EXPECT_FALSE(has_children());
  EXPECT_EQ(kept.returncode(), -SIGKILL);
  EXPECT_EQ(error_of([&] { kept.kill(); }).first, ESRCH);
}

// S321.
TEST_F(TheEndOfAProcess, ComesWhenItsTransportIsClosed) {
  run([] {
    const auto [transport, protocol] = get_running_loop().subprocess_exec(
        [] { return std::make_shared<SubprocessStreamProtocol>(100); }, {"sleep", "60"});

    transport->close();

    EXPECT_EQ(transport->wait(), -SIGKILL);
    until([&] { return transport->get_protocol() == nullptr; });
  });
}

// S317: what may be relied on, with a real child.
TEST_F(TheEndOfAProcess, IsTheLastThingThatAProtocolHears) {
  struct Listener : SubprocessProtocol {
    void connection_made(std::shared_ptr<BaseTransport>) override { heard += "made "; }
    void pipe_data_received(int, std::string_view data) override { heard += std::string(data) + " "; }
    void pipe_connection_lost(int, std::exception_ptr) override { heard += "pipe "; }
    void process_exited() override { heard += "exited "; }
    void connection_lost(std::exception_ptr) override { heard += "lost"; }
    std::string heard;
  };
  run([] {
    const auto protocol =
        get_running_loop()
            .subprocess_exec([] { return std::make_shared<Listener>(); }, {"printf", "data"}, {.stdin_ = DEVNULL})
            .second;

    until([&] { return protocol->heard.ends_with("lost"); });

    EXPECT_THAT(protocol->heard, StartsWith("made "));
    EXPECT_THAT(protocol->heard, HasSubstr("exited "));
    EXPECT_LT(protocol->heard.find("data"), protocol->heard.rfind("pipe"));
  });
}

}  // namespace
}  // namespace asyncio
