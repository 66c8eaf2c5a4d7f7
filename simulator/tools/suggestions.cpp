// suggestions.cpp: the name that is the fewest edits away, where that is near enough to be a slip.
#include "suggestions.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace asyncio::sim::tool {
namespace {

/// How many letters have to be added, dropped or replaced to make one of the other (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string suggestion(std::string_view misspelt, const std::vector<std::string>& names) {
  if (misspelt.empty() || misspelt.size() > 200) return {};
  const std::string* nearest = nullptr;
  std::size_t nearest_distance = misspelt.size() / 3 + 1;  // a word of which more is wrong is another word
  for (const std::string& name : names) {
    // Whoever writes the beginning of a long name means it, far though it is.
    const std::size_t away = misspelt.size() >= 2 && name.starts_with(misspelt) ? 1 : distance(misspelt, name);
    if (away < nearest_distance || (away == nearest_distance && nearest == nullptr)) {
      nearest = &name;
      nearest_distance = away;
    }
  }
  return nearest == nullptr ? std::string{} : fmt::format(" Did you mean \"{}\"?", *nearest);
}

}  // namespace asyncio::sim::tool
