// real_network.hpp: tests over real sockets of the loopback interface.
//
// A body runs as the main task of a SelectorEventLoop of its own, and may suspend. When it is over, the process has
// as many descriptors open as before: every one of these tests looks for leaks. None of them waits for time to pass,
// and one that hangs is ended after a minute.
#pragma once

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace asyncio {

/// How many descriptors this process has open.
inline std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// The addresses of the loopback interface that this machine has: some containers lack the second.
inline std::vector<std::string> loopback_hosts() {
  const int probe = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has_ipv6 = probe >= 0 && ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (probe >= 0) ::close(probe);
  return has_ipv6 ? std::vector<std::string>{"127.0.0.1", "::1"} : std::vector<std::string>{"127.0.0.1"};
}

/// The port of a server's first socket.
inline int port_of(const Server& server) { return server->sockets().front().getsockname().port(); }

/// A folder for sockets, gone with this object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "orrery-XXXXXX";
    if (!::mkdtemp(name.data())) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Two connected sockets of which one end is the test's own.
struct SocketPair {
  Socket ours;
  Socket theirs;
  static SocketPair make(int type = SOCK_STREAM) {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) < 0) throw std::logic_error("pair");
    return {Socket::from_descriptor(fds[0]), Socket::from_descriptor(fds[1])};
  }
  /// What the test's own end can read now; "-" where that is nothing, "" at the end.
  std::string read(std::size_t size = 1 << 20) const {
    std::string text(size, '\0');
    const ssize_t count = ::recv(ours.fileno(), text.data(), size, MSG_DONTWAIT);
    if (count < 0) return "-";
    text.resize(static_cast<std::size_t>(count));
    return text;
  }
  void write(std::string_view text) const {
    ASSERT_EQ(::send(ours.fileno(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
};

/// A test on a real loop.
class OnARealLoop : public testing::Test {
 protected:
  ~OnARealLoop() override { EXPECT_EQ(open_descriptors(), descriptors_before_) << "descriptors were leaked"; }

  /// Runs a body as the main task.
  void run(std::function<void()> body) { run_for(std::chrono::seconds(60), std::move(body)); }
  /// The same for one that has more to do. \param limit  when it is ended
  void run_for(Duration limit, std::function<void()> body) {
    asyncio::run([&] {
      auto& loop = get_running_loop();
      loop.set_exception_handler([this](AbstractEventLoop&, const ExceptionContext& context) {
        reports.push_back(context.message + (context.exception ? " " + describe(context.exception) : ""));
      });
      const TimeoutScope scope(limit);
      body();
    });
  }

  std::vector<std::string> reports;  ///< "message exception" of each error that had no other receiver

 private:
  /// Ends a test that hangs.
  class TimeoutScope {
   public:
    explicit TimeoutScope(Duration limit)
        : timer_(get_running_loop().call_later(limit, [task = current_task()] { task.cancel("the test hangs"); })) {}
    TimeoutScope(const TimeoutScope&) = delete;
    TimeoutScope& operator=(const TimeoutScope&) = delete;
    ~TimeoutScope() { timer_.cancel(); }

   private:
    TimerHandle timer_;
  };

  const std::size_t descriptors_before_ = open_descriptors();
};

/// A protocol that writes down what it is told. Its futures tell when something has come.
class RecordingProtocol : public Protocol {
 public:
  RecordingProtocol() : lost(get_running_loop().create_future<void>()), first_data_(lost_future()) {}

  void connection_made(std::shared_ptr<BaseTransport> made) override {
    transport = std::dynamic_pointer_cast<Transport>(made);
    told.push_back("made");
  }
  void data_received(std::string_view data) override {
    text += data;
    if (!first_data_.done()) first_data_.set_result();
  }
  bool eof_received() override {
    told.push_back("eof");
    return keep_open;
  }
  void pause_writing() override { told.push_back("pause"); }
  void resume_writing() override { told.push_back("resume"); }
  void connection_lost(std::exception_ptr error) override {
    told.push_back(error ? "lost " + describe(error) : "lost");
    transport.reset();
    if (!lost.done()) lost.set_result();
  }
  /// Waits for the first bytes.
  std::string wait_for_data() {
    await(first_data_);
    return text;
  }

  std::shared_ptr<Transport> transport;
  std::vector<std::string> told;
  std::string text;
  bool keep_open = false;
  Future<void> lost;

 private:
  static Future<void> lost_future() { return get_running_loop().create_future<void>(); }
  Future<void> first_data_;
};

/// The errno of the std::system_error that `act` throws; 0 where it returns.
template <class Act>
int errno_of(Act act) {
  try {
    act();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

}  // namespace asyncio
