// cases.cpp: finds out what a CASE is: a file where there is one of that name, else a token, else a seed.
#include "cases.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "../src/token.hpp"
#include "exit_status.hpp"
#include "quantities.hpp"
#include "selection.hpp"

namespace asyncio::sim::tool {
namespace {

bool is_there(const std::string& path) {
  std::error_code ignored;  // a path that cannot be looked at is no case either
  return std::filesystem::exists(path, ignored);
}

Case case_in_file(const std::string& path) {
  const CaseFile file = read_case_file(path);
  const RegisteredScenario* scenario = scenario_named(file.scenario);
  if (scenario != nullptr) return {.scenario = scenario, .token = file.token, .expected = file};
  throw Stale(file.scenario, file.token,
              fmt::format("The case file {} is about a scenario \"{}\", which this program does not have.", path,
                          file.scenario));
}

/// \throws Stale  where a file expected something else
void check_expected(const Case& wanted, const RunResult& result) {
  if (!wanted.expected) return;
  const CaseFile& expected = *wanted.expected;
  const std::string kind(result.failure ? to_string(result.failure->kind) : "none");
  if (kind != expected.kind) {
    throw Stale(
        wanted.scenario->name, wanted.token,
        fmt::format(
            "The case file expects a failure of kind {}, and this execution gives {}. Was the file changed by hand?",
            expected.kind, kind));
  }
  if (result.trace_hash == expected.trace_hash) return;
  throw Stale(wanted.scenario->name, wanted.token,
              fmt::format("The case file has the trace {}, and this execution gives {}. Was the file changed by hand?",
                          hash_text(expected.trace_hash), hash_text(result.trace_hash)));
}

const RunResult& result_of(const RunResult& result) { return result; }
const RunResult& result_of(const Inspection& inspection) { return inspection.result; }

/// Runs a case again by way of `run`.
template <class Run>
auto reproduced(const Case& wanted, Session& session, Run run) {
  try {
    session.runs(wanted.token);
    auto outcome = run();
    session.rests();
    check_expected(wanted, result_of(outcome));
    return outcome;
  } catch (const StaleTape& error) {
    throw Stale(wanted.scenario->name, wanted.token, error.what());
  }
}

}  // namespace

Case find_case(const std::string& argument) {
  const std::size_t at = argument.rfind('@');
  const bool may_be_token = at != std::string::npos && at != 0 && argument.find('/') == std::string::npos;
  if (may_be_token && (scenario_named(argument.substr(0, at)) != nullptr || !is_there(argument))) {
    const RegisteredScenario& scenario = find_scenario(argument.substr(0, at));
    const std::string text = argument.substr(at + 1);
    if (!looks_like_seed(text)) return {.scenario = &scenario, .token = text};
    return {.scenario = &scenario, .token = token_before_run({.seed = parse_seed(scenario.name + "@", text)})};
  }
  if (is_there(argument)) return case_in_file(argument);
  if (scenario_named(argument) != nullptr) {
    throw UsageError(fmt::format("\"{0}\" is a scenario; a CASE is one execution of it, such as {0}@17.", argument));
  }
  throw UsageError(
      fmt::format("\"{}\" is no CASE: there is no such file, and SCENARIO@TOKEN or SCENARIO@SEED has an @.", argument));
}

RunResult reproduce(const Case& wanted, Session& session) {
  return reproduced(wanted, session, [&] { return sim::replay(session.scenario(), wanted.token); });
}

Inspection reproduce_and_inspect(const Case& wanted, Session& session, std::optional<std::size_t> step) {
  return reproduced(wanted, session, [&] { return sim::inspect(session.scenario(), wanted.token, step); });
}

std::optional<std::uint64_t> seed_of(const std::string& token) {
  const Token parsed = Token::parse(token);
  if (parsed.strategy.empty()) return std::nullopt;
  return parsed.seed;
}

std::string token_before_run(const RunOptions& options) { return Token::of(options, {}).text(); }

std::string case_text(const std::string& scenario, const RunResult& result) { return scenario + "@" + result.token; }

}  // namespace asyncio::sim::tool
