// shrink.cpp: the same failure from fewer deviations.
//
// An execution is the plain one plus its deviations. Most of them have nothing to do with the failure, so they
// are taken away as long as it still happens, first many at once, then one by one (delta debugging). What is
// left is made smaller: of a latency way 3 instead of way 40. Last, the search goes the other way, from the
// plain execution upwards: what one or two deviations can do is tried one by one, since taking away finds no
// single deviation that does what two others do together.
//
// Taking away a deviation moves all choices after it. A deviation that is remembered as "choice 57" would then
// hit something else, so while shrinking it is remembered by its key: "the third time that alice's messages
// to bob have a latency".
//
//   Z1  What is kept fails with the same kind, and with the same message: numbers in it may differ. Only where
//       nothing smaller fails with that message, any message will do.
//   Z2  What is kept has no more deviations, does not end them later, and is smaller in one of both or in the
//       ways it picks.
//   Z3  What is returned was replayed from its token's deviations, by their places, and gave its trace hash.
//
// Source: Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, TSE 2002 (ddmin).
#include <asyncio/sim/run.hpp>

#include "noted_token.hpp"
#include "replayers.hpp"
#include "runner.hpp"
#include "self_check.hpp"
#include "token.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

namespace asyncio::sim {
namespace {

/// An execution as shrinking sees it.
struct Candidate {
  std::vector<KeyedChoice> deviations = {};  // those that the execution came to, in its order
  std::vector<SparseChoice> places = {};     // the same, by their places
  std::uint64_t picks = 0;                   // the sum of the ways picked

  std::size_t end() const noexcept { return places.empty() ? 0 : places.back().index + 1; }
};

/// Z2
bool is_smaller(const Candidate& a, const Candidate& b) {
  if (a.deviations.size() > b.deviations.size() || a.end() > b.end()) return false;
  return std::tuple(a.deviations.size(), a.picks, a.end()) < std::tuple(b.deviations.size(), b.picks, b.end());
}

/// Each choice of an execution by key and count, with the highest way there was.
std::vector<KeyedChoice> places_of(const std::vector<Choices::Entry>& entries) {
  std::vector<std::size_t> by_key(entries.size());
  std::iota(by_key.begin(), by_key.end(), std::size_t{0});
  std::sort(by_key.begin(), by_key.end(),
            [&](std::size_t a, std::size_t b) { return std::tie(entries[a].key, a) < std::tie(entries[b].key, b); });
  std::vector<KeyedChoice> places(entries.size());
  std::uint32_t nth = 0;
  for (std::size_t i = 0; i != by_key.size(); ++i) {
    const Choices::Entry& entry = entries[by_key[i]];
    nth = i != 0 && entries[by_key[i - 1]].key == entry.key ? nth + 1 : 0;
    places[by_key[i]] = {entry.key, nth, entry.ways - 1};
  }
  return places;
}

Candidate deviations_of(const std::vector<Choices::Entry>& entries) {
  const std::vector<KeyedChoice> places = places_of(entries);
  Candidate candidate;
  for (std::size_t index = 0; index != entries.size(); ++index) {
    const Choices::Entry& entry = entries[index];
    if (entry.picked == 0) continue;
    candidate.deviations.push_back({entry.key, places[index].nth, entry.picked});
    candidate.places.push_back({index, entry.ways, entry.picked});
    candidate.picks += entry.picked;
  }
  return candidate;
}

/// A message with a # for every number: "an update was lost: #".
std::string without_numbers(const std::string& message) {
  std::string text;
  for (const char c : message) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) text += c;
    if (digit && !text.ends_with('#')) text += '#';
  }
  return text;
}

/// The search for something smaller.
class Shrinker {
 public:
  Shrinker(Runner& runner, const Failure& failure, Candidate start, const ShrinkOptions& options)
      : runner_(runner),
        options_(options),
        began_(std::chrono::steady_clock::now()),
        kind_(failure.kind),
        message_(without_numbers(failure.message)),
        best_(std::move(start)) {}

  /// The smallest one found.
  const Candidate& search() {
    const std::size_t at_first = best_.deviations.size();
    search_once();
    if (best_.deviations.size() == at_first && at_first != 0) {  // Z1
      any_message_ = true;
      search_once();
    }
    return best_;
  }

 private:
  void search_once() {
    make_smaller();
    for (std::size_t count = 0; count < best_.deviations.size() && count <= 2; ++count) {
      build_up_until_ = tries_ + (options_.executions - tries_) / 2;
      if (build_up({}, 0, count)) return make_smaller();
    }
  }

  void make_smaller() {
    bool better = true;
    while (better && !spent()) {
      better = take_away();
      better |= lower();
    }
  }

  /// Tries all executions with `more` deviations from choice `begin` on, after those given.
  bool build_up(const std::vector<KeyedChoice>& deviations, std::size_t begin, std::size_t more) {
    if (tries_ >= build_up_until_ || spent()) return false;
    if (try_these(deviations)) return true;
    if (more == 0) return false;
    const std::vector<KeyedChoice> places = places_of(runner_.execution().choices().entries());
    for (std::size_t i = begin; i < std::min(places.size(), best_.end()); ++i) {
      const std::uint32_t highest = places[i].picked;
      // Of many ways the next one and the last one: the shortest delay and the longest.
      for (std::uint32_t way = 1; way <= highest; way = way == highest ? way + 1 : highest) {
        std::vector<KeyedChoice> one_more = deviations;
        one_more.push_back({places[i].key, places[i].nth, way});
        if (build_up(one_more, i + 1, more - 1)) return true;
      }
    }
    return false;
  }

  /// Takes deviations away, half of them at once, then a quarter, until no single one can go.
  bool take_away() {
    bool better = false;
    for (std::size_t size = (best_.deviations.size() + 1) / 2; size != 0; size /= 2) {
      // From the end: what comes late depends on what comes early, not the other way round.
      for (std::size_t end = best_.deviations.size(); end != 0 && !spent();) {
        const std::size_t begin = end - std::min(size, end);
        better |= try_these(without(begin, end));
        end = std::min(begin, best_.deviations.size());
      }
    }
    return better;
  }

  /// Picks lower ways.
  bool lower() {
    bool better = false;
    for (std::size_t i = 0; i < best_.deviations.size(); ++i) better |= lower(i);
    return better;
  }

  /// Looks by halves for the lowest way of one deviation that still fails; first of all for way 1.
  bool lower(std::size_t i) {
    bool better = false;
    std::uint32_t passes = 0;  // way 0 would be to take it away, which was tried
    const std::size_t count = best_.deviations.size();
    for (std::uint32_t way = 1; way != passes && way < best_.deviations[i].picked && !spent();) {
      std::vector<KeyedChoice> other = best_.deviations;
      other[i].picked = way;
      if (try_these(other)) {
        better = true;
        if (best_.deviations.size() != count) return true;  // i may be another one now
      } else {
        passes = way;
      }
      way = passes + (best_.deviations[i].picked - passes) / 2;
    }
    return better;
  }

  std::vector<KeyedChoice> without(std::size_t begin, std::size_t end) const {
    std::vector<KeyedChoice> fewer = best_.deviations;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(begin), fewer.begin() + static_cast<std::ptrdiff_t>(end));
    return fewer;
  }

  /// Runs these deviations, and keeps what comes out if it is smaller and the failure is still there.
  bool try_these(const std::vector<KeyedChoice>& deviations) {
    if (spent()) return false;
    ++tries_;
    tape_.load(deviations);
    runner_.execute(tape_, 0, false);
    const auto& failure = runner_.execution().failure();
    if (!failure || failure->kind != kind_) return false;
    if (!any_message_ && without_numbers(failure->message) != message_) return false;
    Candidate candidate = deviations_of(runner_.execution().choices().entries());
    if (!is_smaller(candidate, best_)) return false;
    best_ = std::move(candidate);
    return true;
  }

  bool spent() const {
    if (tries_ >= options_.executions) return true;
    if (options_.budget == Duration::zero()) return false;
    return std::chrono::steady_clock::now() - began_ >= options_.budget;
  }

  Runner& runner_;
  const ShrinkOptions& options_;
  const std::chrono::steady_clock::time_point began_;  // of the budget; nothing in a world sees it
  const FailureKind kind_;
  const std::string message_;
  bool any_message_ = false;
  std::uint64_t tries_ = 0;
  std::uint64_t build_up_until_ = 0;  // of tries: building up alone must not use up all of them
  KeyedReplayer tape_;
  Candidate best_;
};

/// Runs `failing` again, from its deviations.
///
/// \throws StaleTape  where it went another way, or did not fail
void check_that_it_fails_again(Runner& runner, const RunResult& failing) {
  const std::vector<SparseChoice> places = sparse(failing.tape);
  SparseReplayer tape(places);
  runner.execute(tape, 0, false);
  const auto& entries = runner.execution().choices().entries();
  const std::string what_to_do = std::string(" It cannot be shrunk. If the scenario is the same: ") + WHY_NOT_THE_SAME;
  for (std::size_t i = 0; i != std::min(failing.tape.size(), entries.size()); ++i) {
    if (failing.tape[i].ways == entries[i].ways && failing.tape[i].key == entries[i].key) continue;
    throw StaleTape(describe(runner.execution(), i) + ": " + std::to_string(failing.tape[i].ways) +
                    " ways on the tape, " + std::to_string(entries[i].ways) + " in the program" +
                    (failing.tape[i].key == entries[i].key ? "." : ", of another choice.") + what_to_do);
  }
  if (tape.unreached() != nullptr) {
    throw StaleTape("choice " + std::to_string(tape.unreached()->index) + ": on the tape, but the program ends after " +
                    std::to_string(entries.size()) + " choices." + what_to_do);
  }
  if (runner.execution().trace().hash() != failing.trace_hash || !runner.execution().failed()) {
    throw StaleTape("after choice " + std::to_string(entries.size()) + ", the last: the execution " +
                    (runner.execution().failed() ? "has another trace than" : "does not fail, unlike") +
                    " the one given." + what_to_do);
  }
}

}  // namespace

RunResult shrink(Scenario scenario, RunResult failing, ShrinkOptions options) {
  if (!failing.failure) throw std::invalid_argument("there is nothing to shrink: this execution did not fail");
  if (failing.failure->kind == FailureKind::nondeterminism) {
    throw StaleTape("this execution cannot be shrunk: " + failing.failure->message);
  }
  Token token = Token::parse(failing.token);
  RunOptions run_options = token.options();
  run_options.trace = true;
  Runner runner(std::move(scenario), run_options);
  const NotedToken note(token);
  check_that_it_fails_again(runner, failing);

  Candidate start = deviations_of(runner.execution().choices().entries());
  const Candidate smallest = Shrinker(runner, *failing.failure, std::move(start), options).search();

  SparseReplayer tape(smallest.places);  // Z3
  runner.execute(tape, 0, true);
  if (!runner.execution().failed() || tape.misfit() || tape.unreached() != nullptr) {
    throw StaleTape(std::string("the shrunk execution went another way when it was replayed. ") + WHY_NOT_THE_SAME);
  }
  token = {.ready = token.ready,
           .deviations = smallest.places,
           .time_limit = token.time_limit,
           .step_limit = token.step_limit,
           .hash_prefix = prefix_of(runner.execution().trace().hash())};
  RunResult result = runner.result(token.text(), true);
  result.tape.resize(smallest.end());
  return result;
}

std::vector<Deviation> deviations(Scenario scenario, const RunResult& result) {
  const Token token = Token::parse(result.token);
  RunOptions options = token.options();
  options.trace = true;
  Runner runner(std::move(scenario), std::move(options));
  const std::vector<SparseChoice> places = sparse(result.tape);
  SparseReplayer tape(places);
  runner.execute(tape, 0, false);

  std::vector<Deviation> found;
  const auto& entries = runner.execution().choices().entries();
  for (std::size_t index = 0; index != std::min(entries.size(), result.tape.size()); ++index) {
    const Choices::Entry& entry = entries[index];
    if (entry.picked == 0) continue;
    found.push_back({index, Choice{.kind = entry.kind,
                                   .ways = entry.ways,
                                   .picked = entry.picked,
                                   .key = entry.key,
                                   .label = runner.execution().choices().label(entry)}});
  }
  return found;
}

}  // namespace asyncio::sim
