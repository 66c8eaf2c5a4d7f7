// http_test.cpp: the HTTP example on the real loop, against curl, Python's http.client and netcat; and what it does
// with time, in a world where time costs nothing.
#include "tutorials/examples/http/client.hpp"
#include "tutorials/examples/http/server.hpp"
#include "tutorials/examples/http/site.hpp"

#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <string>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/tls_certificates.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

class TheHttpServer : public OnARealLoop {
 protected:
  /// Runs a body with a server, and ends it.
  void serve(const std::function<void(int port)>& body) {
    run_for(1min, [&] {
      const auto server = std::make_shared<http::Server>(http::site, http::ServerOptions{.linger_for = 60s});
      const Server listening = server->open("127.0.0.1", 0);
      body(port_of(listening));
      server->shutdown(5s);
      EXPECT_EQ(server->connections(), 0u);
    });
    EXPECT_THAT(reports, testing::IsEmpty());
  }
};

using Curl = TheHttpServer;
using PythonsHttpClient = TheHttpServer;
using OurHttpClient = TheHttpServer;

std::string curl(int port, const std::string& options_and_path) {
  const std::string url = "http://127.0.0.1:" + std::to_string(port);
  return ForeignProgram("curl --silent --max-time 60 --noproxy 127.0.0.1 " +
                        options_and_path.substr(0, options_and_path.rfind(' ')) + " " + url +
                        options_and_path.substr(options_and_path.rfind(' ') + 1))
      .rest();
}

/// Sends bytes as they are, and gives all that comes back.
std::string raw(int port, const std::string& bytes) {
  auto [reader, writer] = open_connection("127.0.0.1", port);
  writer.write(bytes);
  writer.write_eof();
  std::string answer = reader.read();
  writer.close();
  writer.wait_closed();
  return answer;
}

// ---- curl ----

TEST_F(Curl, GetsHeadsAndPosts) {
  if (!installed("curl")) GTEST_SKIP() << "no curl (package curl)";
  serve([](int port) {
    EXPECT_EQ(curl(port, "--get /"), "a loop that you can read\n");
    EXPECT_EQ(curl(port, "--data hello /echo"), "hello");
    EXPECT_EQ(curl(port, "--get /count/4"), "1\n2\n3\n4\n");
    EXPECT_THAT(curl(port, "--head /"), HasSubstr("Content-Length: 25\r\n"));
    EXPECT_THAT(curl(port, "--http1.0 --include /count/2"), HasSubstr("Connection: close\r\n\r\n1\n2\n"));
  });
}

TEST_F(Curl, SendsALargeBodyInChunksAndAfterAContinue) {
  if (!installed("curl")) GTEST_SKIP() << "no curl (package curl)";
  serve([](int port) {
    const std::string measure = " --output /dev/null --write-out '%{http_code} %{size_download}' ";
    EXPECT_EQ(curl(port, "--data-binary @/bin/sh" + measure + "/echo").substr(0, 4), "200 ");
    EXPECT_EQ(curl(port, "--header 'Transfer-Encoding: chunked' --data-binary 123" + measure + "/echo"), "200 3");
    EXPECT_THAT(curl(port, "--header 'Expect: 100-continue' --verbose --data-binary 123 --stderr - /echo"),
                HasSubstr("< HTTP/1.1 100 Continue"));
  });
}

TEST_F(Curl, IsToldWhatIsWrong) {
  if (!installed("curl")) GTEST_SKIP() << "no curl (package curl)";
  serve([](int port) {
    const auto status = [&](const std::string& options) {
      return curl(port, "--output /dev/null --write-out '%{http_code}' " + options);
    };
    EXPECT_EQ(status("--get /nowhere"), "404");
    EXPECT_EQ(status("--request DELETE /"), "405");
    EXPECT_EQ(status("--header 'Expect: miracles' /"), "417");
    EXPECT_EQ(status("--header 'X: " + std::string(20'000, 'x') + "' /"), "431");
    EXPECT_EQ(status("--get /" + std::string(10'000, 'x')), "414");
    // The answer comes while curl is still sending, and has to survive that (Server::linger).
    const std::string much =
        "head -c 3000000 /dev/zero | curl --silent --noproxy 127.0.0.1 --output /dev/null --write-out "
        "'%{http_code}' --data-binary @- --header Expect: http://127.0.0.1:";
    EXPECT_EQ(ForeignProgram(much + std::to_string(port) + "/echo").rest(), "413");
  });
}

TEST_F(Curl, KeepsItsConnection) {
  if (!installed("curl")) GTEST_SKIP() << "no curl (package curl)";
  serve([](int port) {
    const std::string url = "http://127.0.0.1:" + std::to_string(port);
    EXPECT_EQ(
        ForeignProgram(
            "curl --silent --noproxy 127.0.0.1 --output /dev/null --output /dev/null --write-out '%{num_connects} ' " +
            url + "/ " + url + "/count/3")
            .rest(),
        "1 0 ");
  });
}

// The same program with an SSLContext in its options: HTTPS.
TEST_F(Curl, IsServedOverTls) {
  if (!installed("curl")) GTEST_SKIP() << "no curl (package curl)";
  const TemporaryFolder folder;
  std::ofstream(folder.file("ca.pem")) << test_authority().certificate();
  run_for(1min, [&] {
    const auto server =
        std::make_shared<http::Server>(http::site, http::ServerOptions{.listen = {.ssl = server_context()}});
    const std::string port = std::to_string(port_of(server->open("127.0.0.1", 0)));
    const std::string curl = "curl --silent --max-time 60 --noproxy 127.0.0.1 --cacert " + folder.file("ca.pem");
    EXPECT_EQ(ForeignProgram(curl + " https://127.0.0.1:" + port + "/count/3").rest(), "1\n2\n3\n");
    EXPECT_EQ(ForeignProgram(curl + " --data hello https://127.0.0.1:" + port + "/echo").rest(), "hello");

    http::Client ours = http::Client::connect("127.0.0.1", std::stoi(port), {.ssl = client_context()});
    EXPECT_EQ(ours.request({.method = "POST", .target = "/echo", .body = std::string(200'000, 'x')}).body.size(),
              200'000u);
    ours.close();
    server->shutdown(5s);
  });
  EXPECT_THAT(reports, testing::IsEmpty());
}

// ---- Python's http.client ----

constexpr const char* PYTHON_CLIENT = R"(
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
def ask(*question, **more):
    c.request(*question, **more)
    r = c.getresponse()
    print(r.status, len(r.read()), r.getheader("Allow"), c.sock is not None)
ask("GET", "/")
ask("HEAD", "/count/1000")
ask("GET", "/count/10000")
ask("POST", "/echo", body=b"x" * 100000)
ask("POST", "/echo", body=iter([b"in ", b"chunks"]), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
ask("PUT", "/echo", body=b"")
ask("GET", "/", headers={"Connection": "close"})
)";

TEST_F(PythonsHttpClient, AsksSevenThingsOverOneConnection) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  serve([](int port) {
    EXPECT_EQ(ForeignProgram(python(PYTHON_CLIENT, std::to_string(port))).rest(),
              "200 25 None True\n200 0 None True\n200 48894 None True\n200 100000 None True\n200 9 None True\n"
              "405 19 POST True\n200 25 None False\n");
  });
}

// ---- Raw bytes ----

TEST_F(TheHttpServer, AnswersPipelinedRequestsInTheirOrder) {
  serve([](int port) {
    std::string bytes;
    for (const std::string body : {"one", "two", "three"}) {
      bytes += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    const std::string answers = raw(port, bytes);
    EXPECT_LT(answers.find("\r\n\r\none"), answers.find("\r\n\r\ntwo"));
    EXPECT_THAT(answers, testing::EndsWith("\r\n\r\nthree"));
  });
}

// W2: what follows a request that could not be understood is not another request.
TEST_F(TheHttpServer, TakesNothingForARequestAfterABadOne) {
  serve([](int port) {
    const std::string good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const std::string bad :
         {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
          "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "GET / HTTP/1.1\n\n"}) {
      const std::string answer = raw(port, bad + good);
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << bad;
      EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << bad;
    }
  });
}

// M1, M2, W2: what stands after the last chunk is read like a head, though nobody asks for it.
TEST_F(TheHttpServer, TakesNothingForARequestAfterBadTrailers) {
  serve([](int port) {
    const std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    const std::string good = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (const std::string& bad : {std::string("X: y\n\n"), std::string("\n"), std::string("X: y\nZ: y\r\n\r\n"),
                                   std::string("X: y\r\n\n"), std::string("X: a\0b\r\n\r\n", 10),
                                   std::string("no colon\r\n\r\n"), std::string("X: y\r\n folded\r\n\r\n")}) {
      const std::string answer = raw(port, chunked + bad + good);
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n")) << testing::PrintToString(bad);
      EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << testing::PrintToString(bad);
    }
    EXPECT_THAT(raw(port, chunked + "X: y\r\n\r\n" + good), HasSubstr("a loop that you can read"));
  });
}

// RFC 9110, 6.4.1: these have no body, whatever a handler gave them.
TEST_F(TheHttpServer, SendsNoBodyWhereAStatusHasNone) {
  run([] {
    const auto server = std::make_shared<http::Server>([](const http::Request& request) {
      http::Response response = http::text(std::stoi(request.target.substr(1, 3)), "a body");
      if (request.target.ends_with("pieces")) response.pieces = [](const http::SendPiece& send) { send("a piece"); };
      return response;
    });
    http::Client client = http::Client::connect("127.0.0.1", port_of(server->open("127.0.0.1", 0)));
    for (const std::string target : {"/204", "/304", "/204/pieces", "/304/pieces"}) {
      const http::Answer answer = client.request({.target = target});
      EXPECT_EQ(answer.fields.count("Content-Length") + answer.fields.count("Transfer-Encoding"), 0u) << target;
      EXPECT_EQ(client.request({.target = "/200"}).body, "a body") << "after " << target;
    }
    client.close();
    server->shutdown(5s);
  });
  EXPECT_THAT(reports, testing::IsEmpty());
}

TEST_F(TheHttpServer, KeepsAnOldConnectionWhereItIsAskedTo) {
  serve([](int port) {
    const std::string answers =
        raw(port, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n");
    EXPECT_THAT(answers, HasSubstr("Connection: keep-alive\r\n"));
    EXPECT_THAT(answers, HasSubstr("Connection: close\r\n"));
    EXPECT_EQ(answers.find("200 OK", answers.find("close")), std::string::npos);  // the third was asked in vain
  });
}

TEST_F(TheHttpServer, ReportsAHandlerThatThrowsAndGoesOn) {
  run([] {
    const auto server = std::make_shared<http::Server>(
        [](const http::Request&) -> http::Response { throw std::runtime_error("no ink"); });
    http::Client client = http::Client::connect("127.0.0.1", port_of(server->open("127.0.0.1", 0)));
    for (const int again : {1, 2}) EXPECT_EQ(client.request({}).status, 500) << again;
    client.close();
    server->shutdown(5s);
  });
  ASSERT_EQ(reports.size(), 2u);
  EXPECT_EQ(reports[0], "Error in the handler of GET / runtime_error: no ink");
}

// W6: the client can tell, and who runs the server is told.
TEST_F(TheHttpServer, CutsAResponseOffWhosePiecesThrow) {
  run([] {
    const auto server = std::make_shared<http::Server>([](const http::Request&) {
      http::Response response = http::text(200, "");
      response.pieces = [](const http::SendPiece& send) {
        send("half of it");
        throw std::system_error(EIO, std::generic_category(), "read");
      };
      return response;
    });
    const int port = port_of(server->open("127.0.0.1", 0));
    auto [reader, writer] = open_connection("127.0.0.1", port);
    writer.write("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(reader.read(), testing::EndsWith("\r\na\r\nhalf of it\r\n"));  // the last chunk would be 0
    writer.close();
    server->shutdown(5s);
  });
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_THAT(reports[0], StartsWith("Error in the pieces of the response to GET /file"));
}

// What a handler copies from a request into a field may have a line end in it.
TEST_F(TheHttpServer, SendsNoResponseThatWouldBeReadAsTwo) {
  run([] {
    const auto server = std::make_shared<http::Server>([](const http::Request& request) {
      http::Response response = http::text(200, "fine");
      if (request.target == "/field") response.fields.add("Location", "/a\r\nSet-Cookie: b");
      if (request.target == "/name") response.fields.add("A b", "c");
      if (request.target == "/length") response.fields.add("content-length", "1");
      if (request.target == "/status") response.status = 101;
      return response;
    });
    http::Client client = http::Client::connect("127.0.0.1", port_of(server->open("127.0.0.1", 0)));
    for (const std::string target : {"/field", "/name", "/length", "/status"}) {
      EXPECT_EQ(client.request({.target = target}).status, 500) << target;
    }
    EXPECT_EQ(client.request({}).body, "fine");
    client.close();
    server->shutdown(5s);
  });
  EXPECT_EQ(reports.size(), 4u);
}

// ---- Our client ----

constexpr const char* PYTHON_SERVER = R"(
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(0, len(body), 3): self.wfile.write(b"%x\r\n%s\r\n" % (len(body[i:i+3]), body[i:i+3]))
        self.wfile.write(b"0\r\nTrailer: ignored\r\n\r\n")
        if body == b"end": server.shutting_down = True
server = HTTPServer(("127.0.0.1", 0), Handler)
server.shutting_down = False
print(server.server_port, flush=True)
server.handle_request()
)";

TEST_F(OurHttpClient, ReadsChunksOfAPythonServer) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  run([] {
    ForeignProgram peer(python(PYTHON_SERVER, ""));
    http::Client client = http::Client::connect("127.0.0.1", std::stoi(peer.line()));
    const std::string body(1000, 'x');
    EXPECT_EQ(client.request({.method = "POST", .target = "/", .body = body}).body, body);
    EXPECT_EQ(client.request({.method = "POST", .target = "/", .body = "end"}).body, "end");
    client.close();
    EXPECT_EQ(peer.rest(), "");
  });
}

TEST_F(OurHttpClient, PipelinesMoreThanTheNetworkHolds) {
  serve([](int port) {
    http::Client client = http::Client::connect("127.0.0.1", port);
    const std::string body(900'000, 'x');
    const auto answers =
        client.pipeline(std::vector<http::Question>(8, {.method = "POST", .target = "/echo", .body = body}));
    EXPECT_EQ(answers.size(), 8u);
    for (const http::Answer& answer : answers) EXPECT_EQ(answer.body, body);
    EXPECT_TRUE(client.usable());
  });
}

TEST_F(OurHttpClient, SendsNothingThatWouldBeReadAsTwoQuestions) {
  serve([](int port) {
    http::Client client = http::Client::connect("127.0.0.1", port);
    for (const http::Question& question :
         {http::Question{.method = "GET /\r\n"}, http::Question{.target = "/ HTTP/1.1\r\nA: b"},
          http::Question{.target = "a"}, http::Question{.fields = {{"A", "b\r\nC: d"}}},
          http::Question{.fields = {{"A:b", "c"}}}, http::Question{.fields = {{"host", "b"}}},
          http::Question{.fields = {{"Content-Length", "0"}}}, http::Question{.fields = {{"Transfer-Encoding", ""}}}}) {
      EXPECT_THROW(client.request(question), std::invalid_argument);
      EXPECT_THROW(client.pipeline({{}, question}), std::invalid_argument);
    }
    EXPECT_EQ(client.request({}).status, 200);
    client.close();
  });
}

TEST_F(OurHttpClient, DoesNotUseAConnectionThatHasEnded) {
  serve([](int port) {
    http::Client client = http::Client::connect("127.0.0.1", port);
    EXPECT_EQ(client.request({.fields = {{"Connection", "close"}}}).status, 200);
    EXPECT_FALSE(client.usable());
    EXPECT_THROW(client.request({}), RuntimeError);
  });
}

// ---- Time: the plain execution of a world, where nothing is late by chance ----

/// Sends `bytes`, and says what came back and when the connection ended, in seconds.
std::string fate_of(const std::string& bytes) {
  auto [reader, writer] = open_connection("web", 80);
  const TimePoint begun = get_running_loop().time();
  writer.write(bytes);
  const std::string answer = reader.read();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(get_running_loop().time() - begun);
  return answer.substr(0, answer.find('\r')) + " after " + std::to_string(seconds.count()) + " s";
}

void expect_fate(sim::World& world, const std::string& bytes, const std::string& expected) {
  world.host("web", [] { std::make_shared<http::Server>(http::site)->open("web", 80)->serve_forever(); });
  world.client("c", [=] {
    sleep(10ms);
    EXPECT_EQ(fate_of(bytes), expected);
  });
}

sim::SimTestOptions plain() { return {.executions = 1, .strategy = sim::fifo()}; }

SIM_TEST(ASilentClient, IsLeftAfterFifteenSeconds, plain()) { expect_fate(world, "", " after 15 s"); }
SIM_TEST(AnIdleClient, IsLeftFifteenSecondsAfterItsAnswer, plain()) {
  expect_fate(world, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK after 15 s");
}
SIM_TEST(AHeadWithoutAnEnd, IsGivenUpAfterTenSeconds, plain()) {
  expect_fate(world, "GET / HT", "HTTP/1.1 408 Request Timeout after 10 s");
}
SIM_TEST(ABodyWithoutAnEnd, IsGivenUpAfterThirtySeconds, plain()) {
  expect_fate(world, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123",
              "HTTP/1.1 408 Request Timeout after 30 s");
}

SIM_TEST(AnAnswerThatNobodyReads, IsGivenUpAfterThirtySeconds, plain()) {
  const auto server = std::make_shared<http::Server>(http::site);
  world.host("web", [=] { server->open("web", 80)->serve_forever(); });
  world.client("c", [=] {
    sleep(10ms);
    const auto connection = open_connection("web", 80, {.limit = 1024});
    connection.writer.write("GET /count/1000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    sleep(29s);
    EXPECT_EQ(server->connections(), 1u);
    sleep(2s);
    EXPECT_EQ(server->connections(), 0u);
  });
}

// W5: who would wait for ever is given up, and is gone when shutdown() returns.
SIM_TEST(AShutdown, TakesAsLongAsItsPatienceAndLeavesNoHandler, plain()) {
  world.client("c", [] {
    const auto handling = std::make_shared<int>(0);
    const auto server = std::make_shared<http::Server>([=](const http::Request&) {
      const std::shared_ptr<int> gone(&++*handling, [handling](int* count) { --*count; });
      sleep(1h);
      return http::text(200, "");
    });
    server->open("c", 80);
    const auto connection = open_connection("c", 80);
    connection.writer.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    while (*handling == 0) sleep(1ms);
    const TimePoint begun = get_running_loop().time();
    server->shutdown(5s);
    EXPECT_EQ(get_running_loop().time() - begun, 5s);
    EXPECT_EQ(*handling, 0);
    EXPECT_EQ(server->connections(), 0u);
  });
}

// W3: the handler waits for its reader; the end of the connection ends the handler.
SIM_TEST(AnAnswerThatNobodyReads, StopsTheHandlerThatCounts, plain()) {
  constexpr int LAST = 10'000, PIECE = 8192;  // 80 MB, if nobody stops it
  const auto sent = std::make_shared<int>(0);
  const auto server = std::make_shared<http::Server>([=](const http::Request&) {
    http::Response response;
    response.pieces = [=](const http::SendPiece& send) {
      while (*sent < LAST) send(std::string(PIECE, '.')), ++*sent;
    };
    return response;
  });
  world.host("web", [=] { server->open("web", 80)->serve_forever(); });
  world.client("c", [=] {
    sleep(10ms);
    const auto connection = open_connection("web", 80, {.limit = 1024});
    connection.writer.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    sleep(10s);
    const int before = *sent;
    EXPECT_GT(before, 0);
    EXPECT_LT(before * PIECE, 256 * 1024);  // the network holds 64 KiB, and so does the high mark
    sleep(10s);
    EXPECT_EQ(*sent, before);
    connection.writer.transport()->abort();
    sleep(1s);
    EXPECT_EQ(server->connections(), 0u);
  });
}

}  // namespace
}  // namespace asyncio
