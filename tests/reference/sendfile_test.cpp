// sendfile_test.cpp: files over sockets and transports. Rules: semantics.md S302 to S308.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include <fcntl.h>

#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;

/// A file with something in it.
class AFile {
 public:
  explicit AFile(const std::string& text) {
    std::ofstream(folder_.file("data")) << text;
    fd_ = ::open(folder_.file("data").c_str(), O_RDONLY | O_CLOEXEC);
  }
  AFile(const AFile&) = delete;
  AFile& operator=(const AFile&) = delete;
  ~AFile() { ::close(fd_); }
  int fd() const { return fd_; }
  off_t position() const { return ::lseek(fd_, 0, SEEK_CUR); }

 private:
  TemporaryFolder folder_;
  int fd_;
};

/// A pipe that has something in it and is closed: no file that the system could send.
class APipe {
 public:
  explicit APipe(const std::string& text) {
    if (::pipe2(ends_.data(), O_CLOEXEC) < 0) throw std::logic_error("pipe2");
    EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(ends_[1]);
  }
  APipe(const APipe&) = delete;
  APipe& operator=(const APipe&) = delete;
  ~APipe() { ::close(ends_[0]); }
  int fd() const { return ends_[0]; }

 private:
  std::array<int, 2> ends_{};
};

std::shared_ptr<RecordingProtocol> recording() { return std::make_shared<RecordingProtocol>(); }

/// What arrives at the test's end until it is closed.
std::string receive_all(const SocketPair& pair) {
  std::string text;
  for (std::string part; !(part = get_running_loop().sock_recv(pair.ours, 1 << 18)).empty();) text += part;
  return text;
}

/// Two megabytes of which no two blocks are alike.
std::string much() {
  std::string text;
  while (text.size() < 2 << 20) text += std::to_string(text.size()) + " ";
  return text;
}

class SockSendfile : public OnARealLoop {};
using Sendfile = SockSendfile;

// S303, S308.
TEST_F(SockSendfile, SendsAllOrAPart) {
  const AFile file("0123456789");
  run([&] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();

    EXPECT_EQ(loop.sock_sendfile(pair.theirs, file.fd()), 10);
    EXPECT_EQ(pair.read(), "0123456789");
    EXPECT_EQ(loop.sock_sendfile(pair.theirs, file.fd(), {.offset = 2, .count = 3}), 3);
    EXPECT_EQ(pair.read(), "234");
    EXPECT_EQ(file.position(), 5);
    EXPECT_EQ(loop.sock_sendfile(pair.theirs, file.fd(), {.offset = 50}), 0);
  });
}

// S304.
TEST_F(SockSendfile, SendsNothingOfAnEmptyFile) {
  const AFile file("");
  run([&] {
    const auto pair = SocketPair::make();
    EXPECT_EQ(get_running_loop().sock_sendfile(pair.theirs, file.fd()), 0);
  });
}

TEST_F(SockSendfile, WaitsWhereTheSocketIsFull) {
  const std::string text = much();
  const AFile file(text);
  run([&] {
    const auto pair = SocketPair::make();
    auto sending = create_task([&] {
      const auto sent = get_running_loop().sock_sendfile(pair.theirs, file.fd());
      pair.theirs.close();
      return sent;
    });

    EXPECT_EQ(receive_all(pair), text);
    EXPECT_EQ(await(sending), static_cast<std::int64_t>(text.size()));
  });
}

// S303, S307.
TEST_F(SockSendfile, ReadsWhatTheSystemCannotSend) {
  const APipe pipe("from a pipe");
  run([&] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    EXPECT_THROW(loop.sock_sendfile(pair.theirs, pipe.fd(), {.fallback = false}), SendfileNotAvailableError);

    EXPECT_EQ(loop.sock_sendfile(pair.theirs, pipe.fd(), {.count = 6}), 6);
    EXPECT_EQ(pair.read(), "from a");
    EXPECT_EQ(loop.sock_sendfile(pair.theirs, pipe.fd()), 5);
  });
}

// Api: EPIPE, never a signal.
TEST_F(SockSendfile, SaysThatThePeerIsGone) {
  const AFile file("text");
  run([&] {
    const auto pair = SocketPair::make();
    pair.ours.close();
    EXPECT_EQ(errno_of([&] { get_running_loop().sock_sendfile(pair.theirs, file.fd()); }), EPIPE);
    EXPECT_EQ(file.position(), 0);
  });
}

// S302: the texts are CPython's.
TEST_F(SockSendfile, ChecksItsOptions) {
  const AFile file("text");
  run([&] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    const auto datagram = SocketPair::make(SOCK_DGRAM);
    const auto refusal = [&](const Socket& socket, SendfileOptions options) {
      return text_of<std::invalid_argument>([&] { loop.sock_sendfile(socket, file.fd(), options); });
    };
    EXPECT_EQ(refusal(datagram.ours, {}), "only SOCK_STREAM type sockets are supported");
    EXPECT_EQ(refusal(pair.ours, {.count = 0}), "count must be a positive integer (got 0)");
    EXPECT_EQ(refusal(pair.ours, {.offset = -1}), "offset must be a non-negative integer (got -1)");
  });
}

// S306: what was written before comes first, what is written after comes after.
TEST_F(Sendfile, KeepsItsPlaceBetweenWrites) {
  const std::string before = much();
  const std::string text = much();
  const AFile file(text);
  run([&] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto [transport, protocol] = loop.create_connection(recording, {.sock = pair.theirs});
    auto sending = create_task([&, transport = transport] {
      transport->write(before);
      EXPECT_EQ(loop.sendfile(transport, file.fd()), static_cast<std::int64_t>(text.size()));
      transport->write("after");
      transport->close();
    });

    EXPECT_EQ(receive_all(pair), before + text + "after");
    await(sending);
    await(protocol->lost);
  });
}

// S306.
TEST_F(Sendfile, RefusesWritesMeanwhile) {
  const AFile file(much());
  run([&] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto [transport, protocol] = loop.create_connection(recording, {.sock = pair.theirs});
    auto sending = create_task([&, transport = transport] { loop.sendfile(transport, file.fd()); });
    sleep(Duration::zero());

    EXPECT_FALSE(transport->is_reading());
    EXPECT_EQ(text_of<RuntimeError>([&, t = transport] { t->write("x"); }), "unable to write; sendfile is in progress");
    sending.cancel();
    EXPECT_THROW(await(sending), CancelledError);
    EXPECT_TRUE(transport->is_reading());
    transport->abort();
    await(protocol->lost);
  });
}

// A connection that ends in the middle ends the sending: nobody waits for ever.
TEST_F(Sendfile, EndsWithItsConnection) {
  const AFile file(much());
  run([&] {
    auto& loop = get_running_loop();
    for (const bool by_peer : {false, true}) {
      const auto pair = SocketPair::make();
      auto [transport, protocol] = loop.create_connection(recording, {.sock = pair.theirs});
      auto sending = create_task([&, transport = transport] { loop.sendfile(transport, file.fd()); });
      for (int i = 0; i < 5; ++i) sleep(Duration::zero());
      by_peer ? pair.ours.close() : transport->abort();

      EXPECT_EQ(errno_of([&] { await(sending); }), by_peer ? EPIPE : ECONNABORTED);
      await(protocol->lost);
    }
  });
}

// S305, S307: the protocol is back in its place afterwards.
TEST_F(Sendfile, ReadsWhatTheSystemCannotSend) {
  const APipe pipe("from a pipe");
  run([&] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    auto [transport, protocol] = loop.create_connection(recording, {.sock = pair.theirs});
    EXPECT_THROW(loop.sendfile(transport, pipe.fd(), {.fallback = false}), SendfileNotAvailableError);

    EXPECT_EQ(loop.sendfile(transport, pipe.fd()), 11);
    EXPECT_EQ(pair.read(), "from a pipe");
    EXPECT_EQ(transport->get_protocol(), protocol);
    EXPECT_TRUE(transport->is_reading());
    transport->close();
    await(protocol->lost);
  });
}

// S305: the text is CPython's.
TEST_F(Sendfile, IsRefusedByATransportThatCloses) {
  const AFile file("text");
  run([&] {
    const auto pair = SocketPair::make();
    auto [transport, protocol] = get_running_loop().create_connection(recording, {.sock = pair.theirs});
    transport->close();
    EXPECT_EQ(text_of<RuntimeError>([&, t = transport] { get_running_loop().sendfile(t, file.fd()); }),
              "Transport is closing");
    await(protocol->lost);
  });
}

TEST_F(Sendfile, NeedsATransport) {
  run([] { EXPECT_THROW(get_running_loop().sendfile(nullptr, 0), std::invalid_argument); });
}

}  // namespace
}  // namespace asyncio
