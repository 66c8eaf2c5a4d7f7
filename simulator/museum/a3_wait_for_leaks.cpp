// a3_wait_for_leaks.cpp: the connection that nobody holds.
//
// Origin: CPython bpo-37658 (2019; gh-81839), met by users of asyncpg as #467, #468 and #547 (2019-20).
//
// Users take connections out of a pool with wait_for(), so as not to wait for ever. The wait_for() of Python 3.7 waits
// for an inner task. If a user is cancelled after the inner task has taken the connection and before the user's own
// task goes on, the connection has left the pool and reached nobody:
//
//     inner task:   takes connection 2, ends
//     supervisor:                             cancel(user)
//     user:                                                 CancelledError; has no connection to give back
//
// "Cancelled" and "did nothing" are two different things. What repairs this breaks A4: a3_a4_wait_for.md has both.
#include "museum/a3_a4_old_wait_for.hpp"

#include <asyncio/sim/sim.hpp>

#include <string>
#include <vector>

namespace {

namespace sim = asyncio::sim;
using museum::Python;
using namespace std::chrono_literals;

constexpr int POOL_SIZE = 2;

/// A number of connections. Which one is which does not matter here.
class Pool {
 public:
  /// Takes a connection. \suspends until the database has answered a ping, and a connection is free
  void take() {
    asyncio::sleep(5ms * sim::World::current().choose(4, "ping, in 5 ms"));  // suspends
    permits_.acquire();                                                      // suspends
    --free_;
  }
  /// Gives one back.
  void give_back() {
    ++free_;
    permits_.release();
  }
  int free() const { return free_; }

 private:
  asyncio::Semaphore permits_{POOL_SIZE};
  int free_ = POOL_SIZE;
};

/// Does some work with a connection. \suspends for the connection and for the work
void use_database(Pool& pool, Python python) {
  try {
    museum::wait_for(python, 1s, [&pool] { pool.take(); });  // suspends
  } catch (const asyncio::TimeoutError&) {
    return;
  }
  try {
    asyncio::sleep(5ms * sim::World::current().choose(4, "work, in 5 ms"));  // suspends
  } catch (const asyncio::CancelledError&) {
    pool.give_back();
    throw;
  }
  pool.give_back();
}

void service(sim::World& world, Python python) {
  world.client("app", [&world, python] {
    Pool pool;
    std::vector<asyncio::Task<void>> users;
    for (const std::string name : {"alice", "bob", "carol", "dave"}) {
      users.push_back(asyncio::create_task([&pool, python] { use_database(pool, python); }, {.name = name}));
    }
    // A supervisor that stops two of them, at some time or other.
    for (const std::size_t victim : {1, 3}) {
      asyncio::sleep(5ms * world.choose(6, "time until the next cancellation, in 5 ms"));
      users[victim].cancel();
    }
    asyncio::wait(users);
    sim::require(pool.free() == POOL_SIZE, "everybody is done, and " + std::to_string(POOL_SIZE - pool.free()) +
                                               " of the pool's 2 connections is lost: no one holds it");
  });
}

void a3_wait_for_leaks_buggy(sim::World& world) { service(world, Python::v3_7); }
void a3_wait_for_leaks_python_3_8(sim::World& world) { service(world, Python::v3_8); }
void a3_wait_for_leaks_fixed(sim::World& world) { service(world, Python::v3_12); }

}  // namespace

ORRERY_SCENARIO(a3_wait_for_leaks_buggy, "wait_for() of Python 3.7 loses a connection to a cancellation (2019)")
ORRERY_SCENARIO(a3_wait_for_leaks_python_3_8, "the same with the repair of 3.8: no leak, but see a4_wait_for_swallows")
ORRERY_SCENARIO(a3_wait_for_leaks_fixed, "fixed: the design of 3.12, this project's own wait_for()")
