// sim_test.hpp: what SIM_TEST does that has nothing to do with GoogleTest.
//
// Include gtest.hpp instead. This header is for whoever brings another test framework.
#pragma once

#include <asyncio/sim/run.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace asyncio::sim {

/// How a SIM_TEST searches.
struct SimTestOptions {
  std::uint64_t executions = 100;                    ///< after the plain one
  Strategy strategy = random();                      ///< who makes the choices
  ReadyOrder ready = ReadyOrder::fifo;               ///< the order of ready callbacks
  std::uint64_t seed = 0;                            ///< the first one
  Duration time_limit = RunOptions{}.time_limit;     ///< of virtual time, for one execution
  std::size_t step_limit = RunOptions{}.step_limit;  ///< turns of loops, for one execution
};

/// What a SIM_TEST found.
struct SimTestOutcome {
  std::string report = {};            ///< empty: everything held
  std::string token = {};             ///< of the shrunk failure
  std::uint64_t executions = 0;       ///< how many were run to find it, or altogether
  std::uint64_t distinct_traces = 0;  ///< among them
};

/// Runs the plain execution, then `options.executions` more; shrinks the first that fails.
///
/// The environment has the last word: ORRERY_SEED, ORRERY_EXECUTIONS and ORRERY_STRATEGY replace options,
/// ORRERY_REPLAY=token runs nothing but that execution, ORRERY_QUICK=1 a tenth of the executions.
///
/// \param test     "Suite.Name"; a token that begins with another name and @ is not meant for this test
/// \param body     builds the world
/// \param options  how many executions, with which seed
/// \return         a report for people, empty where everything held
SimTestOutcome run_sim_test(std::string_view test, const Scenario& body, SimTestOptions options = {});

/// An assertion of a test framework failed: the running execution fails with FailureKind::check.
///
/// \param file     where the assertion stands
/// \param line     in that file, from 1
/// \param message  what it says
/// \return  false where no execution is running in this thread, or where it has failed already
bool fail_execution(std::string_view file, int line, std::string_view message);

/// The first failure that explore(scenario, options) finds, told with its token; empty where there is none.
std::string explore_and_report(const Scenario& scenario, const ExploreOptions& options);

}  // namespace asyncio::sim
