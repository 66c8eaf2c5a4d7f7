// foreign_peers_test.cpp: the other side is not ours: Python's asyncio and sockets, and curl.
//
// Each is a short program, whose output is read through the loop while the loop serves it. Without the program the test
// is skipped, and says which package is missing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

class AForeignPeer : public OnARealLoop {};
using APythonClient = AForeignPeer;
using APythonServer = AForeignPeer;
using Curl = AForeignPeer;

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
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([] {
    const auto server = start_server(shout, "127.0.0.1", 0);
    EXPECT_EQ(ForeignProgram(python(STREAM_CLIENT, "127.0.0.1 " + std::to_string(port_of(server)))).rest(),
              "60000 HELLO\n");
    server->close();
    server->wait_closed();
  });
}

TEST_F(APythonClient, TalksToOurUnixServer) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  const TemporaryFolder folder;
  run([&] {
    const auto server = start_unix_server(shout, folder.file("socket"));
    EXPECT_EQ(ForeignProgram(python(STREAM_CLIENT, folder.file("socket"))).rest(), "60000 HELLO\n");
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
        await writer.wait_closed()
        done.set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
asyncio.run(main())
)";

TEST_F(APythonServer, AnswersOurClient) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([] {
    ForeignProgram peer(python(STREAM_SERVER, ""));
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
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([] {
    ForeignProgram peer(python(DATAGRAM_SERVER, ""));
    const Address address("127.0.0.1", std::stoi(peer.line()));
    auto [transport, answers] = get_running_loop().create_datagram_endpoint(
        [] { return std::make_shared<DatagramPeer>(); }, {.remote_addr = address});
    for (const char* text : {"abc", ""}) {
      transport->sendto(text);
      EXPECT_EQ(answers->heard.get(), *text ? "cba" : "");
    }
    transport->close();
  });
}

constexpr const char* UNIX_SERVER = R"(
import asyncio, sys
async def main():
    async def serve(reader, writer):
        async for line in reader:
            writer.write(line.upper())
            await writer.drain()
        writer.close()
        done.set()
    done = asyncio.Event()
    server = await asyncio.start_unix_server(serve, sys.argv[1])
    print("listening", flush=True)
    await done.wait()
asyncio.run(main())
)";

TEST_F(APythonServer, AnswersOurClientOnAUnixSocket) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  const TemporaryFolder folder;
  run([&] {
    ForeignProgram peer(python(UNIX_SERVER, folder.file("socket")));
    EXPECT_EQ(peer.line(), "listening");
    auto [reader, writer] = open_unix_connection(folder.file("socket"));
    for (const char* line : {"one\n", "two\n"}) {
      writer.write(line);
      EXPECT_EQ(reader.readline(), *line == 'o' ? "ONE\n" : "TWO\n");
    }
    writer.write_eof();
    EXPECT_EQ(reader.read(), "");
    writer.close();
    writer.wait_closed();
    EXPECT_EQ(peer.rest(), "");
  });
}

constexpr const char* DATAGRAM_PEER = R"(
import asyncio, sys
class Peer(asyncio.DatagramProtocol):
    def connection_made(self, transport): self.transport = transport
    def datagram_received(self, data, address):
        if sys.argv[1] == "serve": self.transport.sendto(data.upper(), address)
        self.heard.put_nowait(data)
async def main():
    Peer.heard = asyncio.Queue()
    loop = asyncio.get_running_loop()
    if sys.argv[1] == "serve":
        transport, peer = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
        print(transport.get_extra_info("sockname")[1], flush=True)
        while await Peer.heard.get() != b"end": pass
    else:
        transport, peer = await loop.create_datagram_endpoint(Peer, remote_addr=("127.0.0.1", int(sys.argv[2])))
        for text in (b"one", b"two", b"x" * 20000):
            transport.sendto(text)
            answer = await Peer.heard.get()
            print(len(answer), answer[:3].decode())
    transport.close()
asyncio.run(main())
)";

TEST_F(APythonServer, AnswersOurDatagramsWithAsyncio) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([] {
    ForeignProgram peer(python(DATAGRAM_PEER, "serve"));
    const Address address("127.0.0.1", std::stoi(peer.line()));
    auto [transport, answers] = get_running_loop().create_datagram_endpoint(
        [] { return std::make_shared<DatagramPeer>(); }, {.remote_addr = address});
    transport->sendto("abc");
    EXPECT_EQ(answers->heard.get(), "ABC");
    transport->sendto("end");
    EXPECT_EQ(answers->heard.get(), "END");
    transport->close();
    EXPECT_EQ(peer.rest(), "");
  });
}

TEST_F(APythonClient, SendsDatagramsToOurs) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([] {
    auto [transport, peer] = get_running_loop().create_datagram_endpoint(
        [] { return std::make_shared<DatagramPeer>(true); }, {.local_addr = Address("127.0.0.1", 0)});
    const int port = transport->get_extra_info<Address>("sockname").port();
    EXPECT_EQ(ForeignProgram(python(DATAGRAM_PEER, "ask " + std::to_string(port))).rest(), "3 ONE\n3 TWO\n20000 XXX\n");
    transport->close();
  });
}

TEST_F(Curl, AcceptsAnHttpServerOfAFewLines) {
  if (!installed("curl")) GTEST_SKIP() << "no curl (package curl)";
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
    const std::string url = "http://127.0.0.1:" + std::to_string(port_of(server));
    EXPECT_EQ(ForeignProgram("curl --silent --noproxy 127.0.0.1 " + url + "/a " + url + "/b").rest(),
              "GET /a\nGET /b\n");
    server->close();
    server->wait_closed();
  });
}

}  // namespace
}  // namespace asyncio
