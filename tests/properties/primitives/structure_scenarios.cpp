// structure_scenarios.cpp: what task groups and timeouts promise, whoever is cancelled when.
#include "workers.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

using namespace std::chrono_literals;

namespace asyncio::properties {
namespace {

/// Fails where the calling task's count of cancellations is not what it was, and those that came meanwhile.
class CancellationsAreCounted {
 public:
  explicit CancellationsAreCounted(const Worker& worker)
      : worker_(worker), others_(current_task().cancelling() - worker.cancellations) {}
  void check(const std::string& after) const {
    const int count = current_task().cancelling();
    sim::require(count == others_ + worker_.cancellations, "cancelling() is " + std::to_string(count) + " after " +
                                                               after + ", and should be " +
                                                               std::to_string(others_ + worker_.cancellations));
  }

 private:
  const Worker& worker_;
  const int others_;
};

/// A suspension at which a cancellation that somebody has left behind would show.
void look_for_a_leak(const Worker& worker) {
  try {
    sleep(0s);
  } catch (const CancelledError&) {
    sim::require(worker.doomed, "a cancellation was left behind");
    throw;
  }
}

// S167 to S176: a timeout takes back what it asked for, and expires when its time has come and not before.
void timeout_leaves_no_cancellation(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker& worker) {
      const CancellationsAreCounted counted(worker);
      const Duration outer = sim::World::current().choose(5, "the outer timeout, in ms") * 1ms;
      const Duration inner = sim::World::current().choose(5, "the inner timeout, in ms") * 1ms;
      const TimePoint earliest = get_running_loop().time() + std::min(outer, inner);
      try {
        timeout(outer, [&] {
          linger("before the inner timeout");
          timeout(inner, [&] { linger("inside both"); });
          linger("after the inner timeout");
        });
      } catch (const TimeoutError&) {
        sim::require(get_running_loop().time() >= earliest, "TimeoutError before the time");
      } catch (const CancelledError&) {
        counted.check("a cancelled timeout");
        throw;
      }
      counted.check("a timeout");
      look_for_a_leak(worker);
    });
  });
}
ORRERY_SCENARIO(timeout_leaves_no_cancellation,
                "nested timeouts: they expire in time, and leave no cancellation behind")

// S177 to S192: no child outlives its group, every failure comes out, and the count of cancellations is what it was.
void group_leaves_no_child_behind(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker& worker) {
      const CancellationsAreCounted counted(worker);
      const auto running = std::make_shared<int>(0);
      const auto failed = std::make_shared<std::size_t>(0);
      const auto child = [running, failed] {
        ++*running;
        const std::shared_ptr<void> on_every_way_out(nullptr, [running](void*) { --*running; });
        linger("in a child");
        if (sim::World::current().choose(4, "whether a child fails") != 1) return;
        ++*failed;
        throw std::logic_error("a child failed");
      };
      try {
        task_group([&](TaskGroup& group) {
          const std::size_t children = sim::World::current().choose(4, "how many children");
          for (std::size_t i = 0; i < children; ++i) group.create_task(child);
          linger("in the body of a group");
        });
        sim::require(*failed == 0, "a child failed, and the group did not");
      } catch (const ExceptionGroup& group) {
        sim::require(group.exceptions().size() == *failed,
                     "the group has another number of errors than children failed");
      } catch (const CancelledError&) {
        sim::require(*running == 0, "a child runs after its group was cancelled");
        counted.check("a cancelled group");
        throw;
      }
      sim::require(*running == 0, "a child runs after its group has ended");
      counted.check("a group");
      look_for_a_leak(worker);
    });
  });
}
ORRERY_SCENARIO(group_leaves_no_child_behind, "a task group: no child outlives it, no failure is lost, the count stays")

// S149 to S153: what is waited for has ended when wait_for() throws, and its value comes out when it does not.
void wait_for_leaves_nothing_running(sim::World& world) {
  world.client("c", [] {
    disturbed_workers([&](Worker& worker) {
      const CancellationsAreCounted counted(worker);
      const auto task = create_task([&] {
        linger("in what is waited for");
        return 42;
      });
      const Duration limit = sim::World::current().choose(4, "the timeout, in ms") * 1ms;
      try {
        sim::require(wait_for(task, limit) == 42, "wait_for() returned another value");
      } catch (const TimeoutError&) {
        sim::require(task.done(), "wait_for() gave up, and the task goes on");  // it may have ended just then: S106
      } catch (const CancelledError&) {
        // With a timeout of zero it may not have ended yet, but it has been told (S150).
        sim::require(task.done() || task.cancelling() > 0, "wait_for() was cancelled, and the task goes on");
        counted.check("a cancelled wait_for()");
        throw;
      }
      counted.check("wait_for()");
      look_for_a_leak(worker);
    });
  });
}
ORRERY_SCENARIO(wait_for_leaves_nothing_running, "wait_for: what it waited for has ended when it gives up")

}  // namespace
}  // namespace asyncio::properties
