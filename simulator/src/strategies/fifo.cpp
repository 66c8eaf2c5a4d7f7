// fifo.cpp: the strategy that always takes the plain way: what deviations deviate from.
#include <asyncio/sim/strategy.hpp>

namespace asyncio::sim {
namespace {

class Fifo final : public StrategyState {
 public:
  void begin(std::uint64_t) override {}
  std::uint32_t pick(const ChoicePoint&) override { return 0; }
};

}  // namespace

Strategy fifo() {
  return Strategy("fifo", [](const StrategyHints&) { return std::make_unique<Fifo>(); });
}

}  // namespace asyncio::sim
