// world_core.cpp: the loop of a world, and how an execution ends.
//
// Read run_to_the_end() first. The surprise is maybe_leap(). On an exact clock no two independent things ever happen
// in one iteration, and that hides most bugs of real loops. So after a turn it is chosen whether it took so long that
// the next thing is due as well. If so, the host is slow: it has no other turn before the clock has moved. The other
// hosts are other machines, which do not wait for it; the clock moves when none of them has anything to do. Where the
// host has nothing left to do itself, that happens anyway, and nothing is chosen.
#include "world_core.hpp"

#include "ids.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <utility>

namespace asyncio::sim {
namespace {

constinit thread_local WorldCore* current_world = nullptr;

// About one in five: of the odds that were measured, from 0.1 to 0.4, all worked.
constexpr std::uint32_t LEAP_ODDS = 13107;

std::atomic<std::uint64_t> worlds_so_far = 0;  // worlds may run in several threads

std::string virtual_seconds(TimePoint time) {
  const auto ns = time.time_since_epoch().count();
  std::string fraction = std::to_string(ns % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(ns / 1'000'000'000) + (fraction.empty() ? "" : "." + fraction) + " s";
}

}  // namespace

std::string place_of(const std::source_location& where) {
  const std::string_view path = where.file_name();
  return std::string(path.substr(path.find_last_of('/') + 1)) + ":" + std::to_string(where.line());
}

std::uint32_t odds_of(double probability, const char* what) {
  if (!(probability >= 0 && probability <= 1)) {
    throw std::invalid_argument(std::string(what) + " must be a probability from 0 to 1, and is " +
                                std::to_string(probability));
  }
  if (probability == 0) return 0;
  if (probability == 1) return ODDS_ALWAYS;
  // The one place where floating point comes near a choice: a product by a power of two is exact everywhere.
  return std::clamp(static_cast<std::uint32_t>(probability * ODDS_ALWAYS), 1u, ODDS_ALWAYS - 1);
}

/// Something that at() was given.
class WorldCore::At final : public WorldEvent {
 public:
  At(WorldCore& world, std::function<void()> fn) : world_(world), fn_(std::move(fn)) {}
  void happen() override {
    --world_.ats_to_come_;
    try {
      fn_();
    } catch (...) {
      world_.fail_with(std::current_exception(), "at()");
    }
    world_.check_properties();
  }

 private:
  WorldCore& world_;
  std::function<void()> fn_;
};

WorldCore::WorldCore(World& world, Execution& execution)
    : world_(world), number_(++worlds_so_far), execution_(execution), network_(*this), random_(*this, NameId::none) {
  task_names_.push_back(NameId::none);
  current_world = this;
}

WorldCore::~WorldCore() {
  unwind();
  current_world = nullptr;
}

WorldCore* WorldCore::current() noexcept { return current_world; }

// ---- What a scenario builds ----

SimHost& WorldCore::add_host(std::string name, std::function<void()> main, bool client) {
  if (name.empty()) throw std::invalid_argument("a host needs a name");
  if (find_host(name)) throw std::invalid_argument("there is a host '" + name + "' already");
  if (execution_.steps > 0 || running_ || over_) throw RuntimeError("hosts are added before the world runs");
  const auto number = static_cast<std::uint32_t>(hosts_.size() + 1);
  hosts_.push_back(std::make_unique<SimHost>(*this, std::move(name), number, client, std::move(main)));
  if (client) {
    has_clients_ = true;
    ++clients_left_;
  }
  return *hosts_.back();
}

SimHost* WorldCore::find_host(std::string_view name) noexcept {
  for (const auto& host : hosts_) {
    if (host->name() == name) return host.get();
  }
  return nullptr;
}

SimHost& WorldCore::host(std::string_view name) {
  if (SimHost* found = find_host(name)) return *found;
  std::string known;
  for (const auto& host : hosts_) known += (known.empty() ? "" : ", ") + host->name();
  throw std::invalid_argument("there is no host '" + std::string(name) + "' in this world, only: " + known);
}

void WorldCore::at(Duration when, std::function<void()> fn) {
  if (when < Duration::zero()) throw std::invalid_argument("at(): the time must be at least zero");
  if (over_) return;
  ++ats_to_come_;
  schedule(std::max(now_, TimePoint(when)), make_ref<At>(*this, std::move(fn)));
}

void WorldCore::invariant(std::string name, std::function<bool()> holds) {
  invariants_.push_back({std::move(name), std::move(holds)});
}

void WorldCore::eventually(std::string name, std::function<bool()> holds) {
  eventualities_.push_back({std::move(name), std::move(holds)});
}

void WorldCore::finally(std::function<void()> check) { final_checks_.push_back(std::move(check)); }

// ---- The loop of the world ----

void WorldCore::run() {
  execution_.trace().set_time(now_);
  record({.kind = EventKind::run_start});
  run_to_the_end();
  if (execution_.to_be_looked_at(true)) execution_.look(*this);
  if (!execution_.failed()) check_at_the_end();
  record({.kind = EventKind::run_end, .a = execution_.steps});
  execution_.virtual_time = now_.time_since_epoch();
  execution_.seal();  // C2
  over_ = true;
}

void WorldCore::run_to_the_end() {
  start_hosts();
  if (execution_.to_be_looked_at(false)) execution_.look(*this);
  while (!execution_.failed()) {
    happen_what_is_due();
    if (finished() || execution_.failed()) return;
    SimHost* const next = choose_host();
    if (next) {
      if (!under_step_limit()) return;
      take_turn(*next);
    } else if (!advance()) {
      return report_stuck();
    }
  }
}

void WorldCore::start_hosts() {
  for (const auto& host : hosts_) host->start();
}

/// Who has the next turn of those who have something to do; null where nobody has.
///
/// Way 0 goes round: whoever comes next after the host that had the last turn.
SimHost* WorldCore::choose_host() {
  runnable_.clear();
  for (std::size_t i = 1; i <= hosts_.size(); ++i) {
    SimHost& host = *hosts_[(last_turn_ + i) % hosts_.size()];
    if (host.can_run()) runnable_.push_back(&host);
  }
  if (runnable_.size() <= 1) return runnable_.empty() ? nullptr : runnable_.front();
  runnable_ids_.clear();
  for (const SimHost* host : runnable_) runnable_ids_.push_back(host_id(host->number()));
  return runnable_[choose(ChoiceKind::turn, static_cast<std::uint32_t>(runnable_.size()), NameId::none, NameId::none, 0,
                          runnable_ids_)];
}

bool WorldCore::under_step_limit() {
  const std::size_t limit = execution_.options().step_limit;
  if (execution_.steps < limit) return true;
  fail(FailureKind::step_limit, "more than " + std::to_string(limit) + " turns were taken up to " +
                                    virtual_seconds(now_) + " of virtual time, the last " +
                                    std::to_string(idle_turns_) + " of them without any time passing");
  return false;
}

void WorldCore::count_turn() noexcept {
  execution_.trace().set_step(++execution_.steps);
  ++idle_turns_;
}

void WorldCore::take_turn(SimHost& host) {
  count_turn();
  last_turn_ = host.number() - 1;
  running_ = &host;
  execution_.running_host = host.name_id();
  const bool ran = host.turn();
  running_ = nullptr;
  execution_.running_host = NameId::none;
  check_properties();  // W4
  if (execution_.to_be_looked_at(false)) execution_.look(*this);
  if (ran) maybe_leap(host);
}

bool WorldCore::finished() const noexcept {
  // A client that has crashed may be restarted by an at(). Where none is to come nobody waits for it.
  return has_clients_ && clients_left_ == clients_crashed_ && (clients_crashed_ == 0 || ats_to_come_ == 0);
}

// ---- Time ----

TimePoint WorldCore::next_time() {
  TimePoint next = events_.next_time();
  for (const auto& host : hosts_) next = std::min(next, host->next_timer());
  return next;
}

/// Nobody has anything to do now: the clock jumps to the next thing that is due.
///
/// \return false where nothing ever will be, or not before the time limit
bool WorldCore::advance() {
  const TimePoint next = next_time();
  if (in_time(next)) {
    advance_to(next);
    return true;
  }
  // What a slow host was waiting for may have been cancelled meanwhile. Then its step ends now.
  return wake_slow_hosts();
}

bool WorldCore::in_time(TimePoint when) const noexcept {
  return when != TimePoint::max() && when - TimePoint{} <= execution_.options().time_limit;
}

void WorldCore::advance_to(TimePoint when) {
  wake_slow_hosts();
  now_ = when;  // C1
  idle_turns_ = 0;
  execution_.trace().set_time(now_);
  record({.kind = EventKind::clock, .a = static_cast<std::uint64_t>(now_.time_since_epoch().count())});
}

/// \return whether there was one
bool WorldCore::wake_slow_hosts() noexcept {
  if (!std::exchange(somebody_is_slow_, false)) return false;
  for (const auto& host : hosts_) host->set_slow(false);
  return true;
}

void WorldCore::happen_what_is_due() {
  while (events_.next_time() <= now_ && !execution_.failed()) events_.pop()->happen();
}

/// Chooses whether the turn took so long that the next timer or arrival is due as well.
void WorldCore::maybe_leap(SimHost& host) {
  if (execution_.failed() || !host.can_run()) return;
  const TimePoint next = next_time();
  if (next <= now_ || !in_time(next)) return;
  if (!happens(ChoiceKind::leap, LEAP_ODDS, host.name_id(), NameId::none)) return;
  host.set_slow(true);
  somebody_is_slow_ = true;
}

bool WorldCore::nobody_else_may_go() {
  if (!invariants_.empty() || !eventualities_.empty() || execution_.failed()) return false;
  if (execution_.steps >= execution_.options().step_limit) return false;  // a task that spins has to come back
  if (execution_.to_be_looked_at(false)) return false;
  if (next_time() != TimePoint::max()) return false;
  for (const auto& host : hosts_) {
    if (host.get() != running_ && host->can_run()) return false;
  }
  count_turn();
  return true;
}

// ---- Checks ----

void WorldCore::check_properties() {
  if (execution_.failed()) return;
  for (const Property& property : invariants_) {
    if (holds(property)) continue;
    return fail(FailureKind::invariant, "the invariant '" + property.name + "' does not hold");
  }
  for (Property& property : eventualities_) {
    if (!property.held) property.held = holds(property);
  }
}

/// Whether a property holds; a check that throws fails the execution itself.
bool WorldCore::holds(const Property& property) {
  try {
    return property.holds();
  } catch (...) {
    fail_with(std::current_exception(), "'" + property.name + "'");
    return false;
  }
}

void WorldCore::check_at_the_end() {
  for (const auto& check : final_checks_) {
    try {
      check();
    } catch (...) {
      fail_with(std::current_exception(), "finally()");
    }
    if (execution_.failed()) return;
  }
  for (const Property& property : eventualities_) {
    if (!property.held) fail(FailureKind::invariant, "'" + property.name + "' was to hold eventually, and never did");
  }
}

/// Nothing will ever happen any more, or not before the time limit.
void WorldCore::report_stuck() {
  if (execution_.failed()) return;
  const TimePoint next = next_time();
  bool all_ending = true;
  std::string who;
  for (const auto& host : hosts_) {
    if (!host->client() || host->phase() == SimHost::Phase::ended) continue;
    if (host->phase() == SimHost::Phase::crashed) continue;
    all_ending = all_ending && host->phase() == SimHost::Phase::ending;
    who += (who.empty() ? "" : "; ") + host->what_it_waits_for();
  }
  if (!who.empty() && all_ending) {
    return fail(FailureKind::leaked_task,
                "main has returned, and a task of it does not end although it was cancelled: " + who);
  }
  if (next != TimePoint::max()) {
    return fail(FailureKind::time_limit, "not over after " +
                                             virtual_seconds(TimePoint{} + execution_.options().time_limit) +
                                             " of virtual time" + (who.empty() ? "" : ": " + who));
  }
  // Without clients an execution is over when nothing more can happen; and nobody waits for a crashed client.
  if (!who.empty()) fail(FailureKind::deadlock, "nothing will ever happen any more, and main has not returned: " + who);
}

void WorldCore::client_ended(SimHost& host) {
  --clients_left_;
  network_.host_gone(host);
}

void WorldCore::unwind() noexcept {
  execution_.seal();
  over_ = true;
  for (const auto& host : hosts_) host->unwind();
  // What the scenario captured goes while the loops are still there: a future in it may want to ask its loop.
  events_.clear();
  network_.unwind();
  invariants_.clear();
  eventualities_.clear();
  final_checks_.clear();
}

// ---- What everybody asks of the world ----

bool WorldCore::happens(ChoiceKind kind, std::uint32_t odds, NameId actor, NameId site) {
  if (odds == 0 || odds >= ODDS_ALWAYS) return odds != 0;
  return choose(kind, 2, actor, site, odds) == 1;
}

void WorldCore::fail(FailureKind kind, std::string message, std::string where) {
  if (where.empty()) where = execution_.where();
  execution_.fail(kind, std::move(message), std::move(where));
}

void WorldCore::fail_with(const std::exception_ptr& error, const std::string& what, std::string where) {
  try {
    std::rethrow_exception(error);
  } catch (const CheckFailed& failed) {
    fail(FailureKind::check, failed.message(), std::move(where));
  } catch (...) {
    fail(FailureKind::exception, what + ": " + asyncio::describe(error), std::move(where));
  }
}

std::uint32_t WorldCore::new_task_tag(const TaskState& task) {
  task_names_.push_back(execution_.names().intern(task.get_name()));
  return static_cast<std::uint32_t>(task_names_.size() - 1);
}

}  // namespace asyncio::sim
