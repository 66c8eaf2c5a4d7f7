// world_core.hpp: what lies behind a World: the clock, the hosts, what is to come, and what is checked.
//
// run() is the loop that world.hpp draws. Everything else here is what that loop, the hosts and the network ask
// of the world: a choice, an event for the trace, a failure. At the end the execution is sealed: what stacks do
// while they unwind leaves no mark (W3).
//
//   C1  The clock never goes back, and moves only in advance_to().
//   C2  Nothing is chosen, recorded or failed, and no fault is injected, after over() has become true.
#pragma once

#include <asyncio/sim/world.hpp>

#include "choice_random.hpp"
#include "event_queue.hpp"
#include "execution.hpp"
#include "host.hpp"
#include "sim_network.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::sim {

/// "lost_update.cpp:42": without the folder, which differs from machine to machine.
std::string place_of(const std::source_location& where);

/// A probability in 65536ths. Zero and one stay what they are; what lies between never becomes one of them.
///
/// \throws std::invalid_argument  where it is not between 0 and 1
std::uint32_t odds_of(double probability, const char* what);

/// How likely all odds together are: one.
inline constexpr std::uint32_t ODDS_ALWAYS = 65536;

/// What lies behind a World.
class WorldCore {
 public:
  WorldCore(World& world, Execution& execution);
  ~WorldCore();
  WorldCore(const WorldCore&) = delete;
  WorldCore& operator=(const WorldCore&) = delete;

  /// The world of the calling thread; null outside an execution.
  static WorldCore* current() noexcept;

  // ---- What a scenario builds ----

  SimHost& add_host(std::string name, std::function<void()> main, bool client);
  /// \throws std::invalid_argument  where there is no such host
  SimHost& host(std::string_view name);
  /// The same; null where there is none.
  SimHost* find_host(std::string_view name) noexcept;
  void at(Duration when, std::function<void()> fn);
  void invariant(std::string name, std::function<bool()> holds);
  void eventually(std::string name, std::function<bool()> holds);
  void finally(std::function<void()> check);
  SimNetwork& network() noexcept { return network_; }
  const std::vector<std::unique_ptr<SimHost>>& hosts() const noexcept { return hosts_; }
  World& world() noexcept { return world_; }
  /// From 1; no other world of this process has the same, and nothing depends on which it is.
  std::uint64_t number() const noexcept { return number_; }

  // ---- Faults: faults.cpp ----

  void crash(std::string_view name);
  void restart(std::string_view name);
  void pause(std::string_view name);
  void resume(std::string_view name);

  // ---- The execution ----

  /// Runs the world to its end, or to its first failure.
  void run();

  TimePoint now() const noexcept { return now_; }
  /// Has something happen in the world at a time.
  void schedule(TimePoint when, Ref<WorldEvent> event) { events_.push(when, std::move(event)); }
  Execution& execution() noexcept { return execution_; }
  const Execution& execution() const noexcept { return execution_; }
  bool over() const noexcept { return over_; }
  /// Whose turn it is; null between turns.
  SimHost* running_host() const noexcept { return running_; }
  /// Whether nothing but ready handles of the running host could come next: no other host, no timer, no arrival, and
  /// no check between two turns. True counts as a turn, which is then not taken.
  bool nobody_else_may_go();
  RandomEngine& random() noexcept { return random_; }

  /// Picks a way: see Choices::choose(). Way 0 once the execution is over (C2).
  std::uint32_t choose(ChoiceKind kind, std::uint32_t ways, NameId actor, NameId site, std::uint32_t odds = 0,
                       std::span<const std::uint64_t> candidates = {}) {
    return execution_.choices().choose(kind, ways, actor, site, odds, candidates);
  }
  /// True with the given odds: a choice of two ways, unless the odds say that there is none.
  bool happens(ChoiceKind kind, std::uint32_t odds, NameId actor, NameId site);
  /// Adds an event to the trace.
  void record(const TraceRecorder::Event& event) { execution_.trace().record(event); }
  /// Fails the execution. \param where  who ran; by default whoever runs now
  void fail(FailureKind kind, std::string message, std::string where = {});
  /// The same for an exception that nobody has received: its kind is `check` where it is a CheckFailed.
  ///
  /// \param what  what it went wrong with, the beginning of the message: "main failed"
  void fail_with(const std::exception_ptr& error, const std::string& what, std::string where = {});

  /// Checks the invariants, and looks whether what is to hold eventually does.
  void check_properties();

  /// A client's main has returned, and its tasks have ended.
  void client_ended(SimHost& host);

  /// A number for a task that was not seen before, and the name that it has now.
  std::uint32_t new_task_tag(const TaskState& task);
  NameId task_name(std::uint32_t tag) const noexcept { return tag < task_names_.size() ? task_names_[tag] : NameId{}; }
  std::uint64_t new_handle_number() noexcept { return ++last_handle_number_; }
  std::uint64_t new_cell_number() noexcept { return ++last_cell_number_; }

 private:
  class At;
  struct Property {  // an invariant, or what must hold eventually
    std::string name;
    std::function<bool()> holds;
    bool held = false;
  };

  void unwind() noexcept;
  void run_to_the_end();
  void start_hosts();
  SimHost* choose_host();
  void take_turn(SimHost& host);
  bool finished() const noexcept;
  TimePoint next_time();
  bool advance();
  void advance_to(TimePoint when);
  void happen_what_is_due();
  bool in_time(TimePoint when) const noexcept;
  bool wake_slow_hosts() noexcept;
  void maybe_leap(SimHost& host);
  bool holds(const Property& property);
  void check_at_the_end();
  void report_stuck();
  bool under_step_limit();
  void count_turn() noexcept;
  void crash_host(SimHost& host);
  void leave_if_own(const SimHost& host);

  World& world_;
  const std::uint64_t number_;
  Execution& execution_;
  TimePoint now_{};
  bool over_ = false;
  bool somebody_is_slow_ = false;  // otherwise no host is
  SimHost* running_ = nullptr;     // whose turn it is; null between turns
  std::size_t last_turn_ = 0;      // index of the host that had the last turn
  bool has_clients_ = false;
  std::size_t clients_left_ = 0;     // clients that have not ended
  std::size_t clients_crashed_ = 0;  // of these, those that have crashed
  std::size_t ats_to_come_ = 0;      // at()s that have not happened
  std::size_t idle_turns_ = 0;       // turns since the clock moved

  std::vector<std::unique_ptr<SimHost>> hosts_;  // in the order in which they were added
  EventQueue events_;
  SimNetwork network_;
  ChoiceRandom random_;
  std::vector<Property> invariants_;
  std::vector<Property> eventualities_;
  std::vector<std::function<void()>> final_checks_;

  std::vector<NameId> task_names_;  // by tag; the first is nobody's
  std::uint64_t last_handle_number_ = 0;
  std::uint64_t last_cell_number_ = 0;
  std::vector<SimHost*> runnable_;  // of choose_host(), kept for its memory
  std::vector<std::uint64_t> runnable_ids_;
};

class World::Impl : public WorldCore {
 public:
  using WorldCore::WorldCore;
};

}  // namespace asyncio::sim
