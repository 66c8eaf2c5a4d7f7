// queue_scenarios.cpp: what queues promise, whoever is cancelled when.
#include "workers.hpp"

#include <algorithm>
#include <memory>
#include <vector>

using namespace std::chrono_literals;

namespace asyncio::properties {
namespace {

/// What went into a queue and what came out. Each item is a number of its own.
class Books {
 public:
  int next() { return ++last_; }
  void put(int item) { inside_.push_back(item); }
  /// \param expected  what had to come next; 0: anything that is inside
  void got(int item, int expected = 0) {
    const auto found = std::ranges::find(inside_, item);
    sim::require(found != inside_.end(), "item " + std::to_string(item) + " came out, and was not inside");
    sim::require(expected == 0 || item == expected,
                 "item " + std::to_string(item) + " came out, and " + std::to_string(expected) + " was next");
    inside_.erase(found);
  }
  const std::vector<int>& inside() const { return inside_; }

 private:
  int last_ = 0;
  std::vector<int> inside_;
};

int oldest(const std::vector<int>& items) { return items.front(); }
int newest(const std::vector<int>& items) { return items.back(); }
int smallest(const std::vector<int>& items) { return *std::ranges::min_element(items); }

/// Workers that get, and for each round a task that puts and is never cancelled: whoever waits in vain has missed a
/// wake-up. In the end exactly the items that nobody got are inside.
template <class AnyKindOfQueue>
void consume(int (*next_of)(const std::vector<int>&), std::ptrdiff_t maxsize) {
  AnyKindOfQueue queue(maxsize);
  Books books;
  int producing = 0;
  const auto produce = [&] {
    linger("before an item is put");
    while (queue.full()) sleep(1ms);  // who waits in put() has no place in the order yet
    const int item = books.next();
    queue.put_nowait(item);
    books.put(item);
    --producing;
  };
  const auto take = [&](int item) {
    books.got(item, next_of(books.inside()));
    queue.task_done();
  };
  task_group([&](TaskGroup& producers) {
    disturbed_workers([&](Worker&) {
      ++producing;
      producers.create_task(produce);
      linger("before it gets an item");
      take(queue.get());
    });
    for (; producing > 0 || !queue.empty(); sleep(1ms)) {
      if (!queue.empty()) take(queue.get_nowait());
    }
  });
  sim::require(books.inside().empty(), "an item was put and never came out");
  queue.join();
}

// S213 to S217: first in, first out, each item once.
void queue_loses_no_item(sim::World& world) {
  world.client("c", [] { consume<Queue<int>>(oldest, sim::World::current().choose(3, "maxsize")); });
}
ORRERY_SCENARIO(queue_loses_no_item, "a queue: first in, first out, each item once, whoever is cancelled")

// S220.
void lifo_queue_gives_the_newest(sim::World& world) {
  world.client("c", [] { consume<LifoQueue<int>>(newest, sim::World::current().choose(3, "maxsize")); });
}
ORRERY_SCENARIO(lifo_queue_gives_the_newest, "a LIFO queue: the newest first, each item once")

// S220.
void priority_queue_gives_the_smallest(sim::World& world) {
  world.client("c", [] { consume<PriorityQueue<int>>(smallest, sim::World::current().choose(3, "maxsize")); });
}
ORRERY_SCENARIO(priority_queue_gives_the_smallest, "a priority queue: the smallest first, each item once")

// S214, S215: put() waits in line for room, and a put() that is cancelled has put nothing. For each round a task that
// is never cancelled gets an item, or gives up when the queue is shut down in the end.
void full_queue_loses_no_item(sim::World& world) {
  world.client("c", [] {
    Queue<int> queue(1);
    Books books;
    const auto consume_one = [&] {
      linger("before an item is got");
      try {
        books.got(queue.get());
      } catch (const QueueShutDown&) {
      }
    };
    task_group([&](TaskGroup& consumers) {
      disturbed_workers([&](Worker&) {
        consumers.create_task(consume_one);
        const int item = books.next();
        books.put(item);
        try {
          queue.put(item);
        } catch (const CancelledError&) {
          books.got(item);  // it was not put: nobody else may ever see it
          throw;
        }
      });
      queue.shutdown();
    });
    while (!queue.empty()) books.got(queue.get_nowait());
    sim::require(books.inside().empty(), "an item was put and never came out");
  });
}
ORRERY_SCENARIO(full_queue_loses_no_item, "a full queue: a put() that is cancelled puts nothing, and wakes the next")

// S218, S219: a shutdown wakes everybody; join() comes back when what was fetched is done with.
void shutdown_wakes_everybody(sim::World& world) {
  world.client("c", [] {
    Queue<int> queue(1);
    const bool immediate = sim::World::current().choose(2, "whether what is inside is dropped") == 1;
    bool over = false;
    const auto end = create_task([&] {
      linger("before the shutdown");
      linger("before the shutdown");
      over = true;
      queue.shutdown({.immediate = immediate});
    });
    disturbed_workers([&](Worker& worker) {
      linger("before it uses the queue");
      try {
        if (worker.number % 2 == 0) {
          queue.put(1);
        } else {
          queue.get();
          queue.task_done();
        }
      } catch (const QueueShutDown&) {
        sim::require(over, "QueueShutDown, and nobody had shut the queue down");
      }
    });
    await(end);
    while (!queue.empty()) queue.get_nowait(), queue.task_done();
    queue.join();
  });
}
ORRERY_SCENARIO(shutdown_wakes_everybody, "a queue that is shut down: nobody waits any more, and join() comes back")

}  // namespace
}  // namespace asyncio::properties
