// tokens.cpp: tokens, with and without a checksum that fits.
#include <cstdio>
#include <string>

#include "simulator/src/token.hpp"
#include "tests/fuzz/targets.hpp"

namespace asyncio::fuzz {
namespace {

void parse(std::string_view text) {
  sim::Token token;
  try {
    token = sim::Token::parse(text);
  } catch (const sim::MalformedToken&) {
    return;
  }
  const std::string printed = token.text();
  expect(sim::Token::parse(printed).text() == printed, "what was read is written as it can be read: " + printed);
  try {
    (void)token.options();
  } catch (const sim::MalformedToken&) {  // a strategy that there is not
  }
}

}  // namespace

void tokens(std::string_view input) {
  parse(input);
  // Nearly nothing that is made at random has the right checksum: here everything has.
  char checksum[16];
  std::snprintf(checksum, sizeof checksum, "-%08x", static_cast<unsigned>(sim::token_checksum(input)));
  parse(std::string(input) + checksum);
}

}  // namespace asyncio::fuzz
