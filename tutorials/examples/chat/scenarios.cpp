// scenarios.cpp: the room in worlds. chat.cpp is the one that main.cpp runs, compiled once for both.
//
// Four people talk; then two, beside a third who does not read, for whatever reason there is in a world. What they
// must not lose: a line, the order of lines, and the time of those who do read.
#include "tutorials/examples/chat/chat.hpp"

#include <asyncio/sim/sim.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

constexpr int PORT = 7000;

std::shared_ptr<chat::Room> open_room(sim::World& world, chat::RoomOptions options) {
  const auto room = std::make_shared<chat::Room>(std::move(options));
  world.host("room", [room] { room->open("room", PORT)->serve_forever(); });
  return room;
}

/// Enters as soon as the room is open and lets this one in. \suspends until then
chat::Member come_in(const std::string& name, std::ptrdiff_t limit = 8192) {
  for (;;) {
    try {
      return chat::Member::enter("room", PORT, name, limit);  // suspends
    } catch (const std::system_error&) {                      // not open yet
    } catch (const chat::Refused&) {                          // the name took too long: any step may, in a world
    }
    asyncio::sleep(10ms);  // suspends
  }
}

// ---- Four people talk ----

const std::vector<std::string> PEOPLE = {"alice", "bob", "carol", "dave"};
constexpr std::size_t LINES_EACH = 3;

/// Waits for the others, says three lines, and listens until all of theirs were heard.
std::vector<std::string> talk(const std::string& name) {
  const chat::Member member = come_in(name);  // suspends
  std::size_t present = static_cast<std::size_t>(std::ranges::count(member.welcome(), ' ')) - 3;
  std::vector<std::string> heard;
  const auto listen = [&] {
    const auto line = member.hear();  // suspends
    sim::require(line.has_value(), name + " was thrown out, although she listens");
    if (line->ends_with("has come")) ++present;
    if (line->starts_with("<")) heard.push_back(*line);
  };
  while (present < PEOPLE.size()) listen();
  for (std::size_t line = 0; line < LINES_EACH; ++line) {
    asyncio::sleep(static_cast<int>(asyncio::get_running_loop().random().below(4)) * 5ms);  // suspends
    member.say(name + " says " + std::to_string(line));                                     // suspends
  }
  while (heard.size() < (PEOPLE.size() - 1) * LINES_EACH) listen();
  return heard;
}

using Heard = std::vector<std::vector<std::string>>;  // by listener

bool spoken_by(const std::string& line, const std::string& name) { return line.starts_with("<" + name + ">"); }

/// Nobody has missed a line of anybody, or heard one twice, or out of order.
void require_all_lines(const Heard& heard) {
  for (std::size_t listener = 0; listener < PEOPLE.size(); ++listener) {
    for (const std::string& speaker : PEOPLE) {
      std::size_t next = 0;
      for (const std::string& line : heard[listener]) {
        if (!spoken_by(line, speaker)) continue;
        const std::string expected = "<" + speaker + "> " + speaker + " says " + std::to_string(next++);
        sim::require(line == expected, PEOPLE[listener] + " heard '" + line + "' where '" + expected + "' was said");
      }
      sim::require(speaker == PEOPLE[listener] || next == LINES_EACH, PEOPLE[listener] + " has missed a line");
    }
  }
}

/// Any two have heard what the others said in one order.
void require_one_conversation(const Heard& heard) {
  for (std::size_t a = 0; a < PEOPLE.size(); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      const auto by_others = [&](std::vector<std::string> lines) {
        std::erase_if(lines,
                      [&](const auto& line) { return spoken_by(line, PEOPLE[a]) || spoken_by(line, PEOPLE[b]); });
        return lines;
      };
      sim::require(by_others(heard[a]) == by_others(heard[b]),
                   PEOPLE[a] + " and " + PEOPLE[b] + " have heard two conversations");
    }
  }
}

/// Four people talk. The network may go away for a while: it delays, and nothing is lost.
void chat_room(sim::World& world) {
  world.network().set_default({.latency = {1ms, 30ms}, .loss = 0.05});
  const auto room = open_room(world, {});
  const auto heard = std::make_shared<Heard>(PEOPLE.size());
  for (std::size_t who = 0; who < PEOPLE.size(); ++who) {
    world.client(PEOPLE[who], [=] { (*heard)[who] = talk(PEOPLE[who]); });
  }
  if (world.chance(0.3, "alice is cut off for a while")) {
    world.at(world.choose(20, "when, in 10 ms") * 10ms, [&world] { world.network().partition("alice", "room"); });
    world.at(3s, [&world] { world.network().repair("alice", "room"); });
  }
  world.finally([=] {
    require_all_lines(*heard);
    require_one_conversation(*heard);
  });
}

// ---- Two of one name ----

/// Two machines, one name: they are let in in turns, as often as they come.
void chat_one_name(sim::World& world) {
  world.network().set_default({.latency = {1ms, 30ms}});
  const auto room = open_room(world, {});
  const auto inside = std::make_shared<int>(0);
  for (const char* machine : {"laptop", "phone"}) {
    world.client(machine, [=] {
      for (int visit = 0; visit < 3; ++visit) {
        const chat::Member eve = come_in("eve");  // suspends
        sim::require(++*inside == 1, "two of the name eve are in the room, and each gets what is meant for the other");
        asyncio::sleep(20ms);  // suspends
        --*inside;
        eve.leave();
      }
    });
  }
  world.client("guard", [=] {
    asyncio::sleep(1s);                                // suspends
    while (room->members() > 0) asyncio::sleep(10ms);  // suspends; C3: nobody stays who has left
  });
}

// ---- One does not read ----

constexpr std::size_t OUTBOX = 16 * 1024;
constexpr int LONG_LINES = 50;
constexpr std::size_t LONG_LINE = 3000;  // together well above what the network holds for one who does not read

/// The sleeper comes in and reads nothing any more. A host, no client: nobody waits for him, and where the others do,
/// the world finds that nothing will ever happen again. \suspends for ever
void sleep_in_the_room(sim::World& world, bool& asleep) {
  const chat::Member sleeper = come_in("sleeper", 1024);  // suspends
  asleep = true;
  switch (world.choose(3, "what keeps the sleeper: sleep, a crash, a broken line")) {
    case 0: break;
    case 1: world.crash("sleeper"); break;  // suspends for ever
    default: world.network().partition("sleeper", "room");
  }
  asyncio::Event().wait();  // suspends for ever
}

void say_long_lines() {
  const chat::Member alice = come_in("alice");  // suspends
  for (int line = 0; line < LONG_LINES; ++line) {
    alice.say(std::to_string(line) + ' ' + std::string(LONG_LINE, '.'));  // suspends
    asyncio::sleep(10ms);                                                 // suspends
  }
  alice.leave();
}

void hear_long_lines(const chat::Member& bob) {
  for (int next = 0; next < LONG_LINES;) {
    const auto line = bob.hear();  // suspends
    sim::require(line.has_value(), "bob was thrown out, although he listens");
    sim::sometimes(line->starts_with("* sleeper was too slow"), "the sleeper was dropped");
    if (!spoken_by(*line, "alice")) continue;
    sim::require(line->starts_with("<alice> " + std::to_string(next++) + ' '), "bob has missed a line");
  }
}

void with_a_slow_reader(sim::World& world, chat::SlowReader policy) {
  world.network().set_default({.latency = {1ms, 10ms}});
  const auto room = open_room(world, {.slow_reader = policy, .outbox_bytes = OUTBOX});
  struct Ready {
    bool sleeper = false;
    bool bob = false;
  };
  const auto ready = std::make_shared<Ready>();

  world.host("sleeper", [=, &world] { sleep_in_the_room(world, ready->sleeper); });
  world.client("bob", [=] {
    const chat::Member bob = come_in("bob");  // suspends
    ready->bob = true;
    hear_long_lines(bob);  // suspends
  });
  world.client("alice", [=] {
    while (!ready->sleeper || !ready->bob) asyncio::sleep(10ms);  // suspends
    say_long_lines();                                             // suspends
  });

  world.invariant("the room keeps at most 16 KiB for a member who does not read",
                  [room] { return room->fullest_outbox() <= OUTBOX; });
}

void chat_slow_reader(sim::World& world) { with_a_slow_reader(world, chat::SlowReader::dropped); }
void chat_slow_reader_waited_for(sim::World& world) { with_a_slow_reader(world, chat::SlowReader::waited_for); }
void chat_slow_reader_buffered(sim::World& world) { with_a_slow_reader(world, chat::SlowReader::buffered); }

}  // namespace

ORRERY_SCENARIO(chat_room, "four people talk: each line is heard once by each, in the order of speaking")
ORRERY_SCENARIO(chat_one_name, "two machines want one name: they are let in in turns")
ORRERY_SCENARIO(chat_slow_reader, "one does not read: the room drops him, and the others go on")
ORRERY_SCENARIO(chat_slow_reader_waited_for, "broken: the room waits for the one who does not read, at drain()")
ORRERY_SCENARIO(chat_slow_reader_buffered, "broken: the room keeps everything for the one who does not read")
