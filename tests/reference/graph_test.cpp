// graph_test.cpp: the call graph, and the edges that each wait keeps. Rules: semantics.md S344 to S348.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/reference/scripted_loop.hpp"
#include "tests/reference/stacks.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// Edges ----------------------------------------------------------------------------------------------------

/// A task that waits for `future` in some way, and what ends its wait.
class AnEdge : public testing::Test {
 protected:
  template <class Wait>
  void wait_by(Wait wait) {
    waiter = loop.create_task(
        [this, wait] {
          try {
            wait();
          } catch (...) {  // CancelledError, TimeoutError, ExceptionGroup, and what the future failed with
          }
          await(ended);  // the task goes on, so that an edge which stayed would be seen
        },
        {.name = "waiter"});
    loop.turn(2);
    EXPECT_THAT(future.asyncio_awaited_by(), ElementsAre(waiter));
  }
  void expect_no_edge() {
    loop.turn(4);
    EXPECT_FALSE(waiter.done());
    EXPECT_THAT(future.asyncio_awaited_by(), IsEmpty());
    ended.set_result();
    loop.turn(2);
  }

  ScriptedLoop loop;
  Future<int> future = loop.create_future<int>();
  Future<void> ended = loop.create_future<void>();
  AnyTask waiter;
};
using AnEdgeOfAwait = AnEdge;
using AnEdgeOfWait = AnEdge;
using AnEdgeOfWaitFor = AnEdge;
using AnEdgeOfShield = AnEdge;
using AnEdgeOfAsCompleted = AnEdge;
using AnEdgeOfTaskGroup = AnEdge;
using AnEdgeMadeByHand = AnEdge;

// S344.
TEST_F(AnEdgeOfAwait, EndsWithAnException) {
  wait_by([this] { await(future); });
  future.set_exception(std::logic_error("no"));
  expect_no_edge();
}

TEST_F(AnEdgeOfWait, EndsWithTheTimeout) {
  wait_by([this] { asyncio::wait(std::vector{future}, {.timeout = 1s}); });
  loop.now += 1s;
  expect_no_edge();
}

TEST_F(AnEdgeOfWait, EndsWhenAnotherFutureIsDoneFirst) {
  const auto other = loop.create_future<int>();
  wait_by([=, this] { asyncio::wait(std::vector{future, other}, {.return_when = FIRST_COMPLETED}); });
  other.set_result(1);
  expect_no_edge();
}

TEST_F(AnEdgeOfWaitFor, EndsWithTheResult) {
  wait_by([this] { wait_for(future, 1s); });
  future.set_result(1);
  expect_no_edge();
}

TEST_F(AnEdgeOfWaitFor, EndsWithTheTimeout) {
  wait_by([this] { wait_for(future, 1s); });
  loop.now += 1s;
  expect_no_edge();
}

TEST_F(AnEdgeOfWaitFor, EndsWithACancellation) {
  wait_by([this] { wait_for(future, 1s); });
  waiter.cancel();
  expect_no_edge();
}

// S150, S344: a timeout of zero cancels a task, and waits for it to end.
TEST_F(AnEdgeOfWaitFor, IsThereWhileATaskTakesItsTimeToEnd) {
  const auto slow = loop.create_task([this] {
    try {
      await(loop.create_future<void>());
    } catch (const CancelledError&) {
      await(future);
    }
  });
  loop.turn();
  waiter = loop.create_task([=] { wait_for(slow, 0s); });
  loop.turn(2);
  EXPECT_THAT(slow.asyncio_awaited_by(), ElementsAre(waiter));

  future.set_result(1);
  loop.turn(4);
  EXPECT_THAT(slow.asyncio_awaited_by(), IsEmpty());
}

TEST_F(AnEdgeOfShield, EndsWithTheResult) {
  wait_by([this] { await(shield(future)); });
  future.set_result(1);
  expect_no_edge();
}

TEST_F(AnEdgeOfAsCompleted, EndsWithTheFuture) {
  wait_by([this] {
    for (auto done : as_completed(std::vector{future})) await(done);
  });
  future.set_result(1);
  expect_no_edge();
}

TEST_F(AnEdgeOfAsCompleted, EndsWithTheTimeout) {
  wait_by([this] {
    for (auto done : as_completed(std::vector{future}, {.timeout = 1s})) await(done);
  });
  loop.now += 1s;
  expect_no_edge();
}

TEST_F(AnEdgeOfAsCompleted, EndsWithACancellation) {
  wait_by([this] {
    for (auto done : as_completed(std::vector{future})) await(done);
  });
  waiter.cancel();
  expect_no_edge();
}

/// A child of a group that waits for `future`; the group's edge is seen at the child.
TEST_F(AnEdgeOfTaskGroup, LastsUntilTheChildHasEnded) {
  AnyTask child;
  const auto parent = loop.create_task([&] {
    task_group([&](TaskGroup& group) { child = group.create_task([this] { await(future); }); });
    await(ended);
  });
  loop.turn(2);
  EXPECT_THAT(child.asyncio_awaited_by(), ElementsAre(parent));

  future.set_result(1);
  loop.turn(3);

  EXPECT_THAT(child.asyncio_awaited_by(), IsEmpty());
  ended.set_result();
  loop.turn(2);
}

TEST_F(AnEdgeOfTaskGroup, EndsWhereTheGroupFails) {
  AnyTask child;
  const auto parent = loop.create_task([&] {
    try {
      task_group([&](TaskGroup& group) {
        child = group.create_task([this] { await(future); });
        group.create_task([] { throw std::logic_error("no"); });
      });
    } catch (const ExceptionGroup&) {
    }
    await(ended);
  });

  loop.turn(6);

  EXPECT_TRUE(child.cancelled());
  EXPECT_FALSE(parent.done());
  EXPECT_THAT(child.asyncio_awaited_by(), IsEmpty());
  ended.set_result();
  loop.turn(2);
}

// S345: once, however often; gone with one discard; unknown edges and empty handles are ignored.
TEST_F(AnEdgeMadeByHand, IsThereOnceUntilItIsDiscarded) {
  const auto other = loop.create_future<void>();
  future_add_to_awaited_by(future, other);
  future_add_to_awaited_by(future, other);
  future_add_to_awaited_by(future, AnyFuture());
  future_add_to_awaited_by(AnyFuture(), other);
  EXPECT_THAT(future.asyncio_awaited_by(), ElementsAre(other));

  future_discard_from_awaited_by(future, other);
  future_discard_from_awaited_by(future, other);
  future_discard_from_awaited_by(AnyFuture(), AnyFuture());

  EXPECT_THAT(future.asyncio_awaited_by(), IsEmpty());
}

// asyncio's set holds the waiter; so it cannot be seen after its end.
TEST_F(AnEdgeMadeByHand, KeepsTheWaiterAlive) {
  future_add_to_awaited_by(future, loop.create_future<void>());

  ASSERT_THAT(future.asyncio_awaited_by(), SizeIs(1));
  EXPECT_FALSE(future.asyncio_awaited_by().front().done());
}

// The graph ------------------------------------------------------------------------------------------------

class TheCallGraph : public stacks::NamedStacks {
 protected:
  static std::vector<std::string> names(const FutureCallGraph& graph) {
    std::vector<std::string> names;
    for (const FrameCallGraphEntry& entry : graph.call_stack) names.push_back(entry.frame.name);
    return names;
  }
  static std::string name_of(const FutureCallGraph& graph) {
    return AnyTask(Ref<TaskState>(static_cast<TaskState*>(graph.future.get()))).get_name();
  }

  ScriptedLoop loop;
  Future<void> never = loop.create_future<void>();
};

// S346: outside a running loop a future has to be given.
TEST_F(TheCallGraph, NeedsAFutureOrARunningLoop) {
  EXPECT_THAT(text_of<RuntimeError>([] { capture_call_graph(); }),
              HasSubstr("capture_call_graph() is called outside of a running event loop"));
  EXPECT_TRUE(capture_call_graph(never));
}

// S346, S348: none in a plain callback, and no text either.
TEST_F(TheCallGraph, IsNoneWhereNoTaskIsCurrent) {
  bool captured = true;
  std::string text = "some";
  loop.call_soon([&] {
    captured = capture_call_graph().has_value();
    text = format_call_graph();
  });

  loop.turn();

  EXPECT_FALSE(captured);
  EXPECT_EQ(text, "");
}

// S347: the innermost call first; and from there to those who wait, as far as they go.
TEST_F(TheCallGraph, GoesFromAFutureToAllWhoWaitForIt) {
  const auto worker = loop.create_task([this] { stacks::outer(never); }, {.name = "worker"});
  const auto boss = loop.create_task([=] { await(worker); }, {.name = "boss"});
  loop.turn(2);

  const FutureCallGraph graph = capture_call_graph(never).value();

  EXPECT_EQ(graph.future, never);
  EXPECT_THAT(graph.call_stack, IsEmpty());
  ASSERT_THAT(graph.awaited_by, SizeIs(1));
  EXPECT_EQ(name_of(graph.awaited_by[0]), "worker");
  EXPECT_THAT(names(graph.awaited_by[0]), ElementsAre("stacks::inner", "stacks::outer", stacks::is_a_lambda()));
  ASSERT_THAT(graph.awaited_by[0].awaited_by, SizeIs(1));
  EXPECT_EQ(name_of(graph.awaited_by[0].awaited_by[0]), "boss");
  EXPECT_THAT(graph.awaited_by[0].awaited_by[0].awaited_by, IsEmpty());
}

// S347: n > 0 keeps the n outermost calls, n < 0 the innermost, 0 none; in every node.
TEST_F(TheCallGraph, IsLimitedAtEveryNode) {
  loop.create_task([this] { stacks::outer(never); });
  loop.turn();
  const auto limited = [this](int limit) {
    return names(capture_call_graph(never, {.limit = limit}).value().awaited_by.at(0));
  };

  EXPECT_THAT(limited(2), ElementsAre("stacks::outer", stacks::is_a_lambda()));
  EXPECT_THAT(limited(-2), ElementsAre("stacks::inner", "stacks::outer"));
  EXPECT_THAT(limited(0), IsEmpty());
  EXPECT_THAT(limited(99), SizeIs(3));
}

[[gnu::noinline]] FutureCallGraph captured_by_a_function(int depth) {
  FutureCallGraph graph = capture_call_graph({}, {.depth = depth}).value();
  asm volatile("");
  return graph;
}

// S347: depth skips calls of the current task, and of no other.
TEST_F(TheCallGraph, OfTheCurrentTaskSkipsAsManyCallsAsItIsTold) {
  std::vector<std::vector<std::string>> seen;
  loop.create_task([&] {
    for (const int depth : {1, 2, 99, 0}) seen.push_back(names(captured_by_a_function(depth)));
  });

  loop.turn();

  ASSERT_THAT(seen, SizeIs(4));
  EXPECT_EQ(seen[3], seen[0]);
  EXPECT_THAT(seen[0], ElementsAre(HasSubstr("captured_by_a_function"), stacks::is_a_lambda()));
  EXPECT_THAT(seen[1], ElementsAre(stacks::is_a_lambda()));
  EXPECT_THAT(seen[2], IsEmpty());
}

// A ring is shown as far as it goes; CPython has a RecursionError there.
TEST_F(TheCallGraph, OfARingEndsWhereItCloses) {
  Task<void> one, other;
  one = loop.create_task([&] { await(other); }, {.name = "one"});
  other = loop.create_task([&] { await(one); }, {.name = "other"});
  loop.turn();

  const FutureCallGraph graph = capture_call_graph(one).value();

  ASSERT_THAT(graph.awaited_by, SizeIs(1));
  ASSERT_THAT(graph.awaited_by[0].awaited_by, SizeIs(1));
  EXPECT_TRUE(graph.awaited_by[0].awaited_by[0].cyclic);
  EXPECT_EQ(graph.awaited_by[0].awaited_by[0].future, one);
  EXPECT_THAT(format_call_graph(one), HasSubstr("* Task(name='one') waits for itself: a cycle"));
}

// A chain that is too long for a stack is an error, not a crash; a coroutine's stack is what it must fit on.
TEST_F(TheCallGraph, OfAnEndlessChainIsRefused) {
  std::vector<AnyFuture> chain{never};
  for (int i = 0; i < 300; ++i) {
    chain.push_back(loop.create_future<void>());
    future_add_to_awaited_by(chain[chain.size() - 2], chain.back());
  }
  std::string complaint;
  std::size_t lines = 0;
  loop.create_task([&] {
    complaint = text_of<RuntimeError>([&] { capture_call_graph(never); });
    lines = static_cast<std::size_t>(std::ranges::count(format_call_graph(chain[60]), '\n'));
  });

  loop.turn();

  EXPECT_THAT(complaint, StartsWith("maximum recursion depth exceeded"));
  EXPECT_GT(lines, 240u);
}

// graph.py, format_call_graph.
TEST_F(TheCallGraph, IsWrittenAsPythonWritesIt) {
  loop.create_task([this] { stacks::outer(never); }, {.name = "worker"});
  loop.turn();
  std::ostringstream text;

  print_call_graph(never, {.file = &text, .limit = -1});

  EXPECT_THAT(text.str(),
              StartsWith("* Future()\n  + Awaited by:\n    * Task(name='worker')\n      + Call stack:\n      |   "));
  EXPECT_THAT(text.str(), HasSubstr("in stacks::inner()\n"));
}

}  // namespace
}  // namespace asyncio
