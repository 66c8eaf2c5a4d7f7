// world.cpp: the functions of World, and the door through which an execution comes in.
#include <asyncio/sim/world.hpp>

#include "world_core.hpp"
#include "world_runner.hpp"

#include <limits>
#include <stdexcept>
#include <utility>

namespace asyncio::sim {

World::World(Execution& execution) : impl_(std::make_unique<Impl>(*this, execution)), network_(*this) {}
World::~World() = default;

Host& World::host(std::string name, std::function<void()> main) {
  return impl_->add_host(std::move(name), std::move(main), false);
}
Host& World::client(std::string name, std::function<void()> main) {
  return impl_->add_host(std::move(name), std::move(main), true);
}

void World::crash(std::string_view name) { impl_->crash(name); }
void World::restart(std::string_view name) { impl_->restart(name); }
void World::pause(std::string_view name) { impl_->pause(name); }
void World::resume(std::string_view name) { impl_->resume(name); }

void World::at(Delay when, std::function<void()> fn) { impl_->at(when, std::move(fn)); }
void World::invariant(std::string name, std::function<bool()> holds) {
  impl_->invariant(std::move(name), std::move(holds));
}
void World::eventually(std::string name, std::function<bool()> holds) {
  impl_->eventually(std::move(name), std::move(holds));
}
void World::finally(std::function<void()> check) { impl_->finally(std::move(check)); }

TimePoint World::now() const noexcept { return impl_->now(); }
RandomEngine& World::random() noexcept { return impl_->random(); }

bool World::chance(double probability, std::string_view label) {
  const std::uint32_t odds = odds_of(probability, "chance()");
  return impl_->happens(ChoiceKind::user, odds, NameId::none, impl_->execution().names().intern(label));
}

std::size_t World::choose(std::size_t ways, std::string_view label) {
  if (ways == 0) throw std::invalid_argument("choose(): there must be at least one way");
  if (ways > std::numeric_limits<std::uint32_t>::max()) {
    throw std::invalid_argument("choose(): there can be at most 2^32 - 1 ways");
  }
  return impl_->choose(ChoiceKind::user, static_cast<std::uint32_t>(ways), NameId::none,
                       impl_->execution().names().intern(label));
}

void run_world(Execution& execution, const Scenario& scenario) {
  World world(execution);
  try {
    scenario(world);
  } catch (const CheckFailed& failed) {
    world.impl_->fail(FailureKind::check, failed.message());
  }
  if (!execution.failed()) world.impl_->run();
}

World& World::current() {
  WorldCore* const current = WorldCore::current();
  if (!current) throw RuntimeError("World::current(): no execution is running in this thread");
  return current->world();
}

}  // namespace asyncio::sim
