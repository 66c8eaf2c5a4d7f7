#include "tests/museum/exhibits.hpp"

#include <stdexcept>
#include <string>

namespace museum {

namespace sim = asyncio::sim;

const std::vector<Broken>& broken_exhibits() {
  static const std::vector<Broken> exhibits = {
      {"a1_withdraw_twice_buggy", 20, 2, "leap", "the account held 10 and the bank paid out"},
      {"a1_withdraw_twice_lock_too_short", 33, 3, "latency: bank to ledger",
       "the account held 10 and the bank paid out"},
      {"a2_wrong_users_data_buggy", 100, 1, "when bob closes the tab", "asked for her own titles and was shown bob's"},
      {"a3_wait_for_leaks_buggy", 35, 2, "next cancellation", "of the pool's 2 connections is lost"},
      {"a4_wait_for_swallows_buggy", 50, 1, "time until the cancellation", "the worker was told to stop"},
      {"a4_wait_for_swallows_shutdown_buggy", 50, 1, "time until the shutdown", "the service was told to shut down"},
      {"a8_plan_from_the_past_buggy", 55, 1, "who is held up", "every name has an address"},
      {"a8_plan_from_the_past_cleanup_spares_used", 55, 1, "who is held up", "every name has an address"},
      {"a9_lock_without_fence_buggy", 40, 1, "who stands still", "3 increments were confirmed, and the counter says"},
      {"a9_lock_without_fence_fence_on_writes", 420, 6, "who stands still",
       "3 increments were confirmed, and the counter says"},
      {"a10_charged_twice_buggy", 20, 1, "leap", "the customer bought one"},
      {"a10_charged_twice_longer_timeout", 20, 1, "leap", "the customer bought one"},
      {"canary", 6000, 7, "arrival", "lies on the stack"},
  };
  return exhibits;
}

const std::vector<std::string_view>& fixed_exhibits() {
  static const std::vector<std::string_view> exhibits = {
      "a1_withdraw_twice_fixed_lock", "a1_withdraw_twice_fixed_conditional_write",
      "a2_wrong_users_data_fixed",    "a3_wait_for_leaks_python_3_8",
      "a3_wait_for_leaks_fixed",      "a4_wait_for_swallows_python_3_7",
      "a4_wait_for_swallows_fixed",   "a4_wait_for_swallows_shutdown_fixed",
      "a8_plan_from_the_past_fixed",  "a9_lock_without_fence_fixed",
      "a10_charged_twice_fixed",
  };
  return exhibits;
}

sim::Scenario scenario_named(std::string_view name) {
  for (const sim::RegisteredScenario& registered : sim::scenarios()) {
    if (registered.name == name) return registered.scenario;
  }
  throw std::out_of_range("no exhibit is called " + std::string(name));
}

std::uint64_t count_failures(std::string_view scenario, std::uint64_t executions, sim::RunOptions options) {
  const sim::Scenario build = scenario_named(scenario);
  std::uint64_t failures = 0;
  while (executions > 0) {  // explore() stops at a failure; go on behind it
    const sim::ExploreResult found = sim::explore(build, {.executions = executions, .run = options});
    if (!found.failing) break;
    ++failures;
    options.seed += found.executions;
    executions -= found.executions;
  }
  return failures;
}

}  // namespace museum
