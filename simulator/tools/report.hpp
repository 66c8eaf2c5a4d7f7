// report.hpp: a failure, told to somebody who has never seen this scenario.
//
//     FAIL  check: bob was shown the titles of alice       ─┐ at once: shrinking may take a while,
//           host pool, task Task-5, at 0.020 s, step 31     │ or be the thing that hangs
//           after 1,203 executions that passed             ─┘
//
//     what had to happen (everything else in plain order)  ─┐
//       0.003 s  latency: store to pool, way 3 of 0-7       │ after shrinking
//                                                           │
//     replay   orrery replay titles@o1-…                    │ whole lines, to be pasted
//     trace    orrery trace titles@o1-…                    ─┘
//
// A report fits on a screen: at most 25 lines, whatever a message or a tape holds.
#pragma once

#include "finding.hpp"
#include "options.hpp"
#include "output.hpp"

namespace asyncio::sim::tool {

/// What failed, where, when, after how many that passed.
void report_failure(Output& output, const Finding& finding);

/// What had to happen: the deviations of the shrunk execution.
void report_causes(Output& output, const Finding& finding);

/// What to type next.
void report_next_steps(Output& output, const Options& options, const Finding& finding);

/// "1,203 choices, 17 of them not in plain order".
std::string describe_tape(const Tape& tape);

/// What the execution came to, in one line: "passed", "failed".
std::string describe_run(const std::string& scenario, const RunResult& result);

}  // namespace asyncio::sim::tool
