// unix_server_test.cpp: servers on UNIX sockets, in a folder and without one. Rules: semantics.md S228, S240, S251.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::StartsWith;

std::shared_ptr<BaseProtocol> recording() { return std::make_shared<RecordingProtocol>(); }

void echo(StreamReader reader, StreamWriter writer) {
  try {
    for (std::string line; !(line = reader.readline()).empty();) writer.write(line);
  } catch (const std::system_error&) {  // the client is gone
  }
  writer.close();
}

std::string ask_path(const std::string& path) {
  auto [reader, writer] = open_unix_connection(path);
  writer.write("hello\n");
  const std::string line = reader.readline();
  writer.close();
  writer.wait_closed();
  return line;
}

class AUnixServer : public OnARealLoop {};

// S251: served, and the file is gone afterwards.
TEST_F(AUnixServer, ServesAtItsPath) {
  const TemporaryFolder folder;
  run([&] {
    const std::string path = folder.file("socket");
    const auto server = start_unix_server(echo, path);
    EXPECT_EQ(server->sockets().front().getsockname().path(), path);

    EXPECT_EQ(ask_path(path), "hello\n");
    server->close();

    EXPECT_FALSE(std::filesystem::exists(path));
  });
}

// S251.
TEST_F(AUnixServer, HasAnAbstractNameToo) {
  run([] {
    const std::string name = std::string(1, '\0') + "orrery-test-" + std::to_string(::getpid());
    const auto server = start_unix_server(echo, name);
    EXPECT_EQ(ask_path(name), "hello\n");
    server->close();
  });
}

// S251: what an earlier server has left behind.
TEST_F(AUnixServer, TakesTheFileOfOneThatIsGone) {
  const TemporaryFolder folder;
  const std::string path = folder.file("socket");
  {
    bind_socket(open_socket(AF_UNIX, SOCK_STREAM, 0), to_system(Address::unix_path(path), AF_UNIX));
  }
  run([&] {
    const auto server = start_unix_server(echo, path);
    EXPECT_EQ(ask_path(path), "hello\n");
    server->close();
  });
}

// S251: a file of another kind is somebody's.
TEST_F(AUnixServer, LeavesAFileThatIsNoSocket) {
  const TemporaryFolder folder;
  const std::string path = folder.file("precious");
  std::ofstream(path) << "data";
  run([&] {
    EXPECT_THAT(text_of<std::system_error>([&] { start_unix_server(echo, path); }),
                StartsWith("Address '" + path + "' is already in use"));
  });
  EXPECT_TRUE(std::filesystem::is_regular_file(path));
}

// S251, gh-111246: another server has put its own there.
TEST_F(AUnixServer, LeavesTheFileOfItsSuccessor) {
  const TemporaryFolder folder;
  const std::string path = folder.file("socket");
  run([&] {
    const auto first = start_unix_server(echo, path);
    const auto second = start_unix_server(echo, path);

    first->close();
    EXPECT_TRUE(std::filesystem::exists(path));
    EXPECT_EQ(ask_path(path), "hello\n");

    second->close();
    EXPECT_FALSE(std::filesystem::exists(path));
  });
}

// S251.
TEST_F(AUnixServer, LeavesItsFileWhereItShall) {
  const TemporaryFolder folder;
  const std::string path = folder.file("socket");
  run([&] { start_unix_server(echo, path, {.cleanup_socket = false})->close(); });
  EXPECT_TRUE(std::filesystem::exists(path));
}

// S228: the texts are CPython's.
TEST_F(AUnixServer, NeedsAPathOrASocket) {
  run([] {
    auto& loop = get_running_loop();
    const auto pair = SocketPair::make();
    const Socket tcp = open_socket(AF_INET, SOCK_STREAM, 0);
    const auto refusal = [&](std::string path, UnixServerOptions options) {
      return text_of<std::invalid_argument>([&] { loop.create_unix_server(recording, path, options); });
    };
    EXPECT_EQ(refusal("", {}), "path was not specified, and no sock specified");
    EXPECT_EQ(refusal("p", {.sock = pair.ours}), "path and sock can not be specified at the same time");
    EXPECT_THAT(refusal("", {.sock = tcp}), StartsWith("A UNIX Domain Stream Socket was expected, got <socket fd="));
    EXPECT_EQ(refusal("p", {.ssl_handshake_timeout = 1s}), "ssl_handshake_timeout is only meaningful with ssl");
  });
}

}  // namespace
}  // namespace asyncio
