// scenarios.cpp: the server in worlds. What a client must not lose: its answer, whole, and not somebody else's.
//
//     http_answers     clients ask over slow and lossy links, in pieces that are cut anywhere, several at a time
//     http_rude        beside them some send slowly, stop in the middle, do not read, or crash
//     http_shutdown    the server ends while they ask: what it has carried out it has answered
#include "tutorials/examples/http/client.hpp"
#include "tutorials/examples/http/server.hpp"
#include "tutorials/examples/http/site.hpp"

#include <asyncio/sim/sim.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

constexpr int PORT = 80;

/// Connects as soon as the server is up. \suspends until then
template <class Connect>
auto patiently(Connect connect) {
  for (;;) {
    try {
      return connect();  // suspends
    } catch (const std::system_error&) {
      asyncio::sleep(10ms);  // suspends
    }
  }
}

http::Client connect() {
  return patiently([] { return http::Client::connect("web", PORT); });  // suspends
}

std::shared_ptr<http::Server> serve(sim::World& world, http::Handler handler = http::site,
                                    http::ServerOptions options = {}) {
  const auto server = std::make_shared<http::Server>(std::move(handler), std::move(options));
  world.host("web", [server] { server->open("web", PORT)->serve_forever(); });
  return server;
}

void require_echo(const std::string& client, const http::Answer& answer, const std::string& expected) {
  sim::require(answer.status == 200, client + " got a " + std::to_string(answer.status) + ": " + answer.body);
  sim::require(answer.body == expected, client + " sent '" + expected + "' and was answered '" + answer.body + "'");
}

// ---- Questions and answers ----

/// Asks ten things over one connection, some of them at once, with bodies in chunks and with a length.
void ask_politely(const std::string& name) {
  http::Client client = connect();  // suspends
  for (int round = 0; round < 3; ++round) {
    std::vector<http::Question> questions;
    std::vector<std::string> bodies;
    for (int i = 0; i < 3; ++i) {
      bodies.push_back(name + " asks " + std::to_string(round) + std::to_string(i));
      questions.push_back({.method = "POST", .target = "/echo", .body = bodies.back()});
    }
    questions.back().pieces = [body = bodies.back()](const http::SendPiece& send) {
      for (const char c : body) send(std::string(1, c));  // suspends
    };
    const auto answers = client.pipeline(questions);  // suspends
    for (std::size_t i = 0; i < answers.size(); ++i) require_echo(name, answers[i], bodies[i]);
    sim::require(client.usable(), "the server has closed " + name + "'s connection, which was kept alive");
  }
  const http::Answer counted = client.request({.target = "/count/3"});  // suspends
  sim::require(counted.body == "1\n2\n3\n", name + " counted '" + counted.body + "'");
}

/// The bytes of three requests, cut anywhere: what a program sends at once need not arrive at once.
void ask_in_pieces(const std::string& name) {
  auto [reader, writer] = patiently([] { return asyncio::open_connection("web", PORT); });  // suspends
  std::string bytes;
  for (const std::string body : {"one", "", "three"}) {
    bytes += "POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  while (!bytes.empty()) {
    const std::size_t piece = std::min<std::size_t>(bytes.size(), 1 + asyncio::get_running_loop().random().below(60));
    writer.write(bytes.substr(0, piece));
    bytes.erase(0, piece);
    asyncio::sleep(1ms);  // suspends
  }
  for (const std::string expected : {"one", "", "three"}) {
    http::Answer answer;
    static_cast<http::ResponseHead&>(answer) = http::parse_response_head(http::read_head(reader, "", {}));  // suspends
    answer.body = http::read_body(reader, http::framing(answer, "POST"), {});                               // suspends
    require_echo(name, answer, expected);
  }
}

void http_answers(sim::World& world) {
  world.network().set_default({.latency = {1ms, 40ms}, .loss = 0.03});
  // In a world any step may take any time, so a server that gives up too early would be right to.
  serve(world, http::site, {.idle_for = {}, .head_within = {}, .body_within = {}, .write_within = {}});
  for (const char* name : {"alice", "bob"}) {
    world.client(name, [name] { ask_politely(name); });
  }
  world.client("carol", [] { ask_in_pieces("carol"); });
  if (world.chance(0.3, "alice is cut off for a while")) {
    world.at(world.choose(30, "when, in 10 ms") * 10ms, [&world] { world.network().partition("alice", "web"); });
    world.at(5s, [&world] { world.network().repair("alice", "web"); });
  }
}

// ---- Rude clients ----

/// Sends a head, a byte every three seconds, until the server has enough. \return  what it was told
std::string send_slowly() {
  auto [reader, writer] = patiently([] { return asyncio::open_connection("web", PORT); });  // suspends
  try {
    for (const char c : std::string("GET / HTTP/1.1\r\nHost: web\r\n\r\n")) {
      writer.write(std::string(1, c));
      writer.drain();      // may suspend; throws where the server has enough
      asyncio::sleep(3s);  // suspends
    }
    return reader.read();  // suspends
  } catch (const std::system_error&) {
    return "";  // reset
  }
}

void stop_in_the_middle() {
  auto [reader, writer] = patiently([] { return asyncio::open_connection("web", PORT); });  // suspends
  writer.write("POST /echo HTTP/1.1\r\nHost: web\r\nContent-Length: 1000\r\n\r\nhello");
  try {
    reader.read();  // suspends until the server has enough
  } catch (const std::system_error&) {
  }
}

/// Asks for more than anybody wants to keep, and does not read.
void do_not_read() {
  auto [reader, writer] = patiently([] { return asyncio::open_connection("web", PORT, {.limit = 1024}); });  // suspends
  writer.write("GET /count/1000000 HTTP/1.1\r\nHost: web\r\n\r\n");
  asyncio::sleep(2min);  // suspends
}

/// Asks until there is an answer: in a world any step may take any time, so a server may be right to lose its patience
/// with a polite client too. It then says so, or closes.
void ask_until_answered() {
  for (int tries = 0; tries < 50; ++tries) {
    http::Client client = connect();  // suspends
    try {
      const http::Answer answer = client.request({.method = "POST", .target = "/echo", .body = "hello"});  // suspends
      if (answer.status != 408) return require_echo("alice", answer, "hello");
    } catch (const asyncio::IncompleteReadError&) {
    } catch (const std::system_error&) {
    }
  }
  sim::fail("alice is polite, and has asked fifty times without an answer");
}

/// The site, and how many bytes of bodies it has sent piece by piece.
http::Handler counting(std::shared_ptr<std::size_t> bytes) {
  return [bytes](const http::Request& request) {
    http::Response response = http::site(request);
    if (response.pieces) {
      response.pieces = [bytes, pieces = response.pieces](const http::SendPiece& send) {
        pieces([&](std::string_view piece) {
          *bytes += piece.size();
          send(piece);  // suspends
        });
      };
    }
    return response;
  };
}

void http_rude(sim::World& world) {
  world.network().set_default({.latency = {1ms, 20ms}});
  const auto bytes = std::make_shared<std::size_t>(0);
  const auto server = serve(world, counting(bytes));
  world.invariant("the server makes no more for one who does not read than the network and its buffer hold",
                  [=] { return *bytes < 256 * 1024; });
  world.client("slow", [] {
    const std::string told = send_slowly();  // suspends
    sim::require(told.empty() || told.starts_with("HTTP/1.1 408 "), "one who sends slowly was told: " + told);
  });
  world.client("silent", [] { stop_in_the_middle(); });
  world.client("deaf", [] { do_not_read(); });
  world.client("fragile", [] {
    const auto connection = patiently([] { return asyncio::open_connection("web", PORT); });  // suspends
    connection.writer.write("POST /echo HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
    connection.reader.readline();            // suspends
    sim::World::current().crash("fragile");  // suspends for ever
  });
  world.client("alice", [=] {
    for (int question = 0; question < 5; ++question) {
      ask_until_answered();  // suspends
      asyncio::sleep(1s);    // suspends
    }
    asyncio::sleep(3min);  // suspends: longer than any patience
    sim::require(server->connections() == 0, "a rude client still has its connection after three minutes");
  });
}

// ---- The end ----

void http_shutdown(sim::World& world) {
  world.network().set_default({.latency = {1ms, 20ms}});
  struct Books {
    int carried_out = 0;
    int answered = 0;
    bool over = false;
  };
  const auto books = std::make_shared<Books>();
  const auto server = std::make_shared<http::Server>([books](const http::Request&) {
    asyncio::sleep(5ms);  // suspends: the work
    ++books->carried_out;
    return http::text(200, "done\n");
  });
  const asyncio::Duration when = world.choose(50, "when the server ends, in 5 ms") * 5ms;
  world.client("web", [=] {
    server->open("web", PORT);  // suspends
    asyncio::sleep(when);       // suspends
    server->shutdown(1h);       // suspends
    sim::require(server->connections() == 0, "the server has ended, and a connection has not");
    books->over = true;
  });
  for (const char* name : {"alice", "bob"}) {
    world.client(name, [=] {
      try {
        while (!books->over) {
          http::Client client = http::Client::connect("web", PORT);  // suspends
          while (client.usable()) {
            client.request({.method = "POST", .target = "/"});  // suspends
            ++books->answered;
          }
        }
      } catch (const std::system_error&) {  // not up yet, or no more
      } catch (const asyncio::IncompleteReadError& error) {
        sim::require(error.partial().empty(), "an answer was cut off");
      }
    });
  }
  world.finally([=] {
    sim::require(books->carried_out == books->answered, std::to_string(books->carried_out) +
                                                            " requests were carried out, and " +
                                                            std::to_string(books->answered) + " were answered");
  });
}

}  // namespace

ORRERY_SCENARIO(http_answers, "over lossy links and cut anywhere: each answer is whole, and to its own question")
ORRERY_SCENARIO(http_rude, "slow, silent, deaf and crashing clients: the others are served, and no connection stays")
ORRERY_SCENARIO(http_shutdown, "the server ends while clients ask: what it has carried out it has answered")
