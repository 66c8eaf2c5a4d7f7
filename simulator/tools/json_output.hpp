// json_output.hpp: results as JSON, an object a line. docs/command_line.md has the list of all fields.
//
// What programs read may gain fields, and never loses one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "finding.hpp"
#include "session.hpp"

namespace asyncio::sim::tool {

/// What a summary says about a failure; all that is known where the execution never came to its end.
struct FailureFields {
  std::optional<std::uint64_t> seed = {};  ///< empty where the token holds deviations
  std::string token = {};
  std::string kind = {};
  std::string message = {};
  std::string where = {};
  std::optional<std::uint64_t> trace_hash = {};  ///< empty where the execution did not end
  std::size_t steps = 0;
  Duration virtual_time{};
  std::size_t choices = 0;

  /// Of an execution that failed.
  static FailureFields of(const RunResult& result);
};

/// The last line of a command.
struct Summary {
  std::string scenario = {};
  std::uint64_t executions = 0;
  std::uint64_t distinct_traces = 0;
  bool exhausted = false;
  double seconds = 0;
  std::optional<FailureFields> failure = {};
  std::string note = {};  ///< why it is not ok although nothing failed: "stale: …"; empty where it is ok
  std::map<std::string, std::uint64_t> sometimes = {};
  std::uint64_t failures = 0;  ///< how many different ones

  /// Of a command that looked at one execution.
  static Summary of(const Session& session, const RunResult& result);
};

nlohmann::ordered_json summary_object(const Summary& summary, const std::string& type = "summary");
/// A failure as it was found.
nlohmann::ordered_json failure_object(const Finding& finding);
/// The same failure, shrunk.
nlohmann::ordered_json shrunk_object(const Finding& finding);

}  // namespace asyncio::sim::tool
