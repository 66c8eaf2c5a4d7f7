// json_output.cpp: the fields of each kind of object, in the order in which docs/command_line.md lists them.
#include "json_output.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

void add(Json& object, const FailureFields& failure) {
  object["seed"] = or_null(failure.seed);
  object["token"] = failure.token;
  object["kind"] = failure.kind;
  object["message"] = failure.message;
  object["where"] = failure.where;
  // As text: many readers of JSON keep numbers as doubles, which have 53 bits.
  object["trace_hash"] = failure.trace_hash ? Json(hash_text(*failure.trace_hash)) : Json(nullptr);
  object["steps"] = failure.steps;
  object["virtual_time_ns"] = failure.virtual_time.count();
  object["choices"] = failure.choices;
}

}  // namespace

FailureFields FailureFields::of(const RunResult& result) {
  return {.seed = seed_of(result.token),
          .token = result.token,
          .kind = std::string(to_string(result.failure->kind)),
          .message = result.failure->message,
          .where = result.failure->where,
          .trace_hash = result.trace_hash,
          .steps = result.steps,
          .virtual_time = result.virtual_time,
          .choices = result.tape.size()};
}

Summary Summary::of(const Session& session, const RunResult& result) {
  Summary summary{.scenario = session.name(), .executions = 1, .distinct_traces = 1, .seconds = session.seconds()};
  if (result.failure) summary.failure = FailureFields::of(result);
  return summary;
}

Json summary_object(const Summary& summary, const std::string& type) {
  Json object;
  object["type"] = type;
  object["scenario"] = summary.scenario;
  object["ok"] = !summary.failure && summary.note.empty();
  object["executions"] = summary.executions;
  object["distinct_traces"] = summary.distinct_traces;
  object["exhausted"] = summary.exhausted;
  object["seconds"] = summary.seconds;
  if (!summary.note.empty()) object["note"] = summary.note;
  if (!summary.sometimes.empty()) object["sometimes"] = summary.sometimes;
  if (summary.failure) {
    object["failures"] = std::max<std::uint64_t>(summary.failures, 1);
    add(object, *summary.failure);
  }
  return object;
}

Json failure_object(const Finding& finding) {
  Json object;
  object["type"] = "failure";
  object["scenario"] = finding.scenario;
  object["passed_before"] = finding.passed_before;
  add(object, FailureFields::of(finding.result));
  return object;
}

Json shrunk_object(const Finding& finding) {
  Json object;
  object["type"] = "shrunk";
  object["scenario"] = finding.scenario;
  add(object, FailureFields::of(finding.smallest()));
  object["deviations"] = Json::array();
  for (const auto& [index, choice] : finding.deviations) {
    object["deviations"].push_back(
        {{"index", index}, {"label", choice.label}, {"ways", choice.ways}, {"picked", choice.picked}});
  }
  return object;
}

}  // namespace asyncio::sim::tool
