// cases.hpp: what a CASE on the command line stands for.
//
//     lost_update@o1-random-fifo-s17-x3f9a0c12de77-8c1f00aa    a token
//     lost_update@17, lost_update@0x11                         a seed, with all options as they are by default
//     found.case                                               a file that -o wrote
//
// All three come down to a scenario and a token. A file says besides what it expects to happen.
#pragma once

#include <asyncio/sim/inspect.hpp>
#include <asyncio/sim/scenario.hpp>

#include <cstdint>
#include <optional>
#include <string>

#include "case_file.hpp"
#include "session.hpp"

namespace asyncio::sim::tool {

/// One execution of one scenario.
struct Case {
  const RegisteredScenario* scenario = nullptr;  ///< never null
  std::string token = {};                        ///< without the scenario's name
  std::optional<CaseFile> expected = {};         ///< where it came from a file
};

/// Reads a CASE.
///
/// \throws UsageError      where it is none of the three, or there is no such scenario
/// \throws MalformedToken  where the file is malformed; a malformed token is noticed when it is replayed
Case find_case(const std::string& argument);

/// Runs a case again, with its trace.
///
/// \throws MalformedToken  where its token is none
/// \throws Stale           where it is not the same execution any more
RunResult reproduce(const Case& wanted, Session& session);

/// The same, and looks at its tasks after a step; after the last where `step` is empty.
///
/// \throws std::out_of_range  where the execution ends before that step
/// \throws as reproduce()
Inspection reproduce_and_inspect(const Case& wanted, Session& session, std::optional<std::size_t> step);

/// What a token says about where it comes from: its seed; nothing where it holds deviations instead.
std::optional<std::uint64_t> seed_of(const std::string& token);

/// The token of an execution that has not been run: it has no trace hash.
std::string token_before_run(const RunOptions& options);

/// "scenario@token".
std::string case_text(const std::string& scenario, const RunResult& result);

}  // namespace asyncio::sim::tool
