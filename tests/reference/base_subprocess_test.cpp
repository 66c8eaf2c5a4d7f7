// base_subprocess_test.cpp: the order in which a protocol hears of a child, with a child that does what the test
// says. Q1 to Q4 are in base_subprocess.hpp.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"
#include "tests/reference/until.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Writes down what it hears.
class Listener : public SubprocessProtocol {
 public:
  void connection_made(std::shared_ptr<BaseTransport>) override { heard.emplace_back("made"); }
  void pipe_data_received(int fd, std::string_view data) override { note(fd, std::string(data)); }
  void pipe_connection_lost(int fd, std::exception_ptr error) override { note(fd, error ? "broken" : "ended"); }
  void process_exited() override { heard.emplace_back("exited"); }
  void connection_lost(std::exception_ptr) override { heard.emplace_back("lost"); }
  void pause_writing() override { heard.emplace_back("pause"); }
  void resume_writing() override { heard.emplace_back("resume"); }

  std::vector<std::string> heard;

 private:
  void note(int fd, const std::string& what) { heard.push_back(std::to_string(fd) + " " + what); }
};

class Descriptor final : public SocketState {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() override { Descriptor::close(); }
  int fileno() const noexcept override { return fd_; }
  Address getsockname() const override { return {}; }
  Address getpeername() const override { return {}; }
  void close() noexcept override {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

/// A child that is three sockets in the hand of the test.
class PuppetTransport final : public BaseSubprocessTransport {
 public:
  using BaseSubprocessTransport::begin;
  using BaseSubprocessTransport::let_go;
  using BaseSubprocessTransport::process_exited;
  explicit PuppetTransport(StartedProcess process) : BaseSubprocessTransport(get_running_loop(), std::move(process)) {}

  std::vector<int> signals;
  bool is_disconnected = false;
  bool refuses = false;

 protected:
  void signal_child(int signal) override {
    signals.push_back(signal);
    if (refuses) throw std::system_error(EPERM, std::generic_category(), "pidfd_send_signal");
  }
  void disconnected() noexcept override { is_disconnected = true; }
};

struct Puppet {
  explicit Puppet(std::initializer_list<int> pipes = {0, 1, 2}) {
    StartedProcess process{.pid = 4711};
    for (const int fd : pipes) {
      const auto i = static_cast<std::size_t>(fd);
      std::array<int, 2> ends{};
      EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
      process.pipes[i] = Socket(std::make_shared<Descriptor>(ends[0]));
      childs[i] = Socket(std::make_shared<Descriptor>(ends[1]));
    }
    transport = std::make_shared<PuppetTransport>(std::move(process));
  }
  void begin() { transport->begin(protocol, connected); }
  void connect() {
    begin();
    await(connected);  // suspends
    sleep(Duration::zero());
  }
  void says(int fd, std::string_view text) const {
    EXPECT_EQ(::write(childs[static_cast<std::size_t>(fd)].fileno(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  void closes(int fd) const { childs[static_cast<std::size_t>(fd)].close(); }
  /// Once `what` was heard.
  void hears(const std::string& what) const {
    until([&] { return std::ranges::find(protocol->heard, what) != protocol->heard.end(); });
  }

  std::array<Socket, 3> childs;
  std::shared_ptr<Listener> protocol = std::make_shared<Listener>();
  std::shared_ptr<PuppetTransport> transport;
  Future<void> connected = get_running_loop().create_future<void>();
};

/// Each test runs in a loop, and leaves no descriptor behind.
class AChildTransport : public testing::Test {
 protected:
  void SetUp() override { before_ = open_descriptors(); }
  void TearDown() override { EXPECT_EQ(open_descriptors(), before_); }

 private:
  std::size_t before_ = 0;
};

// S316: everything that happens before connection_made() is held back, and comes in its order.
TEST_F(AChildTransport, HoldsEarlyEventsBack) {
  run([] {
    Puppet child;
    child.says(1, "early");
    child.begin();
    child.transport->process_exited(0);

    await(child.connected);
    EXPECT_THAT(child.protocol->heard, ElementsAre("made", "exited", "1 early"));  // queued before we are woken
    for (const int fd : {0, 1, 2}) child.closes(fd);
    child.hears("lost");

    EXPECT_EQ(child.protocol->heard.front(), "made");
    EXPECT_EQ(child.protocol->heard.back(), "lost");
  });
}

// S317: connection_lost() waits for the exit …
TEST_F(AChildTransport, IsNotLostBeforeTheExit) {
  run([] {
    Puppet child({1});
    child.connect();

    child.says(1, "x");
    child.hears("1 x");
    child.closes(1);
    child.hears("1 ended");
    for (int turns = 0; turns < 5; ++turns) sleep(Duration::zero());
    EXPECT_THAT(child.protocol->heard, ElementsAre("made", "1 x", "1 ended"));
    child.transport->process_exited(0);
    child.hears("lost");

    EXPECT_THAT(child.protocol->heard, ElementsAre("made", "1 x", "1 ended", "exited", "lost"));
    EXPECT_TRUE(child.transport->is_disconnected);
  });
}

// … and, S318, for the pipes, which may outlive the child. wait() does not.
TEST_F(AChildTransport, IsNotLostBeforeItsPipes) {
  run([] {
    Puppet child({1, 2});
    child.connect();
    auto waits = create_task([&] { return child.transport->wait(); });
    sleep(Duration::zero());

    child.closes(2);
    child.transport->process_exited(3);
    EXPECT_EQ(await(waits), 3);
    EXPECT_EQ(child.transport->wait(), 3);
    child.says(1, "late");
    child.hears("1 late");
    EXPECT_FALSE(child.transport->is_disconnected);
    child.closes(1);
    child.hears("lost");

    EXPECT_EQ(child.transport->get_returncode(), 3);
  });
}

TEST_F(AChildTransport, WithoutPipesIsLostWithItsExit) {
  run([] {
    Puppet child({});
    child.connect();

    child.transport->process_exited(0);
    child.hears("lost");

    EXPECT_THAT(child.protocol->heard, ElementsAre("made", "exited", "lost"));
    EXPECT_EQ(child.transport->get_pipe_transport(1), nullptr);
    EXPECT_EQ(child.transport->get_pipe_transport(-1), nullptr);
  });
}

// S318, S320: as in all of CPython before 3.15, wait() returns when there is nobody to signal any more.
TEST_F(AChildTransport, WithoutPipesIsLostBeforeWaitReturns) {
  run([] {
    Puppet child({});
    child.connect();
    auto waits = create_task([&] { return child.transport->wait(); });
    sleep(Duration::zero());

    child.transport->process_exited(0);
    await(waits);

    EXPECT_THAT(child.protocol->heard, ElementsAre("made", "exited", "lost"));
    EXPECT_THROW(child.transport->kill(), std::system_error);
    EXPECT_FALSE(child.transport->is_closing());  // nobody has closed it
  });
}

// Flow control of stdin is the protocol's, at once.
TEST_F(AChildTransport, TellsItsProtocolWhenStdinIsFull) {
  run([] {
    Puppet child({0});
    child.connect();
    const auto stdin_pipe = std::dynamic_pointer_cast<WriteTransport>(child.transport->get_pipe_transport(0));

    stdin_pipe->write(std::string(1'000'000, 'x'));
    EXPECT_EQ(child.protocol->heard.back(), "pause");
    std::array<char, 65536> bytes;
    until([&] {
      [[maybe_unused]] const auto count = ::read(child.childs[0].fileno(), bytes.data(), bytes.size());
      return child.protocol->heard.back() == "resume";
    });

    child.transport->process_exited(0);
    child.closes(0);
    child.hears("lost");
  });
}

// S320.
TEST_F(AChildTransport, SendsSignalsUntilTheExitIsKnown) {
  run([] {
    Puppet child({1});
    child.connect();

    child.transport->send_signal(SIGUSR1);
    child.transport->terminate();
    child.transport->kill();
    child.transport->process_exited(-SIGKILL);
    child.transport->kill();  // too late, and no error
    EXPECT_THAT(child.transport->signals, ElementsAre(SIGUSR1, SIGTERM, SIGKILL));
    child.closes(1);
    child.hears("lost");

    sleep(Duration::zero());
    EXPECT_THROW(child.transport->kill(), std::system_error);
  });
}

// S321.
TEST_F(AChildTransport, KillsARunningChildWhenItIsClosed) {
  run([] {
    Puppet child;
    child.connect();

    child.transport->close();
    child.transport->close();
    EXPECT_THAT(child.transport->signals, ElementsAre(SIGKILL));
    EXPECT_TRUE(child.transport->is_closing());
    child.hears("2 ended");
    child.transport->process_exited(-SIGKILL);
    child.hears("lost");
  });
}

TEST_F(AChildTransport, IsClosedEvenWhereItsChildMayNotBeKilled) {
  run([] {
    Puppet child({});
    child.connect();
    child.transport->refuses = true;

    child.transport->close();
    EXPECT_FALSE(child.transport->is_disconnected);
    child.transport->process_exited(0);
    child.hears("lost");
  });
}

// A pipe that cannot be connected: the waiter is told, the protocol hears nothing, and all ends with the exit.
TEST_F(AChildTransport, GivesUpWhereAPipeCannotBeConnected) {
  run([] {
    Puppet child;
    StartedProcess broken{.pid = 1};
    broken.pipes[0] = Socket(std::make_shared<Descriptor>(::dup(child.childs[0].fileno())));
    broken.pipes[1] = Socket(std::make_shared<Descriptor>(::open("/proc/self/status", O_RDONLY | O_CLOEXEC)));
    child.transport = std::make_shared<PuppetTransport>(std::move(broken));

    child.begin();
    EXPECT_THROW(await(child.connected), std::invalid_argument);
    child.transport->process_exited(0);
    until([&] { return child.transport->is_disconnected; });

    EXPECT_THAT(child.protocol->heard, IsEmpty());
    EXPECT_EQ(child.transport->get_protocol(), nullptr);
  });
}

// The loop is closed: nobody is told, and nothing is held any more.
TEST_F(AChildTransport, LetsGoWithoutAWord) {
  run([] {
    Puppet child;
    child.connect();
    const std::weak_ptr<Listener> protocol = child.protocol;

    child.transport->let_go(-9);
    child.protocol.reset();
    for (const int fd : {0, 1, 2}) child.closes(fd);
    for (int turns = 0; turns < 5; ++turns) sleep(Duration::zero());

    EXPECT_TRUE(protocol.expired());
    EXPECT_EQ(child.transport->get_returncode(), -9);
    EXPECT_EQ(child.transport->wait(), -9);
  });
}

}  // namespace
}  // namespace asyncio
