// host.hpp: a host of a world: its main, its loop, and whether it is up.
//
//     start() ──► running ─── main returns ──► a host:   goes on serving
//        ▲           │                    └──► a client: ending ─── its tasks have ended ──► ended
//        │           ▼ crash()
//     restart() ─ crashed
//
// A crashed host keeps the loop that it had, with all stacks and objects in it, until the execution is over (W3).
// A restarted one has another loop, and a fresh copy of its main with what that captured: what the main changed
// in its own captures was memory of the host, and is lost.
#pragma once

#include <asyncio/sim/world.hpp>

#include "execution.hpp"
#include "sim_event_loop.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace asyncio::sim {

class WorldCore;

/// What lies behind a Host.
class SimHost final : public Host {
 public:
  enum class Phase {
    created,  ///< the execution has not begun
    running,  ///< its main runs, or has returned on a host that is no client
    ending,   ///< of a client: its main has returned, and the tasks left over have been cancelled
    ended,    ///< of a client: all is over
    crashed,
  };

  /// \param number  1 for the first host of the world, then counting up
  SimHost(WorldCore& world, std::string name, std::uint32_t number, bool client, std::function<void()> main);

  const std::string& name() const noexcept override { return name_; }
  bool running() const noexcept override { return phase_ == Phase::running || phase_ == Phase::ending; }
  int starts() const noexcept override { return starts_; }

  NameId name_id() const noexcept { return name_id_; }
  std::uint32_t number() const noexcept { return number_; }
  bool client() const noexcept { return client_; }
  bool paused() const noexcept { return paused_; }
  Phase phase() const noexcept { return phase_; }
  /// The loop that it has, or had when it crashed.
  SimEventLoop& loop() const noexcept { return *loop_; }

  /// Makes a loop, and main its first task.
  void start();
  /// Whether it has something to do at this instant.
  bool can_run() const { return running() && !paused_ && !slow_ && loop_->has_work(); }
  /// When its next timer is due, while it is up; else TimePoint::max().
  TimePoint next_timer() const { return running() && !paused_ ? loop_->next_timer() : TimePoint::max(); }
  /// One turn of its loop, and what follows from it.
  ///
  /// \return whether a handle ran
  bool turn();
  /// Its loop dies. What the network makes of it, the world sees to.
  void crash() noexcept;
  void set_paused(bool paused) noexcept { paused_ = paused; }
  /// Its last step takes until the clock moves: till then it has no turn.
  void set_slow(bool slow) noexcept { slow_ = slow; }
  bool slow() const noexcept { return slow_; }

  /// What its tasks wait for, for the report of a deadlock: "alice: Task-1 waits for <Future pending>".
  std::string what_it_waits_for() const;
  /// Unwinds the stacks of all its loops; the execution is over.
  void unwind() noexcept;

 private:
  void main_ended();
  void look_whether_ended();
  std::vector<AnyTask> pending_tasks() const;

  WorldCore& world_;
  std::string name_;
  NameId name_id_;
  std::uint32_t number_;
  bool client_;
  bool paused_ = false;
  bool slow_ = false;
  bool last_iteration_ = false;  // main is done, and its loop does one iteration more, as run() does
  bool cleaning_up_ = false;     // of a client that is ending: its generators and its executor's jobs
  Phase phase_ = Phase::created;
  int starts_ = 0;
  const std::function<void()> main_;
  std::unique_ptr<SimEventLoop> loop_;
  std::vector<std::unique_ptr<SimEventLoop>> crashed_loops_;
  AnyTask main_task_;
  std::vector<AnyTask> cancelled_tasks_;  // of a client that is ending: what its main left running
};

}  // namespace asyncio::sim
