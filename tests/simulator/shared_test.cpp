// shared_test.cpp: every interleaving of the accesses to a Shared can be reached, in either ready order.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/gtest.hpp>
#include <asyncio/sim/sim.hpp>

#include <memory>
#include <set>
#include <string>

namespace sim = asyncio::sim;

namespace {

/// Three tasks that write one letter twice each: 6! / (2! 2! 2!) = 90 orders of the writes.
void three_letters(sim::World& world, std::set<std::string>& seen) {
  auto cell = std::make_shared<sim::Shared<std::string>>("", "text");
  auto order = std::make_shared<std::string>();
  world.client("c", [=] {
    std::vector<asyncio::Task<void>> tasks;
    for (const char letter : {'a', 'b', 'c'}) {
      tasks.push_back(asyncio::create_task([=] {
        for (int i = 0; i < 2; ++i) {
          cell->write(std::string(1, letter));
          *order += letter;
        }
      }));
    }
    for (const auto& task : tasks) asyncio::await(task);
  });
  world.finally([=, &seen] { seen.insert(*order); });
}

class SharedInOrder : public testing::TestWithParam<sim::ReadyOrder> {};

TEST_P(SharedInOrder, ReachesEveryInterleaving) {
  std::set<std::string> seen;
  sim::explore([&](sim::World& world) { three_letters(world, seen); },
               {.executions = 20'000, .run = {.ready = GetParam()}});
  EXPECT_EQ(seen.size(), 90u);
}

TEST_P(SharedInOrder, IsPlainMemoryInThePlainExecution) {
  std::set<std::string> seen;
  const auto result =
      sim::run([&](sim::World& world) { three_letters(world, seen); }, {.strategy = sim::fifo(), .ready = GetParam()});
  EXPECT_FALSE(result.failure);
  EXPECT_EQ(seen.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(ReadyOrders, SharedInOrder, testing::Values(sim::ReadyOrder::fifo, sim::ReadyOrder::any),
                         [](const auto& order) { return std::string(to_string(order.param)); });

SIM_TEST(Shared, CanBeUsedOutsideEveryTask) {
  auto cell = std::make_shared<sim::Shared<int>>(1, "cell");
  cell->write(cell->read() + 1);
  world.client("c", [=] { cell->write(cell->read() + 1); });
  world.finally([=] { EXPECT_EQ(cell->read(), 3); });
}

TEST(Shared, LosesAnUpdateInSomeInterleaving) {
  const auto result = sim::explore([](sim::World& world) {
    auto count = std::make_shared<sim::Shared<int>>(0, "count");
    world.client("c", [=] {
      const auto increment = [=] { count->write(count->read() + 1); };
      auto a = asyncio::create_task(increment);
      auto b = asyncio::create_task(increment);
      asyncio::await(a);
      asyncio::await(b);
    });
    world.finally([=] { sim::require(count->read() == 2, "an update was lost"); });
  });
  ASSERT_TRUE(result.failing);
  EXPECT_EQ(result.failing->failure->message, "an update was lost");
}

}  // namespace
