// unix_write_pipe_test.cpp: writing to real pipes, sockets and devices.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "tests/reference/pipe_test.hpp"
#include "tests/reference/until.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using AWritePipe = PipeTest;

// S314.
TEST_F(AWritePipe, SendsAndEndsWithClose) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));

    transport->write("hello ");
    transport->write("world");
    transport->writelines({"!", "!"});
    EXPECT_TRUE(transport->can_write_eof());
    transport->close();
    transport->write_eof();
    EXPECT_TRUE(transport->is_closing());
    until([&] { return protocol->lost; });

    EXPECT_EQ(ends.read(), "hello world!!");
    EXPECT_EQ(ends.read(), "");
    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost null"));
  });
}

// S309.
TEST_F(AWritePipe, IsNoRegularFile) {
  run_in_loop([] {
    const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    try {
      get_running_loop().connect_write_pipe(recorder, file);
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& refused) {
      EXPECT_STREQ(refused.what(), "Pipe transport is only for pipes, sockets and character devices");
    }

    EXPECT_EQ(::close(file), 0);
  });
}

// S309: /dev/null cannot be watched, and need not be.
TEST_F(AWritePipe, MayBeACharacterDevice) {
  run_in_loop([] {
    const auto [transport, protocol] =
        get_running_loop().connect_write_pipe(recorder, ::open("/dev/null", O_WRONLY | O_CLOEXEC));

    transport->write(std::string(1'000'000, 'x'));
    transport->close();
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost null"));
  });
}

// S267: above the high mark the protocol is told. asyncio lets a pipe's protocol go on when all is written.
TEST_F(AWritePipe, HoldsBackAProgramThatWritesTooMuch) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));
    std::string sent;
    for (int i = 0; i < 200'000; ++i) sent += std::to_string(i);

    transport->write(sent);
    EXPECT_THAT(protocol->heard, ElementsAre("made", "pause"));
    EXPECT_GT(transport->get_write_buffer_size(), 64u * 1024);
    std::string received;
    until([&] {
      received += ends.read();
      return received.size() == sent.size();
    });
    until([&] { return protocol->heard.size() == 3; });

    EXPECT_EQ(received, sent);
    EXPECT_EQ(transport->get_write_buffer_size(), 0u);
    EXPECT_THAT(protocol->heard, ElementsAre("made", "pause", "resume"));
    transport->close();
  });
}

// A buffer that never runs empty is thrown out at its front, in order.
TEST_F(AWritePipe, KeepsTheOrderWhileItNeverCatchesUp) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));
    std::string sent;
    std::string received;

    for (int i = 0; i < 60; ++i) {
      const std::string piece = std::string(50'000, static_cast<char>('a' + i % 26));
      transport->write(piece);
      sent += piece;
      received += ends.read();
      sleep(0s);
    }
    transport->close();
    until([&] {
      received += ends.read();
      return protocol->lost;
    });
    received += ends.read();

    EXPECT_EQ(received.size(), sent.size());
    EXPECT_TRUE(received == sent);
  });
}

// S313: the reader has gone, and nothing was to be written.
TEST_F(AWritePipe, HearsThatItsReaderHasGone) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));

    ends.close(0);
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost null"));
  });
}

// S313.
TEST_F(AWritePipe, EndsWithEpipeWhereSomethingWasStillToBeWritten) {
  run_in_loop([this] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));
    transport->write(std::string(100'000, 'x'));

    ends.close(0);
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost errno " + std::to_string(EPIPE)));
    EXPECT_EQ(transport->get_write_buffer_size(), 0u);
    EXPECT_THAT(reports, IsEmpty());
  });
}

// S311: EPIPE is no signal, and no report. The default action of SIGPIPE would end this program.
TEST_F(AWritePipe, RaisesNoSignalWhereItsReaderHasGone) {
  run_in_loop([this] {
    ASSERT_EQ(::signal(SIGPIPE, SIG_DFL), SIG_DFL);
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));

    ends.close(0);
    transport->write("nobody will read this");
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost errno " + std::to_string(EPIPE)));
    EXPECT_THAT(reports, IsEmpty());
  });
}

// A SIGPIPE that was waiting before is not ours to take.
TEST_F(AWritePipe, LeavesASignalThatWasWaitingAlone) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  raise(SIGPIPE);
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));

    ends.close(0);
    transport->write("nobody will read this");
    until([&] { return protocol->lost; });
  });

  const timespec no_time{};
  EXPECT_EQ(sigtimedwait(&pipe_signal, nullptr, &no_time), SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// S314: five are dropped in silence, then each is warned of.
TEST_F(AWritePipe, DropsWhatIsWrittenAfterItsEnd) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));
    transport->close();

    testing::internal::CaptureStderr();
    for (int i = 0; i < 5; ++i) transport->write("too late");
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    testing::internal::CaptureStderr();
    transport->write("too late");

    EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("pipe closed by peer"));
    until([&] { return protocol->lost; });
    EXPECT_EQ(ends.read(), "");
  });
}

// S272, S314: close() sends what is buffered; abort() during that drops it.
TEST_F(AWritePipe, AbortsEvenWhileItCloses) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));
    transport->write(std::string(100'000, 'x'));
    transport->close();
    for (int turns = 0; turns < 5; ++turns) sleep(0s);
    EXPECT_FALSE(protocol->lost);

    transport->abort();
    transport->abort();
    until([&] { return protocol->lost; });

    EXPECT_EQ(ends.read().size(), 65536u);  // what the pipe had taken
    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost null"));
  });
}

// S273: whatever resume_writing() does, connection_lost() is called once.
TEST_F(AWritePipe, IsLostOnceWhereResumeWritingEndsIt) {
  for (const bool aborts : {false, true}) {
    run_in_loop([&] {
      Ends ends = Ends::pipe();
      const auto [transport, protocol] = get_running_loop().connect_write_pipe(recorder, ends.give(1));
      protocol->on_resume = [&] { aborts ? transport->abort() : transport->close(); };
      transport->write(std::string(140'000, 'x'));
      transport->close();

      until([&] { return ends.read().empty() && protocol->lost; });
      for (int turns = 0; turns < 3; ++turns) sleep(0s);

      EXPECT_THAT(protocol->heard, ElementsAre("made", "pause", "resume", "lost null"));
    });
  }
}

}  // namespace
}  // namespace asyncio
