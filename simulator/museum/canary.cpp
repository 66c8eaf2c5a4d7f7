// canary.cpp: a planted bug that is rare, to test the tester.
//
// If the simulator one day searches worse than before, because a choice went missing or a strategy broke, then every
// exhibit may still pass: most fail in one of ten executions and would be found by a search a hundred times worse. This
// one fails in about one of five hundred. Continuous integration looks for it within a fixed number of executions; when
// the canary is no longer found, the searching is broken, not the canary.
//
// The bug is the oldest of lock-free programming, ABA, on a stack of cells. Pop reads which cell is on top and which
// one is below, waits, and then puts the one below on top if the top is still the same:
//
//     alice   top is A, below it is B …                                        top is still A: B goes on top
//     bob                              pops A
//     carol                                    pops B and keeps it
//     bob                                                      pushes A back
//
// Three tasks have to be ordered in just this way, which is what a depth of three means.
#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <string>
#include <vector>

namespace {

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

/// A stack of cells that are linked from top to bottom.
struct Stack {
  static constexpr std::size_t CELLS = 4;
  std::size_t top = 0;                                   // CELLS: the stack is empty
  std::vector<std::size_t> below = {1, 2, 3, CELLS};     // by cell
  std::vector<std::string> owner{CELLS, std::string()};  // by cell: who has popped it; empty while it is on the stack
};

/// Comes some time or other. \suspends until then
void arrive() { asyncio::sleep(1ms * sim::World::current().choose(60, "arrival, in ms")); }

/// Does something else in between. \suspends for that long
void pause() { asyncio::sleep(1ms * sim::World::current().choose(10, "pause, in ms")); }

/// Takes the top cell. \suspends between looking and taking
std::size_t pop(Stack& stack, const std::string& who) {
  for (;;) {
    const std::size_t seen = stack.top;
    const std::size_t next = stack.below[seen];
    pause();                          // suspends
    if (stack.top != seen) continue;  // somebody was faster
    stack.top = next;                 // the bug: the top is the same cell again, but what is below it has changed
    stack.owner[seen] = who;
    return seen;
  }
}

void push(Stack& stack, std::size_t cell) {
  stack.owner[cell].clear();
  stack.below[cell] = stack.top;
  stack.top = cell;
}

void canary(sim::World& world) {
  world.client("stack", [] {
    Stack stack;
    const auto keep_one = [&stack](const std::string& who) {
      arrive();         // suspends
      pop(stack, who);  // suspends
    };
    const auto alice = asyncio::create_task([=] { keep_one("alice"); }, {.name = "alice"});
    const auto carol = asyncio::create_task([=] { keep_one("carol"); }, {.name = "carol"});
    const auto bob = asyncio::create_task(
        [&stack] {
          arrive();                                    // suspends
          const std::size_t cell = pop(stack, "bob");  // suspends
          pause();                                     // suspends
          push(stack, cell);
        },
        {.name = "bob"});
    asyncio::await(asyncio::gather(alice, bob, carol));

    const std::string& owner = stack.owner[stack.top];
    sim::require(owner.empty(), "a cell that " + owner + " is using lies on the stack, to be given to somebody else");
  });
}

}  // namespace

ORRERY_SCENARIO(canary, "a planted bug that fails about one execution in a thousand: it tests the search")
