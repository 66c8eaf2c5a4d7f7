// shrinking.hpp: what explore and shrink do with a failure that was found.
#pragma once

#include "finding.hpp"
#include "options.hpp"
#include "output.hpp"
#include "session.hpp"

namespace asyncio::sim::tool {

/// Shrinks a finding, tells what had to happen, and writes -o FILE.
///
/// The file is there before the shrinking begins, with the case as it was found: whatever happens meanwhile,
/// it is not lost. Where Ctrl-C ends the shrinking the finding stays as it was found.
void shrink_and_report(Finding& finding, Session& session, const Options& options, Output& output);

}  // namespace asyncio::sim::tool
