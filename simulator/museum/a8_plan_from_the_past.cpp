// a8_plan_from_the_past.cpp: how DynamoDB lost its address.
//
// Origin: the AWS summary of the disruption in us-east-1 of 19 and 20 October 2025.
//
// A planner publishes numbered plans, each with the addresses that a name shall have. Three enactors, for safety
// independent of each other, put the newest plan in place for every name, and then delete the plans that are far
// behind. Each looks once, at the start, whether its plan is newer than the one in place. Then it acts, and acting may
// take long:
//
//     enactor-1   plan 1 is newer: go on … held up …                            writes plan 1
//     enactor-2                            plan 5 in place, deletes plans up to 2
//     the name                                                                  has plan 1, which is gone: no address
//
// Three variants:
//
//     buggy                compares before it acts
//     cleanup_spares_used  the clean-up leaves a plan alone that is in use. It cures nothing: the late enactor writes a
//                          plan that was not in use when the clean-up looked
//     fixed                dns itself compares, in the same step in which it writes
//
// Page: a8_plan_from_the_past.md.
#include "museum/line_protocol.hpp"

#include <asyncio/sim/sim.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>

namespace {

namespace sim = asyncio::sim;
using museum::Connection;
using namespace std::chrono_literals;

enum class Repair { none, cleanup_spares_used, compare_at_the_write };

constexpr int PLANS = 5;
constexpr int KEPT = 1;  // plans that are further behind are deleted
const std::string NAMES[] = {"dynamodb", "s3"};

/// What dns holds: plans by number, and which of them each name follows.
struct Records {
  std::set<int> plans = {0};
  std::map<std::string, int> in_place = {{NAMES[0], 0}, {NAMES[1], 0}};

  bool in_use(int plan) const { return in_place.at(NAMES[0]) == plan || in_place.at(NAMES[1]) == plan; }
};

/// One word to dns: "publish PLAN", "newest", "in_place NAME", "write NAME PLAN", "forget_before PLAN".
std::string answer(Records& records, Repair repair, const std::string& question) {
  std::istringstream words(question);
  std::string verb, name;
  int plan = 0;
  words >> verb;
  if (verb == "in_place" || verb == "write") words >> name;
  words >> plan;

  if (verb == "publish") records.plans.insert(plan);
  if (verb == "newest") return std::to_string(*records.plans.rbegin());
  if (verb == "in_place") return std::to_string(records.in_place.at(name));
  if (verb == "write") {
    if (repair == Repair::compare_at_the_write && plan <= records.in_place.at(name)) return "too late";
    records.in_place.at(name) = plan;
  }
  if (verb == "forget_before") {
    std::erase_if(records.plans, [&](int old) {
      return old < plan && !(repair == Repair::cleanup_spares_used && records.in_use(old));
    });
  }
  return "ok";
}

/// Puts the newest plan in place, again and again.
///
/// \param held_up_at  which of its writes, counted from 0, fails and fails again before it succeeds
/// \suspends for ever
void enact(std::optional<std::size_t> held_up_at) {
  const Connection dns = Connection::to("dns");  // suspends
  std::size_t writes = 0;
  for (;; asyncio::sleep(400ms)) {
    const std::string plan = dns.ask("newest");                                   // suspends
    if (std::stoi(dns.ask("in_place " + NAMES[0])) >= std::stoi(plan)) continue;  // suspends; the only look there is
    for (const std::string& name : NAMES) {
      if (writes++ == held_up_at) asyncio::sleep(2s);  // suspends, and four plans are published meanwhile
      dns.ask("write " + name + " " + plan);           // suspends
    }
    dns.ask("forget_before " + std::to_string(std::stoi(plan) - KEPT));  // suspends
  }
}

void region(sim::World& world, Repair repair) {
  world.network().set_default({.latency = {1ms, 20ms}});
  const auto records = std::make_shared<Records>();

  world.host("dns", [=] {
    museum::serve("dns", [=](const std::string& question) { return answer(*records, repair, question); });
  });
  world.client("planner", [] {
    const Connection dns = Connection::to("dns");
    for (int plan = 1; plan <= PLANS; ++plan) {
      dns.ask("publish " + std::to_string(plan));
      asyncio::sleep(500ms);
    }
  });

  const std::size_t held_up = world.choose(4, "who is held up: nobody, enactor 1, 2 or 3");
  const std::size_t held_up_at = world.choose(6, "at which of its writes");
  for (std::size_t number = 1; number <= 3; ++number) {
    const auto at = number == held_up ? std::optional(held_up_at) : std::nullopt;
    world.host("enactor-" + std::to_string(number), [at] { enact(at); });
  }

  world.invariant("every name has an address", [=] {
    return std::ranges::all_of(NAMES,
                               [&](const auto& name) { return records->plans.contains(records->in_place.at(name)); });
  });
}

void a8_plan_from_the_past_buggy(sim::World& world) { region(world, Repair::none); }
void a8_plan_from_the_past_cleanup_spares_used(sim::World& world) { region(world, Repair::cleanup_spares_used); }
void a8_plan_from_the_past_fixed(sim::World& world) { region(world, Repair::compare_at_the_write); }

}  // namespace

ORRERY_SCENARIO(a8_plan_from_the_past_buggy,
                "a late enactor puts a deleted plan in place: DynamoDB's DNS, October 2025")
ORRERY_SCENARIO(a8_plan_from_the_past_cleanup_spares_used, "wrong fix: the clean-up spares plans that are in use")
ORRERY_SCENARIO(a8_plan_from_the_past_fixed, "fixed: the plan numbers are compared in the step that writes")
