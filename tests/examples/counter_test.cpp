// counter_test.cpp: the counter on the real loop: nodes as processes that are killed and started again.
#include "tutorials/examples/counter/counter.hpp"
#include "tutorials/examples/counter/file_storage.hpp"
#include "tutorials/examples/counter/lines.hpp"

#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <unistd.h>

#include "tests/reference/foreign_peer.hpp"
#include "tests/reference/real_network.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using counter::Totals;

// ---- Lines and files ----

TEST(ALineOfTotals, IsReadAsItIsWritten) {
  const Totals totals = {{"alice", 7}, {"bob-2.x", counter::HIGHEST_TOTAL}, {"c", 0}};
  const std::string text = "have" + counter::format_totals(totals);

  EXPECT_EQ(text, "have alice=7 bob-2.x=1000000000000000 c=0");
  EXPECT_EQ(counter::parse_totals(counter::words(text), 1), totals);
}

TEST(ALineOfTotals, IsRefusedWhereAWordIsNone) {
  for (const char* text :
       {"alice", "alice=", "=7", "alice=-1", "alice=7x", "al ice=7", "alice=1000000000000001", "", "a=1  b=2"}) {
    EXPECT_FALSE(counter::parse_totals(counter::words(text), 0)) << text;
  }
}

TEST(AFile, KeepsWhatWasSavedLast) {
  const TemporaryFolder folder;
  const std::string path = folder.file("totals");
  EXPECT_EQ(counter::file_storage(path)->load(), Totals{});

  counter::file_storage(path)->save({{"alice", 1}});
  counter::file_storage(path)->save({{"alice", 2}, {"bob", 1}});

  EXPECT_EQ(counter::file_storage(path)->load(), (Totals{{"alice", 2}, {"bob", 1}}));
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(AFile, OfSomebodyElseIsRefused) {
  const TemporaryFolder folder;
  std::ofstream(folder.file("totals")) << "Dear diary";
  EXPECT_THROW(counter::file_storage(folder.file("totals"))->load(), std::runtime_error);
  EXPECT_THROW(counter::file_storage(folder.file("no/such/folder"))->save({}), std::system_error);
}

TEST(AFile, ThatCannotBeReadSaysWhy) {
  const TemporaryFolder folder;
  const std::string path = folder.file("socket");
  ASSERT_EQ(::mknod(path.c_str(), S_IFSOCK | 0600, 0), 0);  // is there, and cannot be opened
  try {
    counter::file_storage(path)->load();
    FAIL() << "read a socket";
  } catch (const std::system_error& error) {
    EXPECT_EQ(std::string(error.what()), "open " + path + ": No such device or address");
  }
}

// ---- A node alone, in the plain execution of a world: waiting for a majority costs no time there ----

/// A storage that forgets what it is given, and has what was written on it before.
struct Slate final : counter::Storage {
  explicit Slate(Totals written = {}) : written(std::move(written)) {}
  Totals load() override { return written; }
  void save(const Totals&) override {}
  const Totals written;
};

SIM_TEST(ANodeAlone, SaysThatThereIsNoMajorityAndWhatItDoesNotUnderstand, {.executions = 1, .strategy = sim::fifo()}) {
  world.host("a", [] {
    const std::vector<counter::NodeAddress> nobody = {{.host = "b", .port = 1}, {.host = "c", .port = 1}};
    std::make_shared<counter::Node>(nobody, std::make_shared<Slate>())->serve("a", 1);
  });
  world.client("client", [] {
    sleep(10ms);
    auto [reader, writer] = open_connection("a", 1);
    writer.write("merge alice=1\nadd alice 2\nread\ntotal alice\n");
    for (const char* answer : {"have alice=1", "no majority", "no majority", "no majority"}) {
      EXPECT_EQ(reader.readline(), std::string(answer) + "\n");
    }
    for (const char* line :
         {"", "nonsense", "read it", "add alice 1 2", "add al=ice 1", "add alice -1", "total", "merge alice"}) {
      writer.write(std::string(line) + "\n");
      EXPECT_EQ(reader.readline(), "bad request\n") << line;
    }
  });
}

// R1: what it has loaded is on one disk, whoever says it once more; and it knows of no peer that has anything.
SIM_TEST(ANodeAlone, HasNoMajorityForWhatItHadBeforeItStarted, {.executions = 1, .strategy = sim::fifo()}) {
  world.host("a", [] {
    const std::vector<counter::NodeAddress> nobody = {{.host = "b", .port = 1}, {.host = "c", .port = 1}};
    std::make_shared<counter::Node>(nobody, std::make_shared<Slate>(Totals{{"alice", 7}}))->serve("a", 1);
  });
  world.client("client", [] {
    sleep(10ms);
    auto [reader, writer] = open_connection("a", 1);
    for (const char* line : {"add alice 7", "add bob 0"}) {
      writer.write(std::string(line) + "\n");
      EXPECT_EQ(reader.readline(), "no majority\n") << line;
    }
  });
}

// What it cannot tell its peers in one line, and more than its sum can count, it does not take.
SIM_TEST(ANodeAlone, KnowsSoManyClientsAndNoMore, {.executions = 1, .strategy = sim::fifo()}) {
  world.host("a", [] {
    Totals many;
    for (std::size_t i = 0; i < counter::MOST_CLIENTS; ++i) many["client-" + std::to_string(i)] = 1;
    std::make_shared<counter::Node>(std::vector<counter::NodeAddress>{}, std::make_shared<Slate>(many))->serve("a", 1);
  });
  world.client("client", [] {
    Totals more;
    for (std::size_t i = 0; i < counter::MOST_TOTALS; ++i) more["other-" + std::to_string(i)] = 1;
    sleep(10ms);
    auto [reader, writer] = open_connection("a", 1);
    for (const auto& [line, answer] :
         std::vector<std::pair<std::string, std::string>>{{"add client-7 2", "ok\n"},
                                                          {"add new 1", "bad request\n"},
                                                          {"merge" + counter::format_totals(more), "bad request\n"},
                                                          {"total client-7", "value 2\n"},
                                                          {"read", "value 1001\n"}}) {
      writer.write(line + "\n");
      EXPECT_EQ(reader.readline(), answer) << line.substr(0, 20);
    }
  });
}

SIM_TEST(ANodeAlone, KeepsNoNameForNothing, {.executions = 1, .strategy = sim::fifo()}) {
  world.host("a", [] {
    std::make_shared<counter::Node>(std::vector<counter::NodeAddress>{}, std::make_shared<Slate>())->serve("a", 1);
  });
  world.client("client", [] {
    sleep(10ms);
    auto [reader, writer] = open_connection("a", 1);
    writer.write("add alice 0\nmerge bob=0\n");
    EXPECT_EQ(reader.readline(), "ok\n");
    EXPECT_EQ(reader.readline(), "have\n");
  });
}

// ---- Three processes ----

constexpr int FIRST_PORT = 7101;

/// An address of the loopback interface that no other process uses, so that its ports are free, and stay free while a
/// node is down: a port that was chosen for 127.0.0.1 may be gone again before the node has it.
std::string own_address() {
  const auto pid = static_cast<unsigned>(::getpid());  // of 22 bits at most
  return "127." + std::to_string(64 + (pid >> 16)) + "." + std::to_string((pid >> 8) & 0xff) + "." +
         std::to_string(pid & 0xff);
}

class ThreeNodes : public OnARealLoop {
 protected:
  void with_three_nodes(const std::function<void()>& body) {
    run_for(1min, [&] {
      nodes.resize(3);
      for (std::size_t i = 0; i < 3; ++i) start(i);
      body();
      for (std::size_t i = 0; i < 3; ++i) stop(i);
    });
  }
  std::string address(std::size_t node) const {
    return host + ":" + std::to_string(FIRST_PORT + static_cast<int>(node));
  }
  std::string addresses() const { return address(0) + "," + address(1) + "," + address(2); }
  std::string file(std::size_t node) const { return folder.file(std::to_string(node)); }

  /// Starts a node, and waits until it listens.
  void start(std::size_t node) {
    nodes[node] = create_subprocess_exec(
        {std::string(ORRERY_EXAMPLES) + "/counter", "node", host, std::to_string(FIRST_PORT + static_cast<int>(node)),
         file(node), address((node + 1) % 3) + "," + address((node + 2) % 3)},
        {.stdout_ = subprocess::PIPE});
    EXPECT_EQ(nodes[node].stdout_().readline(), "listening on " + address(node) + "\n");
  }
  /// Kills it: it does nothing more, not even close a file.
  void stop(std::size_t node) {
    if (!nodes[node]) return;
    nodes[node].kill();
    nodes[node].wait();
    nodes[node] = {};
  }
  counter::Client client(const std::string& name) const {
    std::vector<counter::NodeAddress> all;
    for (int node = 0; node < 3; ++node) all.push_back({.host = host, .port = FIRST_PORT + node});
    return counter::Client(name, all);
  }

  const TemporaryFolder folder;
  const std::string host = own_address();
  std::vector<Process> nodes;
};

// R1, R2
TEST_F(ThreeNodes, LoseNothingWhenEachOfThemIsKilledInTurn) {
  with_three_nodes([this] {
    counter::Client alice = client("alice");
    for (std::size_t node = 0; node < 3; ++node) {
      alice.add(1);
      stop(node);
      alice.add(1);
      EXPECT_EQ(client("bob").value(), 2 * node + 2);
      start(node);
    }
    for (std::size_t node = 0; node < 3; ++node) stop(node);
    for (std::size_t node = 0; node < 3; ++node) start(node);
    EXPECT_EQ(client("bob").value(), 6u);
  });
}

// What the README of the examples has its reader type.
TEST_F(ThreeNodes, CountForWhoTypesAndDoNotMissOneThatIsKilled) {
  with_three_nodes([this] {
    const auto typed = [](const std::vector<std::string>& words) {
      std::vector<std::string> command = {std::string(ORRERY_EXAMPLES) + "/counter"};
      command.insert(command.end(), words.begin(), words.end());
      return create_subprocess_exec(command, {.stdout_ = subprocess::PIPE}).communicate().first;
    };
    EXPECT_EQ(typed({"add", "alice", "5", addresses()}), "alice has added 5\n");
    stop(0);
    EXPECT_EQ(typed({"value", addresses()}), "5\n");
    EXPECT_EQ(typed({"add", "alice", "2", addresses()}), "alice has added 7\n");
    EXPECT_EQ(typed({"value", addresses()}), "7\n");
  });
}

constexpr const char* PYTHON_CLIENTS = R"(
import asyncio, sys
async def client(name, address):
    reader, writer = await asyncio.open_connection(*address.split(":"))
    async def ask(question):
        answer = b"no majority\n"
        while answer == b"no majority\n":  # a machine under load: asking again adds nothing
            writer.write(question)
            answer = await reader.readline()
        return answer
    for total in range(1, 21): assert await ask(b"add %s %d\n" % (name, total)) == b"ok\n"
    assert await ask(b"total %s\n" % name) == b"value 20\n"
    writer.close()
async def main():
    addresses = sys.argv[1].split(",")
    await asyncio.gather(*(client(b"client-%d" % i, addresses[i % 3]) for i in range(6)))
    print("all added")
asyncio.run(main())
)";

TEST_F(ThreeNodes, CountForPythonClientsOfAllNodesAtOnce) {
  if (!installed("python3")) GTEST_SKIP() << "no python3 (package python3)";
  with_three_nodes([this] {
    EXPECT_EQ(ForeignProgram(python(PYTHON_CLIENTS, addresses())).rest(), "all added\n");
    EXPECT_EQ(client("bob").value(), 120u);
  });
}

}  // namespace
}  // namespace asyncio
