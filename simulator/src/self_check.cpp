// self_check.cpp: comparing two executions that should be one.
#include "self_check.hpp"

#include <algorithm>

namespace asyncio::sim {

std::optional<std::string> first_difference(const std::vector<Choices::Entry>& first, std::uint64_t first_hash,
                                            const Execution& second) {
  const auto& again = second.choices().entries();
  const std::size_t common = std::min(first.size(), again.size());
  for (std::size_t i = 0; i != common; ++i) {
    if (first[i].key != again[i].key) return describe(second, i) + ": the first time something else was chosen here.";
    if (first[i].ways != again[i].ways) {
      return describe(second, i) + ": " + std::to_string(first[i].ways) + " ways the first time, " +
             std::to_string(again[i].ways) + " the second.";
    }
    if (first[i].picked != again[i].picked) {
      return describe(second, i) + ": the strategy picked way " + std::to_string(first[i].picked) +
             " the first time, way " + std::to_string(again[i].picked) + " the second.";
    }
    if (first[i].trace_hash != again[i].trace_hash) {
      return "the traces of two runs differ before " + describe(second, i) +
             ", though all choices up to there are the same.";
    }
  }
  if (first.size() > common) {
    return "choice " + std::to_string(common) + ": the second run ended before it came to this choice.";
  }
  if (again.size() > common)
    return describe(second, common) + ": the first run had ended before it came to this choice.";
  if (first_hash == second.trace().hash()) return {};
  return "the traces of two runs differ after the last of " + std::to_string(common) +
         " choices, which are all the same.";
}

RunResult run_again(Runner& runner, StrategyState& strategy, std::uint64_t seed, const Token& token) {
  const auto first = runner.execution().choices().entries();
  const std::uint64_t first_hash = runner.execution().trace().hash();
  const RunResult before = runner.result(token_of(token, runner.execution()), false);

  const bool keep = runner.options().trace;
  runner.execute(strategy, seed, keep);
  const auto difference = first_difference(first, first_hash, runner.execution());
  RunResult result = runner.result(before.token, keep);
  if (!difference) return result;

  const Failure& failure = *before.failure;
  result.failure = Failure{.kind = FailureKind::nondeterminism,
                           .message = *difference + " " + WHY_NOT_THE_SAME + " The first run failed with " +
                                      std::string(to_string(failure.kind)) + ": " + failure.message,
                           .where = failure.where};
  return result;
}

}  // namespace asyncio::sim
