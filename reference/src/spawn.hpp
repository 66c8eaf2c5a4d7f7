// spawn.hpp: starting a program.
//
// asyncio leaves this to subprocess.Popen, and so this is the part of Popen that a loop needs: pipes to the
// child, a new process, and in it what the options ask for, up to the moment when the program takes over.
#pragma once

#include <asyncio/base_subprocess.hpp>
#include <asyncio/loop_options.hpp>

#include <string>
#include <vector>

namespace asyncio {

/// Starts a program, and waits until it has begun or could not.
///
/// \param args   the program and its arguments; for a shell: the command alone. Not empty
/// \param shell  whether it is a command for /bin/sh
/// \return       the process, whose exit status is the caller's to read, and this end of its pipes
/// \throws std::invalid_argument  where something has a zero byte in it, or a target is none
/// \throws std::system_error      where the program could not be started, with what it was that failed; there is no
///                                process then
StartedProcess spawn(std::vector<std::string> args, bool shell, const SubprocessOptions& options);

}  // namespace asyncio
