// child_process.hpp: runs a program to its end and keeps what it prints.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace asyncio::sim::tool {

/// How a program ended.
struct ChildEnd {
  enum class How {
    exited,        ///< with `number` as its status
    killed,        ///< by signal `number`
    out_of_time,   ///< it was stopped by us
    out_of_space,  ///< it printed more than anybody reads, and was stopped by us
    interrupted,   ///< Ctrl-C; it was stopped by us, if it was not by that
  };
  How how = How::exited;
  int number = 0;
  std::string output = {};  ///< standard output and standard error, as they came
};

/// Runs a program; Ctrl-C ends it as well.
///
/// \param words  the program, looked for as a shell does, and its arguments
/// \param limit  real time after which it is stopped; empty: never
/// \throws std::system_error  where it cannot be started
ChildEnd run_child(std::vector<std::string> words, std::optional<std::chrono::seconds> limit = {});

}  // namespace asyncio::sim::tool
