// choices.hpp: the choices of an execution, and the tape they are recorded on.
//
// What a scenario does not determine is a choice: which of two ready callbacks goes first, how long a
// message takes, whether a turn was so slow that the next timer is due as well. Each choice has a kind, an
// actor (which host), a site (what about) and a number of ways; one way is picked. The list of all choices
// of an execution is its tape. Nothing else about an execution is free: same scenario, same tape, same
// trace.
//
// Way 0 is always the plain one: first come first served, the shortest latency, no fault, no leap. So an
// execution is described by where it deviates from all zeros, and shrinking a failure means to find fewer
// places.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <asyncio/exceptions.hpp>

namespace asyncio::sim {

/// What is being chosen.
enum class ChoiceKind : std::uint8_t {
  turn,       ///< which host runs its next iteration
  ready,      ///< which ready callback runs next (ReadyOrder::any)
  tie,        ///< which of several timers due at the same instant goes first (S352)
  leap,       ///< whether the turn took so long that the next timer or arrival is due as well
  io,         ///< in which order the events of one poll are handled (S357)
  latency,    ///< how long a message takes
  loss,       ///< whether a message is lost (on a stream: sent again later)
  duplicate,  ///< whether a datagram arrives twice
  reorder,    ///< whether a datagram is overtaken
  thread,     ///< how long a job in an executor takes
  access,     ///< whether another task goes first at an access of a Shared
  random,     ///< a number of World::random() or of a loop's random()
  user,       ///< World::choose() and World::chance()
};

/// "ready", "latency", …: as traces and labels spell it.
std::string_view to_string(ChoiceKind kind) noexcept;

/// One choice, as the tape keeps it.
struct Choice {
  ChoiceKind kind = ChoiceKind::user;  ///< what was chosen
  std::uint32_t ways = 1;              ///< how many ways there were, at least 2
  std::uint32_t picked = 0;            ///< the way picked, in [0, ways)
  std::uint64_t key = 0;               ///< a hash of kind, actor and site: the same place in another execution
  std::string label;                   ///< "latency: alice to bob"; empty unless asked for

  /// Equal where all but the label is.
  friend bool operator==(const Choice& a, const Choice& b) noexcept {
    return a.kind == b.kind && a.ways == b.ways && a.picked == b.picked && a.key == b.key;
  }
};

/// The choices of an execution, in the order in which they were made.
using Tape = std::vector<Choice>;

/// A tape or token does not fit the scenario, or cannot be read. The message says where and what to do.
class StaleTape : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

/// A token or case file is malformed: not written by this program, or cut off.
class MalformedToken : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

}  // namespace asyncio::sim
