// workers.hpp: tasks that use one primitive at random, and somebody who cancels them.
//
// Each property of this folder is a scenario: it makes up its program by choices of the world, so that the token of
// a failure has both in it, what the tasks did and in which order, and shrinking makes both smaller. All of them have
// the same shape:
//
//     workers   2 to 4 tasks; each does 1 to 3 rounds of what the property is about
//     saboteur  cancels workers at times that are chosen; a cancelled worker goes on with its next round, or ends
//     the end   all workers have ended: one that is never woken again is found by the world, as a deadlock
//
//   W1  A worker is doomed from the moment somebody cancels it until it has caught the CancelledError. Who is doomed
//       has no claim: it may be overtaken, and what it was given has to go to another.
#pragma once

#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace asyncio::properties {

/// One of the tasks that use the primitive.
struct Worker {
  std::size_t number;
  std::size_t rounds;
  bool goes_on;           // whether it does its other rounds after a cancellation
  bool doomed = false;    // W1
  int cancellations = 0;  // how often it was cancelled since it last caught one
};

/// Lets some time pass, or an iteration, or none at all. \suspends, or not
void linger(const char* label);

/// Runs `round` in every worker, as often as the worker has rounds, while a saboteur cancels them.
///
/// \param round  may throw CancelledError; anything else fails the execution
/// \suspends until all have ended
void disturbed_workers(const std::function<void(Worker&)>& round);

/// The order in which workers asked for something that is promised first come, first served.
class Line {
 public:
  /// A worker asks.
  void join(Worker& worker) { waiting_.push_back(&worker); }
  /// It got what it asked for: fails where somebody was before it who has not been cancelled (W1).
  void served(const Worker& worker);
  /// It gave up.
  void leave(const Worker& worker) { std::erase(waiting_, &worker); }

 private:
  std::deque<Worker*> waiting_;
};

}  // namespace asyncio::properties
