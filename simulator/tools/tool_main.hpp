// tool_main.hpp: the command line as a function, for main() and for tests that play the tool themselves.
#pragma once

namespace asyncio::sim {

/// Does what a command line asks for, with the scenarios that this program has registered.
///
/// \return the exit status, see exit_status.hpp
int tool_main(int argc, char** argv);

}  // namespace asyncio::sim
