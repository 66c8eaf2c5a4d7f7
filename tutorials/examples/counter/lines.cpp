#include "tutorials/examples/counter/lines.hpp"

#include <algorithm>
#include <charconv>

namespace counter {

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
  };
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, allowed);
}

std::optional<std::uint64_t> parse_total(std::string_view text) {
  std::uint64_t total = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), total);
  if (error != std::errc() || end != text.data() + text.size() || total > HIGHEST_TOTAL) return {};
  return total;
}

std::vector<std::string_view> words(std::string_view line) {
  std::vector<std::string_view> found;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(' ', begin), line.size());
    found.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return found;
}

std::string format_totals(const Totals& totals) {
  std::string text;
  for (const auto& [name, total] : totals) text += " " + name + "=" + std::to_string(total);
  return text;
}

std::optional<Totals> parse_totals(const std::vector<std::string_view>& words, std::size_t begin) {
  Totals totals;
  for (std::size_t i = begin; i < words.size(); ++i) {
    const std::size_t sign = words[i].find('=');
    if (sign == std::string_view::npos || !is_name(words[i].substr(0, sign))) return {};
    const auto total = parse_total(words[i].substr(sign + 1));
    if (!total) return {};
    totals[std::string(words[i].substr(0, sign))] = *total;
  }
  return totals;
}

}  // namespace counter
