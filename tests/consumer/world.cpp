// A small world: a server that answers, and two clients.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

namespace {

void serve() {
  auto server = asyncio::start_server(
      [](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
        writer.write("hello, " + reader.readline());
        writer.close();
      },
      "server", 7);
  server->serve_forever();
}

void greetings(asyncio::sim::World& world) {
  world.host("server", serve);
  for (const std::string name : {"alice", "bob"}) {
    world.client(name, [name] {
      asyncio::sleep(1h);  // no time at all
      auto [reader, writer] = asyncio::open_connection("server", 7);
      writer.write(name + "\n");
      asyncio::sim::require(reader.readline() == "hello, " + name + "\n", "everybody is greeted by name");
      writer.close();
    });
  }
}

}  // namespace

ORRERY_SCENARIO(greetings, "two clients are greeted")
