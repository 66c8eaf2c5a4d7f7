// by_name.cpp: the strategies that have a name on the command line and in tokens.
//
// A new strategy gets a line in the table below.
#include <asyncio/sim/strategy.hpp>

#include <charconv>
#include <stdexcept>
#include <utility>

namespace asyncio::sim {
namespace {

struct Plain {
  std::string_view name;
  Strategy (*make)();
};
struct WithNumber {
  std::string_view name;
  Strategy (*make)(unsigned);
};

constexpr Plain PLAIN[] = {{"random", random}, {"fifo", fifo}};
constexpr WithNumber WITH_NUMBER[] = {{"pct", pct}};

std::string what_there_is() {
  std::string list;
  for (const Plain& strategy : PLAIN) list.append(list.empty() ? "" : ", ").append(strategy.name);
  for (const WithNumber& strategy : WITH_NUMBER)
    list.append(", ").append(strategy.name).append(":N, as in ").append(strategy.name).append(":3");
  return list;
}

}  // namespace

Strategy::Strategy(std::string name, Make make, bool needs_hints)
    : name_(std::move(name)), make_(std::move(make)), needs_hints_(needs_hints) {}

Strategy strategy_by_name(std::string_view name) {
  for (const Plain& strategy : PLAIN) {
    if (name == strategy.name) return strategy.make();
  }
  const std::size_t colon = name.find(':');
  for (const WithNumber& strategy : WITH_NUMBER) {
    if (name.substr(0, colon) != strategy.name) continue;
    unsigned number = 0;
    const std::string_view digits = colon == name.npos ? std::string_view() : name.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size()) return strategy.make(number);
    throw std::invalid_argument("strategy " + std::string(name.substr(0, 64)) + ": after " +
                                std::string(strategy.name) + ": stands a whole number, as in " +
                                std::string(strategy.name) + ":3");
  }
  throw std::invalid_argument("there is no strategy \"" + std::string(name.substr(0, 64)) + "\"; there is " +
                              what_there_is());
}

}  // namespace asyncio::sim
