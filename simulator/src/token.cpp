// token.cpp: writing tokens, and reading what people paste.
//
// Reading trusts nothing: the text may be a megabyte of anything. It is read once from left to right, and
// every number has its bounds.
#include "token.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

namespace asyncio::sim {
namespace {

constexpr std::string_view VERSION = "o1";
constexpr std::string_view TAPE = "tape";
constexpr std::size_t CHECKSUM_DIGITS = 8, HASH_DIGITS = 12;

std::string hex(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i != 0; number >>= 4) text[--i] = "0123456789abcdef"[number & 15];
  return text;
}

[[noreturn]] void malformed(const std::string& what) {
  throw MalformedToken("this is not a token: " + what + ". Was it copied whole?");
}

/// A number that takes up all of `digits`, written as we write it: no sign, no leading zero.
std::uint64_t number(std::string_view digits, std::uint64_t max, const char* what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || value > max || (digits.size() > 1 && digits.front() == '0')) {
    malformed(std::string("the ") + what + " is no number in its range");
  }
  return value;
}

/// What comes before the next `separator`; takes both off the front of `text`.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::vector<SparseChoice> parse_deviations(std::string_view text) {
  std::vector<SparseChoice> deviations;
  constexpr std::uint64_t most_ways = std::numeric_limits<std::uint32_t>::max();
  while (!text.empty()) {
    std::string_view entry = take(text, '_');
    SparseChoice deviation;
    deviation.index = number(take(entry, '.'), std::numeric_limits<std::uint64_t>::max(), "index of a deviation");
    deviation.ways = static_cast<std::uint32_t>(number(take(entry, '.'), most_ways, "number of ways"));
    deviation.picked = static_cast<std::uint32_t>(number(entry, most_ways, "way picked"));
    if (deviation.picked == 0 || deviation.picked >= deviation.ways)
      malformed("a deviation picks a way that is not there");
    if (!deviations.empty() && deviations.back().index >= deviation.index) malformed("its deviations are out of order");
    deviations.push_back(deviation);
  }
  return deviations;
}

std::uint64_t parse_hash(std::string_view digits) {
  std::uint64_t hash = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), hash, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.size() != HASH_DIGITS) {
    malformed("its trace hash does not have " + std::to_string(HASH_DIGITS) + " digits");
  }
  return hash;
}

/// Takes version and checksum off both ends.
std::string_view checked(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  };
  if (!text.starts_with(VERSION) || text.substr(VERSION.size(), 1) != "-") {
    malformed("it does not begin with \"" + std::string(VERSION) + "-\"");
  }
  if (!std::all_of(text.begin(), text.end(), allowed)) {
    malformed("only letters, digits, dots, dashes and underscores stand in one");
  }
  const std::size_t dash = text.rfind('-');
  if (text.substr(dash + 1) != hex(token_checksum(text.substr(0, dash)), CHECKSUM_DIGITS)) {
    malformed("its checksum does not fit");
  }
  return text.substr(0, dash).substr(std::min(VERSION.size() + 1, dash));
}

void parse_optional(Token& token, std::string_view rest) {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  constexpr auto longest = static_cast<std::uint64_t>(Duration::max().count());
  while (!rest.empty()) {
    const std::string_view field = take(rest, '-');
    const std::string_view value = field.substr(std::min<std::size_t>(1, field.size()));
    switch (field.empty() ? '\0' : field.front()) {
      case 'h': token.hint_choices = number(value, most, "length of the plain execution"); break;
      case 't': token.time_limit = Duration(static_cast<std::int64_t>(number(value, longest, "time limit"))); break;
      case 'n': token.step_limit = number(value, most, "step limit"); break;
      case 'x': token.hash_prefix = parse_hash(value); break;
      default: malformed("it has a part that this version does not know");
    }
  }
}

}  // namespace

Token Token::of(const RunOptions& options, const StrategyHints& hints) {
  return {.strategy = options.strategy.name(),
          .ready = options.ready,
          .seed = options.seed,
          .hint_choices = hints.choices,
          .time_limit = options.time_limit,
          .step_limit = options.step_limit};
}

RunOptions Token::options() const {
  RunOptions options{.seed = seed, .ready = ready, .time_limit = time_limit, .step_limit = step_limit};
  if (strategy.empty()) return options;
  try {
    options.strategy = strategy_by_name(strategy);
  } catch (const std::invalid_argument& error) {
    throw MalformedToken(std::string("the token was made with another program: ") + error.what());
  }
  return options;
}

std::string Token::before_seed() const {
  std::string text(VERSION);
  std::string name = strategy.empty() ? std::string(TAPE) : strategy;
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = c == ':' ? '.' : '_';
  }
  text.append("-").append(name).append("-").append(to_string(ready)).append(strategy.empty() ? "-d" : "-s");
  return text;
}

std::string Token::after_seed() const {
  std::string text;
  const auto field = [&text](char letter, std::uint64_t value) { (text += '-') += letter + std::to_string(value); };
  if (hint_choices != 0) field('h', hint_choices);
  if (time_limit != RunOptions{}.time_limit)
    field('t', static_cast<std::uint64_t>(std::max(time_limit, Duration::zero()).count()));
  if (step_limit != RunOptions{}.step_limit) field('n', step_limit);
  if (hash_prefix) text += "-x" + hex(*hash_prefix, HASH_DIGITS);
  return text;
}

std::string Token::text() const {
  std::string text = before_seed();
  if (!strategy.empty()) text += std::to_string(seed);
  const char* separator = "";
  for (const SparseChoice& deviation : deviations) {
    text.append(separator).append(std::to_string(deviation.index)).append(".");
    text.append(std::to_string(deviation.ways)).append(".").append(std::to_string(deviation.picked));
    separator = "_";
  }
  text += after_seed();
  return text + "-" + hex(token_checksum(text), CHECKSUM_DIGITS);
}

Token Token::parse(std::string_view text) {
  if (const std::size_t at = text.rfind('@'); at != text.npos) text.remove_prefix(at + 1);
  std::string_view rest = checked(text);
  Token token;
  const std::string_view name = take(rest, '-');
  const std::string_view ready = take(rest, '-');
  const std::string_view what = take(rest, '-');

  if (ready != "fifo" && ready != "any") malformed("it names no order of ready callbacks");
  token.ready = ready == "any" ? ReadyOrder::any : ReadyOrder::fifo;
  if (name != TAPE) {
    token.strategy = name;
    std::replace(token.strategy.begin(), token.strategy.end(), '.', ':');
    if (name.empty() || !what.starts_with('s')) malformed("it has no seed");
    token.seed = number(what.substr(1), std::numeric_limits<std::uint64_t>::max(), "seed");
  } else {
    if (!what.starts_with('d')) malformed("it has no deviations");
    token.deviations = parse_deviations(what.substr(1));
  }
  parse_optional(token, rest);
  return token;
}

}  // namespace asyncio::sim
