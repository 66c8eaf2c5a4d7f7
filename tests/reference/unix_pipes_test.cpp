// unix_pipes_test.cpp: transports over real pipes, sockets and terminals.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"
#include "tests/reference/until.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string text_of_error(const std::exception_ptr& error) {
  if (!error) return "null";
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& failed) {
    return "errno " + std::to_string(failed.code().value());
  } catch (...) {
    return describe(error);
  }
}

/// Writes down what it hears.
class Recorder : public Protocol {
 public:
  void connection_made(std::shared_ptr<BaseTransport> transport) override {
    made = std::move(transport);
    heard.emplace_back("made");
  }
  void data_received(std::string_view data) override {
    heard.emplace_back(data);
    if (on_data) on_data();
  }
  bool eof_received() override {
    heard.emplace_back("eof");
    return true;
  }
  void connection_lost(std::exception_ptr error) override {
    heard.push_back("lost " + text_of_error(error));
    lost = true;
    if (throws_when_lost) throw std::logic_error("thrown in connection_lost()");
  }
  void pause_writing() override { heard.emplace_back("pause"); }
  void resume_writing() override {
    heard.emplace_back("resume");
    if (on_resume) on_resume();
  }

  std::vector<std::string> heard;
  std::shared_ptr<BaseTransport> made;  // a ring, which the transport must end
  bool lost = false;
  bool throws_when_lost = false;
  std::function<void()> on_data;
  std::function<void()> on_resume;
};

std::shared_ptr<Recorder> recorder() { return std::make_shared<Recorder>(); }

/// A pair of descriptors, of which the test closes what no transport owns.
class Ends {
 public:
  static Ends pipe() {
    Ends ends;
    EXPECT_EQ(::pipe2(ends.fds_.data(), O_CLOEXEC | O_NONBLOCK), 0);
    return ends;
  }
  static Ends sockets() {
    Ends ends;
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.fds_.data()), 0);
    return ends;
  }
  static Ends terminal() {
    Ends ends;
    EXPECT_EQ(::openpty(&ends.fds_[0], &ends.fds_[1], nullptr, nullptr, nullptr), 0);
    return ends;
  }
  ~Ends() {
    close(0);
    close(1);
  }
  int operator[](std::size_t end) const { return fds_[end]; }
  int give(std::size_t end) { return std::exchange(fds_[end], -1); }
  void close(std::size_t end) {
    if (fds_[end] >= 0) ::close(give(end));
  }
  void write(std::string_view text) const {
    EXPECT_EQ(::write(fds_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string read() const {
    std::array<char, 65536> bytes;
    const ssize_t count = ::read(fds_[0], bytes.data(), bytes.size());
    return count < 0 ? "" : std::string(bytes.data(), static_cast<std::size_t>(count));
  }

 private:
  Ends() = default;
  std::array<int, 2> fds_{-1, -1};
};

/// Each test runs in a loop of its own, and leaves no descriptor behind.
class PipeTest : public testing::Test {
 protected:
  void SetUp() override { before_ = open_descriptors(); }
  void TearDown() override { EXPECT_EQ(open_descriptors(), before_); }

  std::vector<std::string> reports;

  void run_in_loop(const std::function<void()>& body) {
    run([&] {
      get_running_loop().set_exception_handler([this](AbstractEventLoop&, const ExceptionContext& context) {
        reports.push_back(context.message + ": " + describe(context.exception));
      });
      body();
    });
  }

 private:
  std::size_t before_ = 0;
};

using AReadPipe = PipeTest;
using AWritePipe = PipeTest;
using PipesOfAClosedLoop = PipeTest;

// Reading --------------------------------------------------------------------------------------------------

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

// Writing --------------------------------------------------------------------------------------------------

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
