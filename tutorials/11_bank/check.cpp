// check.cpp: looks whether the exercise of chapter 11 is solved.
#include "bank.hpp"

#include <string>

#include "tutorials/checks.hpp"

namespace sim = asyncio::sim;

namespace {

constexpr std::uint64_t OPEN_CASE = 4;  // the seed that somebody has reported

std::string outcome(const std::optional<sim::Failure>& failure) { return failure ? failure->message : "all passed"; }

std::string explore(std::uint64_t first_seed, std::uint64_t executions) {
  const sim::ExploreResult result = sim::explore(deposits, {.executions = executions, .run = {.seed = first_seed}});
  return outcome(result.failing ? result.failing->failure : std::nullopt);
}

}  // namespace

int main() {
  tutorials::Checks checks(11, "tutorials/11_bank/exercise/bank.hpp");
  checks.expect({.what = "the bank works in plain order",
                 .expected = "all passed",
                 .why = "here nobody comes late, and the deposits are far apart"},
                [] { return outcome(sim::run(deposits, {.strategy = sim::fifo()}).failure); });
  checks.expect({.what = "the open case, deposits@4, passes",
                 .expected = "all passed",
                 .why = "to see why: build/release/tutorials/ch11_yours shrink deposits@4, and then trace"},
                [] { return explore(OPEN_CASE, 1); });
  checks.expect({.what = "2,000 other executions pass",
                 .expected = "all passed",
                 .why = "one case that passes is no proof: build/release/tutorials/ch11_yours explore deposits"},
                [] { return explore(1000, 2000); });
  return checks.conclude();
}
