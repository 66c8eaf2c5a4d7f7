// command_line.hpp: how the command line is written, and its help.
#pragma once

#include <stdexcept>
#include <string>

#include "options.hpp"

namespace asyncio::sim::tool {

/// Thrown where the command line asks for --help or --version: the text to show.
struct HelpWanted {
  std::string text;
};

/// Reads a command line.
///
/// \throws HelpWanted  where that is all that it asks for
/// \throws UsageError  where it makes no sense; one sentence
Options read_command_line(int argc, char** argv);

}  // namespace asyncio::sim::tool
