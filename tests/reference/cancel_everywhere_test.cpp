// cancel_everywhere_test.cpp: every wait there is, cancelled in every iteration. Rules: S100 to S112, S132, S145,
// S153, S155, S160, S171, S183, S196 to S212.
//
// Whatever waits, and whenever it is cancelled: the task ends, the wait is in order for whoever comes next, and
// nothing stays behind on the loop. The clock of the scripted loop does not move by itself, so an iteration is a
// step of the program and of nothing else.
#include <asyncio/gather.hpp>
#include <asyncio/locks.hpp>
#include <asyncio/queues.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/taskgroups.hpp>
#include <asyncio/timeouts.hpp>
#include <asyncio/waiting.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

/// Something that waits, and goes on by itself after some iterations.
struct Wait {
  const char* name;
  std::function<void()> body;
};

/// A future that is done after two iterations.
Future<int> soon() {
  const auto future = get_running_loop().create_future<int>();
  create_task([future] {
    give_way();
    give_way();
    set_result_unless_cancelled(future, 1);
  });
  return future;
}

/// Does something after two iterations, in a task of its own.
template <class Act>
void later(Act act) {
  create_task([act] {
    give_way();
    give_way();
    act();
  });
}

const std::vector<Wait>& waits() {
  static const std::vector<Wait> all = {
      {"sleep", [] { sleep(0s); }},
      {"future", [] { await(soon()); }},
      {"task", [] { await(create_task([] { await(soon()); })); }},
      {"gather", [] { await(gather(soon(), [] { await(soon()); })); }},
      {"wait", [] { wait(std::vector{soon(), soon()}, {.timeout = 1h}); }},
      {"wait_for", [] { wait_for([] { await(soon()); }, 1h); }},
      {"wait_for without time",
       [] {
         try {
           wait_for(soon(), 0s);
           ADD_FAILURE();
         } catch (const TimeoutError&) {  // after it has waited for the future to end
         }
       }},
      {"shield", [] { await(shield(soon())); }},
      {"as_completed",
       [] {
         for (const auto& future : as_completed(std::vector{soon(), soon()}, {.timeout = 1h})) await(future);
       }},
      {"timeout", [] { timeout(1h, [] { await(soon()); }); }},
      {"task_group",
       [] {
         task_group([](TaskGroup& group) {
           group.create_task([] { await(soon()); });
           group.create_task([] { await(soon()); });
         });
       }},
      {"lock",
       [] {
         const auto lock = std::make_shared<Lock>();
         create_task([lock] {
           const std::scoped_lock guard(*lock);
           give_way();
           give_way();
         });
         give_way();
         const std::scoped_lock guard(*lock);
       }},
      {"event",
       [] {
         const auto event = std::make_shared<Event>();
         later([event] { event->set(); });
         event->wait();
       }},
      {"condition",
       [] {
         const auto condition = std::make_shared<Condition>();
         later([condition] {
           const std::scoped_lock guard(*condition);
           condition->notify_all();
         });
         const std::scoped_lock guard(*condition);
         condition->wait();
       }},
      {"semaphore",
       [] {
         const auto semaphore = std::make_shared<Semaphore>(0);
         later([semaphore] { semaphore->release(); });
         semaphore->acquire();
       }},
      {"barrier",
       [] {
         const auto barrier = std::make_shared<Barrier>(2);
         const auto other = create_task([barrier] { barrier->wait(); });
         try {
           barrier->wait();
         } catch (const CancelledError&) {
           other.cancel();  // who waited at the barrier with us would wait for ever
           throw;
         }
       }},
      {"get of a queue",
       [] {
         const auto queue = std::make_shared<Queue<int>>();
         later([queue] { queue->put_nowait(1); });
         queue->get();
       }},
      {"put into a queue",
       [] {
         const auto queue = std::make_shared<Queue<int>>(1);
         queue->put_nowait(1);
         later([queue] { queue->get_nowait(); });
         queue->put(2);
       }},
      {"join of a queue",
       [] {
         const auto queue = std::make_shared<Queue<int>>();
         queue->put_nowait(1);
         later([queue] { queue->task_done(); });
         queue->join();
       }},
  };
  return all;
}

class EveryWait : public testing::TestWithParam<Wait> {};

// With k = 0 the task has not begun; with the last k it has ended before.
TEST_P(EveryWait, LeavesNothingBehindWhereverItIsCancelled) {
  for (int k = 0; k < 8; ++k) {
    SCOPED_TRACE("cancelled after " + std::to_string(k) + " iterations");
    ScriptedLoop loop;
    const auto task = loop.create_task(GetParam().body);
    loop.turn(k);

    const bool accepted = task.cancel("from the test");
    loop.turn(12);

    ASSERT_TRUE(task.done());
    EXPECT_EQ(task.cancelled(), accepted);
    EXPECT_EQ(task.cancelling(), accepted ? 1 : 0);
    EXPECT_TRUE(all_tasks(loop).empty());
    EXPECT_THAT(loop.reports, IsEmpty());
    loop.timers().sweep();
    EXPECT_EQ(loop.timers().size(), 0u);
    EXPECT_EQ(loop.ready_count(), 0u);
  }
}

// The stacks unwind, and nothing they held stays: what the sanitizers look at.
TEST_P(EveryWait, LeavesNothingBehindWhereverItsLoopIsClosed) {
  for (int k = 0; k < 8; ++k) {
    SCOPED_TRACE("closed after " + std::to_string(k) + " iterations");
    ScriptedLoop loop;
    loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext& context) {
      EXPECT_EQ(context.message, "Task was destroyed but it is pending!");
    });
    loop.create_task(GetParam().body);
    loop.turn(k);

    loop.close();

    EXPECT_EQ(stack_statistics().live, 0u);
    EXPECT_EQ(loop.ready_count(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, EveryWait, testing::ValuesIn(waits()), [](const auto& info) {
  std::string name = info.param.name;
  std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
  return name;
});

// KeyboardInterrupt at every wait: it leaves the loop, and the loop can go on afterwards (S57, S87).
TEST_P(EveryWait, CanBeInterruptedAndGoOn) {
  for (int k = 0; k < 8; ++k) {
    SCOPED_TRACE("interrupted after " + std::to_string(k) + " iterations");
    ScriptedLoop loop;
    const auto task = loop.create_task(GetParam().body);
    loop.turn(k);
    loop.call_soon([] { throw KeyboardInterrupt(); });

    EXPECT_THROW(loop.turn(), KeyboardInterrupt);
    loop.turn(12);

    EXPECT_TRUE(task.done() && !task.cancelled());
    EXPECT_THAT(loop.reports, IsEmpty());
  }
}

}  // namespace
}  // namespace asyncio
