// both_loops_test.cpp: the same bodies over real sockets and in a world.
//
// A program is written once. What it may rely on is what these tests say of both loops, with the same lines of code:
// a server and its client, each with everything it does with its streams.
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include "tests/reference/both_loops.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

/// What a server does with one client.
using Serve = std::function<void(StreamReader, StreamWriter)>;
/// What the client does, once it is connected.
using Talk = std::function<void(StreamReader, StreamWriter)>;

struct Dialogue {
  const char* name;
  Serve serve;
  Talk talk;
};

/// Prints its name in test names and messages.
void PrintTo(const Dialogue& dialogue, std::ostream* out) { *out << dialogue.name; }

class TheSameProgram : public testing::TestWithParam<Dialogue> {};

TEST_P(TheSameProgram, RunsOverRealSockets) {
  const std::size_t descriptors = open_descriptors();
  run([] {
    const Server server = start_server(GetParam().serve, "127.0.0.1", 0);
    const int port = port_of(server);
    wait_for(
        [&] {
          auto [reader, writer] = open_connection("127.0.0.1", port);
          GetParam().talk(reader, writer);
          writer.close();
        },
        60s);
    server->close();
  });
  EXPECT_EQ(open_descriptors(), descriptors);
}

TEST_P(TheSameProgram, RunsInAWorld) {
  expect_in_every_order([](sim::World& world) {
    world.host("server", [] { start_server(GetParam().serve, "server", 7)->serve_forever(); });
    world.client("client", [] {
      sleep(1s);  // until the server listens
      auto [reader, writer] = open_connection("server", 7);
      GetParam().talk(reader, writer);
      writer.close();
    });
  });
}

void echo(StreamReader reader, StreamWriter writer) {
  for (std::string line; !(line = reader.readline()).empty();) {
    writer.write(line);
    writer.drain();
  }
  writer.close();
}

const Dialogue DIALOGUES[] = {
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
    {"Says what is missing at the end",
     [](StreamReader, StreamWriter writer) {
       writer.write("abc");
       writer.close();
     },
     [](StreamReader reader, StreamWriter) {
       try {
         reader.readexactly(5);
         require(false, "five bytes do not come");
       } catch (const IncompleteReadError& error) {
         require(error.partial() == "abc" && error.expected() == 5u, "what came instead");
       }
     }},
    {"Reads up to a separator, whatever the pieces",
     [](StreamReader, StreamWriter writer) {
       for (const char* piece : {"a", "b;c", ";d"}) {
         writer.write(piece);
         writer.drain();
         sleep(1ms);
       }
       writer.close();
     },
     [](StreamReader reader, StreamWriter) {
       require(reader.readuntil(";") == "ab;" && reader.readuntil(";") == "c;", "one part after the other");
       require(reader.read() == "d", "and the rest");
     }},
    {"Loses nothing where a read is cancelled", echo,
     [](StreamReader reader, StreamWriter writer) {
       const auto task = create_task([reader] { return reader.readline(); });
       sleep(0s);
       task.cancel();
       await(gather(return_exceptions, std::vector{task}));
       require(task.cancelled(), "there was nothing to read");
       writer.write("late\n");
       require(reader.readline() == "late\n", "the next one reads it");
     }},
    {"Waits until it is closed", echo,
     [](StreamReader reader, StreamWriter writer) {
       writer.write("the last\n");
       require(reader.readline() == "the last\n", "the line came back");
       writer.close();
       writer.wait_closed();
       require(writer.is_closing(), "it stays closed");
     }},
};

INSTANTIATE_TEST_SUITE_P(Of, TheSameProgram, testing::ValuesIn(DIALOGUES));

}  // namespace
}  // namespace asyncio
