// stream_reader_lines_test.cpp: reading up to a separator, from a StreamReader that is fed by hand. Rules: semantics.md
// S334 to S336.

#include <asyncio/stream_reader.hpp>

#include <asyncio/runners.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/tasks.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "tests/reference/fed_reader.hpp"

namespace {

using asyncio::ended;
using asyncio::filled;
using asyncio::IncompleteReadError;
using asyncio::LimitOverrunError;
using asyncio::run;
using asyncio::StreamReader;

constexpr auto ONE_ITERATION = asyncio::Duration::zero();

// ---- readuntil ----

// S334
TEST(StreamReaderReaduntil, GivesTheDataWithItsSeparator) {
  run([] {
    const StreamReader reader = filled("one--two");
    EXPECT_EQ(reader.readuntil("--"), "one--");
    EXPECT_EQ(reader.read(5), "two");
  });
}

// S334
TEST(StreamReaderReaduntil, FindsASeparatorThatComesInTwoPieces) {
  run([] {
    StreamReader reader = filled("one\r");
    auto task = asyncio::create_task([reader] { return reader.readuntil("\r\n"); });
    asyncio::sleep(ONE_ITERATION);
    EXPECT_FALSE(task.done());

    reader.feed_data("\ntwo");
    EXPECT_EQ(asyncio::await(task), "one\r\n");
  });
}

// S334: the match that ends first, wherever it begins.
TEST(StreamReaderReaduntil, TakesTheMatchThatEndsFirst) {
  run([] {
    const StreamReader reader = filled("abcdef");
    EXPECT_EQ(reader.readuntil(std::vector<std::string>{"bcde", "cd"}), "abcd");
    EXPECT_EQ(reader.readuntil({"f", "e"}), "e");
  });
}

// S334
TEST(StreamReaderReaduntil, RefusesToLookForNothing) {
  run([] {
    const StreamReader reader = filled("x");
    EXPECT_THROW(reader.readuntil(""), std::invalid_argument);
    EXPECT_THROW(reader.readuntil(std::vector<std::string>{}), std::invalid_argument);
    EXPECT_THROW(reader.readuntil({"x", ""}), std::invalid_argument);
  });
}

// S334
TEST(StreamReaderReaduntil, GivesWhatThereWasWhereTheStreamEnds) {
  run([] {
    const StreamReader reader = ended("half");
    try {
      reader.readuntil("\n");
      ADD_FAILURE() << "no IncompleteReadError";
    } catch (const IncompleteReadError& error) {
      EXPECT_EQ(error.partial(), "half");
      EXPECT_EQ(error.expected(), std::nullopt);
    }
    EXPECT_TRUE(reader.at_eof());
  });
}

// S334: separators are looked for before the end is.
TEST(StreamReaderReaduntil, FindsASeparatorThatCameWithTheEnd) {
  run([] { EXPECT_EQ(ended("last\n").readuntil(), "last\n"); });
}

// S334: both ways of being too long keep the buffer.
TEST(StreamReaderReaduntil, KeepsTheBufferWhereTheLimitIsOverrun) {
  run([] {
    const StreamReader without = filled("123456", 4);
    try {
      without.readuntil("--");
      ADD_FAILURE() << "no LimitOverrunError";
    } catch (const LimitOverrunError& error) {
      EXPECT_STREQ(error.what(), "Separator is not found, and chunk exceed the limit");
      EXPECT_EQ(error.consumed(), 5u);  // the last byte may begin a separator
    }
    EXPECT_EQ(without.read(10), "123456");

    const StreamReader with = filled("12345--", 4);
    try {
      with.readuntil("--");
      ADD_FAILURE() << "no LimitOverrunError";
    } catch (const LimitOverrunError& error) {
      EXPECT_STREQ(error.what(), "Separator is found, but chunk is longer than limit");
      EXPECT_EQ(error.consumed(), 5u);
    }
    EXPECT_EQ(with.read(10), "12345--");
  });
}

// ---- readline and iteration ----

// S335
TEST(StreamReaderReadline, GivesTheLastLineWithoutItsNewline) {
  run([] {
    const StreamReader reader = ended("one\ntwo");
    EXPECT_EQ(reader.readline(), "one\n");
    EXPECT_EQ(reader.readline(), "two");
    EXPECT_EQ(reader.readline(), "");
  });
}

// S335
TEST(StreamReaderReadline, DropsALineThatIsTooLong) {
  run([] {
    const StreamReader reader = filled("12345\nnext\n", 4);
    EXPECT_THROW(reader.readline(), std::invalid_argument);
    EXPECT_EQ(reader.readline(), "next\n");
  });
}

// S335
TEST(StreamReaderReadline, DropsEverythingWhereThereIsNoNewline) {
  run([] {
    const StreamReader reader = filled("1234567890", 4);
    EXPECT_THROW(reader.readline(), std::invalid_argument);
    reader.feed_data("a\n");
    EXPECT_EQ(reader.readline(), "a\n");
  });
}

// Many short lines in one piece must not cost a move of the whole buffer each; here that they come
// out right.
TEST(StreamReaderReadline, TakesManyLinesFromOnePiece) {
  run([] {
    std::string all;
    for (int i = 0; i < 5000; ++i) all += std::to_string(i) + "\n";
    const StreamReader reader = ended(all);
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(reader.readline(), std::to_string(i) + "\n");
    EXPECT_TRUE(reader.at_eof());
  });
}

// S336
TEST(StreamReaderIteration, GivesTheLines) {
  run([] {
    std::vector<std::string> lines;
    for (const std::string& line : ended("one\n\ntwo")) lines.push_back(line);
    EXPECT_EQ(lines, (std::vector<std::string>{"one\n", "\n", "two"}));
  });
}

// S336
TEST(StreamReaderIteration, SuspendsForTheNextLine) {
  run([] {
    StreamReader reader;
    std::vector<std::string> lines;
    auto task = asyncio::create_task([&] {
      for (const std::string& line : reader) lines.push_back(line);
    });
    reader.feed_data("one\n");
    asyncio::sleep(ONE_ITERATION);
    EXPECT_EQ(lines, std::vector<std::string>{"one\n"});

    reader.feed_eof();
    asyncio::await(task);
    EXPECT_EQ(lines.size(), 1u);
  });
}

}  // namespace
