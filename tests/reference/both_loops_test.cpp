// both_loops_test.cpp: the same bodies over real sockets and in a world.
//
// A program is written once. What it may rely on is what these tests say of both loops, with the same lines of code:
// a server and its client, each with everything it does with its streams.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

/// What a server does with one client.
using Serve = std::function<void(StreamReader, StreamWriter)>;
/// What the client does, once it is connected.
using Talk = std::function<void(StreamReader, StreamWriter)>;

struct Body {
  const char* name;
  Serve serve;
  Talk talk;
};

/// Prints its name in test names and messages.
void PrintTo(const Body& body, std::ostream* out) { *out << body.name; }

class TheSameProgram : public testing::TestWithParam<Body> {};

TEST_P(TheSameProgram, RunsOverRealSockets) {
  const std::size_t descriptors = open_descriptors();
  run([] {
    const Server server = start_server(GetParam().serve, "127.0.0.1", 0);
    const int port = server->sockets().front().getsockname().port();
    wait_for(
        [&] {
          auto [reader, writer] = open_connection("127.0.0.1", port);
          GetParam().talk(reader, writer);
          writer.close();
        },
        10s);
    server->close();
  });
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_P(TheSameProgram, RunsInAWorld) {
  const auto found = sim::explore(
      [](sim::World& world) {
        world.host("server", [] { start_server(GetParam().serve, "server", 7)->serve_forever(); });
        world.client("client", [] {
          sleep(1s);  // until the server listens
          auto [reader, writer] = open_connection("server", 7);
          GetParam().talk(reader, writer);
          writer.close();
        });
      },
      {.executions = 20});
  EXPECT_FALSE(found.failing) << found.failing->failure->message;
}

/// In a world this is a failure of the execution, and on a real loop one of the test.
void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error(what);
}

void echo(StreamReader reader, StreamWriter writer) {
  for (std::string line; !(line = reader.readline()).empty();) {
    writer.write(line);
    writer.drain();
  }
  writer.close();
}

const Body BODIES[] = {
    {"Echoes lines", echo,
     [](StreamReader reader, StreamWriter writer) {
       for (const char* line : {"one\n", "two\n"}) {
         writer.write(line);
         require(reader.readline() == line, "the line came back");
       }
     }},
    {"Ends one side after the other", echo,
     [](StreamReader reader, StreamWriter writer) {
       writer.writelines({"a\n", "", "b\n"});
       writer.write_eof();
       require(reader.read() == "a\nb\n", "everything came back, and then the end");
       require(reader.at_eof(), "nothing is left");
     }},
    {"Is stopped by a slow reader",
     [](StreamReader, StreamWriter writer) {
       for (int i = 0; i < 64; ++i) {
         writer.write(std::string(1 << 16, 'x'));
         require(writer.transport()->get_write_buffer_size() <= 2 << 16, "the buffer stays small");
         writer.drain();
       }
       writer.close();
     },
     [](StreamReader reader, StreamWriter) {
       std::size_t received = 0;
       while (const std::size_t count = reader.read(10'000).size()) received += count;
       require(received == 64u << 16, "all of it arrived");
     }},
    {"Is told that the other side was aborted",
     [](StreamReader reader, StreamWriter writer) {
       reader.readline();
       writer.transport()->abort();
     },
     [](StreamReader reader, StreamWriter writer) {
       writer.write("go\n");
       try {
         require(reader.read().empty(), "nothing arrives");
       } catch (const std::system_error& error) {
         require(error.code() == std::errc::connection_reset, "reset, where anything was under way");
       }
     }},
    {"Knows both addresses",
     [](StreamReader, StreamWriter writer) {
       writer.write(writer.get_extra_info<Address>("peername").to_string() + "\n");
       writer.close();
     },
     [](StreamReader reader, StreamWriter writer) {
       require(reader.readline() == writer.get_extra_info<Address>("sockname").to_string() + "\n",
               "ours is its peer's");
     }},
};

INSTANTIATE_TEST_SUITE_P(Of, TheSameProgram, testing::ValuesIn(BODIES));

}  // namespace
}  // namespace asyncio
