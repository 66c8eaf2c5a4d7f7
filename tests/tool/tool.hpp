// tool.hpp: runs the tool as a user does, from a shell, and looks at what comes back.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace tool_test {

/// The environment variable that turns this program into the tool.
inline constexpr const char* AS_TOOL = "ORRERY_TESTS_AS_TOOL";

/// What a command gave.
struct Ran {
  int status = -1;  ///< as the shell sees it: 128 + n where signal n ended it
  std::string out;  ///< its standard output
  std::string err;  ///< its standard error

  /// The last line of standard output, as JSON; null where it is none.
  nlohmann::json summary() const;
  /// What follows `word` on the line of the output that begins with it; "" where there is none.
  std::string after(const std::string& word) const;
};

/// Runs a line of shell in a folder that is empty at the beginning of each test; $ORRERY in it is the tool with
/// the scenarios of scenarios.cpp.
Ran shell(const std::string& line);

/// Runs the tool: orrery("run passes --seed 1").
Ran orrery(const std::string& arguments);

/// Runs the tool, and does something to it when a scenario has said that it has begun.
///
/// \param what  a line of shell in which $TOOL is the process: "kill -INT $TOOL"
Ran orrery_disturbed(const std::string& arguments, const std::string& what);

/// Writes a file into that folder.
void write(const std::string& name, const std::string& content);
/// Reads one of it.
std::string read(const std::string& name);

}  // namespace tool_test
