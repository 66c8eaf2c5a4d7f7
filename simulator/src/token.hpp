// token.hpp: the line of text that brings an execution back.
//
//     o1-pct.3-fifo-s42-h96-x3f9a0c12de77-8c1f00aa        the seed form: what to make the choices with
//     o1-tape-any-d17.3.1_40.8.2-x3f9a0c12de77-1b20e4d9   the deviations form: the choices
//     │  │    │   │              │            └ checksum of all before it: typos and lost ends are noticed
//     │  │    │   │              └ the first 12 digits of the trace hash; absent in a note about a crash
//     │  │    │   └ seed, or deviations: index.ways.picked, joined by _; at all other places, way 0
//     │  │    └ the order of ready callbacks
//     │  └ the strategy, with a dot for its colon; "tape" in the deviations form
//     └ the version of this format
//
// Optional, after the seed: h, the choices of the plain execution, for strategies that ask for it; t, the time
// limit in nanoseconds; n, the step limit; both where they are not the standard ones.
//
// Letters, digits, dots, dashes, underscores: nothing that a shell, a file name or a URL would mind.
#pragma once

#include "replayers.hpp"

#include <asyncio/sim/run.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace asyncio::sim {

/// What a token says.
struct Token {
  std::string strategy = {};                         ///< as strategy_by_name() takes it; empty in the deviations form
  ReadyOrder ready = ReadyOrder::fifo;               ///< as in RunOptions
  std::uint64_t seed = 0;                            ///< seed form
  std::vector<SparseChoice> deviations = {};         ///< deviations form; by ascending index
  std::size_t hint_choices = 0;                      ///< see StrategyHints; 0: none
  Duration time_limit = RunOptions{}.time_limit;     ///< as in RunOptions
  std::size_t step_limit = RunOptions{}.step_limit;  ///< as in RunOptions
  std::optional<std::uint64_t> hash_prefix = {};     ///< see prefix_of(); empty: the execution's end is not known

  /// The token of an execution that is run with `options`.
  static Token of(const RunOptions& options, const StrategyHints& hints);

  /// The token as text.
  std::string text() const;
  /// Its two halves without the checksum, for whoever writes many tokens that differ in their seed only.
  std::string before_seed() const;
  std::string after_seed() const;

  /// Reads a token.
  ///
  /// \param text  with or without a leading "name@"
  /// \throws MalformedToken  says what is wrong with it
  static Token parse(std::string_view text);
  /// How to run it; the strategy only in the seed form.
  RunOptions options() const;
};

/// What a token keeps of a trace hash.
constexpr std::uint64_t prefix_of(std::uint64_t trace_hash) noexcept { return trace_hash >> 16; }

/// CRC-32, which notices every change of up to four neighbouring characters. Async-signal-safe.
constexpr std::uint32_t token_checksum(std::string_view text, std::uint32_t before = 0) noexcept {
  std::uint32_t crc = ~before;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit != 8; ++bit) crc = (crc >> 1) ^ (0xedb88320U & (0 - (crc & 1)));
  }
  return ~crc;
}

}  // namespace asyncio::sim
