// command_line.cpp: the grammar of the command line, in CLI11's terms.
//
// COMMANDS is a table: a command, its help, and the groups of options that it takes. An option stands in
// one group and means the same in every command that has it. All values arrive as text and are read by
// quantities.hpp, so that whatever is wrong with one is said in one sentence of ours.
#include "command_line.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string_view>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "exit_status.hpp"
#include "quantities.hpp"
#include "suggestions.hpp"

namespace asyncio::sim::tool {
namespace {

enum OptionGroup : unsigned {
  SEARCH = 1,  // how an execution is made: a CASE says all this itself
  MANY = 2,    // how many of them
  BUDGET = 4,  // how long it may take
  OUTPUT = 8,  // --json, --quiet
  FILE_OUT = 16,
  TRACE = 32,
  TREE = 64,
  LEARN = 128,
};

struct CommandHelp {
  std::string_view name;
  std::string_view takes;  // "[PATTERN]" may be left out, "SCENARIO..." may be several
  unsigned options;
  std::string_view summary;
  std::array<std::string_view, 2> examples;

  bool needs_names() const { return !takes.starts_with('['); }
  bool takes_several() const { return takes.ends_with("..."); }
  /// How many names there may be, where it does not take several.
  std::size_t most_names() const { return 1 + static_cast<std::size_t>(std::ranges::count(takes, ' ')); }
  bool takes_case() const { return takes == "CASE"; }
  std::string_view noun() const {
    const std::string_view from_letter = takes.substr(takes.find_first_not_of('['));
    return from_letter.substr(0, from_letter.find_first_of(".]"));
  }
};

constexpr std::array COMMANDS{
    CommandHelp{"list", "[PATTERN]", OUTPUT, "shows the scenarios there are", {"list", "list 'a2*'"}},
    CommandHelp{"run",
                "SCENARIO",
                SEARCH | OUTPUT | FILE_OUT,
                "runs one execution of a scenario",
                {"run a2_wrong_users_data_buggy", "run a2_wrong_users_data_buggy --seed 0x11 -o found.case"}},
    CommandHelp{"explore",
                "SCENARIO...",
                SEARCH | MANY | BUDGET | OUTPUT | FILE_OUT,
                "runs many executions, until one fails, and shrinks that one",
                {"explore a2_wrong_users_data_buggy", "explore 'a2*' --executions 100000 --budget 30s --jobs 4"}},
    CommandHelp{"replay",
                "CASE",
                OUTPUT,
                "runs the execution that a CASE stands for again",
                {"replay a2_wrong_users_data_buggy@17", "replay found.case"}},
    CommandHelp{"shrink",
                "CASE",
                BUDGET | OUTPUT | FILE_OUT,
                "looks for the same failure with fewer deviations from plain order",
                {"shrink a2_wrong_users_data_buggy@17", "shrink found.case --budget 1m -o smaller.case"}},
    CommandHelp{"trace",
                "CASE",
                TRACE | OUTPUT | FILE_OUT,
                "shows what happens in an execution, event by event",
                {"trace a2_wrong_users_data_buggy@17", "trace found.case --format json"}},
    CommandHelp{"tree",
                "CASE",
                TREE | OUTPUT,
                "shows what all tasks are doing at one step of an execution, and who waits for whom",
                {"tree a2_wrong_users_data_buggy@17 --step 20", "tree found.case --table"}},
    CommandHelp{"learn",
                "[ACTION] [CHAPTER]",
                LEARN | OUTPUT,
                "leads through the tutorials: ACTION is list, check, hint, next or solution",
                {"learn", "learn check 01"}},
};

constexpr std::string_view ABOUT_CASES =
    "A CASE is SCENARIO@TOKEN as a report prints it, SCENARIO@SEED, or a case file that -o wrote.";
constexpr std::string_view EXIT_STATUSES =
    "Exit status: 0 passed, 1 a failure, 2 usage, 3 stale, 4 inconclusive, 5 nothing selected,\n"
    "             70 a fault of this tool, 130 interrupted. More: docs/command_line.md";

/// Puts the examples in front: they are what most people open a help for.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_description(const CLI::App* app) const override {
    return fmt::format("{}: {}\n\n{}\n", app->get_name(), app->get_description(), examples(app));
  }
  std::string make_usage(const CLI::App* app, std::string) const override {
    const std::string names = app->get_parent() == nullptr ? "COMMAND" : make_names(app);
    return fmt::format("Usage: {} {}[options]\n", full_name(app), names.empty() ? "" : names + " ");
  }
  std::string make_positionals(const CLI::App*) const override { return {}; }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_footer(const CLI::App* app) const override { return app->get_footer() + "\n"; }

 private:
  static std::string full_name(const CLI::App* app) {
    return app->get_parent() == nullptr ? app->get_name() : app->get_parent()->get_name() + " " + app->get_name();
  }
  static std::string examples(const CLI::App* app) {
    const CommandHelp* shown = std::ranges::find(COMMANDS, app->get_name(), &CommandHelp::name);
    if (shown == COMMANDS.end()) {
      return fmt::format("  {0} list\n  {0} explore a2_wrong_users_data_buggy\n", app->get_name());
    }
    std::string lines;
    for (const std::string_view example : shown->examples) {
      lines += fmt::format("  {} {}\n", app->get_parent()->get_name(), example);
    }
    return lines;
  }
  static std::string make_names(const CLI::App* app) {
    return std::string(std::ranges::find(COMMANDS, app->get_name(), &CommandHelp::name)->takes);
  }
};

// ── The options, a function for each group ─────────────────────────────────────────────────────────

using Read = std::function<void(const std::string&)>;

void add_value(CLI::App& app, const char* name, const char* value, const char* help, Read read) {
  app.add_option_function<std::string>(name, std::move(read), help)
      ->type_name(value)
      ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
}

void add_search_options(CLI::App& app, Options& options) {
  add_value(app, "--seed", "N", "the first seed, decimal or 0x2c91 (0)",
            [&](const std::string& text) { options.run.seed = parse_seed("--seed", text); });
  add_value(app, "--strategy", "NAME", "who makes the choices: random, fifo or pct:D (random)",
            [&](const std::string& text) {
              try {
                options.run.strategy = strategy_by_name(text);
              } catch (const std::invalid_argument& error) {
                throw UsageError(fmt::format("--strategy {}: {}", text, error.what()));
              }
            });
  add_value(app, "--ready", "ORDER", "fifo, as asyncio promises, or any ready callback next (fifo)",
            [&](const std::string& text) {
              if (text != "fifo" && text != "any") throw UsageError("--ready " + text + ": this is fifo or any.");
              options.run.ready = text == "any" ? ReadyOrder::any : ReadyOrder::fifo;
            });
  add_value(app, "--time-limit", "DURATION", "virtual time after which an execution fails (24h)",
            [&](const std::string& text) { options.run.time_limit = parse_duration("--time-limit", text); });
}

void add_many_options(CLI::App& app, Options& options) {
  add_value(app, "--executions", "N", "at most so many, with seeds that count up (1000)",
            [&](const std::string& text) { options.executions = parse_count("--executions", text); });
  add_value(app, "-j,--jobs", "N", "threads that explore side by side (1)",
            [&](const std::string& text) { options.jobs = static_cast<unsigned>(parse_count("--jobs", text, 1024)); });
  app.add_flag("--keep-going", options.keep_going, "collect other failures too, instead of stopping at the first");
}

void add_output_options(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "one JSON object a line; the last one is a summary");
  app.add_flag("-q,--quiet", options.quiet, "no progress, and nothing about what passed");
}

void add_trace_options(CLI::App& app, Options& options) {
  add_value(app, "--format", "text|json", "a timeline for people, or one JSON object a line (text)",
            [&](const std::string& text) {
              if (text != "text" && text != "json") throw UsageError("--format " + text + ": this is text or json.");
              options.format = text == "json" ? Options::Format::json : Options::Format::text;
            });
  add_value(app, "--grep", "TEXT", "only lines that contain this",
            [&](const std::string& text) { options.grep = text; });
  add_value(app, "--from", "STEP", "not before this step",
            [&](const std::string& text) { options.from = parse_count("--from", text); });
  add_value(app, "--to", "STEP", "not after this step",
            [&](const std::string& text) { options.to = parse_count("--to", text); });
}

void add_tree_options(CLI::App& app, Options& options) {
  add_value(app, "--step", "STEP", "after this step, as trace counts them; 0 is before the first (the last)",
            [&](const std::string& text) { options.step = text == "0" ? 0 : parse_count("--step", text); });
  app.add_flag("--table", options.table, "a line for each task instead of a tree");
}

void add_learn_options(CLI::App& app, Options& options) {
  add_value(app, "--dir", "DIR", "where Orrery's source is (this folder, or one above it)",
            [&](const std::string& text) { options.directory = text; });
  add_value(app, "--build", "DIR", "its build tree (the one of this program, or build/release)",
            [&](const std::string& text) { options.build = text; });
  add_value(app, "--level", "1|2|3", "which hint (the next one)",
            [&](const std::string& text) { options.level = static_cast<unsigned>(parse_count("--level", text, 3)); });
  app.add_flag("--give-up", options.give_up, "show the solution, or go on, although the exercise has not passed");
}

void add_options(CLI::App& app, const CommandHelp& command, Options& options) {
  const auto has = [&](OptionGroup group) { return (command.options & group) != 0; };
  if (has(SEARCH)) add_search_options(app, options);
  if (has(MANY)) add_many_options(app, options);
  if (has(BUDGET)) {
    add_value(app, "--budget", "DURATION", "real time that it may take",
              [&](const std::string& text) { options.budget = parse_duration("--budget", text); });
  }
  if (has(OUTPUT)) add_output_options(app, options);
  if (has(TRACE)) add_trace_options(app, options);
  if (has(TREE)) add_tree_options(app, options);
  if (has(LEARN)) add_learn_options(app, options);
  if (has(FILE_OUT)) {
    add_value(app, "-o", "FILE", has(TRACE) ? "write to this file" : "write the case to this file",
              [&](const std::string& text) { options.output = text; });
  }
}

std::unique_ptr<CLI::App> make_app(Options& options) {
  auto app =
      std::make_unique<CLI::App>("runs scenarios in simulated worlds, and finds the execution that fails", "orrery");
  app->formatter(std::make_shared<HelpFormatter>());
  app->set_help_flag("-h,--help", "this help");
  app->set_version_flag("--version", "orrery " ORRERY_VERSION, "the version");
  app->footer(std::string(ABOUT_CASES) + "\n" + std::string(EXIT_STATUSES));
  for (const CommandHelp& command : COMMANDS) {
    CLI::App* sub = app->add_subcommand(std::string(command.name), std::string(command.summary))->group("Commands");
    sub->allow_extras();  // unknown options too: explain() says more about them than CLI11 could
    sub->add_option("names", options.names)->type_name(std::string(command.takes));
    sub->footer(command.takes_case() ? std::string(ABOUT_CASES) : std::string(EXIT_STATUSES));
    add_options(*sub, command, options);
  }
  return app;
}

// ── What is wrong with a line ──────────────────────────────────────────────────────────────────────

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// The sentence about an option that this command does not have.
std::string explain(const std::string& extra, const CommandHelp& command, const CLI::App& sub) {
  const std::string option = extra.substr(0, extra.find('='));
  for (const CLI::App* other : sub.get_parent()->get_subcommands({})) {
    if (other->get_option_no_throw(option) == nullptr) continue;
    const char* why = command.takes_case() ? ": a CASE says already how its execution goes" : "";
    return fmt::format("{} has no option {} (that is one of {}){}.", command.name, option, other->get_name(), why);
  }
  return fmt::format("{} has no option {}.{}", command.name, option, suggestion(option, option_names(sub)));
}

void check_names(const CommandHelp& command, const Options& options) {
  if (command.needs_names() && options.names.empty()) {
    throw UsageError(fmt::format("{0} needs a {1}, such as: {0} {2}", command.name, command.noun(),
                                 command.examples[0].substr(command.name.size() + 1)));
  }
  if (!command.takes_several() && options.names.size() > command.most_names()) {
    const std::string takes =
        command.most_names() == 1 ? fmt::format("one {}", command.noun()) : std::string(command.takes);
    throw UsageError(
        fmt::format("{} takes {}; what is \"{}\"?", command.name, takes, options.names[command.most_names()]));
  }
  if (command.noun() != "SCENARIO") return;
  for (const std::string& name : options.names) {
    if (const std::size_t at = name.find('@'); at != std::string::npos) {
      throw UsageError(fmt::format("{0} takes a {1}, and \"{2}\" is a CASE: replay {2}, or {0} {3} --seed N",
                                   command.name, command.noun(), name, name.substr(0, at)));
    }
  }
}

/// An argument as a shell takes it back: quoted where it holds anything that a shell might look at.
std::string shell_quoted(const std::string& text) {
  constexpr std::string_view PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+,:@%";
  if (!text.empty() && text.find_first_not_of(PLAIN) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

Options read_command_line(int argc, char** argv) {
  Options options;
  if (argc > 0 && argv[0] != nullptr && *argv[0] != '\0') options.program = shell_quoted(argv[0]);
  const std::unique_ptr<CLI::App> app = make_app(options);
  if (argc < 2) throw UsageError("What is to be done? One of list, run, explore, replay, shrink, trace, tree, learn.");

  const std::string_view first = argv[1];
  const CommandHelp* command = std::ranges::find(COMMANDS, first, &CommandHelp::name);
  if (command == COMMANDS.end() && !first.starts_with('-')) {
    std::vector<std::string> names;
    for (const CommandHelp& known : COMMANDS) names.emplace_back(known.name);
    throw UsageError(fmt::format("There is no command \"{}\".{}", first, suggestion(first, names)));
  }
  if (command == COMMANDS.end() && first != "-h" && first != "--help" && first != "--version") {
    throw UsageError(fmt::format("The command comes first: {} explore SCENARIO {}", options.program, first));
  }
  try {
    app->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    throw HelpWanted{app->help()};
  } catch (const CLI::CallForVersion&) {
    throw HelpWanted{"orrery " ORRERY_VERSION "\n"};
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()));
  }

  const CLI::App& sub = *app->get_subcommand(std::string(command->name));
  if (!sub.remaining().empty()) throw UsageError(explain(sub.remaining().front(), *command, sub));
  options.command = command->name;
  check_names(*command, options);
  return options;
}

}  // namespace asyncio::sim::tool
