// system_call_programs.hpp: small programs that together make every system call of the loop.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/reference/system_call_faults.hpp"

namespace asyncio {

class Stage;

/// Something that communicates.
struct Program {
  std::string name;
  std::function<std::string(Stage&)> body;  ///< what has arrived; suspends
  bool has_spare_addresses = false;         ///< one that does not work is nobody's loss
  friend void PrintTo(const Program& program, std::ostream* out);
};

/// What became of a program.
struct Ending {
  std::string text;               ///< what has arrived, as far as it has
  std::vector<std::string> told;  ///< each error that somebody heard of, with its text
  std::size_t turns = 0;          ///< how often the loop has waited
  int made = 0;                   ///< calls of connection_made()
  int lost = 0;                   ///< calls of connection_lost()
  bool hangs = false;             ///< it was ended
};

std::vector<Program> programs();

/// Runs a program on a loop of its own; the faults strike from the loop's first call to its last.
Ending run_program(const Program& program, SystemCallFaults& faults);

}  // namespace asyncio
