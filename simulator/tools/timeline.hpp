// timeline.hpp: a trace as a picture that is read from top to bottom.
//
//           time   step  alice                     bob
//        0.000 s         starts
//                                                  starts
//                     1  main: -> bob #1: hi (2 bytes)
//                     *  latency: alice to bob, way 3 of 0-7 (the message took longer)
//        0.003 s      4                            main: <- alice #1: hi (2 bytes)
//
//     FAIL  check: …
//
// A column for each host, as long as there are no more than six; then the host's name stands in front. What
// a task does in one step is one cell. Choices appear only where they deviate from plain order.
#pragma once

#include <asyncio/sim/run.hpp>

#include <iosfwd>
#include <string>

namespace asyncio::sim::tool {

/// Writes the timeline of an execution.
///
/// \param title  for the first line: the case
/// \param grep   only cells that contain this; empty: all
void write_timeline(std::ostream& out, const std::string& title, const RunResult& result, const std::string& grep);

}  // namespace asyncio::sim::tool
