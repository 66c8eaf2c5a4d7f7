// tokens.cpp: tokens, with and without a checksum that fits.
#include <cstdio>
#include <string>

#include "simulator/src/token.hpp"
#include "tests/fuzz/targets.hpp"

namespace asyncio::fuzz {
namespace {

using namespace asyncio::sim;

void parse(std::string_view text) {
  Token token;
  try {
    token = Token::parse(text);
  } catch (const MalformedToken&) {
    return;
  }
  const std::string printed = token.text();
  expect(Token::parse(printed).text() == printed, "what was read is written as it can be read: " + printed);
  try {
    (void)token.options();
  } catch (const MalformedToken&) {  // a strategy that there is not
  }
}

}  // namespace

void tokens(std::string_view input) {
  parse(input);
  // Nearly nothing that is made at random has the right checksum: here everything has.
  char checksum[16];
  std::snprintf(checksum, sizeof checksum, "-%08x", static_cast<unsigned>(token_checksum(input)));
  parse(std::string(input) + checksum);
}

}  // namespace asyncio::fuzz
