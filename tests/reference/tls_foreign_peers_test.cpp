// tls_foreign_peers_test.cpp: TLS with others: OpenSSL's own tools, and Python's asyncio, each as client and as server.
//
// A test whose peer is not installed says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {
namespace {

using testing::HasSubstr;

class AForeignTlsPeer : public OnARealLoop {
 protected:
  AForeignTlsPeer() {
    std::ofstream(folder_.file("ca.pem")) << test_authority().certificate();
    std::ofstream(folder_.file("chain.pem")) << localhost().certificate;
    std::ofstream(folder_.file("key.pem")) << localhost().key;
  }
  std::string ca() const { return folder_.file("ca.pem"); }
  std::string chain() const { return folder_.file("chain.pem"); }
  std::string key() const { return folder_.file("key.pem"); }

  /// Serves while a client, a command that is told the port, does what it does.
  ///
  /// \return  its output
  std::string serve(const std::shared_ptr<SSLContext>& context,
                    const std::function<void(StreamReader, StreamWriter)>& one,
                    const std::function<std::string(const std::string& port)>& client) {
    std::string output;
    run([&] {
      const auto server = start_server(one, "127.0.0.1", 0, {.ssl = context});
      output = ForeignProgram(client(std::to_string(server->sockets().front().getsockname().port()))).rest();
      server->close();
      server->wait_closed();
    });
    return output;
  }

 private:
  TemporaryFolder folder_;
};
using TheOpenSslClient = AForeignTlsPeer;
using TheOpenSslServer = AForeignTlsPeer;
using ThePythonTlsClient = AForeignTlsPeer;
using ThePythonTlsServer = AForeignTlsPeer;

void answer_one_line(StreamReader reader, StreamWriter writer) {
  writer.write("you said " + reader.readline());
  writer.close();
}

TEST_F(TheOpenSslClient, TalksToOurServer) {
  if (!installed("openssl")) GTEST_SKIP() << "no openssl (package openssl)";
  for (const char* version : {"-tls1_2", "-tls1_3"}) {
    EXPECT_THAT(serve(server_context(), answer_one_line,
                      [&](auto port) {
                        return "printf 'hello\\n' | openssl s_client -quiet -verify_return_error -verify_hostname "
                               "localhost -servername localhost -CAfile " +
                               ca() + " " + version + " -connect 127.0.0.1:" + port + " 2>/dev/null";
                      }),
                HasSubstr("you said hello\n"));
  }
}

TEST_F(TheOpenSslClient, IsToldWhyItIsRefused) {
  if (!installed("openssl")) GTEST_SKIP() << "no openssl (package openssl)";
  int served = 0;
  const auto client = [&](const std::string& how) {
    return [&, how](const std::string& port) {
      return "printf 'hello\\n' | openssl s_client " + how + " -CAfile " + ca() + " -connect 127.0.0.1:" + port +
             " 2>&1";
    };
  };
  EXPECT_THAT(serve(
                  server_context(), [&](auto, auto) { ++served; }, client("-tls1_1 -cipher ALL:@SECLEVEL=0")),
              HasSubstr("alert protocol version"));
  const auto asking = server_context();
  asking->load_verify_locations({.cadata = test_authority().certificate()});
  asking->set_verify_mode(ssl::CERT_REQUIRED);
  EXPECT_THAT(serve(asking, [&](auto, auto) { ++served; }, client("-tls1_2")), HasSubstr("alert handshake failure"));
  EXPECT_EQ(served, 0);
}

TEST_F(TheOpenSslServer, AnswersOurClient) {
  if (!installed("openssl")) GTEST_SKIP() << "no openssl (package openssl)";
  run([&] {
    ForeignProgram peer("exec openssl s_server -accept 127.0.0.1:0 -naccept 1 -rev -cert " + chain() + " -key " +
                        key() + " 2>/dev/null");
    std::string line = peer.line();
    while (!line.starts_with("ACCEPT 127") && !line.empty()) line = peer.line();
    ASSERT_THAT(line, HasSubstr(":"));
    auto [reader, writer] =
        open_connection("127.0.0.1", std::stoi(line.substr(line.rfind(':') + 1)), {.ssl = client_context()});
    writer.write("hello\n");
    EXPECT_EQ(reader.readline(), "olleh\n");
    writer.close();
    writer.wait_closed();
    peer.rest();
  });
}

constexpr const char* TLS_CLIENT = R"(
import asyncio, ssl, sys
async def main():
    context = ssl.create_default_context(cafile=sys.argv[1])
    how = sys.argv[3]
    plain = how == "starttls"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]), ssl=None if plain else context)
    if plain:
        writer.write(b"STARTTLS\n")
        await writer.start_tls(context, server_hostname="localhost")
    writer.write(b"x" * 1000000 + b"\n")
    await writer.drain()
    text = await reader.readexactly(1000001)
    print(writer.get_extra_info("ssl_object").version(), len(text), text[:2].decode(), len(await reader.read()))
    writer.close()
    await writer.wait_closed()
asyncio.run(main())
)";

TEST_F(ThePythonTlsClient, TalksToOurServer) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  const auto client = [&](const std::string& port) { return python(TLS_CLIENT, ca() + " " + port + " tls"); };
  const auto shout = [](StreamReader reader, StreamWriter writer) {
    std::string line = reader.readexactly(1'000'001);
    writer.write("X" + line.substr(1));
    writer.close();
  };
  EXPECT_EQ(serve(server_context(), shout, client), "TLSv1.3 1000001 Xx 0\n");
}

TEST_F(ThePythonTlsClient, UpgradesAConnection) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  const auto client = [&](const std::string& port) { return python(TLS_CLIENT, ca() + " " + port + " starttls"); };
  const auto upgrade = [](StreamReader reader, StreamWriter writer) {
    EXPECT_EQ(reader.readline(), "STARTTLS\n");
    writer.start_tls(server_context());
    writer.write(reader.readexactly(1'000'001));
    writer.close();
  };
  EXPECT_EQ(serve(nullptr, upgrade, client), "TLSv1.3 1000001 xx 0\n");
}

constexpr const char* TLS_SERVER = R"(
import asyncio, ssl, sys
async def main():
    done = asyncio.Event()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    context.set_alpn_protocols(["orrery"])
    plain = sys.argv[3] == "starttls"
    async def serve(reader, writer):
        if plain:
            await reader.readline()
            writer.write(b"go\n")
            await writer.start_tls(context)
        line = await reader.readline()
        writer.write(line.upper())
        writer.close()
        await writer.wait_closed()
        done.set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if plain else context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await done.wait()
asyncio.run(main())
)";

TEST_F(ThePythonTlsServer, AnswersOurClient) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([&] {
    ForeignProgram peer(python(TLS_SERVER, chain() + " " + key() + " tls 2>&1"));
    const auto context = client_context();
    context->set_alpn_protocols({"orrery"});
    auto [reader, writer] = open_connection("127.0.0.1", std::stoi(peer.line()), {.ssl = context});
    EXPECT_EQ(writer.get_extra_info<std::shared_ptr<SSLObject>>("ssl_object")->selected_alpn_protocol(), "orrery");
    writer.write("hello\n");
    EXPECT_EQ(reader.readline(), "HELLO\n");
    EXPECT_EQ(reader.read(), "");
    writer.close();
    writer.wait_closed();
    EXPECT_EQ(peer.rest(), "");
  });
}

TEST_F(ThePythonTlsServer, IsUpgradedByOurClient) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([&] {
    ForeignProgram peer(python(TLS_SERVER, chain() + " " + key() + " starttls 2>&1"));
    auto [reader, writer] = open_connection("127.0.0.1", std::stoi(peer.line()));
    writer.write("STARTTLS\n");
    EXPECT_EQ(reader.readline(), "go\n");
    writer.start_tls(client_context(), {.server_hostname = "localhost"});
    writer.write("hello\n");
    EXPECT_EQ(reader.readline(), "HELLO\n");
    writer.close();
    writer.wait_closed();
    peer.rest();
  });
}

}  // namespace
}  // namespace asyncio
