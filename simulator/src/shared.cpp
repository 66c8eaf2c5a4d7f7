// shared.cpp: the point before an access, at which another task may go first.
//
// Under ReadyOrder::any the task gives way, and who goes on is the choice that every turn makes anyway: this task or
// any other. Mostly nothing but this loop's own handles could come next. Then the choice is made right here, and where
// it falls on the task itself, it goes on without two switches of stacks and a turn in between.
//
// Under ReadyOrder::fifo giving way is the choice, yes or no. One yes lets the next task in the queue go first, and
// that one is asked in its turn: a few yes in a row bring any task to the front, so every interleaving of accesses
// can be reached. After as many as there are ready handles everybody has had the offer. Further ones would repeat
// the same states, for ever if a search tries all ways; so they are not offered until somebody has made an access.
#include <asyncio/sim/shared.hpp>

#include "sim_event_loop.hpp"
#include "world_core.hpp"

#include <asyncio/coroutine.hpp>

namespace asyncio::sim::detail {
namespace {

// A cell is its number in the world and the number of its name, so that nothing has to be looked up.
constexpr int NAME_BITS = 32;

NameId name_of(std::uint64_t cell) noexcept { return static_cast<NameId>(cell & 0xffffffff); }

/// The loop of the calling task; null where nobody can give way: outside an execution, between turns, in a
/// plain callback.
SimEventLoop* loop_of_caller() {
  const WorldCore* const world = WorldCore::current();
  if (!world || !world->running_host() || !Coroutine::inside()) return nullptr;
  return &world->running_host()->loop();
}

}  // namespace

std::uint64_t new_cell(const std::string& name) {
  WorldCore* const world = WorldCore::current();
  if (!world) return 0;
  return world->new_cell_number() << NAME_BITS | static_cast<std::uint64_t>(world->execution().names().intern(name));
}

void before_access(std::uint64_t cell, bool /*writes*/) {
  SimEventLoop* const loop = loop_of_caller();
  if (!loop) return;
  WorldCore& world = loop->world();
  if (world.execution().options().ready == ReadyOrder::any) {
    if (!world.nobody_else_may_go() || !loop->choose_caller()) Coroutine::suspend();  // suspends
    return;
  }
  while (loop->ready_count() > loop->gave_way_in_a_row &&
         world.choose(ChoiceKind::access, 2, loop->host().name_id(), name_of(cell)) == 1) {
    ++loop->gave_way_in_a_row;
    Coroutine::suspend();  // suspends
  }
  loop->gave_way_in_a_row = 0;
}

}  // namespace asyncio::sim::detail
