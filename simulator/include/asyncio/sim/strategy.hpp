// strategy.hpp: who makes the choices of an execution.
//
// A strategy is asked at every choice and answers with a way. It must answer the same whenever it is begun
// with the same seed and asked the same questions: nothing but the seed and the questions may get in.
// To write one, derive from StrategyState in a file of its own; to give it a name on the command line, add a line to
// the tables of strategies/by_name.cpp.
#pragma once

#include <asyncio/sim/choices.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace asyncio::sim {

/// A question to a strategy.
struct ChoicePoint {
  ChoiceKind kind = ChoiceKind::user;  ///< what is being chosen
  std::uint32_t ways = 2;              ///< how many ways there are, at least 2
  /// How likely the ways other than 0 should be together, in 65536ths, where all ways are not alike: a leap,
  /// a loss. 0: all ways alike.
  std::uint32_t odds = 0;
  std::uint64_t key = 0;  ///< the same for the same kind, actor and site
  /// Who goes on in each way (a number that stays with a task or host for its life); empty where that is not
  /// the question.
  std::span<const std::uint64_t> candidates = {};
};

/// A strategy at work on one execution after the other.
class StrategyState {
 public:
  virtual ~StrategyState() = default;
  /// A new execution begins.
  ///
  /// \param seed  the only source of chance
  virtual void begin(std::uint64_t seed) = 0;
  /// Answers a question.
  ///
  /// \return a way in [0, point.ways)
  virtual std::uint32_t pick(const ChoicePoint& point) = 0;
};

/// What a strategy may know before it begins.
struct StrategyHints {
  std::size_t choices = 0;  ///< how many choices the plain FIFO execution of the scenario makes; 0: not measured
};

/// A way to search the executions of a scenario. A value: copies are the same strategy.
class Strategy {
 public:
  /// Makes a state for one explorer.
  using Make = std::function<std::unique_ptr<StrategyState>(const StrategyHints&)>;
  /// \param name         as on the command line: "random", "pct:3"
  /// \param make         makes a state
  /// \param needs_hints  whether the plain execution has to be measured first
  Strategy(std::string name, Make make, bool needs_hints = false);

  /// As on the command line: "random", "pct:3".
  const std::string& name() const noexcept { return name_; }
  /// A state of its own for one explorer.
  std::unique_ptr<StrategyState> make(const StrategyHints& hints) const { return make_(hints); }
  /// Whether make() wants to know how long the plain execution is.
  bool needs_hints() const noexcept { return needs_hints_; }

 private:
  std::string name_;
  Make make_;
  bool needs_hints_;
};

/// The search at random: every way as likely as the others, but for choices that have odds of their own.
Strategy random();
/// The plain execution: always way 0, first come, first served, shortest latency, no fault.
Strategy fifo();
/// Probabilistic concurrency testing: random priorities that change at `depth` - 1 random places.
///
/// \param depth  at least 1: how many ordering constraints the bug needs
/// \return       the strategy
/// \source Burckhardt and others, ASPLOS 2010
Strategy pct(unsigned depth);

/// A strategy by its name on the command line.
///
/// \throws std::invalid_argument  naming what there is
Strategy strategy_by_name(std::string_view name);

}  // namespace asyncio::sim
