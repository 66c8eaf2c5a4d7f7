// both_loops.hpp: one body on a real loop, and in a world under every order of ready callbacks.
#pragma once

#include <asyncio/asyncio.hpp>
#include <asyncio/sim/sim.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace asyncio {

/// In a world this is a failure of the execution, and on a real loop one of the test.
inline void require(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("not so: " + what);
}

/// Runs a body on a real loop; nothing may reach the loop's exception handler.
template <class Body>
void expect_on_a_real_loop(Body body) {
  std::vector<std::string> reports;
  run([&] {
    get_running_loop().set_exception_handler(
        [&](AbstractEventLoop&, const ExceptionContext& context) { reports.push_back(context.message); });
    body();
  });
  EXPECT_EQ(reports, std::vector<std::string>());
}

/// Explores a scenario under asyncio's own order of callbacks, where turns of a loop take any time, and under any
/// order.
inline void expect_in_every_order(const sim::Scenario& scenario) {
  const std::uint64_t executions = std::getenv("ORRERY_QUICK") ? 8 : 100;
  for (const sim::ReadyOrder order : {sim::ReadyOrder::fifo, sim::ReadyOrder::any}) {
    const auto found = sim::explore(scenario, {.executions = executions, .run = {.ready = order}});
    EXPECT_FALSE(found.failing) << to_string(order) << ", " << found.failing->token << ": "
                                << found.failing->failure->message;
  }
}

/// A main that holds in every order.
struct Body {
  const char* name;
  void (*run)();
};

/// Prints its name in test names and messages.
inline void PrintTo(const Body& body, std::ostream* out) { *out << body.name; }

// ---- What such bodies are written with ----

/// Runs fn(0) … fn(count - 1) side by side. \suspends until all have ended
inline void together(int count, const std::function<void(int)>& fn) {
  task_group([&](TaskGroup& group) {
    for (int n = 0; n < count; ++n) group.create_task([&fn, n] { fn(n); });
  });
}

/// Starts fn(0) … fn(count - 1).
inline std::vector<Task<void>> start(int count, const std::function<void(int)>& fn) {
  std::vector<Task<void>> tasks;
  for (int n = 0; n < count; ++n) tasks.push_back(create_task([fn, n] { fn(n); }));
  return tasks;
}

/// Lets other tasks run until `done` says so. \suspends
inline void until(const std::function<bool()>& done) {
  while (!done()) sleep(std::chrono::milliseconds(1));
}

/// Waits for what will never happen. \suspends
inline void for_ever() { Event().wait(); }

/// Whether that throws this error. \suspends where `act` does
template <class Error, class F>
bool fails_with(F act) {
  try {
    act();
    return false;
  } catch (const Error&) {
    return true;
  }
}

}  // namespace asyncio
