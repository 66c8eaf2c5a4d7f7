// report_card_test.cpp: how often each strategy hits each exhibit. The table in simulator/museum/README.md is what this
// prints. It measures and asserts nothing, and takes a minute or two, so it runs only when asked for:
//
//     museum_tests --gtest_also_run_disabled_tests --gtest_filter='*ReportCard*'
#include "tests/museum/exhibits.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace {

namespace sim = asyncio::sim;

constexpr std::uint64_t EXECUTIONS = 2000;

struct Column {
  const char* title;
  sim::RunOptions options;
};

/// 37 of 2000 as per cent: "1.9".
std::string per_cent(std::uint64_t hits) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(hits * 10 < EXECUTIONS ? 2 : 0)
       << 100.0 * static_cast<double>(hits) / static_cast<double>(EXECUTIONS);
  return text.str();
}

TEST(DISABLED_ReportCard, Prints) {
  const std::vector<Column> columns = {
      {"random", {}},
      {"pct:1", {.strategy = sim::pct(1)}},
      {"pct:2", {.strategy = sim::pct(2)}},
      {"pct:3", {.strategy = sim::pct(3)}},
      {"random, any order", {.ready = sim::ReadyOrder::any}},
  };

  std::cout << "| % of " << EXECUTIONS << " executions that fail |";
  for (const Column& column : columns) std::cout << ' ' << column.title << " |";
  std::cout << " executions a second |\n|---|";
  for (std::size_t i = 0; i < columns.size() + 1; ++i) std::cout << "---|";
  std::cout << '\n';

  for (const museum::Broken& broken : museum::broken_exhibits()) {
    const auto begin = std::chrono::steady_clock::now();
    std::cout << "| " << broken.scenario << " |";
    for (const Column& column : columns) {
      std::cout << ' ' << per_cent(museum::count_failures(broken.scenario, EXECUTIONS, column.options)) << " |"
                << std::flush;
    }
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    std::cout << ' ' << static_cast<long>(static_cast<double>(EXECUTIONS * columns.size()) / passed.count()) << " |\n";
  }
}

}  // namespace
