// chat_test.cpp: the room on the real loop, with netcat and Python's asyncio as its members.
#include "tutorials/examples/chat/chat.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

class TheRoom : public OnARealLoop {
 protected:
  /// Runs a body with a room that is open, and closes it.
  void open(const std::function<void(int port)>& body) {
    run([&] {
      room = std::make_shared<chat::Room>();
      const Server server = room->open("127.0.0.1", 0);
      body(port_of(server));
      room->close();
      while (room->members() > 0) sleep(1ms);
    });
    EXPECT_THAT(reports, testing::IsEmpty());
    room.reset();
  }

  std::shared_ptr<chat::Room> room;
};

chat::Member enter(int port, const std::string& name) { return chat::Member::enter("127.0.0.1", port, name); }

TEST_F(TheRoom, TellsWhoIsHereWhoComesAndWhoLeaves) {
  open([](int port) {
    const chat::Member alice = enter(port, "alice");
    const chat::Member bob = enter(port, "bob");
    EXPECT_EQ(alice.welcome(), "* welcome, alice; here are:");
    EXPECT_EQ(bob.welcome(), "* welcome, bob; here are: alice");
    bob.say("hello");
    bob.leave();
    for (const char* line : {"* bob has come", "<bob> hello", "* bob has left"}) EXPECT_EQ(alice.hear(), line);
  });
}

TEST_F(TheRoom, RefusesNamesThatAreNoneOrTaken) {
  open([](int port) {
    const chat::Member alice = enter(port, "alice");
    for (const std::string& name : {std::string("alice"), std::string(), std::string("a b"), std::string(33, 'x'),
                                    std::string("*"), std::string(10'000, 'x')}) {
      EXPECT_THROW(enter(port, name), chat::Refused) << name;
    }
  });
}

TEST_F(TheRoom, EndsWithOneWhoSaysTooMuchAtOnce) {
  open([](int port) {
    const chat::Member alice = enter(port, "alice");
    const chat::Member bob = enter(port, "bob");
    bob.say(std::string(100'000, 'x'));
    while (bob.hear()) continue;
    EXPECT_EQ(alice.hear(), "* bob has come");
    EXPECT_EQ(alice.hear(), "* bob said too much at once");
  });
}

TEST_F(TheRoom, LetsNetcatIn) {
  if (!installed("nc")) GTEST_SKIP() << "no nc (package netcat-openbsd)";
  open([](int port) {
    const chat::Member alice = enter(port, "alice");
    Program peer("printf 'bob\\r\\nhello\\r\\n' | nc -N 127.0.0.1 " + std::to_string(port));
    EXPECT_EQ(peer.rest(), "* welcome, bob; here are: alice\n");
    for (const char* line : {"* bob has come", "<bob> hello", "* bob has left"}) EXPECT_EQ(alice.hear(), line);
  });
}

constexpr const char* PYTHON_MEMBERS = R"(
import asyncio, sys
async def member(name, others):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    writer.write(name.encode() + b"\n")
    here = len((await reader.readline()).split()) - 5
    heard = []
    async def listen():
        nonlocal here
        line = (await reader.readline()).decode().strip()
        if line.endswith("has come"): here += 1
        if line.startswith("<"): heard.append(line)
    while here < others: await listen()
    for i in range(100):
        writer.write(b"line %d\n" % i)
        await writer.drain()
    while len(heard) < others * 100: await listen()
    return heard
async def main():
    all = await asyncio.gather(*(member(n, 3) for n in ("ann", "ben", "cat", "dan")))
    for name in ("ann", "ben", "cat", "dan"):
        for heard in all:
            lines = [line for line in heard if line.startswith("<" + name)]
            assert lines in ([], ["<%s> line %d" % (name, i) for i in range(100)]), lines
    print("all heard")
asyncio.run(main())
)";

TEST_F(TheRoom, CarriesEveryLineBetweenFourPythonPrograms) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  open([](int port) { EXPECT_EQ(Program(python(PYTHON_MEMBERS, std::to_string(port))).rest(), "all heard\n"); });
}

// C1: the others go on, and the room keeps 64 KiB at most.
TEST_F(TheRoom, DropsOneWhoDoesNotRead) {
  open([this](int port) {
    const chat::Member alice = enter(port, "alice");
    const chat::Member bob = enter(port, "bob");
    auto [reader, writer] = open_connection("127.0.0.1", port, {.limit = 1});  // reads next to nothing by itself
    writer.write("sleeper\n");
    while (room->members() < 3) sleep(1ms);

    const auto listening = create_task([&] {
      while (bob.hear() != "* sleeper was too slow") continue;
    });
    const std::string line(4000, '.');  // as many of these as the kernel takes for the sleeper, which is some megabytes
    while (!listening.done()) {
      alice.say(line);
      sleep(0s);
    }
    EXPECT_EQ(room->members(), 2u);
    EXPECT_LE(room->fullest_outbox(), 64u * 1024);
  });
}

}  // namespace
}  // namespace asyncio
