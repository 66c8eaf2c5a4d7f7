// faults_test.cpp: crash, restart, pause and resume.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace sim = asyncio::sim;

namespace {

// Tests that look at exact times run the plain execution only: in others a step may take any time.

SIM_TEST(CrashedHost, RunsNothingAnyMore, {.executions = 1, .strategy = sim::fifo()}) {
  auto beats = std::make_shared<int>(0);
  sim::Host& host = world.host("server", [=] {
    for (;;) {
      asyncio::sleep(1s);
      ++*beats;
    }
  });
  world.at(2500ms, [&world] { world.crash("server"); });
  world.client("c", [] { asyncio::sleep(10s); });
  world.finally([=, &host] {
    EXPECT_EQ(*beats, 2);
    EXPECT_FALSE(host.running());
  });
}

SIM_TEST(CrashedHost, StartsItsMainAgainWithFreshMemory) {
  auto seen = std::make_shared<std::vector<int>>();
  sim::Host& host = world.host("server", [=, memory = 0]() mutable {
    seen->push_back(++memory);
    asyncio::sleep(1h);
  });
  world.at(1s, [&world] { world.crash("server"); });
  world.at(2s, [&world] { world.restart("server"); });
  world.at(3s, [&world] { world.restart("server"); });  // one that runs is crashed first
  world.client("c", [] { asyncio::sleep(10s); });
  world.finally([=, &host] {
    EXPECT_EQ(*seen, (std::vector<int>{1, 1, 1}));
    EXPECT_EQ(host.starts(), 3);
  });
}

SIM_TEST(TaskThatCrashesItsOwnHost, GoesNoFurther, {.executions = 1, .strategy = sim::fifo()}) {
  auto further = std::make_shared<bool>(false);
  auto others = std::make_shared<int>(0);
  world.host("server", [=] {
    auto other = asyncio::create_task([=] {
      for (;; ++*others) asyncio::sleep(100us);
    });
    asyncio::sleep(1ms);
    *others = 0;
    sim::World::current().crash("server");
    *further = true;
  });
  world.client("c", [] { asyncio::sleep(1s); });
  world.finally([=] {
    EXPECT_FALSE(*further);
    EXPECT_EQ(*others, 0);
  });
}

SIM_TEST(TaskThatRestartsItsOwnHost, IsReplacedByItsMain, {.executions = 1, .strategy = sim::fifo()}) {
  auto starts = std::make_shared<int>(0);
  world.host("server", [=] {
    if (++*starts == 3) return;
    asyncio::sleep(1ms);
    sim::World::current().restart("server");
    ADD_FAILURE() << "the task of a crashed host went on";
  });
  world.client("c", [] { asyncio::sleep(1s); });
  world.finally([=] { EXPECT_EQ(*starts, 3); });
}

/// Something whose destructor does what destructors must not do in a world.
struct Noisy {
  ~Noisy() {
    sim::observe("a destructor", "ran");
    sim::sometimes(true, "a destructor ran");
    sim::World::current().choose(10, "in a destructor");
    sim::World::current().crash("c");
    asyncio::get_running_loop().call_soon([] {});
    asyncio::get_running_loop().call_later(1s, [] {});
    asyncio::create_task([] { asyncio::sleep(1s); });
    if (*armed) {
      try {
        sim::fail("from a destructor");
      } catch (const sim::CheckFailed&) {
      }
    }
  }
  std::shared_ptr<bool> armed = std::make_shared<bool>(true);
};

/// A server that crashes with something on its stack.
void crash_with(bool noisy, sim::World& world) {
  world.host("server", [noisy] {
    std::unique_ptr<Noisy> on_the_stack;
    if (noisy) on_the_stack = std::make_unique<Noisy>();
    auto also = asyncio::create_task([kept = std::shared_ptr<Noisy>(std::move(on_the_stack))] { asyncio::sleep(1h); });
    asyncio::sleep(1h);
  });
  world.at(1s, [&world] { world.crash("server"); });
  world.client("c", [] { asyncio::sleep(2s); });
}

// W3.
TEST(CrashedHost, LeavesNoTraceOfItsDestructors) {
  const auto quiet = sim::run([](sim::World& world) { crash_with(false, world); }, {.seed = 5});
  const auto noisy = sim::run([](sim::World& world) { crash_with(true, world); }, {.seed = 5});

  EXPECT_FALSE(noisy.failure);
  EXPECT_EQ(noisy.trace_hash, quiet.trace_hash);
  EXPECT_EQ(noisy.tape, quiet.tape);
}

TEST(CrashedHost, IsUnwoundAfterTheExecution) {
  bool gone = false;
  bool gone_at_the_end = true;
  sim::run([&](sim::World& world) {
    world.host("server", [&] {
      const std::shared_ptr<void> watched(nullptr, [&](void*) { gone = true; });
      asyncio::sleep(1h);
    });
    world.at(1s, [&world] { world.crash("server"); });
    world.client("c", [] { asyncio::sleep(2s); });
    world.finally([&] { gone_at_the_end = gone; });
  });
  EXPECT_FALSE(gone_at_the_end);
  EXPECT_TRUE(gone);
}

TEST(CrashedClient, DoesNotHoldTheExecutionUp) {
  const auto result = sim::run([](sim::World& world) {
    world.client("a", [] { asyncio::sleep(1h); });
    world.client("b", [] { asyncio::sleep(2s); });
    world.at(1s, [&world] { world.crash("a"); });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(result.virtual_time, 2s);
}

TEST(CrashedClient, IsWaitedForWhereAnAtIsToCome) {
  int starts = 0;
  const auto result = sim::run([&](sim::World& world) {
    world.client("a", [&] {
      if (++starts == 1) asyncio::sleep(1h);
    });
    world.at(1s, [&world] { world.crash("a"); });
    world.at(5s, [&world] { world.restart("a"); });
  });
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(starts, 2);
}

// A server that keeps the writers of its clients where its callback reaches them ties a ring through the transports.
TEST(CrashedHost, IsGoneAfterTheExecutionWithAllThatItHeld) {
  std::weak_ptr<std::vector<asyncio::StreamWriter>> members;
  const auto result = sim::run([&](sim::World& world) {
    world.host("room", [&members] {
      const auto here = std::make_shared<std::vector<asyncio::StreamWriter>>();
      members = here;
      asyncio::start_server(
          [here](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
            here->push_back(writer);
            writer.write("welcome\n");
            reader.read();
          },
          "room", 80)
          ->serve_forever();
    });
    world.client("alice", [] {
      const auto [reader, writer] = asyncio::open_connection("room", 80);
      EXPECT_EQ(reader.readline(), "welcome\n");
      sim::World::current().crash("room");
    });
    world.finally([&members] { EXPECT_FALSE(members.expired()); });
  });

  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(members.expired());
}

SIM_TEST(PausedHost, StandsStillUntilItIsResumed, {.executions = 1, .strategy = sim::fifo()}) {
  auto times = std::make_shared<std::vector<asyncio::Duration>>();
  world.host("server", [=] {
    for (;;) {
      asyncio::sleep(1s);
      times->push_back(sim::World::current().now() - asyncio::TimePoint{});
    }
  });
  world.at(1500ms, [&world] { world.pause("server"); });
  world.at(5s, [&world] { world.resume("server"); });
  world.client("c", [] { asyncio::sleep(5500ms); });
  world.finally([=] { EXPECT_EQ(*times, (std::vector<asyncio::Duration>{1s, 5s})); });
}

SIM_TEST(TaskThatPausesItsOwnHost, GoesOnAfterwards) {
  auto when = std::make_shared<asyncio::Duration>();
  world.host("server", [=] {
    sim::World::current().pause("server");
    *when = sim::World::current().now() - asyncio::TimePoint{};
  });
  world.at(3s, [&world] { world.resume("server"); });
  world.client("c", [] { asyncio::sleep(5s); });
  world.finally([=] { EXPECT_EQ(*when, 3s); });
}

TEST(PausedClient, IsNamedInADeadlock) {
  const auto result = sim::run([](sim::World& world) {
    world.client("a", [] { asyncio::sleep(5s); });
    world.at(1s, [&world] { world.pause("a"); });
  });
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->kind, sim::FailureKind::deadlock);
  EXPECT_NE(result.failure->message.find("a is paused"), std::string::npos);
}

SIM_TEST(Fault, ChangesNothingThatIsSoAlready) {
  world.host("server", [] { asyncio::sleep(1h); });
  world.client("c", [] {
    sim::World& world = sim::World::current();
    world.resume("server");
    world.pause("server");
    world.pause("server");
    world.crash("server");
    world.crash("server");
    world.resume("server");
  });
}

}  // namespace
