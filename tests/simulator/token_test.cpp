// token_test.cpp: the format is drawn in token.hpp.
#include "simulator/src/token.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <string>

namespace asyncio::sim {
namespace {

using testing::HasSubstr;

Token seed_form() {
  return {.strategy = "pct:3",
          .ready = ReadyOrder::any,
          .seed = std::numeric_limits<std::uint64_t>::max(),
          .hint_choices = 96,
          .time_limit = std::chrono::seconds(5),
          .step_limit = 77,
          .hash_prefix = 0x3f9a0c12de77};
}

Token deviations_form() {
  return {.deviations = {{0, 2, 1}, {17, 3, 1}, {40, 4294967295, 4294967294}}, .hash_prefix = 5};
}

void expect_same(const Token& a, const Token& b) {
  EXPECT_EQ(a.strategy, b.strategy);
  EXPECT_EQ(a.ready, b.ready);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.deviations, b.deviations);
  EXPECT_EQ(a.hint_choices, b.hint_choices);
  EXPECT_EQ(a.time_limit, b.time_limit);
  EXPECT_EQ(a.step_limit, b.step_limit);
  EXPECT_EQ(a.hash_prefix, b.hash_prefix);
}

TEST(Token, IsReadAsItWasWritten) {
  for (const Token& token : {seed_form(), deviations_form(), Token{.strategy = "random"}, Token{}}) {
    expect_same(Token::parse(token.text()), token);
    expect_same(Token::parse("Bank.AddsUp@" + token.text()), token);
  }
}

// Tokens are in case files that people keep.
TEST(Token, LooksTheSameInAllVersions) {
  EXPECT_EQ(seed_form().text(), "o1-pct.3-any-s18446744073709551615-h96-t5000000000-n77-x3f9a0c12de77-6e7dc87a");
  EXPECT_EQ(deviations_form().text(), "o1-tape-fifo-d0.2.1_17.3.1_40.4294967295.4294967294-x000000000005-8df4dbe1");
  EXPECT_EQ((Token{.strategy = "random", .seed = 42}.text()), "o1-random-fifo-s42-983b59e8");
}

TEST(Token, IsSafeInAShell) {
  const std::string allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  for (const Token& token : {seed_form(), deviations_form(), Token{.strategy = "my strategy; rm $HOME"}}) {
    EXPECT_EQ(token.text().find_first_not_of(allowed), std::string::npos) << token.text();
  }
}

TEST(Token, IsRefusedWhereItWasCutOff) {
  for (const std::string& text : {seed_form().text(), deviations_form().text()}) {
    for (std::size_t length = 0; length != text.size(); ++length) {
      EXPECT_THROW(Token::parse(text.substr(0, length)), MalformedToken) << text.substr(0, length);
      EXPECT_THROW(Token::parse(text.substr(text.size() - length)), MalformedToken);
    }
  }
}

TEST(Token, IsRefusedWhereOneCharacterIsWrong) {
  for (const std::string& text : {seed_form().text(), deviations_form().text()}) {
    for (std::size_t place = 0; place != text.size(); ++place) {
      for (int c = 0; c != 256; ++c) {
        std::string changed = text;
        changed[place] = static_cast<char>(c);
        if (changed != text) {
          EXPECT_THROW(Token::parse(changed), MalformedToken) << changed;
        }
      }
    }
  }
}

std::string with_checksum(const std::string& text) {
  char checksum[16];
  std::snprintf(checksum, sizeof checksum, "-%08x", token_checksum(text));
  return text + checksum;
}

TEST(Token, WithARightChecksumMayStillBeNonsense) {
  for (const char* text : {"o1",
                           "o1-",
                           "o1--",
                           "o1-random",
                           "o1-random-fifo",
                           "o1-random-lifo-s1",
                           "o1-random-fifo-s",
                           "o1-random-fifo-s01",
                           "o1-random-fifo-s-1",
                           "o1-random-fifo-s18446744073709551616",
                           "o1-random-fifo-d0.2.1",
                           "o1-tape-fifo-s1",
                           "o1-tape-fifo-d0.2",
                           "o1-tape-fifo-d0.2.2",
                           "o1-tape-fifo-d0.2.0",
                           "o1-tape-fifo-d0.2.1.1",
                           "o1-tape-fifo-d5.2.1_5.2.1",
                           "o1-tape-fifo-d5.2.1_4.2.1",
                           "o1-tape-fifo-d0.99999999999.1",
                           "o1-random-fifo-s1-q5",
                           "o1-random-fifo-s1--n5",
                           "o1-random-fifo-s1-n",
                           "o1-random-fifo-s1-t99999999999999999999",
                           "o1-random-fifo-s1-t9223372036854775808",
                           "o1-random-fifo-s1-x12",
                           "o1--fifo-s1",
                           "o2-random-fifo-s1"}) {
    EXPECT_THROW(Token::parse(with_checksum(text)), MalformedToken) << text;
  }
  EXPECT_THROW(Token::parse(with_checksum("o1-nosuch-fifo-s1")).options(), MalformedToken);
  EXPECT_THROW(Token::parse(with_checksum("o1-pct.0-fifo-s1")).options(), MalformedToken);
  EXPECT_THROW(Token::parse(with_checksum("o1-pct.4000000000-fifo-s1")).options(), MalformedToken);
}

TEST(Token, MayBeAMegabyteOfAnything) {
  EXPECT_THROW(Token::parse(std::string(1 << 20, 'a')), MalformedToken);
  EXPECT_THROW(Token::parse(std::string(1 << 20, '-')), MalformedToken);
  EXPECT_THROW(Token::parse(std::string(1 << 20, '@')), MalformedToken);
  EXPECT_THROW(Token::parse(std::string(1 << 20, '\0')), MalformedToken);
  EXPECT_THROW(Token::parse(with_checksum("o1-tape-fifo-d" + std::string(1 << 20, '1'))), MalformedToken);

  std::string many = "o1-tape-fifo-d0.2.1";
  for (int index = 1; many.size() < 1 << 20; ++index) many += "_" + std::to_string(index) + ".2.1";
  EXPECT_GT(Token::parse(with_checksum(many)).deviations.size(), 50'000u);
}

TEST(Token, SaysWhatIsWrongWithIt) {
  const auto message = [](const std::string& text) {
    try {
      Token::parse(text);
    } catch (const MalformedToken& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(message("42"), HasSubstr("does not begin with \"o1-\""));
  EXPECT_THAT(message("o1-random-fifo-s42-983b59e"), HasSubstr("its checksum does not fit. Was it copied whole?"));
  EXPECT_THAT(message("o1-random fifo"), HasSubstr("only letters, digits, dots, dashes and underscores"));
}

}  // namespace
}  // namespace asyncio::sim
