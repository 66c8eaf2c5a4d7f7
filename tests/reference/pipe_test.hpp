// pipe_test.hpp: what the tests of pipe transports share.
#pragma once

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"

namespace asyncio {

inline std::string text_of_error(const std::exception_ptr& error) {
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

inline std::shared_ptr<Recorder> recorder() { return std::make_shared<Recorder>(); }

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

}  // namespace asyncio
