// commands.hpp: what the tool does, a function and a file each.
//
// Each returns an ExitStatus, or throws an exception of exit_status.hpp.
#pragma once

#include "options.hpp"
#include "output.hpp"

namespace asyncio::sim::tool {

int list(const Options& options, Output& output);     ///< the scenarios there are
int run(const Options& options, Output& output);      ///< one execution
int explore(const Options& options, Output& output);  ///< many, until one fails
int replay(const Options& options, Output& output);   ///< the same execution again
int shrink(const Options& options, Output& output);   ///< the same failure from fewer deviations
int trace(const Options& options, Output& output);    ///< what happened, event by event
int tree(const Options& options, Output& output);     ///< what all tasks are doing at one step
int learn(const Options& options, Output& output);    ///< the chapters of tutorials/, and their exercises

}  // namespace asyncio::sim::tool
