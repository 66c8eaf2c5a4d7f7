// a2_wrong_users_data.cpp: somebody else's chat titles.
//
// Origin: redis/redis-py #2624 and #2665 (2023), behind the ChatGPT incident of 20 March 2023, in which users saw
// the titles of other users' conversations.
//
// A web server asks a cache over a connection that its users share, one after the other. A user closes the tab
// after the question was sent and before the answer has come. The task is cancelled, the connection goes back into the
// pool, and the answer is still on its way. The next user's question finds it:
//
//     web:  bob? ──► (bob closes the tab)   alice? ──►    ◄── bob's titles, shown to alice
//
// From then on every answer is one too late. The fix is the line `if (fixed)`: a connection whose exchange did not end
// is closed, not shared. Page: a2_wrong_users_data.md.
#include "museum/line_protocol.hpp"

#include <asyncio/sim/sim.hpp>

#include <string>
#include <vector>

namespace {

namespace sim = asyncio::sim;
using museum::Connection;
using namespace std::chrono_literals;

/// The connections that nobody uses just now; an empty one is opened by whoever takes it.
using Pool = asyncio::Queue<Connection>;

/// Asks the cache for the titles of a user's chats. \suspends for a connection, and for the answer
std::string titles_of(const std::string& user, Pool& pool, bool fixed) {
  Connection connection = pool.get();  // suspends
  try {
    if (!connection) connection = Connection::to("cache");        // suspends
    const std::string titles = connection.ask("titles " + user);  // suspends; if cancelled here, the answer still comes
    pool.put_nowait(connection);
    return titles;
  } catch (const asyncio::CancelledError&) {
    if (fixed) connection = {};  // close it, and put a place for a new one into the pool
    pool.put_nowait(connection);
    throw;
  }
}

/// One user looks at the list of chats. \suspends as titles_of()
void show_titles(const std::string& user, Pool& pool, bool fixed) {
  const std::string titles = titles_of(user, pool, fixed);  // suspends
  sim::require(titles == user + "'s titles", user + " asked for her own titles and was shown " + titles);
}

void web_server(sim::World& world, bool fixed) {
  world.network().set_default({.latency = {1ms, 20ms}});

  world.host("cache", [] {
    museum::serve("cache", [](const std::string& question) {
      return question.substr(question.find(' ') + 1) + "'s titles";  // "titles bob": "bob's titles"
    });
  });

  world.client("web", [&world, fixed] {
    Pool pool;
    pool.put_nowait(Connection());  // a pool of one connection
    std::vector<asyncio::Task<void>> users;
    for (const std::string user : {"bob", "alice", "carol", "erin"}) {
      users.push_back(asyncio::create_task([&pool, user, fixed] { show_titles(user, pool, fixed); }, {.name = user}));
    }

    const auto patience = world.choose(500, "when bob closes the tab, in ms (0: never)");
    if (patience > 0) {
      asyncio::sleep(patience * 1ms);
      users.front().cancel();
    }
    asyncio::wait(users);
  });
}

void a2_wrong_users_data_buggy(sim::World& world) { web_server(world, false); }
void a2_wrong_users_data_fixed(sim::World& world) { web_server(world, true); }

}  // namespace

ORRERY_SCENARIO(a2_wrong_users_data_buggy, "a cancelled request leaves its answer to the next user (ChatGPT, 2023)")
ORRERY_SCENARIO(a2_wrong_users_data_fixed, "fixed: a connection whose exchange did not end is closed")
