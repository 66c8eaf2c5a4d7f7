// left_threads.hpp: threads that nobody waits for any more, until the process ends.
//
// A shutdown that does not wait leaves threads behind that may still be running a job. To detach them would let
// them run while the process destroys its global objects. So they are kept here, and joined when main() has
// returned, as Python joins its threads. Those that have ended meanwhile go when the next one comes.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace asyncio {

/// Joins threads at the end of the process, or as soon as they are known to have ended.
///
/// \param finished  whether all of them are about to end; called from any thread, under a lock
void leave_to_exit(std::vector<std::thread> threads, std::function<bool()> finished);

}  // namespace asyncio
