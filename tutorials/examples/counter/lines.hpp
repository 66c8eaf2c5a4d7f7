// lines.hpp: what the nodes and their clients say to each other, as lines.
//
//     client ► node   add NAME TOTAL        ok  ·  no majority  ·  bad request
//                     read                  value N  ·  no majority
//                     total NAME            value N  ·  no majority
//     node ► node     merge NAME=TOTAL …    have NAME=TOTAL …
#pragma once

#include "tutorials/examples/counter/storage.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace counter {

/// No total is higher.
inline constexpr std::uint64_t HIGHEST_TOTAL = 1'000'000'000'000'000;
/// A node that knows so many clients takes no new one.
inline constexpr std::size_t MOST_CLIENTS = 1'000;
/// Nobody knows more, also after nodes that were apart have told each other whom they took: a line of all of them fits
/// into the limit of a reader (NodeOptions::listen), and their sum into a number.
inline constexpr std::size_t MOST_TOTALS = 16 * MOST_CLIENTS;

/// Whether a client may be called so.
bool is_name(std::string_view text);
/// A number up to HIGHEST_TOTAL; empty where it is none.
std::optional<std::uint64_t> parse_total(std::string_view text);
/// The words of a line, which are separated by single spaces.
std::vector<std::string_view> words(std::string_view line);
/// " alice=7 bob=2", in the order of the names.
std::string format_totals(const Totals& totals);
/// Reads what format_totals() wrote, as words; empty where something else stands there.
std::optional<Totals> parse_totals(const std::vector<std::string_view>& words, std::size_t begin);

}  // namespace counter
