// tool_main.cpp: from a command line to an exit status.
//
// Here ends everything that is thrown. What is somebody's mistake is one sentence on standard error that says
// what to do about it; what is left is ours, and says so.
#include "tool_main.hpp"

#include <exception>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cases.hpp"
#include "command_line.hpp"
#include "commands.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "json_output.hpp"

namespace asyncio::sim {
namespace tool {
namespace {

int carry_out(const Options& options, Output& output) {
  if (options.command == "list") return list(options, output);
  if (options.command == "run") return run(options, output);
  if (options.command == "explore") return explore(options, output);
  if (options.command == "replay") return replay(options, output);
  if (options.command == "shrink") return shrink(options, output);
  if (options.command == "trace") return trace(options, output);
  if (options.command == "tree") return tree(options, output);
  if (options.command == "learn") return learn(options, output);
  throw std::logic_error("a command that is read and not carried out: " + options.command);
}

/// Carries it out; the ways to fail for which there is a summary with --json.
int carry_out_and_sum_up(const Options& options) {
  Output output(options);
  try {
    return carry_out(options, output);
  } catch (const ScenarioThrew& error) {
    const std::string message = fmt::format("the scenario threw while it built its world: {}", error.what());
    output.text(fmt::format("FAIL  exception: {}\n\nreplay   {} replay {}@{}\n", message, options.program,
                            error.scenario, error.token));
    Summary summary{.scenario = error.scenario, .executions = 1};
    summary.failure = {.seed = seed_of(error.token), .token = error.token, .kind = "exception", .message = message};
    output.object(summary_object(summary));
    return EXIT_FAILED;
  } catch (const Stale& error) {
    complain(fmt::format("STALE  {}", error.what()));
    complain(fmt::format("next   {} explore {}", options.program, error.scenario));
    output.object(
        summary_object({.scenario = error.scenario, .executions = 1, .note = fmt::format("stale: {}", error.what())}));
    return EXIT_STALE;
  }
}

int complain_about_usage(const char* program, const std::string& sentence) {
  complain(sentence);
  complain(fmt::format("Help: {} --help", program));
  return EXIT_USAGE;
}

int complain_about_fault(const std::string& what) {
  complain(fmt::format("orrery {}: {}", ORRERY_VERSION, what));
  complain("This is a fault of the tool. Please report it with this line, the command and its output.");
  return EXIT_FAULT;
}

}  // namespace
}  // namespace tool

int tool_main(int argc, char** argv) {
  using namespace tool;
  const char* program = argc > 0 ? argv[0] : "orrery";
  try {
    const Options options = read_command_line(argc, argv);
    const Interruption interruption;
    return carry_out_and_sum_up(options);
  } catch (const HelpWanted& help) {
    fmt::print("{}", help.text);
    return EXIT_PASSED;
  } catch (const UsageError& error) {
    return complain_about_usage(program, error.what());
  } catch (const MalformedToken& error) {
    return complain_about_usage(program, error.what());
  } catch (const NothingSelected& error) {
    complain(error.what());
    return EXIT_NOTHING_SELECTED;
  } catch (const std::exception& error) {
    return complain_about_fault(error.what());
  } catch (...) {
    return complain_about_fault("an exception of an unknown kind");
  }
}

}  // namespace asyncio::sim
