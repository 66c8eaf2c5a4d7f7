// foreign_tools_test.cpp: the other side is netcat or socat: TCP, UNIX sockets and datagrams, in both directions.
//
// They are other people's ideas of what a peer does: nc shuts its side down and goes on reading, socat sends in pieces
// of three bytes, or ends with a reset. Without the program the test is skipped, and says which package is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

class Netcat : public OnARealLoop {
 protected:
  void SetUp() override {
    if (!installed("nc")) GTEST_SKIP() << "no nc (package netcat-openbsd)";
  }
};

class Socat : public OnARealLoop {
 protected:
  void SetUp() override {
    if (!installed("socat")) GTEST_SKIP() << "no socat (package socat)";
  }
};

/// "… listening on AF=2 127.0.0.1:38273", "Listening on localhost 41993"
int last_number(const std::string& line) { return std::stoi(line.substr(line.find_last_of(": ") + 1)); }

/// Runs a client against a server of ours that shouts. \return  what the client prints
std::string shouted_to(const std::string& before, const std::string& after) {
  const Server server = start_server(shout, "127.0.0.1", 0);
  std::string printed = ForeignProgram(before + std::to_string(port_of(server)) + after).rest();
  server->close();
  server->wait_closed();
  return printed;
}

/// Sends one line, and reads to the end of the stream.
std::string ask(const StreamPair& connection, const std::string& line) {
  connection.writer.write(line);
  connection.writer.write_eof();
  std::string answer = connection.reader.read();
  connection.writer.close();
  connection.writer.wait_closed();
  return answer;
}

// ---- netcat ----

TEST_F(Netcat, IsAnsweredByOurServer) {
  run([] { EXPECT_EQ(shouted_to("printf 'a\\nb\\n' | nc -N 127.0.0.1 ", ""), "A\nB\n"); });
}

TEST_F(Netcat, AcceptsOurClient) {
  run([] {
    ForeignProgram peer("printf 'hello from nc\\n' | nc -lnvN 127.0.0.1 0 2>&1");
    const int port = last_number(peer.line());
    const StreamPair connection = open_connection("127.0.0.1", port);
    // Our end of the stream comes after its line: a listening nc that sees the end first leaves with its line unsent.
    EXPECT_EQ(connection.reader.readline(), "hello from nc\n");
    EXPECT_EQ(ask(connection, "hello from us\n"), "");
    EXPECT_THAT(peer.rest(), testing::EndsWith("hello from us\n"));
  });
}

TEST_F(Netcat, IsAnsweredOnAUnixSocket) {
  const TemporaryFolder folder;
  run([&] {
    const Server server = start_unix_server(shout, folder.file("socket"));
    EXPECT_EQ(ForeignProgram("printf 'a\\n' | nc -NU " + folder.file("socket")).rest(), "A\n");
    server->close();
    server->wait_closed();
  });
}

TEST_F(Netcat, IsAnsweredByOurDatagrams) {
  run([] {
    auto [transport, peer] = get_running_loop().create_datagram_endpoint(
        [] { return std::make_shared<DatagramPeer>(true); }, {.local_addr = Address("127.0.0.1", 0)});
    const int port = transport->get_extra_info<Address>("sockname").port();
    EXPECT_EQ(ForeignProgram("printf abc | nc -u -W1 127.0.0.1 " + std::to_string(port)).rest(),
              "ABC");  // -W1: until one came
    EXPECT_EQ(peer->heard.get(), "abc");
    transport->close();
  });
}

// ---- socat ----

TEST_F(Socat, IsAnsweredByOurServer) {
  run([] { EXPECT_EQ(shouted_to("printf 'a\\nb\\n' | socat -t60 - TCP:127.0.0.1:", ""), "A\nB\n"); });
}

TEST_F(Socat, IsUnderstoodInPiecesOfThreeBytes) {
  run([] {
    EXPECT_EQ(shouted_to("printf 'the quick\\nbrown fox\\n' | socat -t60 -b3 - TCP:127.0.0.1:", ",nodelay"),
              "THE QUICK\nBROWN FOX\n");
  });
}

TEST_F(Socat, SendsBackWhatOurClientSends) {
  run([] {
    ForeignProgram peer("socat -t60 -d -d TCP-LISTEN:0,bind=127.0.0.1 PIPE 2>&1");
    const int port = last_number(peer.line());
    const std::string much(1 << 20, 'x');
    const StreamPair connection = open_connection("127.0.0.1", port);
    auto answer = create_task([&] { return connection.reader.readexactly(1 << 20); });
    connection.writer.write(much);
    connection.writer.drain();
    EXPECT_EQ(await(answer), much);
    connection.writer.close();
    connection.writer.wait_closed();
    peer.rest();
  });
}

TEST_F(Socat, EndsWithAResetThatOurReaderThrows) {
  run([] {
    const auto ended = get_running_loop().create_future<int>();
    const auto serve = [ended](StreamReader reader, StreamWriter) {
      ended.set_result(errno_of([&] { reader.read(); }));
    };
    const Server server = start_server(serve, "127.0.0.1", 0);
    // Sends nothing, and closes with SO_LINGER at zero seconds: the kernel sends a reset then.
    ForeignProgram("socat -u /dev/null TCP:127.0.0.1:" + std::to_string(port_of(server)) + ",linger=0,shut-close")
        .rest();
    EXPECT_EQ(await(ended), ECONNRESET);
    server->close();
    server->wait_closed();
  });
}

TEST_F(Socat, SpeaksOverUnixSockets) {
  const TemporaryFolder folder;
  run([&] {
    const Server server = start_unix_server(shout, folder.file("ours"));
    EXPECT_EQ(ForeignProgram("printf 'a\\n' | socat -t60 - UNIX-CONNECT:" + folder.file("ours")).rest(), "A\n");
    server->close();
    server->wait_closed();

    ForeignProgram peer("socat -t60 -d -d UNIX-LISTEN:" + folder.file("theirs") + " PIPE 2>&1");
    peer.line();  // it listens
    EXPECT_EQ(ask(open_unix_connection(folder.file("theirs")), "b\n"), "b\n");
    peer.rest();
  });
}

TEST_F(Socat, SpeaksOverAnAbstractUnixSocket) {
  const TemporaryFolder folder;  // for a name that nobody else uses
  run([&] {
    const Server server = start_unix_server(shout, std::string(1, '\0') + folder.file("abstract"));
    EXPECT_EQ(ForeignProgram("printf 'a\\n' | socat -t60 - ABSTRACT-CONNECT:" + folder.file("abstract")).rest(), "A\n");
    server->close();
    server->wait_closed();
  });
}

TEST_F(Socat, SendsDatagramsBack) {
  run([] {
    ForeignProgram peer("socat -t60 -d -d UDP-LISTEN:0,bind=127.0.0.1 PIPE 2>&1");
    const Address address("127.0.0.1", last_number(peer.line()));
    auto [transport, answers] = get_running_loop().create_datagram_endpoint(
        [] { return std::make_shared<DatagramPeer>(); }, {.remote_addr = address});
    for (const char* text : {"one", "two"}) {
      transport->sendto(text);
      EXPECT_EQ(answers->heard.get(), text);
    }
    transport->sendto("");  // its end of file
    transport->close();
    peer.rest();
  });
}

}  // namespace
}  // namespace asyncio
