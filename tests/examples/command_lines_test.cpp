// command_lines_test.cpp: the three programs as they are typed: arguments, signals, exit statuses.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using testing::HasSubstr;

class TheProgram : public OnARealLoop {
 protected:
  static Process start(std::vector<std::string> words) {
    words[0] = std::string(ORRERY_EXAMPLES) + "/" + words[0];
    return create_subprocess_exec(
        words, {.stdin_ = subprocess::PIPE, .stdout_ = subprocess::PIPE, .stderr_ = subprocess::PIPE});
  }
  /// What it prints, and its status, where it ends by itself.
  static std::pair<std::string, int> result_of(const std::vector<std::string>& words, const std::string& input = "") {
    const Process process = start(words);
    const auto [out, err] = process.communicate(input);
    return {out + err, process.wait()};
  }
  /// The port that a server has said it listens on: "listening on 127.0.0.1:8080".
  static std::string port_of_process(const Process& process) {
    const std::string line = process.stdout_().readline();
    EXPECT_THAT(line, testing::MatchesRegex("listening on 127.0.0.1:[0-9]+\n"));
    return line.substr(line.rfind(':') + 1, line.size() - line.rfind(':') - 2);
  }
};

TEST_F(TheProgram, SaysHowItIsUsed) {
  run([] {
    for (const std::string program : {"chat", "http", "counter"}) {
      const auto [said, status] = result_of({program, "fly"});
      EXPECT_THAT(said, HasSubstr("usage: ")) << program;
      EXPECT_EQ(status, 2) << program;
    }
  });
}

TEST_F(TheProgram, SaysInOneSentenceWhatIsWrong) {
  run([] {
    EXPECT_THAT(result_of({"http", "serve", "127.0.0.1", "many"}).first,
                HasSubstr("'many' is no port; expected a number"));
    EXPECT_THAT(result_of({"counter", "value", "nowhere"}).first,
                HasSubstr("'nowhere' is no node; expected HOST:PORT"));
    EXPECT_EQ(result_of({"chat", "enter", "127.0.0.1", "1", "alice"}).second, 1);
  });
}

TEST_F(TheProgram, EndsWithSuccessWhenItIsToldTo) {
  run([] {
    for (const int signal : {SIGINT, SIGTERM}) {
      for (const std::vector<std::string>& words :
           {std::vector<std::string>{"http", "serve", "127.0.0.1", "0"}, {"chat", "open", "127.0.0.1", "0"}}) {
        const Process process = start(words);
        const int port = std::stoi(port_of_process(process));
        auto [reader, writer] = open_connection("127.0.0.1", port);  // an idle connection does not keep it
        process.send_signal(signal);
        EXPECT_EQ(process.wait(), 0) << words[0];
        EXPECT_EQ(process.communicate().second, "") << words[0];
      }
    }
  });
}

TEST_F(TheProgram, FinishesAnAnswerBeforeItEnds) {
  run([] {
    const Process process = start({"http", "serve", "127.0.0.1", "0"});
    auto [reader, writer] = open_connection("127.0.0.1", std::stoi(port_of_process(process)));
    writer.write("GET /count/3000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    reader.readline();  // it has begun, and cannot be over: it is more than the network holds
    process.send_signal(SIGTERM);
    EXPECT_THAT(reader.read(), testing::EndsWith("\n3000000\n\r\n0\r\n\r\n"));
    writer.close();
    EXPECT_EQ(process.wait(), 0);
    process.communicate();
  });
}

TEST_F(TheProgram, TalksToAnotherOne) {
  run([] {
    const Process room = start({"chat", "open", "127.0.0.1", "0"});
    const std::string port = port_of_process(room);
    const Process alice = start({"chat", "enter", "127.0.0.1", port, "alice"});
    EXPECT_EQ(alice.stdout_().readline(), "* welcome, alice; here are:\n");
    EXPECT_EQ(result_of({"chat", "enter", "127.0.0.1", port, "bob"}, "hello\n"),
              (std::pair<std::string, int>{"* welcome, bob; here are: alice\n", 0}));
    for (const char* line : {"* bob has come\n", "<bob> hello\n", "* bob has left\n"})
      EXPECT_EQ(alice.stdout_().readline(), line);
    room.terminate();
    EXPECT_EQ(room.wait(), 0);
    EXPECT_EQ(alice.stdout_().read(), "* the room closes\n");
    EXPECT_EQ(alice.wait(), 0);
    for (const Process& process : {room, alice}) process.communicate();
  });
}

// What is typed comes from a terminal that a shell goes on to use: it stays as it was. And the last line may have no
// end.
TEST_F(TheProgram, ReadsALineWithoutAnEndAndLeavesItsInputAsItWas) {
  run([] {
    const Process room = start({"chat", "open", "127.0.0.1", "0"});
    const std::string port = port_of_process(room);
    const Process alice = start({"chat", "enter", "127.0.0.1", port, "alice"});
    alice.stdout_().readline();
    std::array<int, 2> typed{};
    ASSERT_EQ(::pipe2(typed.data(), O_CLOEXEC), 0);
    const Process bob =
        create_subprocess_exec({std::string(ORRERY_EXAMPLES) + "/chat", "enter", "127.0.0.1", port, "bob"},
                               {.stdin_ = typed[0], .stdout_ = subprocess::PIPE});
    EXPECT_EQ(::write(typed[1], "one\nhello", 9), 9);
    for (const char* line : {"* bob has come\n", "<bob> one\n"}) EXPECT_EQ(alice.stdout_().readline(), line);
    EXPECT_EQ(::fcntl(typed[0], F_GETFL) & O_NONBLOCK, 0);
    for (const int end : typed) ::close(end);
    for (const char* line : {"<bob> hello\n", "* bob has left\n"}) EXPECT_EQ(alice.stdout_().readline(), line);
    room.terminate();
    for (const Process& process : {room, alice, bob}) process.communicate();
  });
}

TEST_F(TheProgram, SaysWhatAFileHasInIt) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("lines")) << "one\ntwo";
  run([&] {
    const Process room = start({"chat", "open", "127.0.0.1", "0"});
    const std::string port = port_of_process(room);
    const Process alice = start({"chat", "enter", "127.0.0.1", port, "alice"});
    alice.stdout_().readline();
    const Process bob = create_subprocess_shell("'" + std::string(ORRERY_EXAMPLES) + "/chat' enter 127.0.0.1 " + port +
                                                " bob <'" + folder.file("lines") + "' >/dev/null");
    EXPECT_EQ(bob.wait(), 0);
    for (const char* line : {"* bob has come\n", "<bob> one\n", "<bob> two\n", "* bob has left\n"})
      EXPECT_EQ(alice.stdout_().readline(), line);
    room.terminate();
    for (const Process& process : {room, alice}) process.communicate();
  });
}

TEST_F(TheProgram, AsksAServer) {
  run([] {
    const Process server = start({"http", "serve", "127.0.0.1", "0"});
    EXPECT_EQ(result_of({"http", "ask", "127.0.0.1", port_of_process(server), "GET", "/count/2"}).first,
              "1\n2\n200 OK\n");
    server.terminate();
    server.communicate();
  });
}

TEST_F(TheProgram, IsANodeUntilItIsToldToEnd) {
  const TemporaryFolder folder;
  run([&] {
    const Process node = start({"counter", "node", "127.0.0.1", "0", folder.file("totals"), "127.0.0.1:1"});
    port_of_process(node);
    node.terminate();
    node.communicate();
    EXPECT_EQ(node.wait(), 0);
  });
}

}  // namespace
}  // namespace asyncio
