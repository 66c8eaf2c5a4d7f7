// world.hpp: a world of hosts with one virtual clock and one network.
//
// A scenario builds a world and returns; then the world runs. It has one thing to decide, over and over:
// what happens next? Either a host that has something to do takes one turn of its loop, or the clock jumps
// to the next thing that is due, a timer, an arrival or an at(). Whatever is not determined there is a
// choice, and is asked of one place. One of these choices (leap) is whether a turn took so long that the next
// thing is due as well, before its host goes on: any step of a program may take any time.
//
//     scenario(world) ──► ┌──────────────────────────────────────────────┐
//                         │ somebody has something to do?                │
//                         │   yes: choose who, one turn of that loop     │──► all clients' mains have returned:
//                         │   no:  the clock jumps to what is due next   │    finally() is checked, the end
//                         │   nothing is due: deadlock                   │
//                         └──────────────────────────────────────────────┘
//
//   W1  Time passes only between turns: while a callback runs the clock stands still.
//   W2  The hosts of a world share no state but the network; each has its own loop and its own tasks.
//   W3  A crashed host runs no code any more. Its stacks are unwound after the execution, where nothing
//       that they do is seen.
//   W4  Checks run outside every host, between two turns.
//
// The end: an execution ends when the main of every client has returned, and what it left running has been
// cancelled and has ended. A client that has crashed is not waited for, unless an at() is still to come, which
// might restart it. Without any client an execution ends when nothing more can happen. In a world without hosts
// only at()s happen.
//
// What is found wrong: main throws, or nobody retrieves an exception (exception); nothing will ever happen any
// more, and a client has not returned (deadlock); a client's task does not end although it was cancelled
// (leaked_task); the limits of RunOptions (time_limit, step_limit); and what the checks below say.
#pragma once

#include <asyncio/clock.hpp>
#include <asyncio/random.hpp>
#include <asyncio/sim/failure.hpp>
#include <asyncio/sim/network.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace asyncio::sim {

class Execution;
class World;

/// Builds one world. Called afresh for every execution: whatever it keeps outside the world leaks into the next one.
using Scenario = std::function<void(World&)>;

/// A machine in a world: a name, a loop, and a main.
class Host {
 public:
  virtual ~Host() = default;
  /// The name it was given.
  virtual const std::string& name() const noexcept = 0;
  /// Whether it runs now: it was not crashed, or was restarted.
  virtual bool running() const noexcept = 0;
  /// How often its main was started.
  virtual int starts() const noexcept = 0;
};

/// What a scenario builds: hosts, checks and faults.
class World {
 public:
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// A server: its main may run for ever, and is run again by restart().
  ///
  /// \param name  unique in this world; also its address on the network
  /// \param main  runs as the first task of the host's own loop
  /// \throws std::invalid_argument  where the name is taken or empty
  Host& host(std::string name, std::function<void()> main);
  /// A client: the execution ends when every client's main has returned. See host().
  ///
  /// What a client's main leaves running is cancelled when it returns, as asyncio.run() does.
  Host& client(std::string name, std::function<void()> main);

  /// The network between the hosts.
  Network& network() noexcept { return network_; }

  /// A host dies: its memory and its connections are gone, and its peers find their connections reset.
  ///
  /// \param name  as given to host() or client()
  ///
  /// A task that crashes its own host goes no further. Crashing a crashed host changes nothing.
  ///
  /// \throws std::invalid_argument  where there is no such host; so do the other three
  /// \suspends for ever, where the calling task belongs to that host
  void crash(std::string_view name);
  /// A crashed host starts its main again, on a new loop, with a fresh copy of what main captured. One that runs is
  /// crashed first.
  void restart(std::string_view name);
  /// A host stands still, while the world goes on: nothing of it runs until resume(), not even the task that calls
  /// this for its own host. What is sent to it arrives when it goes on.
  void pause(std::string_view name);
  /// A paused host goes on; what was due meanwhile is due now.
  void resume(std::string_view name);

  /// Calls `fn` at that virtual time after the beginning, outside every host. What it throws fails the execution.
  ///
  /// \param when  at least zero; at a time that has passed, at once
  /// \param fn    must not suspend
  /// \throws std::invalid_argument  where `when` is negative
  void at(Delay when, std::function<void()> fn);

  /// Checked after every step: an execution in which `holds` gives false fails with FailureKind::invariant.
  ///
  /// \param name   what the failure says
  /// \param holds  runs outside every host; must not suspend
  void invariant(std::string name, std::function<bool()> holds);
  /// Must have been true after some step before the execution ends: liveness.
  ///
  /// \param name   what the failure says
  /// \param holds  runs outside every host; must not suspend
  void eventually(std::string name, std::function<bool()> holds);
  /// Checked once, when the clients are done: calls require() or fail().
  void finally(std::function<void()> check);

  /// The virtual time, which begins at zero.
  TimePoint now() const noexcept;
  /// The world's random engine: its numbers are choices.
  RandomEngine& random() noexcept;
  /// True with the given probability: a choice of two ways.
  ///
  /// \param probability  0 to 1; at 0 and 1 nothing is chosen
  /// \param label        what is being chosen, as the tape shows it
  bool chance(double probability, std::string_view label);
  /// One of `ways` ways: a choice.
  ///
  /// \param ways   at least 1; one way is no choice
  /// \param label  what is being chosen, as the tape shows it
  /// \return       in [0, ways)
  std::size_t choose(std::size_t ways, std::string_view label);

  /// The world that the calling code runs in.
  ///
  /// \throws RuntimeError  outside an execution
  static World& current();

 private:
  friend class Network;
  friend void run_world(Execution& execution, const Scenario& scenario);  // makes a world, and runs it
  class Impl;

  explicit World(Execution& execution);
  ~World();

  std::unique_ptr<Impl> impl_;
  Network network_;
};

}  // namespace asyncio::sim
