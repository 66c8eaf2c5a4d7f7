// lock_scenarios.cpp: what locks promise, whoever is cancelled when.
#include "workers.hpp"

#include <memory>
#include <stdexcept>

using namespace std::chrono_literals;

namespace asyncio::properties {
namespace {

/// While it lives, somebody is inside; fails where more are than may be.
class Inside {
 public:
  Inside(int& count, int most) : count_(count) {
    ++count_;
    sim::require(count_ <= most, std::to_string(count_) + " are inside at once, of at most " + std::to_string(most));
  }
  ~Inside() { --count_; }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  int& count_;
};

/// Asks for a place in line, and gets it in its turn.
template <class Acquire>
void take_turn(Worker& worker, Line& line, Acquire acquire) {
  line.join(worker);
  try {
    acquire();  // suspends
  } catch (...) {
    line.leave(worker);
    throw;
  }
  line.served(worker);
}

// S193 to S196: one at a time, in the order of asking, and nobody is forgotten.
void lock_is_exclusive_and_fair(sim::World& world) {
  world.client("c", [] {
    Lock lock;
    Line line;
    int inside = 0;
    disturbed_workers([&](Worker& worker) {
      linger("before it asks");
      take_turn(worker, line, [&] { lock.acquire(); });
      try {
        const Inside here(inside, 1);
        linger("while it holds the lock");
      } catch (...) {
        lock.release();
        throw;
      }
      lock.release();
    });
    sim::require(!lock.locked(), "the lock is still taken: " + lock.repr());
    lock.acquire();
  });
}
ORRERY_SCENARIO(lock_is_exclusive_and_fair, "a lock: one holder, in the order of asking, nobody forgotten")

// S204 to S206: never more than there are permits, in the order of asking, and no permit is lost or made. Of several
// permits that are handed out at once the second may be used before the first, where the ready order is free.
void semaphore_keeps_its_permits(sim::World& world) {
  world.client("c", [] {
    const int permits = 1 + static_cast<int>(sim::World::current().choose(3, "how many permits"));
    Semaphore semaphore(permits);
    Line line;
    int inside = 0;
    disturbed_workers([&](Worker& worker) {
      linger("before it asks");
      if (permits == 1) {
        take_turn(worker, line, [&] { semaphore.acquire(); });
      } else {
        semaphore.acquire();
      }
      try {
        const Inside here(inside, permits);
        linger("while it holds a permit");
      } catch (...) {
        semaphore.release();
        throw;
      }
      semaphore.release();
    });
    for (int i = 0; i < permits; ++i) {
      sim::require(!semaphore.locked(), "only " + std::to_string(i) + " of the permits are back");
      semaphore.acquire();
    }
    sim::require(semaphore.locked(), "there are more permits than at the beginning");
  });
}
ORRERY_SCENARIO(semaphore_keeps_its_permits, "a semaphore: no permit is lost or made, and nobody overtakes")

// S207: the bound holds, whatever was cancelled.
void bounded_semaphore_keeps_its_bound(sim::World& world) {
  world.client("c", [] {
    BoundedSemaphore semaphore(2);
    disturbed_workers([&](Worker&) {
      const std::scoped_lock guard(semaphore);
      linger("while it holds a permit");
    });
    try {
      semaphore.release();
    } catch (const std::invalid_argument&) {
      return;
    }
    sim::fail("a permit was lost: one more could be given back");
  });
}
ORRERY_SCENARIO(bounded_semaphore_keeps_its_bound, "a bounded semaphore: full again at the end, and not fuller")

// S197, S198: who waits goes on when the event is set, and not before.
void event_wakes_all_who_wait(sim::World& world) {
  world.client("c", [] {
    Event event;
    int sets = 0;
    const auto setter = create_task([&] {
      for (int i = 0; i < 3; ++i) {
        linger("before the event is set");
        ++sets;
        event.set();
        linger("before the event is cleared");
        if (i < 2) event.clear();
      }
    });
    disturbed_workers([&](Worker&) {
      linger("before it waits");
      const bool was_set = event.is_set();
      const int before = sets;
      event.wait();
      sim::require(was_set || sets > before, "wait() came back, and nobody had set the event");
    });
    await(setter);
  });
}
ORRERY_SCENARIO(event_wakes_all_who_wait, "an event: everybody who waits goes on when it is set, and not before")

// S199 to S202: wait() holds the lock on every way out, and no notification is lost. For each round a token is made,
// by a task that nobody cancels: who still waits at the end has missed the notification that there is one.
void condition_loses_no_notification(sim::World& world) {
  world.client("c", [] {
    Condition condition;
    int inside = 0;
    int tokens = 0;
    const auto make_token = [&] {
      linger("before a token is made");
      const std::scoped_lock guard(condition);
      const Inside here(inside, 1);
      ++tokens;
      condition.notify();
    };
    task_group([&](TaskGroup& makers) {
      disturbed_workers([&](Worker&) {
        makers.create_task(make_token);
        const std::scoped_lock guard(condition);
        while (tokens == 0) {
          try {
            condition.wait();
          } catch (const CancelledError&) {
            const Inside here(inside, 1);  // the lock is held again
            throw;
          }
        }
        const Inside here(inside, 1);
        --tokens;
      });
    });
    sim::require(!condition.locked(), "the lock is still taken: " + condition.repr());
  });
}
ORRERY_SCENARIO(condition_loses_no_notification,
                "a condition: wait() holds the lock on every way out; no token lies unseen")

// S208 to S212: nobody passes before all have come, and each has a number of its own.
void barrier_lets_all_go_together(sim::World& world) {
  world.client("c", [] {
    constexpr int PARTIES = 2;
    Barrier barrier(PARTIES);
    int arrived = 0;
    int passed = 0;
    bool over = false;
    const auto opener = create_task([&] {
      while (!over) {  // who waits for somebody that was cancelled is sent away
        sleep(50ms);
        barrier.reset();
      }
    });
    disturbed_workers([&](Worker&) {
      linger("before it comes");
      ++arrived;
      try {
        const int number = barrier.wait();
        sim::require(number >= 0 && number < PARTIES, "number " + std::to_string(number) + " does not exist");
        ++passed;
        sim::require(passed <= arrived, "more have passed than have come");
      } catch (const BrokenBarrierError&) {
      }
    });
    over = true;
    await(opener);
    sim::require(!barrier.broken() && barrier.n_waiting() == 0, "the barrier is not as new: " + barrier.repr());
    const auto [first, second] = await(gather([&] { return barrier.wait(); }, [&] { return barrier.wait(); }));
    sim::require(first + second == 1, "two who pass together have the numbers 0 and 1");
  });
}
ORRERY_SCENARIO(barrier_lets_all_go_together, "a barrier: nobody passes alone, and afterwards it is as new")

}  // namespace
}  // namespace asyncio::properties
