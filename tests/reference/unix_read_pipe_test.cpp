// unix_read_pipe_test.cpp: reading from real pipes, sockets and terminals.
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

using AReadPipe = PipeTest;
using PipesOfAClosedLoop = PipeTest;

// S310.
TEST_F(AReadPipe, HearsWhatWasWrittenAndThenTheEnd) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));
    EXPECT_THAT(protocol->heard, ElementsAre("made"));

    ends.write("hello");
    until([&] { return protocol->heard.size() == 2; });
    ends.close(1);
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "hello", "eof", "lost null"));
    EXPECT_TRUE(transport->is_closing());
    EXPECT_EQ(transport->get_protocol(), nullptr);
  });
}

// S309: CPython's sentence, and the file is still the caller's.
TEST_F(AReadPipe, IsNoRegularFile) {
  run_in_loop([] {
    const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);

    try {
      get_running_loop().connect_read_pipe(recorder, file);
      ADD_FAILURE() << "accepted";
    } catch (const std::invalid_argument& refused) {
      EXPECT_STREQ(refused.what(), "Pipe transport is for pipes/sockets only.");
    }

    EXPECT_EQ(::close(file), 0);
  });
}

TEST_F(AReadPipe, NeedsAnOpenDescriptor) {
  run_in_loop([] {
    try {
      get_running_loop().connect_read_pipe(recorder, 12345);
      ADD_FAILURE() << "accepted";
    } catch (const std::system_error& refused) {
      EXPECT_EQ(refused.code().value(), EBADF);
    }
  });
}

TEST_F(AReadPipe, NeedsAProtocolThatReceives) {
  run_in_loop([] {
    Ends ends = Ends::pipe();

    EXPECT_THROW(get_running_loop().connect_read_pipe([] { return std::make_shared<BaseProtocol>(); }, ends[0]),
                 std::invalid_argument);
  });
}

// S309.
TEST_F(AReadPipe, BecomesNonBlocking) {
  run_in_loop([] {
    Ends ends = Ends::terminal();
    ASSERT_EQ(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);

    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));

    const int descriptor = transport->get_extra_info<int>("pipe");
    EXPECT_NE(fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
    transport->close();
  });
}

// S311: what a terminal answers when its other side has gone is not worth a report.
TEST_F(AReadPipe, TakesTheEndOfATerminalQuietly) {
  run_in_loop([this] {
    Ends ends = Ends::terminal();
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));

    ends.close(1);
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost errno " + std::to_string(EIO)));
    EXPECT_THAT(reports, IsEmpty());
  });
}

// S311.
TEST_F(AReadPipe, ReportsOtherErrorsAndEndsWithThem) {
  run_in_loop([this] {
    Ends ends = Ends::sockets();
    ASSERT_EQ(::write(ends[0], "x", 1), 1);
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));

    ends.close(1);  // with something unread: a reset
    until([&] { return protocol->lost; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "lost errno " + std::to_string(ECONNRESET)));
    EXPECT_THAT(reports, ElementsAre(HasSubstr("Fatal read error on pipe transport")));
  });
}

// S312.
TEST_F(AReadPipe, StaysOpenWhenItsProtocolThrows) {
  run_in_loop([this] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));
    protocol->on_data = [] { throw std::logic_error("thrown in data_received()"); };

    ends.write("a");
    until([&] { return !reports.empty(); });
    protocol->on_data = nullptr;
    ends.write("b");
    until([&] { return protocol->heard.size() == 3; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "a", "b"));
    EXPECT_THAT(reports, ElementsAre(HasSubstr("thrown in data_received()")));
    transport->close();
  });
}

// S275.
TEST_F(AReadPipe, HearsNothingWhilePaused) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));

    transport->pause_reading();
    transport->pause_reading();
    ends.write("later");
    for (int turns = 0; turns < 5; ++turns) sleep(0s);
    EXPECT_FALSE(transport->is_reading());
    EXPECT_THAT(protocol->heard, ElementsAre("made"));
    transport->resume_reading();
    transport->resume_reading();
    until([&] { return protocol->heard.size() == 2; });

    EXPECT_THAT(protocol->heard, ElementsAre("made", "later"));
    transport->close();
  });
}

// S254: reading begins after connection_made(), and not at all where that has paused it.
TEST_F(AReadPipe, CanBePausedAsSoonAsItIsMade) {
  struct Pauses : Recorder {
    void connection_made(std::shared_ptr<BaseTransport> transport) override {
      Recorder::connection_made(transport);
      std::dynamic_pointer_cast<ReadTransport>(transport)->pause_reading();
    }
  };
  run_in_loop([] {
    Ends ends = Ends::pipe();
    ends.write("early");
    const auto [transport, protocol] =
        get_running_loop().connect_read_pipe([] { return std::make_shared<Pauses>(); }, ends.give(0));

    for (int turns = 0; turns < 5; ++turns) sleep(0s);

    EXPECT_THAT(protocol->heard, ElementsAre("made"));
    transport->close();
  });
}

TEST_F(AReadPipe, CanBeClosedByWhatItHears) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));
    protocol->on_data = [&] {
      transport->close();
      transport->close();
    };

    ends.write("bye");
    until([&] { return protocol->lost; });
    transport->resume_reading();
    transport->pause_reading();
    transport->close();
    sleep(0s);

    EXPECT_THAT(protocol->heard, ElementsAre("made", "bye", "lost null"));
  });
}

TEST_F(AReadPipe, FillsTheMemoryOfABufferedProtocol) {
  struct Buffered : BufferedProtocol {
    std::span<char> get_buffer(std::ptrdiff_t) override { return memory; }
    void buffer_updated(std::size_t bytes) override { got.append(memory.data(), bytes); }
    bool eof_received() override { return ended = true; }
    std::array<char, 3> memory;
    std::string got;
    bool ended = false;
  };
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto protocol =
        get_running_loop().connect_read_pipe([] { return std::make_shared<Buffered>(); }, ends.give(0)).second;

    ends.write("in pieces");
    ends.close(1);
    until([&] { return protocol->ended; });

    EXPECT_EQ(protocol->got, "in pieces");
  });
}

TEST_F(AReadPipe, IsClosedWhereItsProtocolThrowsAtTheEnd) {
  run_in_loop([this] {
    Ends ends = Ends::pipe();
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, ends.give(0));
    protocol->throws_when_lost = true;

    transport->close();
    until([&] { return !reports.empty(); });

    EXPECT_EQ(::write(ends[1], "x", 0), 0);
    EXPECT_EQ(transport->get_protocol(), nullptr);
  });
}

// A cancelled connect_read_pipe() owns the descriptor already, and closes it.
TEST_F(AReadPipe, IsClosedWhereWaitingForItIsCancelled) {
  run_in_loop([] {
    Ends ends = Ends::pipe();
    const auto protocol = recorder();
    const auto task =
        create_task([&] { get_running_loop().connect_read_pipe([&] { return protocol; }, ends.give(0)); });
    sleep(0s);  // it has begun

    task.cancel();
    until([&] { return protocol->lost; });

    EXPECT_TRUE(task.cancelled());
  });
}

/// A descriptor with shared handles.
class TestSocket final : public SocketState {
 public:
  explicit TestSocket(int fd) : fd_(fd) {}
  ~TestSocket() override { TestSocket::close(); }
  int fileno() const noexcept override { return fd_; }
  Address getsockname() const override { return {}; }
  Address getpeername() const override { return {}; }
  void close() noexcept override {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

// The transport owns what it was given: every handle of the socket is closed at the end.
TEST_F(AReadPipe, ClosesTheSocketItWasGiven) {
  run_in_loop([] {
    Ends ends = Ends::sockets();
    const Socket socket(std::make_shared<TestSocket>(ends.give(0)));
    const auto [transport, protocol] = get_running_loop().connect_read_pipe(recorder, socket);

    ends.write("through a socket");
    until([&] { return protocol->heard.size() == 2; });
    transport->close();
    until([&] { return protocol->lost; });

    EXPECT_EQ(socket.fileno(), -1);
  });
}

// The end of a loop ----------------------------------------------------------------------------------------

// S279: nobody is told, everything is given back; a paused transport, which has no reader, too.
TEST_F(PipesOfAClosedLoop, AreLetGo) {
  std::vector<std::weak_ptr<Recorder>> protocols;
  std::vector<std::string> heard;
  Ends to_read = Ends::pipe();
  Ends to_write = Ends::pipe();
  run_in_loop([&] {
    auto& loop = get_running_loop();
    const auto [reads, reader] = loop.connect_read_pipe(recorder, to_read.give(0));
    const auto [writes, writer] = loop.connect_write_pipe(recorder, to_write.give(1));
    reads->pause_reading();
    writes->write(std::string(100'000, 'x'));
    protocols = {reader, writer};
  });

  EXPECT_TRUE(protocols[0].expired());
  EXPECT_TRUE(protocols[1].expired());
  EXPECT_EQ(to_write.read().size(), 65536u);
  EXPECT_EQ(to_write.read(), "");  // its other end is closed
}

TEST_F(PipesOfAClosedLoop, DoNothingAnyMore) {
  std::shared_ptr<ReadTransport> reads;
  std::shared_ptr<WriteTransport> writes;
  Ends ends = Ends::pipe();
  run_in_loop([&] {
    reads = get_running_loop().connect_read_pipe(recorder, ends.give(0)).first;
    writes = get_running_loop().connect_write_pipe(recorder, ends.give(1)).first;
  });

  reads->pause_reading();
  reads->resume_reading();
  reads->close();
  writes->write("x");
  writes->close();
  writes->abort();

  EXPECT_TRUE(reads->is_closing());
  EXPECT_TRUE(writes->is_closing());
}

}  // namespace
}  // namespace asyncio
