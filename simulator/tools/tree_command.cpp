// tree_command.cpp: what all tasks are doing at one step of an execution.
//
// Like trace it shows and does not judge: its exit status is 0 for an execution that fails, too.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <asyncio/sim/inspect.hpp>

#include "cases.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

using Json = nlohmann::ordered_json;

Json frame_object(const FrameSummary& frame) {
  Json object{{"name", frame.name}};
  if (!frame.filename.empty()) object.update({{"file", frame.filename}, {"line", frame.lineno}});
  return object;
}

/// \param number  of the task on its host, which awaited_by refers to
Json task_object(const std::string& host, std::size_t number, const TaskInfo& task) {
  Json object;
  object["type"] = "task";
  object["host"] = host;
  object["number"] = number;
  object["name"] = task.task_name;
  object["state"] = to_string(task.state);
  object["cancelling"] = task.cancelling;
  object["waits_for"] = task.waits_for.empty() ? Json(nullptr) : Json(task.waits_for);
  object["awaited_by"] = task.awaited_by;
  object["made_at"] = fmt::format("{}:{}", task.where.file_name(), task.where.line());
  object["stack"] = Json::array();
  for (const FrameSummary& frame : task.coroutine_stack) object["stack"].push_back(frame_object(frame));
  return object;
}

std::string text_of(const HostTasks& host, bool as_table) {
  if (!host.running) return fmt::format("\n{}: is not running\n", host.host);
  if (host.tasks.empty()) return fmt::format("\n{}: no tasks\n", host.host);
  return fmt::format("\n{}\n{}", host.host, as_table ? format_task_table(host.tasks) : format_task_tree(host.tasks));
}

}  // namespace

int tree(const Options& options, Output& output) {
  const Case wanted = find_case(options.names.front());
  Session session(*wanted.scenario, options, output);
  Inspection seen;
  try {
    seen = reproduce_and_inspect(wanted, session, options.step);
  } catch (const std::out_of_range& error) {
    throw UsageError(fmt::format("--step {}: {}.", *options.step, error.what()));
  }

  output.text(fmt::format("{}\nafter step {} of {}, at {}\n", case_text(wanted.scenario->name, seen.result), seen.step,
                          seen.result.steps, in_seconds(seen.time)));
  for (const HostTasks& host : seen.hosts) {
    output.text(text_of(host, options.table));
    for (std::size_t i = 0; i < host.tasks.size(); ++i) output.object(task_object(host.host, i, host.tasks[i]));
  }
  output.object(summary_object(Summary::of(session, seen.result)));
  return Interruption::requested() ? EXIT_INTERRUPTED : EXIT_PASSED;
}

}  // namespace asyncio::sim::tool
