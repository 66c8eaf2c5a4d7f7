// random.cpp: the strategy that has no plan.
//
// Hard to beat where a bug needs one or two things to coincide. Where it needs one thing to be late for a
// long time, it fails: being unlucky a hundred times in a row is what a coin does not do. See pct.cpp.
#include <asyncio/sim/strategy.hpp>

#include "generator.hpp"

namespace asyncio::sim {
namespace {

class Random final : public StrategyState {
 public:
  void begin(std::uint64_t seed) override { generator_.seed(seed); }
  std::uint32_t pick(const ChoicePoint& point) override { return generator_.pick(point); }

 private:
  Generator generator_;
};

}  // namespace

Strategy random() {
  return Strategy("random", [](const StrategyHints&) { return std::make_unique<Random>(); });
}

}  // namespace asyncio::sim
