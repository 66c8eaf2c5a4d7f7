// quantities.cpp: reads and writes numbers without floating point, and says what was expected where one makes no sense.
#include "quantities.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "exit_status.hpp"

namespace asyncio::sim::tool {
namespace {

using namespace std::chrono_literals;

struct Unit {
  std::string_view name;
  Duration duration;
};
constexpr std::array UNITS{Unit{"ns", 1ns}, Unit{"us", 1us},   Unit{"ms", 1ms}, Unit{"s", 1s},
                           Unit{"m", 1min}, Unit{"min", 1min}, Unit{"h", 1h}};

/// All of `text` as a number; nothing where it is none or does not fit.
template <class Number>
std::optional<Number> whole_number(std::string_view text, int base = 10) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool all_in(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_hexadecimal(std::string_view text) { return text.starts_with("0x") || text.starts_with("0X"); }

}  // namespace

Duration parse_duration(std::string_view option, std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto count = whole_number<std::int64_t>(text.substr(0, digits));
  const auto unit = std::ranges::find(UNITS, text.substr(digits), &Unit::name);
  if (!count || unit == UNITS.end()) {
    throw UsageError(
        fmt::format("{} {}: a duration is a whole number and its unit, such as 250ms, 30s or 1h.", option, text));
  }
  if (*count == 0) throw UsageError(fmt::format("{} {}: it has to be longer than nothing.", option, text));
  if (*count > Duration::max() / unit->duration) {
    throw UsageError(
        fmt::format("{} {}: that is longer than 292 years, which is all that a clock here can count.", option, text));
  }
  return *count * unit->duration;
}

std::uint64_t parse_count(std::string_view option, std::string_view text, std::uint64_t most) {
  const auto count = whole_number<std::uint64_t>(text);
  if (count && *count >= 1 && *count <= most) return *count;
  const std::string range = most == UINT64_MAX ? "from 1 on" : fmt::format("from 1 to {}", grouped(most));
  throw UsageError(fmt::format("{} {}: this is a whole number {}.", option, text, range));
}

bool looks_like_seed(std::string_view text) noexcept {
  if (is_hexadecimal(text)) return all_in(text.substr(2), "0123456789abcdefABCDEF");
  return all_in(text, "0123456789");
}

std::uint64_t parse_seed(std::string_view option, std::string_view text) {
  if (looks_like_seed(text)) {
    const auto seed =
        is_hexadecimal(text) ? whole_number<std::uint64_t>(text.substr(2), 16) : whole_number<std::uint64_t>(text);
    if (seed) return *seed;
  }
  throw UsageError(
      fmt::format("{} {}: a seed is a whole number from 0 to 2^64-1, decimal or as 0x2c91.", option, text));
}

std::string grouped(std::uint64_t count) {
  std::string text = fmt::format("{}", count);
  for (std::size_t place = text.size(); place > 3;) text.insert(place -= 3, ",");
  return text;
}

std::string counted(std::uint64_t count, std::string_view thing) {
  return fmt::format("{} {}{}", grouped(count), thing, count == 1 ? "" : "s");
}

std::string in_seconds(Duration duration) {
  const std::int64_t nanoseconds = duration.count();
  const std::string fraction = fmt::format("{:09}", nanoseconds % 1'000'000'000);
  std::string text = fmt::format("{}.{}", nanoseconds / 1'000'000'000, fraction.substr(0, 3));
  if (nanoseconds % 1'000'000 != 0) text += fraction.substr(3, 3);
  if (nanoseconds % 1'000 != 0) text += fraction.substr(6, 3);
  return text + " s";
}

std::string hash_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

}  // namespace asyncio::sim::tool
