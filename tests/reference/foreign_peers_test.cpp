// foreign_peers_test.cpp: the other side is not ours: Python's asyncio and sockets, and curl.
//
// A peer that is not installed is left out. Each is a short program, whose output is read through the loop while
// the loop serves it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <fcntl.h>

#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

bool installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

/// A program that runs beside the loop.
class Program {
 public:
  explicit Program(const std::string& command) : pipe_(::popen(command.c_str(), "re")) {
    ::fcntl(::fileno(pipe_), F_SETFL, O_NONBLOCK);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() { ::pclose(pipe_); }

  /// Its output so far, up to the end of a line. \suspends until there is one
  std::string line() {
    while (text_.find('\n') == std::string::npos && read()) continue;
    const auto end = text_.find('\n');
    const std::string line = text_.substr(0, end);
    text_.erase(0, end == std::string::npos ? end : end + 1);
    return line;
  }
  /// All that is left. \suspends until the program has closed its output
  std::string rest() {
    while (read()) continue;
    return std::exchange(text_, "");
  }

 private:
  /// \return  false at the end
  bool read() {
    auto& loop = get_running_loop();
    const Future<void> ready = loop.create_future<void>();
    loop.add_reader(::fileno(pipe_), [ready] {
      if (!ready.done()) ready.set_result();
    });
    await(ready);
    loop.remove_reader(::fileno(pipe_));
    char buffer[4096];
    const ssize_t count = ::read(::fileno(pipe_), buffer, sizeof buffer);
    if (count > 0) text_.append(buffer, static_cast<std::size_t>(count));
    return count > 0;
  }

  FILE* pipe_;
  std::string text_;
};

/// A Python program as a shell command. It must not use the character '.
std::string python(const std::string& program, const std::string& arguments) {
  return "python3 -c '" + program + "' " + arguments;
}

class AForeignPeer : public OnARealLoop {};
using APythonClient = AForeignPeer;
using APythonServer = AForeignPeer;
using Curl = AForeignPeer;

void shout(StreamReader reader, StreamWriter writer) {
  for (std::string line; !(line = reader.readline()).empty();) {
    for (char& c : line) c = static_cast<char>(std::toupper(c));
    writer.write(line);
    writer.drain();
  }
  writer.close();
}

constexpr const char* STREAM_CLIENT = R"(
import asyncio, sys
async def main():
    if len(sys.argv) > 2: reader, writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    else: reader, writer = await asyncio.open_unix_connection(sys.argv[1])
    writer.write(b"hello\n" * 10000)
    writer.write_eof()
    text = await reader.read()
    print(len(text), text[:6].decode().strip())
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
)";

TEST_F(APythonClient, TalksToOurServer) {
  if (!installed("python3")) return;
  run([] {
    const auto server = start_server(shout, "127.0.0.1", 0);
    const int port = server->sockets().front().getsockname().port();
    EXPECT_EQ(Program(python(STREAM_CLIENT, "127.0.0.1 " + std::to_string(port))).rest(), "60000 HELLO\n");
    server->close();
    server->wait_closed();
  });
}

TEST_F(APythonClient, TalksToOurUnixServer) {
  if (!installed("python3")) return;
  const TemporaryFolder folder;
  run([&] {
    const auto server = start_unix_server(shout, folder.file("socket"));
    EXPECT_EQ(Program(python(STREAM_CLIENT, folder.file("socket"))).rest(), "60000 HELLO\n");
    server->close();
    server->wait_closed();
  });
}

constexpr const char* STREAM_SERVER = R"(
import asyncio
async def main():
    done = asyncio.Event()
    async def serve(reader, writer):
        writer.write((await reader.read()).upper())
        await writer.drain()
        writer.close()
        done.set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
asyncio.run(main())
)";

TEST_F(APythonServer, AnswersOurClient) {
  if (!installed("python3")) return;
  run([] {
    Program peer(python(STREAM_SERVER, ""));
    auto [reader, writer] = open_connection("127.0.0.1", std::stoi(peer.line()));
    const std::string much(1 << 20, 'x');
    writer.write(much);
    writer.drain();
    writer.write_eof();

    EXPECT_EQ(reader.read(), std::string(1 << 20, 'X'));
    writer.close();
    writer.wait_closed();
    EXPECT_EQ(peer.rest(), "");
  });
}

constexpr const char* DATAGRAM_SERVER = R"(
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
for _ in range(2):
    data, peer = s.recvfrom(100)
    s.sendto(data[::-1], peer)
)";

TEST_F(APythonServer, AnswersOurDatagrams) {
  if (!installed("python3")) return;
  struct Answers : DatagramProtocol {
    void datagram_received(std::string_view data, const Address&) override { queue.put_nowait(std::string(data)); }
    Queue<std::string> queue;
  };
  run([] {
    Program peer(python(DATAGRAM_SERVER, ""));
    const Address address("127.0.0.1", std::stoi(peer.line()));
    auto [transport, answers] = get_running_loop().create_datagram_endpoint([] { return std::make_shared<Answers>(); },
                                                                            {.remote_addr = address});
    for (const char* text : {"abc", ""}) {
      transport->sendto(text);
      EXPECT_EQ(answers->queue.get(), *text ? "cba" : "");
    }
    transport->close();
  });
}

TEST_F(Curl, AcceptsAnHttpServerOfAFewLines) {
  if (!installed("curl")) return;
  run([] {
    const auto serve = [](StreamReader reader, StreamWriter writer) {
      std::string request = reader.readuntil("\r\n\r\n");
      const std::string body = request.substr(0, request.find(' ', 4)) + "\n";
      writer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) +
                   "\r\nConnection: close\r\n\r\n");
      writer.write(body);
      writer.close();
    };
    const auto server = start_server(serve, "127.0.0.1", 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(server->sockets().front().getsockname().port());
    EXPECT_EQ(Program("curl --silent --noproxy 127.0.0.1 " + url + "/a " + url + "/b").rest(), "GET /a\nGET /b\n");
    server->close();
    server->wait_closed();
  });
}

}  // namespace
}  // namespace asyncio
