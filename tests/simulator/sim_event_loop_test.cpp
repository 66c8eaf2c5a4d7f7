// sim_event_loop_test.cpp: where the order of a loop is a choice, where it is not, and who is watched.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

/// Which orders of letters a client writes in many executions.
std::set<std::string> orders(const std::function<void(std::string&)>& main, sim::RunOptions options = {}) {
  std::set<std::string> seen;
  const auto result = sim::explore(
      [&](sim::World& world) {
        auto order = std::make_shared<std::string>();
        world.client("c", [=, &main] { main(*order); });
        world.finally([=, &seen] { seen.insert(*order); });
      },
      {.executions = 500, .run = std::move(options)});
  EXPECT_FALSE(result.failing) << result.failing->failure->message;
  return seen;
}

void three_callbacks(std::string& order) {
  for (const char letter : {'a', 'b', 'c'})
    asyncio::get_running_loop().call_soon([&order, letter] { order += letter; });
  asyncio::sleep(1s);
}

// S1.
TEST(SimEventLoop, RunsCallbacksInTheirOrderUnderFifo) {
  EXPECT_EQ(orders(three_callbacks), (std::set<std::string>{"abc"}));
}

TEST(SimEventLoop, RunsCallbacksInEveryOrderUnderAny) {
  auto seen = orders(three_callbacks, {.ready = sim::ReadyOrder::any});
  std::erase_if(seen, [](const std::string& order) { return order.size() < 3; });  // main may return before them
  EXPECT_EQ(seen.size(), 6u);
}

// S352.
TEST(SimEventLoop, RunsTimersOfOneInstantInEveryOrder) {
  const auto seen = orders([](std::string& order) {
    auto& loop = asyncio::get_running_loop();
    for (const char letter : {'a', 'b', 'c'}) {
      loop.call_at(asyncio::TimePoint(1s), [&order, letter] { order += letter; });
    }
    asyncio::sleep(2s);
  });
  EXPECT_EQ(seen.size(), 6u);
}

// S10.
TEST(SimEventLoop, RunsTimersOfDifferentInstantsInTheirOrder) {
  const auto seen = orders([](std::string& order) {
    auto& loop = asyncio::get_running_loop();
    loop.call_at(asyncio::TimePoint(2ns), [&order] { order += 'b'; });
    loop.call_at(asyncio::TimePoint(1ns), [&order] { order += 'a'; });
    for (int i = 0; i < 5; ++i) asyncio::sleep(0s);
    asyncio::sleep(1s);
  });
  EXPECT_EQ(seen, (std::set<std::string>{"ab"}));
}

// A step may take any time: then the next timer is due in the very next iteration, beside what is ready there.
TEST(SimEventLoop, MayFindATimerDueRightAfterASlowStep) {
  const auto seen = orders([](std::string& order) {
    asyncio::get_running_loop().call_later(1h, [&order] { order += 't'; });
    for (int i = 0; i < 3; ++i) {
      asyncio::sleep(0s);
      order += 's';
    }
    asyncio::sleep(2h);
  });
  EXPECT_EQ(seen, (std::set<std::string>{"ssst", "ssts", "stss"}));
}

TEST(SimEventLoop, ChoosesNothingWhereNothingIsOpen) {
  const auto result = sim::run([](sim::World& world) {
    world.client("c", [] {
      asyncio::sleep(0s);
      auto task = asyncio::create_task([] { asyncio::sleep(0s); });
      asyncio::await(task);
    });
  });
  EXPECT_TRUE(result.tape.empty());
}

TEST(SimEventLoop, MakesItsRandomNumbersChoices) {
  std::set<std::uint64_t> seen;
  const auto result = sim::explore(
      [&](sim::World& world) {
        world.client("c", [&] { seen.insert(asyncio::get_running_loop().random().below(6)); });
      },
      {.executions = 200});
  EXPECT_EQ(seen, (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5}));
}

SIM_TEST(SimEventLoop, IsNotInDebugMode) {
  world.client("c", [] {
    EXPECT_FALSE(asyncio::get_running_loop().get_debug());
    EXPECT_TRUE(asyncio::get_running_loop().is_running());
    EXPECT_EQ(asyncio::get_running_loop().class_name(), "SimEventLoop");
  });
}

SIM_TEST(SimEventLoop, SaysWhatItCannotDo) {
  world.client("c", [] {
    EXPECT_THROW(asyncio::get_running_loop().add_signal_handler(2, [] {}), asyncio::NotImplementedError);
    EXPECT_THROW(asyncio::get_running_loop().sock_recv(3, 1), asyncio::NotImplementedError);
  });
}

TEST(SimEventLoop, ReportsAProgramThatStopsIt) {
  const auto result = sim::run([](sim::World& world) {
    world.client("c", [] {
      asyncio::get_running_loop().stop();
      asyncio::sleep(1s);
    });
  });
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind, sim::FailureKind::exception);
}

TEST(SimEventLoop, ReportsAnInterrupt) {
  const auto result = sim::run([](sim::World& world) {
    world.client("c", [] {
      asyncio::get_running_loop().call_soon([] { throw asyncio::KeyboardInterrupt(); });
      asyncio::sleep(1s);
    });
  });
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind, sim::FailureKind::exception);
  EXPECT_NE(result.failure->message.find("KeyboardInterrupt"), std::string::npos);
}

/// A task type that is not the library's own, and that is stepped by hand.
class ForeignTask final : public asyncio::TaskState {
 public:
  explicit ForeignTask(asyncio::AbstractEventLoop& loop)
      : TaskState(loop, nullptr, {.name = "foreign"}, std::source_location::current()) {
    set_log_destroy_pending(false);
  }
  bool cancel(std::string) override { return false; }
  void complete() { finish(); }
};

/// What becomes of an execution in which somebody steps a foreign task so.
std::optional<sim::Failure> stepped(
    const std::function<void(asyncio::AbstractEventLoop&, asyncio::AnyTask, ForeignTask&)>& how) {
  return sim::run([&](sim::World& world) {
           world.client("c", [&] {
             auto& loop = asyncio::get_running_loop();
             const auto task = asyncio::make_ref<ForeignTask>(loop);
             loop.call_soon([&, task] { how(loop, asyncio::AnyTask(asyncio::Ref<asyncio::TaskState>(task)), *task); });
             asyncio::sleep(1s);
           });
         })
      .failure;
}

TEST(Lifecycle, HasNothingAgainstAForeignTaskThatKeepsTheRules) {
  EXPECT_FALSE(stepped([](auto& loop, const auto& task, ForeignTask& state) {
    asyncio::register_task(task);
    asyncio::enter_task(loop, task);
    asyncio::leave_task(loop, task);
    state.complete();
    asyncio::unregister_task(task);
  }));
}

TEST(Lifecycle, FailsWhereATaskIsEnteredAndNeverLeft) {
  const auto failure = stepped([](auto& loop, const auto& task, ForeignTask&) {
    asyncio::register_task(task);
    asyncio::enter_task(loop, task);
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, sim::FailureKind::lifecycle);
  EXPECT_NE(failure->message.find("'foreign'"), std::string::npos);
}

TEST(Lifecycle, FailsWhereADoneTaskIsEntered) {
  const auto failure = stepped([](auto& loop, const auto& task, ForeignTask& state) {
    state.complete();
    asyncio::enter_task(loop, task);
    asyncio::leave_task(loop, task);
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, sim::FailureKind::lifecycle);
}

TEST(Lifecycle, FailsWhereARunningTaskIsUnregistered) {
  const auto failure = stepped([](auto& loop, const auto& task, ForeignTask&) {
    asyncio::register_task(task);
    asyncio::enter_task(loop, task);
    asyncio::unregister_task(task);
    asyncio::leave_task(loop, task);
  });
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, sim::FailureKind::lifecycle);
}

/// What a host's loop says where it is asked for something that it does not have, a line each.
std::string refusals(const std::vector<std::function<void(asyncio::AbstractEventLoop&)>>& asked) {
  std::string said;
  sim::run([&](sim::World& world) {
    world.client("c", [&] {
      for (const auto& ask : asked) {
        try {
          ask(asyncio::get_running_loop());
          said += "nothing\n";
        } catch (const asyncio::NotImplementedError& refused) {
          said += std::string(refused.what()) + "\n";
        }
      }
    });
  });
  return said;
}

const auto make_protocol = [] { return std::make_shared<asyncio::Protocol>(); };

// A world has no operating system. What needs one says so, by the name under which it was asked for.
TEST(SimEventLoop, HasNeitherSignalsNorDescriptors) {
  EXPECT_EQ(refusals({
                [](auto& loop) { loop.add_signal_handler(2, [] {}); },
                [](auto& loop) { loop.add_reader(0, [] {}); },
                [](auto& loop) { loop.sock_recv(0, 1); },
                [](auto& loop) { loop.create_unix_connection(make_protocol, "socket"); },
                [](auto& loop) { loop.create_unix_server(make_protocol, "socket"); },
                [](auto& loop) { loop.getaddrinfo("localhost", "80"); },
            }),
            "SimEventLoop.add_signal_handler() is not implemented by this loop\n"
            "SimEventLoop.add_reader() is not implemented by this loop\n"
            "SimEventLoop.sock_recv() is not implemented by this loop\n"
            "SimEventLoop.create_unix_connection() is not implemented by this loop\n"
            "SimEventLoop.create_unix_server() is not implemented by this loop\n"
            "SimEventLoop.getaddrinfo() is not implemented by this loop\n");
}

TEST(SimEventLoop, TakesNoSocketOfItsCaller) {
  EXPECT_EQ(refusals({
                [](auto& loop) { loop.create_connection(make_protocol, {.sock = asyncio::Socket()}); },
                [](auto& loop) { loop.create_server(make_protocol, {.sock = asyncio::Socket()}); },
                [](auto& loop) { loop.create_datagram_endpoint(make_protocol, {.sock = asyncio::Socket()}); },
                [](auto& loop) {
                  loop.create_datagram_endpoint(make_protocol,
                                                {.local_addr = asyncio::Address("c", 1), .reuse_port = true});
                },
            }),
            "create_connection(): sock is not implemented in a world\n"
            "create_server(): sock is not implemented in a world\n"
            "create_datagram_endpoint(): sock is not implemented in a world\n"
            "create_datagram_endpoint(): reuse_port is not implemented in a world\n");
}

TEST(SimEventLoop, HasNeitherPipesNorProcesses) {
  EXPECT_EQ(refusals({
                [](auto& loop) { loop.connect_read_pipe(make_protocol, 0); },
                [](auto& loop) { loop.connect_write_pipe(make_protocol, 1); },
                [](auto&) { asyncio::create_subprocess_exec({"true"}); },
                [](auto&) { asyncio::create_subprocess_shell("true"); },
            }),
            "SimEventLoop.connect_read_pipe() is not implemented by this loop\n"
            "SimEventLoop.connect_write_pipe() is not implemented by this loop\n"
            "SimEventLoop.subprocess_exec() is not implemented by this loop\n"
            "SimEventLoop.subprocess_shell() is not implemented by this loop\n");
}

}  // namespace
