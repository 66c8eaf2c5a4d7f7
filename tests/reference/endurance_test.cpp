// endurance_test.cpp: the real loop with many connections, for a long time, among peers that misbehave.
//
// The numbers are small here, so that every run of the tests can afford them. `make soak` sets ORRERY_SOAK=1, and they
// are those that the names of the tests promise; ORRERY_QUICK=1, for builds with sanitizers, makes them smaller still.
//
// Rules: semantics.md S244, S257 to S273, S328, S337.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference/src/stack_pool.hpp"
#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/system_call_programs.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

/// How much of something.
struct Amount {
  std::size_t soak;
  std::size_t usual;
  std::size_t quick;
  std::size_t get() const {
    if (std::getenv("ORRERY_SOAK")) return soak;
    return std::getenv("ORRERY_QUICK") ? quick : usual;
  }
};

/// What a process may lose piece by piece.
struct Possessions {
  std::size_t descriptors = open_descriptors();
  std::size_t stacks = StackPool::instance().counts().carved;
  std::size_t bytes = ::mallinfo2().uordblks;  // 0 under AddressSanitizer, which looks for leaks itself
};

/// Allows the process so many descriptors more. \return whether the system does
bool make_room_for(std::size_t descriptors) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = open_descriptors() + descriptors + 50;
  if (limit.rlim_cur >= wanted) return true;
  const rlimit raised{.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
}

void echo_lines(StreamReader reader, StreamWriter writer) {
  for (const std::string& line : reader) {
    writer.write(line);
    writer.drain();
  }
  writer.close();
}

void close(const Server& server) {
  server->close();
  server->wait_closed();
}

/// Closes a socket with a reset: what was not sent or read yet is thrown away on both sides.
void reset(const Socket& socket) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket.fileno(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket.close();
}

class UnderLoad : public OnARealLoop {};

// ---- Many, and often ----

/// Opens so many connections, and when all are open, asks each something.
///
/// \return  how many were answered rightly
std::size_t connect_all(int port, std::size_t count) {
  Semaphore connecting(50);  // of a backlog of 100
  Barrier all_are_open(static_cast<int>(count));
  std::size_t answered = 0;
  task_group([&](TaskGroup& group) {
    for (std::size_t i = 0; i < count; ++i) {
      group.create_task([&, i] {
        connecting.acquire();
        auto [reader, writer] = open_connection("127.0.0.1", port);
        writer.write("here\n");
        const bool accepted = reader.readline() == "here\n";  // and not only connected
        connecting.release();
        all_are_open.wait();
        writer.write(std::to_string(i) + "\n");
        answered += accepted && reader.readline() == std::to_string(i) + "\n";
        writer.close();
        writer.wait_closed();
      });
    }
  });
  return answered;
}

/// Runs `body` in a process of its own, on a loop of its own. \return  whether it gave true. \suspends until then
bool in_another_process(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {  // in the parent's loop, it would share its epoll
    std::thread([&] {
      bool fine = false;
      asyncio::run([&] { fine = body(); });
      ::_exit(fine ? 0 : 1);
    }).join();
  }
  int status = -1;
  while (::waitpid(child, &status, WNOHANG) == 0) sleep(10ms);
  return status == 0;
}

// The clients are in a process of their own: a descriptor for each end is more than many systems let one have.
TEST_F(UnderLoad, TenThousandConnectionsAreOpenAtOnce) {
  const std::size_t count = Amount{.soak = 10'000, .usual = 1'000, .quick = 100}.get();
  if (!make_room_for(count)) {
    GTEST_SKIP() << "needs " << count << " descriptors, more than this process may have: see ulimit -Hn";
  }
  run_for(5min, [&] {
    std::size_t open = 0, most = 0;
    const auto server = start_server(
        [&](StreamReader reader, StreamWriter writer) {
          most = std::max(most, ++open);
          echo_lines(reader, writer);
          --open;
        },
        "127.0.0.1", 0);
    const int port = port_of(server);
    EXPECT_TRUE(in_another_process([&] { return connect_all(port, count) == count; }));
    EXPECT_EQ(most, count);
    close(server);
  });
}

TEST_F(UnderLoad, AHundredThousandConnectionsLoseNothing) {
  const std::size_t rounds = Amount{.soak = 100'000, .usual = 2'000, .quick = 200}.get();
  run_for(5min, [&] {
    const auto server = start_server(echo_lines, "127.0.0.1", 0);
    const auto connect_once = [&] {
      auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
      writer.write("line\n");
      EXPECT_EQ(reader.readline(), "line\n");
      writer.close();
      writer.wait_closed();
    };
    const auto settle = [] {
      for (int i = 0; i < 5; ++i) sleep(0s);  // the other end
    };
    for (int i = 0; i < 100; ++i) connect_once();  // pools and tables have their sizes
    settle();
    const Possessions before;
    for (std::size_t i = 0; i < rounds && !HasFailure(); ++i) connect_once();
    settle();
    const Possessions after;

    EXPECT_EQ(after.descriptors, before.descriptors);
    EXPECT_EQ(after.stacks, before.stacks);
    EXPECT_EQ(after.bytes, before.bytes);
    close(server);
  });
}

// ---- Peers that reset ----

/// What a client does before it is gone.
struct Moment {
  std::string name;
  std::function<void(AbstractEventLoop&, const Socket&, std::size_t bytes)> act;
};

std::vector<Moment> moments() {
  const auto send = [](AbstractEventLoop& loop, const Socket& client, std::size_t bytes) {
    if (bytes > 0) loop.sock_sendall(client, std::string(bytes - 1, 'x') + (bytes % 2 ? "\n" : "x"));
  };
  return {
      {"after so many bytes", send},
      {"after so many bytes, when they were seen",
       [send](auto& loop, const Socket& client, std::size_t bytes) {
         send(loop, client, bytes);
         for (int i = 0; i < 3; ++i) sleep(0s);
       }},
      {"after an answer",
       [](auto& loop, const Socket& client, std::size_t bytes) {
         loop.sock_sendall(client, std::string(bytes, 'x') + "\n");
         loop.sock_recv(client, 1);
       }},
      {"half-closed",
       [send](auto& loop, const Socket& client, std::size_t bytes) {
         send(loop, client, bytes);
         client.shutdown(SHUT_WR);
         for (std::size_t i = 0; i < bytes % 4; ++i) sleep(0s);
       }},
      {"while much is written to it",
       [](auto& loop, const Socket& client, std::size_t bytes) {
         loop.sock_sendall(client, "MUCH\n");
         for (std::size_t i = 0; i < bytes; ++i) loop.sock_recv(client, 1000);
       }},
  };
}

/// Counts its like, answers, and has much to write when its peer has said all.
class Counting final : public RecordingProtocol {
 public:
  Counting(int& made, int& lost) : made_(made), lost_(lost) {}
  void connection_made(std::shared_ptr<BaseTransport> transport) override {
    ++made_;
    RecordingProtocol::connection_made(std::move(transport));
  }
  void data_received(std::string_view data) override {
    if (transport) transport->write(data.starts_with("MUCH") ? std::string(1 << 20, 'm') : std::string(data));
  }
  bool eof_received() override {
    if (transport) transport->write(std::string(1 << 20, 'e'));
    return false;  // closes once that is written
  }
  void connection_lost(std::exception_ptr error) override {
    ++lost_;
    RecordingProtocol::connection_lost(error);
  }

 private:
  int& made_;
  int& lost_;
};

// S244, S257: a reset is the end of one connection, heard of once, and no concern of the others.
TEST_F(UnderLoad, PeersResetAtEveryMoment) {
  int made = 0, lost = 0;
  run_for(1min, [&] {
    auto& loop = get_running_loop();
    const auto server =
        loop.create_server([&] { return std::make_shared<Counting>(made, lost); }, {.host = "127.0.0.1", .port = 0});
    const Address address = server->sockets().front().getsockname();
    for (const Moment& moment : moments()) {
      for (std::size_t bytes = 0; bytes < 12; ++bytes) {
        SCOPED_TRACE(moment.name + ", " + std::to_string(bytes));
        const Socket client = open_socket(AF_INET, SOCK_STREAM, 0);
        loop.sock_connect(client, address);
        moment.act(loop, client, bytes);
        reset(client);
      }
    }
    // The last: one that behaves. Whatever the others left behind has been dealt with before it.
    auto [reader, writer] = open_connection("127.0.0.1", address.port());
    writer.write("still here\n");
    EXPECT_EQ(reader.readline(), "still here\n");
    writer.close();
    while (lost < made) sleep(1ms);
    close(server);
  });
  EXPECT_GE(made, 50);  // one that is gone before it was accepted may never be seen
  EXPECT_EQ(lost, made);
  EXPECT_THAT(reports, testing::ElementsAre());
}

// ---- Peers that are slow ----

/// Reads all that a server has to say. \return  how much it was
std::size_t size_of_all(int port) {
  auto [reader, writer] = open_connection("127.0.0.1", port);
  std::size_t count = 0;
  for (std::string part = "x"; !part.empty(); count += part.size()) part = reader.read(1 << 16);
  writer.close();
  return count;
}

// S337: who does not read holds up nobody else, and costs no more memory than the high mark and one piece.
TEST_F(UnderLoad, PeersThatDoNotReadHoldUpNobody) {
  constexpr std::size_t PIECE = 16 * 1024, HIGH = 64 * 1024;
  const std::size_t total = Amount{.soak = 64 << 20, .usual = 4 << 20, .quick = 1 << 20}.get();
  run_for(1min, [&] {
    std::size_t largest = 0;
    const auto server = start_server(
        [&](StreamReader, StreamWriter writer) {
          try {
            for (std::size_t sent = 0; sent < total; sent += PIECE) {
              writer.write(std::string(PIECE, 'x'));
              largest = std::max(largest, writer.transport()->get_write_buffer_size());
              writer.drain();
            }
          } catch (const std::system_error&) {  // the ones that never read are gone in the end
          }
          writer.close();
        },
        "127.0.0.1", 0);
    std::vector<StreamPair> lazy;
    for (int i = 0; i < 10; ++i) lazy.push_back(open_connection("127.0.0.1", port_of(server), {.limit = 1000}));

    std::vector<Task<std::size_t>> diligent;
    for (int i = 0; i < 10; ++i) {
      diligent.push_back(create_task([&] { return size_of_all(port_of(server)); }));
    }
    for (const std::size_t count : await(gather(diligent))) EXPECT_EQ(count, total);

    EXPECT_LE(largest, HIGH + PIECE);
    for (const auto& [reader, writer] : lazy) writer.transport()->abort();
    close(server);
  });
}

// S261: the end of one direction is not the end of the other.
TEST_F(UnderLoad, AHalfOpenConnectionStillCarriesEverything) {
  const std::size_t total = Amount{.soak = 1 << 30, .usual = 16 << 20, .quick = 1 << 20}.get();
  run_for(1min, [&] {
    const auto server = start_server(
        [&](StreamReader reader, StreamWriter writer) {
          EXPECT_EQ(reader.read(), "everything, please");  // to its end
          for (std::size_t sent = 0; sent < total; sent += 1 << 20) {
            writer.write(std::string(1 << 20, 'x'));
            writer.drain();
          }
          writer.close();
        },
        "127.0.0.1", 0);
    auto [reader, writer] = open_connection("127.0.0.1", port_of(server));
    writer.write("everything, please");
    writer.write_eof();
    std::size_t count = 0;
    for (std::string part = "x"; !part.empty(); count += part.size()) part = reader.read(1 << 16);
    EXPECT_EQ(count, total);
    writer.close();
    close(server);
  });
}

// ---- Nothing, and very much ----

TEST_F(UnderLoad, AWriteOfNothingIsNothing) {
  run([] {
    const SocketPair pair = SocketPair::make();
    const auto protocol = std::make_shared<RecordingProtocol>();
    const auto transport = get_running_loop().connect_accepted_socket([&] { return protocol; }, pair.theirs).first;

    transport->write("");
    transport->writelines({});
    transport->writelines({"", ""});
    EXPECT_EQ(pair.read(), "-");
    transport->writelines({"", "a", "", "b", ""});
    EXPECT_EQ(pair.read(), "ab");

    transport->close();
    await(protocol->lost);
  });
}

/// Reads to the end. \return  how much it was, up to the first 4096 bytes that do not begin with their number
std::size_t size_of_numbered_pages(const StreamReader& reader) {
  std::size_t at = 0;
  for (std::string part = "x"; !part.empty(); at += part.size()) {
    part = reader.read(1 << 20);
    for (std::size_t i = (4096 - at % 4096) % 4096; i < part.size(); i += 4096) {
      if (part[i] != static_cast<char>((at + i) / 4096)) return at + i;
    }
  }
  return at;
}

TEST_F(UnderLoad, AGibibyteIsWrittenInOneCall) {
  const std::size_t size = Amount{.soak = 1 << 30, .usual = 64 << 20, .quick = 8 << 20}.get();
  run_for(2min, [&] {
    const auto server = start_server(
        [&](StreamReader, StreamWriter writer) {
          std::string much(size, '\0');
          for (std::size_t i = 0; i < size; i += 4096) much[i] = static_cast<char>(i / 4096);
          writer.write(much);
          much = {};
          writer.close();
          writer.wait_closed();
        },
        "127.0.0.1", 0);
    auto [reader, writer] = open_connection("127.0.0.1", port_of(server), {.limit = 1 << 20});
    EXPECT_EQ(size_of_numbered_pages(reader), size);
    writer.close();
    close(server);
  });
}

// ---- Signals ----

/// A signal a few thousand times a second, whose handler lets system calls fail with EINTR.
class SignalStorm {
 public:
  explicit SignalStorm(suseconds_t microseconds) {
    signals = 0;
    struct sigaction action{};
    action.sa_handler = [](int) { signals = signals + 1; };  // without SA_RESTART
    ::sigaction(SIGALRM, &action, &before_);
    const itimerval every{.it_interval = {0, microseconds}, .it_value = {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;
  ~SignalStorm() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  static inline volatile std::sig_atomic_t signals = 0;

 private:
  struct sigaction before_{};
};

// S328: a program that is interrupted all the time does what it does undisturbed.
TEST_F(UnderLoad, AStormOfSignalsChangesNothing) {
  const int enough = static_cast<int>(Amount{.soak = 20'000, .usual = 200, .quick = 100}.get());
  for (const Program& program : programs()) {
    SCOPED_TRACE(program.name);
    SystemCallFaults none;
    const Ending plain = run_program(program, none);

    const SignalStorm storm(500);
    for (int runs = 0; (SignalStorm::signals < enough / 10 || runs < 3) && !HasFailure(); ++runs) {
      SystemCallFaults none_either;
      const Ending ending = run_program(program, none_either);
      EXPECT_FALSE(ending.hangs);
      EXPECT_TRUE(ending.text == plain.text);
      EXPECT_EQ(ending.told, plain.told);
    }
  }
}

}  // namespace
}  // namespace asyncio
