// tls_flow_test.cpp: how much TLS takes and gives: the marks of flow control, and the buffers of protocols.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asyncio/asyncio.hpp>

#include "tests/reference/tls_pair.hpp"

namespace asyncio {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class TheFlowOfTls : public testing::Test {
 protected:
  ScriptedLoop loop;
};

// ---- Flow control ----

// S298: at the mark, not only beyond it.
TEST_F(TheFlowOfTls, PausesTheProgramAtTheHighMark) {
  TlsPair pair(loop);
  pair.carry();
  EXPECT_EQ(pair.client.above->get_write_buffer_limits(), (WriteBufferMarks{.low = 128 * 1024, .high = 512 * 1024}));
  pair.client.below->room = 0;
  pair.client.above->write(std::string(70'000, 'x'));  // more than the transport below wants: it pauses
  EXPECT_EQ(pair.client.above->get_write_buffer_size(), 0U);
  pair.client.above->write("y");
  const std::size_t record = pair.client.above->get_write_buffer_size();
  pair.client.above->set_write_buffer_limits({.high = static_cast<std::int64_t>(record + 1)});
  EXPECT_THAT(pair.client.app->told, Not(Contains("pause")));
  pair.client.above->set_write_buffer_limits({.high = static_cast<std::int64_t>(record)});
  EXPECT_THAT(pair.client.app->told, Contains("pause"));

  pair.client.below->room = 1 << 20;
  pair.client.below->write_ready();
  EXPECT_THAT(pair.client.app->told, ElementsAre("made", "pause", "resume"));
}

// S298: CPython pauses a program whose buffer is empty, and nothing ever wakes it.
TEST_F(TheFlowOfTls, DoesNotPauseAProgramForNothing) {
  TlsPair pair(loop);
  pair.carry();
  pair.client.above->set_write_buffer_limits({.high = 0});
  pair.client.above->write("x");
  EXPECT_EQ(pair.client.above->get_write_buffer_size(), 0U);
  EXPECT_THAT(pair.client.app->told, ElementsAre("made"));
}

// S298, S299: a program that does not read.
TEST_F(TheFlowOfTls, PausesTheTransportBelowWhereNobodyReads) {
  TlsPair pair(loop);
  pair.carry();
  EXPECT_EQ(pair.server.above->get_read_buffer_limits(), (WriteBufferMarks{.low = 64 * 1024, .high = 256 * 1024}));
  pair.server.above->pause_reading();
  pair.client.above->write(std::string(300'000, 'x'));
  EXPECT_FALSE(pair.server.above->is_reading());
  pair.server.arrive(pair.client.take_sent());
  EXPECT_FALSE(pair.server.below->is_reading());
  EXPECT_GE(pair.server.above->get_read_buffer_size(), 300'000U);
  EXPECT_THAT(pair.server.app->told, ElementsAre("made"));

  pair.server.above->resume_reading();
  EXPECT_THAT(pair.server.app->told, ElementsAre("made"));  // not inside of the call
  loop.turn();
  EXPECT_EQ(pair.server.app->told.size(), 2U);
  EXPECT_EQ(pair.server.app->told.back().size(), 300'005U);
  EXPECT_TRUE(pair.server.below->is_reading());
}

// S292: in CPython the last message of the client's handshake waits until the client reads, and the server for it.
TEST_F(TheFlowOfTls, EndsTheHandshakeOfAProgramThatPausesAtOnce) {
  TlsPair pair(loop);
  pair.client.app->acts_on = "made";
  pair.client.app->act = [&] { pair.client.above->pause_reading(); };
  pair.carry();
  EXPECT_EQ(pair.server.handshake(), "ok");
}

TEST_F(TheFlowOfTls, IsNotReadingAnyMoreAfterClose) {
  TlsPair pair(loop);
  pair.carry();
  EXPECT_TRUE(pair.client.above->is_reading());
  pair.client.above->close();
  EXPECT_FALSE(pair.client.above->is_reading());
}

// A program that has paused reading still gets everything that came before the end.
TEST_F(TheFlowOfTls, KeepsTheEndForAProgramThatHasPaused) {
  TlsPair pair(loop);
  pair.carry();
  pair.server.above->pause_reading();
  pair.client.above->write("last words");
  pair.client.above->close();
  pair.server.arrive(pair.client.take_sent());
  pair.server.arrive("");
  loop.turn(3);
  EXPECT_THAT(pair.server.app->told, ElementsAre("made"));
  pair.server.above->resume_reading();
  loop.turn(5);
  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "data last words", "eof", "lost"));
}

// In CPython such a connection stays open until the process ends.
TEST_F(TheFlowOfTls, CanBeClosedWhereTheNetworkHasEndedWhileReadingWasPaused) {
  TlsPair pair(loop);
  pair.carry();
  pair.server.above->pause_reading();
  pair.client.above->write("unread");
  pair.server.arrive(pair.client.take_sent());
  pair.server.arrive("");
  pair.server.above->close();
  loop.turn(3);
  EXPECT_THAT(pair.server.app->told, ElementsAre("made", "eof", "lost"));
}

// ---- BufferedProtocol ----

class BufferedNotes : public BufferedProtocol {
 public:
  explicit BufferedNotes(std::size_t size) : buffer_(size, '\0') {}
  std::span<char> get_buffer(std::ptrdiff_t) override { return buffer_; }
  void buffer_updated(std::size_t count) override {
    received += count;
    pieces.push_back(buffer_.substr(0, count));
    if (act) act();
  }
  void connection_lost(std::exception_ptr error) override { lost = error ? describe(error) : "lost"; }
  bool eof_received() override {
    pieces.emplace_back("eof");
    return false;
  }
  std::vector<std::string> pieces;
  std::size_t received = 0;
  std::string lost;
  std::function<void()> act;  // each time

 private:
  std::string buffer_;
};

TEST_F(TheFlowOfTls, FillsTheBufferOfAProtocolThatHasOne) {
  const auto buffered = std::make_shared<BufferedNotes>(4);
  TlsPair pair(loop, {}, buffered);
  pair.carry();
  pair.server.above->write("abc");
  pair.server.above->write("defghi");
  pair.carry();
  pair.server.above->close();
  pair.carry();
  EXPECT_THAT(buffered->pieces, ElementsAre("abcd", "efgh", "i", "eof"));
}

// S295, O4: CPython fills the buffer once more after the end, and drops the rest.
TEST_F(TheFlowOfTls, FillsASmallBufferUntilAllIsThere) {
  for (const char* end : {"cut off", "close_notify", "close()"}) {
    const auto buffered = std::make_shared<BufferedNotes>(4096);
    TlsPair pair(loop, {}, buffered);
    pair.carry();
    pair.server.above->write(std::string(100'000, 'x'));
    if (end == std::string("close_notify")) pair.server.above->close();
    pair.client.arrive(pair.server.take_sent());
    if (end == std::string("close()")) pair.client.above->close();
    pair.client.arrive("");
    loop.turn(4);
    EXPECT_EQ(buffered->received, 100'000U) << end;
    EXPECT_THAT(buffered->lost, end == std::string("cut off") ? HasSubstr("UNEXPECTED_EOF") : HasSubstr("lost")) << end;
    EXPECT_EQ(pair.client.below->closed, "closed") << end;
  }
}

// S299: a program that pauses in the middle of that gets the rest when it goes on.
TEST_F(TheFlowOfTls, KeepsTheRestForASmallBufferThatPauses) {
  const auto buffered = std::make_shared<BufferedNotes>(4096);
  TlsPair pair(loop, {}, buffered);
  pair.carry();
  buffered->act = [&] { pair.client.above->pause_reading(); };
  pair.server.above->write(std::string(10'000, 'x'));
  pair.server.above->close();
  pair.client.arrive(pair.server.take_sent());
  pair.client.arrive("");
  for (const std::size_t so_far : {4096U, 8192U, 10'000U}) {
    EXPECT_EQ(buffered->received, so_far);
    pair.client.above->resume_reading();
    loop.turn(4);
  }
  EXPECT_EQ(buffered->pieces.back(), "eof");
  EXPECT_EQ(buffered->lost, "lost");
}

TEST_F(TheFlowOfTls, EndsWhereThatBufferIsEmpty) {
  TlsPair pair(loop, {}, std::make_shared<BufferedNotes>(0));
  pair.carry();
  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("get_buffer() returned an empty buffer")));
  loop.turn(2);
  EXPECT_EQ(pair.client.below->closed, "closed");
}

}  // namespace
}  // namespace asyncio
