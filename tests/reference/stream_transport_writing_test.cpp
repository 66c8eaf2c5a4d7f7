// stream_transport_writing_test.cpp: what a stream connection sends, keeps and holds back.
// T1 to T3 are in stream_transport.hpp. Rules: semantics.md S253 to S277.
#include <asyncio/stream_transport.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "tests/reference/scripted_stream.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using AStreamThatWrites = AStream;
using FlowControlOfAStream = AStream;

// Writing --------------------------------------------------------------------------------------------------

// S263: with an empty buffer, at once.
TEST_F(AStreamThatWrites, SendsAtOnceWhatItCan) {
  transport->room = 3;

  transport->write("abcde");

  EXPECT_EQ(transport->sent, "abc");
  EXPECT_EQ(transport->get_write_buffer_size(), 2u);
  EXPECT_TRUE(transport->watches_write);
}

// S263: what waits is never overtaken.
TEST_F(AStreamThatWrites, KeepsTheOrder) {
  transport->room = 1;
  transport->write("ab");
  transport->room = 100;
  transport->write("cd");
  EXPECT_EQ(transport->sent, "a");

  transport->write_ready();

  EXPECT_EQ(transport->sent, "abcd");
  EXPECT_FALSE(transport->watches_write);
}

// One byte at a time: every short write there is.
TEST_F(AStreamThatWrites, SurvivesShortWrites) {
  transport->room = 0;
  transport->write("abcdef");
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(transport->watches_write);
    make_room(1);
    make_room(0);  // writable, and then not after all
  }

  EXPECT_EQ(transport->sent, "abcdef");
  EXPECT_FALSE(transport->watches_write);
}

// S263.
TEST_F(AStreamThatWrites, DoesNothingWithNothing) {
  transport->write("");
  transport->writelines({"", ""});

  EXPECT_EQ(transport->sends, 0);
}

// S269: one call of the system, empty pieces left out.
TEST_F(AStreamThatWrites, SendsLinesTogether) {
  transport->room = 3;

  transport->writelines({"ab", "", "cd", "ef"});
  EXPECT_EQ(transport->sends, 1);
  EXPECT_EQ(transport->sent, "abc");
  make_room(100);

  EXPECT_EQ(transport->sent, "abcdef");
}

// S260: every moment at which a peer may vanish.
TEST_F(AStreamThatWrites, EndsWithTheErrorOfItsSocket) {
  transport->write_error = EPIPE;

  transport->write("a");
  EXPECT_TRUE(transport->is_closing());
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre(HasSubstr("Broken pipe")));
  EXPECT_THAT(loop.reports, IsEmpty());
}

TEST_F(AStreamThatWrites, EndsWithAnErrorThatComesLater) {
  fill(10);
  transport->write_error = ECONNRESET;

  transport->write_ready();
  EXPECT_EQ(transport->get_write_buffer_size(), 0u);
  EXPECT_FALSE(transport->watches_write);
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre(HasSubstr("Connection reset by peer")));
}

// S270.
TEST_F(AStreamThatWrites, EndsItsSideAfterTheRest) {
  fill(3);
  transport->write_eof();
  transport->write_eof();
  EXPECT_FALSE(transport->eof_sent);

  make_room(100);

  EXPECT_TRUE(transport->eof_sent);
  EXPECT_FALSE(transport->is_closing());
}

// S263.
TEST_F(AStreamThatWrites, RefusesToGoOnAfterItsEnd) {
  transport->write_eof();
  EXPECT_TRUE(transport->eof_sent);

  EXPECT_EQ(text_of<RuntimeError>([&] { transport->write("a"); }), "Cannot call write() after write_eof()");
  EXPECT_EQ(text_of<RuntimeError>([&] { transport->writelines({"a"}); }), "Cannot call writelines() after write_eof()");
}

// S264: silently, and from the fifth on with a warning.
TEST_F(AStreamThatWrites, WarnsOfWritesAfterTheEndFromTheFifthOn) {
  transport->close();
  testing::internal::CaptureStderr();
  for (int i = 0; i < 4; ++i) transport->write("a");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");

  testing::internal::CaptureStderr();
  transport->write("a");

  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("socket.send() raised exception."));
  EXPECT_EQ(transport->sends, 0);
}

// A peer that always reads a little less than was written does not make the buffer's memory grow.
TEST_F(AStreamThatWrites, KeepsNoMemoryOfWhatWasSent) {
  SendBuffer buffer;
  buffer.append("x");
  for (int i = 0; i < 10'000; ++i) {
    buffer.append(std::string(1'000, 'y'));
    buffer.drop_sent(1'000);
  }

  EXPECT_EQ(buffer.size(), 1u);
  EXPECT_EQ(buffer.bytes(), "y");
}

// Flow control ---------------------------------------------------------------------------------------------

// S267: strictly above the high mark, and at the low one.
TEST_F(FlowControlOfAStream, PausesAboveAndResumesAtTheMarks) {
  transport->set_write_buffer_limits({.high = 10, .low = 4});
  fill(10);
  EXPECT_THAT(protocol->told, IsEmpty());
  transport->write("x");
  EXPECT_THAT(protocol->told, ElementsAre("pause"));

  make_room(6);
  EXPECT_THAT(protocol->told, ElementsAre("pause"));
  make_room(1);

  EXPECT_THAT(protocol->told, ElementsAre("pause", "resume"));
}

// S269: once at the end.
TEST_F(FlowControlOfAStream, IsAskedOnceForManyLines) {
  transport->set_write_buffer_limits({.high = 1});
  transport->room = 0;

  transport->writelines({"ab", "cd"});

  EXPECT_THAT(protocol->told, ElementsAre("pause"));
  EXPECT_EQ(transport->get_write_buffer_size(), 4u);
}

// S273, gh-156512.
TEST_F(FlowControlOfAStream, MayCloseTheStreamWhenItResumes) {
  transport->set_write_buffer_limits({.high = 0});
  fill(1);
  protocol->acts_on = "resume";
  protocol->act = [this] { transport->close(); };

  make_room(1);
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre("pause", "resume", "lost"));
}

// S265: TLS relies on it.
TEST_F(FlowControlOfAStream, MayWriteMoreAlthoughItIsClosing) {
  transport->set_write_buffer_limits({.high = 0});
  fill(1);
  transport->close();
  protocol->acts_on = "resume";
  protocol->act = [this] {
    protocol->act = nullptr;
    transport->write("the last");
  };

  make_room(1);
  EXPECT_EQ(transport->sent, "x");
  EXPECT_TRUE(transport->closed.empty());
  make_room(100);

  EXPECT_EQ(transport->sent, "xthe last");
  EXPECT_EQ(transport->closed, "closed");
}

}  // namespace
}  // namespace asyncio
