// options.hpp: a command line, read.
//
// command_line.cpp knows how it is written; the commands see only this.
#pragma once

#include <asyncio/sim/run.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::sim::tool {

/// What the command line says. Each command looks at the part that it has options for.
struct Options {
  std::string program = "orrery";       ///< how to call this tool again, ready to be pasted into a shell
  std::string command = {};             ///< "explore"
  std::vector<std::string> names = {};  ///< what it is to work on: scenarios, patterns, or one CASE

  RunOptions run = {};                 ///< --seed, --strategy, --ready, --time-limit
  std::uint64_t executions = 1000;     ///< --executions
  unsigned jobs = 1;                   ///< --jobs
  Duration budget = Duration::zero();  ///< --budget; zero: no limit
  bool keep_going = false;             ///< --keep-going

  bool json = false;        ///< --json: one object a line instead of text
  bool quiet = false;       ///< --quiet: no progress, and nothing about what passed
  std::string output = {};  ///< -o; empty: none

  enum class Format { text, json };
  Format format = Format::text;                   ///< trace --format
  std::string grep = {};                          ///< trace --grep: only lines that contain this
  std::size_t from = 0;                           ///< trace --from: a step
  std::size_t to = static_cast<std::size_t>(-1);  ///< trace --to: a step

  std::optional<std::size_t> step = {};  ///< tree --step: after which; empty: after the last
  bool table = false;                    ///< tree --table: a line for each task instead

  std::string directory = {};  ///< learn --dir: where to look for tutorials/; empty: here
  std::string build = {};      ///< learn --build: a build tree; empty: the likeliest
  unsigned level = 0;          ///< learn --level: of a hint; 0: the next one
  bool give_up = false;        ///< learn --give-up
};

}  // namespace asyncio::sim::tool
