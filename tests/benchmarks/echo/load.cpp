// load.cpp: asks an echo server as fast as it answers, and says how fast that was.
//
//     echo_load tcp 4000 --connections 64 --size 64 --depth 1 --seconds 1 --server 1234
//
// Each connection keeps `depth` requests on their way: whenever an answer is complete, it asks again. Every byte that
// comes back is compared with what was sent, and a byte that is wrong ends the program with status 1. What is printed
// is one line of JSON: requests, seconds, percentiles of the time from asking to the last byte of the answer, and how
// much processor the server had in the meantime.
//
//     a connection that comes and goes ──► connect all ──► warm-up ──► measured ──► print
//
// The first connection is there because some servers are another program once they have seen a client leave: Python's
// asyncio allocates its buffers from another place then, and is three times as fast.
#include "endpoint.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/epoll.h>
#include <CLI/CLI.hpp>

namespace {

using echo::checked;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string transport, where;
  std::size_t connections = 1;
  std::size_t size = 64;       // of a message, in bytes
  std::size_t depth = 1;       // requests on their way on each connection
  double warm = 0.1;           // seconds
  double seconds = 1;          // measured
  std::uint64_t requests = 0;  // instead of both: exactly as many, from the start; 0: by time
  int server = 0;              // its process; 0: its processor time is not asked for
};

/// How often which latency came, to 3 %.
class Histogram {
 public:
  void add(std::chrono::nanoseconds latency) { ++counts_[index_of(static_cast<std::uint64_t>(latency.count()))]; }
  void clear() { counts_.fill(0); }

  /// \return  in microseconds: the latency that `part` of all do not exceed
  double percentile(double part) const {
    std::uint64_t total = 0, below = 0;
    for (const std::uint64_t count : counts_) total += count;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      below += counts_[i];
      if (static_cast<double>(below) >= part * static_cast<double>(total))
        return static_cast<double>(value_of(i)) / 1e3;
    }
    return 0;
  }

 private:
  static constexpr std::uint64_t STEPS = 32;  // in each power of two

  static std::size_t index_of(std::uint64_t value) {
    if (value < STEPS) return value;
    const auto shift = static_cast<std::uint64_t>(std::bit_width(value)) - 6;
    return (shift + 1) * STEPS + (value >> shift) - STEPS;
  }
  static std::uint64_t value_of(std::size_t index) {
    if (index < STEPS) return index;
    return (STEPS + index % STEPS) << (index / STEPS - 1);
  }

  std::array<std::uint64_t, STEPS * 60> counts_{};
};

/// The processor time that a process has had, in seconds: to the nanosecond where the kernel says so.
double processor_seconds(int process) {
  const std::string folder = "/proc/" + std::to_string(process);
  double nanoseconds = 0;
  for (const auto& task : std::filesystem::directory_iterator(folder + "/task")) {
    double had = 0;
    std::ifstream(task.path() / "schedstat") >> had;
    nanoseconds += had;
  }
  if (nanoseconds > 0) return nanoseconds / 1e9;
  std::string line, field;
  std::getline(std::ifstream(folder + "/stat"), line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  for (int i = 3; i < 14; ++i) fields >> field;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

class Load {
 public:
  explicit Load(const Options& options) : options_(options), endpoint_{options.transport, options.where} {
    // Any part of the stream, from any place in a message, can be sent from here and compared with here.
    pattern_.resize(options.size + std::max(buffer_.size(), options.size * options.depth));
    for (std::size_t i = 0; i < pattern_.size(); ++i) {
      const std::size_t place = i % options.size;
      pattern_[i] = static_cast<char>((place * 131 + (place >> 8)) & 0xff);
    }
    connections_.resize(options.connections);
  }

  void run() {
    if (!endpoint_.datagrams()) ::close(connect());
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      Connection& connection = connections_[i];
      connection.fd = connect();
      connection.sent = connection.received = connection.start = i * 7 % options_.size;
      connection.asked.resize(options_.depth);
      epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = &connection}};
      checked(epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd, &event), "epoll_ctl");
    }
    if (options_.requests > 0) {
      left_to_ask_ = options_.requests;
      measure([this] { return answered_ < options_.requests; });
    } else {
      const auto until = [](double seconds) {
        return [end = Clock::now() + std::chrono::duration<double>(seconds)] { return Clock::now() < end; };
      };
      ask_everywhere();
      turn_while(until(options_.warm));
      measure(until(options_.seconds));
    }
  }

 private:
  struct Connection {
    int fd;
    std::uint64_t start;                   // where in a message its stream begins: each has bytes of its own
    std::uint64_t sent, received;          // bytes, counted from `start`
    std::uint64_t to_send = 0;             // bytes that were asked for, and not taken yet
    std::uint64_t asks = 0, answers = 0;   // requests
    std::vector<Clock::time_point> asked;  // when; of request i at i % depth
  };

  int connect() const {
    const int fd = endpoint_.socket();
    if (endpoint_.with_address(::connect, fd) < 0) {
      pollfd connecting{.fd = fd, .events = POLLOUT, .revents = 0};
      int error = errno;
      socklen_t length = sizeof error;
      if (error == EINPROGRESS) {
        poll(&connecting, 1, 10'000);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
      }
      if ((errno = error) != 0) echo::fail("connect");
    }
    endpoint_.set_nodelay(fd);
    return fd;
  }

  template <class GoOn>
  void measure(GoOn go_on) {
    latencies_.clear();
    answered_ = 0;
    const double server_before = options_.server ? processor_seconds(options_.server) : 0;
    const auto before = Clock::now();
    if (options_.requests > 0) ask_everywhere();
    turn_while(go_on);
    const std::chrono::duration<double> took = Clock::now() - before;
    const double server = options_.server ? processor_seconds(options_.server) - server_before : 0;
    std::printf(R"({"requests": %llu, "seconds": %.6f, "server_seconds": %.6f, )",
                static_cast<unsigned long long>(answered_), took.count(), server);
    std::printf(R"("p50_us": %.2f, "p99_us": %.2f, "p999_us": %.2f})"
                "\n",
                latencies_.percentile(0.5), latencies_.percentile(0.99), latencies_.percentile(0.999));
  }

  template <class GoOn>
  void turn_while(GoOn go_on) {
    std::array<epoll_event, 128> found;
    auto last_answer = Clock::now();
    while (go_on()) {
      const std::uint64_t answered = answered_;
      const int count = epoll_wait(epoll_, found.data(), found.size(), 100);
      if (count < 0 && errno != EINTR) echo::fail("epoll_wait");
      for (int i = 0; i < count; ++i) {
        auto& connection = *static_cast<Connection*>(found[static_cast<std::size_t>(i)].data.ptr);
        if (found[static_cast<std::size_t>(i)].events & ~std::uint32_t{EPOLLOUT}) take_answers(connection);
        send_what_fits(connection);
      }
      if (answered != answered_) last_answer = Clock::now();
      if (Clock::now() - last_answer > std::chrono::seconds(20)) give_up("no answer for 20 seconds");
    }
  }

  void ask_everywhere() {
    for (Connection& connection : connections_) {
      ask(connection, options_.depth);
      send_what_fits(connection);
    }
  }

  void ask(Connection& connection, std::uint64_t count) {
    count = std::min(count, left_to_ask_);
    left_to_ask_ -= count;
    const auto now = Clock::now();
    for (; count > 0; --count) {
      connection.asked[connection.asks++ % options_.depth] = now;
      connection.to_send += options_.size;
    }
  }

  void send_what_fits(Connection& connection) {
    while (connection.to_send > 0) {
      const std::uint64_t place = connection.sent % options_.size;
      std::uint64_t count = std::min(connection.to_send, pattern_.size() - place);
      if (endpoint_.datagrams()) count = options_.size;
      const ssize_t sent = send(connection.fd, pattern_.data() + place, count, MSG_NOSIGNAL);
      if (sent < 0 && errno == EAGAIN) return;
      if (sent < 0) echo::fail("send");
      connection.sent += static_cast<std::uint64_t>(sent);
      connection.to_send -= static_cast<std::uint64_t>(sent);
      if (static_cast<std::uint64_t>(sent) < count) return;
    }
  }

  void take_answers(Connection& connection) {
    for (;;) {
      const ssize_t count = recv(connection.fd, buffer_.data(), buffer_.size(), 0);
      if (count < 0 && errno == EAGAIN) return;
      if (count < 0) echo::fail("recv");
      if (count == 0) give_up("the server has closed a connection");
      const auto bytes = static_cast<std::size_t>(count);
      if (std::memcmp(buffer_.data(), pattern_.data() + connection.received % options_.size, bytes) != 0) {
        give_up("what came back is not what was sent");
      }
      connection.received += bytes;
      note_answers(connection);
      if (bytes < buffer_.size() && !endpoint_.datagrams()) return;  // that was all there was
    }
  }

  void note_answers(Connection& connection) {
    const std::uint64_t answers = (connection.received - connection.start) / options_.size;
    const std::uint64_t more = answers - connection.answers;
    if (more == 0) return;
    const auto now = Clock::now();
    for (; connection.answers < answers; ++connection.answers) {
      latencies_.add(now - connection.asked[connection.answers % options_.depth]);
    }
    answered_ += more;
    ask(connection, more);
  }

  [[noreturn]] static void give_up(const char* why) {
    std::fprintf(stderr, "echo_load: %s\n", why);
    std::exit(1);
  }

  const Options options_;
  const echo::Endpoint endpoint_;
  const int epoll_ = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  std::vector<Connection> connections_;
  std::vector<char> pattern_;
  std::array<char, echo::READ_BYTES> buffer_;
  std::uint64_t left_to_ask_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t answered_ = 0;
  Histogram latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Asks an echo server as fast as it answers.");
  app.add_option("transport", options.transport)->required()->check(CLI::IsMember({"tcp", "unix", "udp"}));
  app.add_option("where", options.where, "a port of the loopback, or a path")->required();
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 10'000));
  app.add_option("--size", options.size, "of a message, in bytes")->check(CLI::Range(1, 16 << 20));
  app.add_option("--depth", options.depth, "requests on their way on each connection")->check(CLI::Range(1, 1000));
  app.add_option("--warm", options.warm, "seconds that do not count");
  app.add_option("--seconds", options.seconds, "seconds that do");
  app.add_option("--requests", options.requests, "instead of seconds: exactly as many requests");
  app.add_option("--server", options.server, "the server's process, for its processor time");
  CLI11_PARSE(app, argc, argv);
  Load(options).run();
}
