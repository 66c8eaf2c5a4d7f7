// chat_test.cpp: the room on the real loop, with netcat and Python's asyncio as its members.
#include "tutorials/examples/chat/chat.hpp"
#include "tutorials/examples/chat/plain_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;

class TheRoom : public OnARealLoop {
 protected:
  /// Runs a body with a room that is open, and closes it.
  void open(const std::function<void(int port)>& body, const chat::RoomOptions& options = {}) {
    run([&] {
      room = std::make_shared<chat::Room>(options);
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

TEST_F(TheRoom, PassesOnNothingThatATerminalWouldObey) {
  open([](int port) {
    const chat::Member alice = enter(port, "alice");
    const chat::Member bob = enter(port, "bj\xc3\xb6rn");
    EXPECT_EQ(alice.hear(), "* bj\xc3\xb6rn has come");
    bob.say("hello\r<carol> I am carol\x1b[2J");
    EXPECT_EQ(alice.hear(), "<bj\xc3\xb6rn> hello?<carol> I am carol?[2J");
    for (const std::string& name : {std::string("al\rice"), std::string("al\x1b[1m"), std::string("al\0ice", 6),
                                    std::string("\xc2\x9b"), std::string("\xff"), std::string("\xc3")}) {
      EXPECT_THROW(enter(port, name), chat::Refused) << testing::PrintToString(name);
    }
  });
}

TEST(PlainText, HasAQuestionMarkForWhatIsNoCharacter) {
  for (const std::string& line :
       {std::string(), std::string("a b\tc!"), std::string("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80"),
        std::string("\xef\xbf\xbd \xf4\x8f\xbf\xbf")}) {
    EXPECT_EQ(chat::plain(line), line);
  }
  for (const auto& [line, expected] : std::vector<std::pair<std::string, std::string>>{
           {std::string("\0\x7f\r", 3), "???"},
           {"\xc2\x80\xc2\x9f", "??"},           // control characters beyond ASCII
           {"\xe2\x80\xae", "?"},                // from right to left
           {"\x80 \xc3 \xe2\x82", "? ? ??"},     // in the middle, and cut off
           {"\xc1\xbf \xe0\x9f\xbf", "?? ???"},  // longer than need be
           {"\xed\xa0\x80", "???"},              // half a pair of UTF-16
           {"\xf4\x90\x80\x80", "????"},         // beyond the last code
       }) {
    EXPECT_EQ(chat::plain(line), expected) << testing::PrintToString(line);
  }
}

TEST_F(TheRoom, IsFullAtSomeTime) {
  open(
      [](int port) {
        const chat::Member alice = enter(port, "alice");
        const chat::Member bob = enter(port, "bob");
        EXPECT_THROW(enter(port, "carol"), chat::Refused);
        bob.leave();
        for (const char* line : {"* bob has come", "* bob has left"}) EXPECT_EQ(alice.hear(), line);
        EXPECT_EQ(enter(port, "carol").welcome(), "* welcome, carol; here are: alice");
      },
      {.most_members = 2});
}

// The welcome of the last one is the longest line of all, and the protocol has lines of 4 KiB.
TEST_F(TheRoom, WelcomesTheLastOneInOneLine) {
  open([](int port) {
    std::vector<chat::Member> members;
    for (int i = 100; i < 200; ++i) members.push_back(enter(port, std::string(29, 'x') + std::to_string(i)));
    EXPECT_GT(members.back().welcome().size(), 3'000u);
    EXPECT_LT(members.back().welcome().size(), 4'096u);
    EXPECT_THROW(enter(port, "late"), chat::Refused);
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
    ForeignProgram peer("printf 'bob\\r\\nhello\\r\\n' | nc -N 127.0.0.1 " + std::to_string(port));
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
  open([](int port) { EXPECT_EQ(ForeignProgram(python(PYTHON_MEMBERS, std::to_string(port))).rest(), "all heard\n"); });
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
