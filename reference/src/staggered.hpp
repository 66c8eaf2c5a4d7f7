// staggered.hpp: several attempts at the same thing, each begun a little after the one before.
//
// What RFC 8305 calls Happy Eyeballs is this, with connections for attempts: a network that answers wins, and
// one that does not costs a quarter of a second instead of minutes.
//
//     attempt 0 ───────── fails
//               attempt 1 ──────────────────── succeeds: the others are cancelled, and waited for
//     ├ delay ─┤          attempt 2 ───────────── cancelled
//                         └ at once, because the one before had failed
//
// Source: CPython Lib/asyncio/staggered.py, staggered_race. Rules: S234.
#pragma once

#include <asyncio/callback.hpp>
#include <asyncio/clock.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <vector>

namespace asyncio {

/// How a race ended.
struct StaggeredRace {
  std::optional<std::size_t> winner;           ///< the first that returned; empty where all have failed
  std::vector<std::exception_ptr> exceptions;  ///< of each attempt that was begun; null for the winner
};

/// Runs attempts until one of them returns.
///
/// \param attempts  each runs in a task of its own; may suspend
/// \param delay     how long to wait for one before the next is begun; empty: until it has failed
/// \throws CancelledError  where the caller is cancelled; all attempts have ended by then
/// \suspends until every attempt that was begun has ended
StaggeredRace staggered_race(std::vector<std::function<void()>> attempts, std::optional<Duration> delay);

}  // namespace asyncio
