// stream_transport_test.cpp: the states of a stream connection, over a socket that does what the test says.
// T1 to T3 are in stream_transport.hpp. Rules: semantics.md S253 to S277.
#include <asyncio/stream_transport.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/reference/scripted_transport.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A connection that has begun.
class AStream : public testing::Test {
 protected:
  AStream() { begin(); }
  ~AStream() override {
    loop.close();
    transport->set_protocol(nullptr);
  }
  void begin(std::shared_ptr<BaseProtocol> other = nullptr) {
    transport = std::make_shared<ScriptedTransport>(loop, nullptr);
    transport->begin(other ? other : protocol, {});
    loop.turn();
    protocol->told.clear();
  }
  /// Has the socket be readable once for each thing that arrives.
  void arrive(std::deque<std::string> what) {
    transport->arrives = std::move(what);
    while (!transport->arrives.empty() && transport->watches_read) transport->read_ready();
  }
  /// A buffer with `size` bytes that the socket does not take.
  void fill(std::size_t size) {
    transport->room = 0;
    transport->write(std::string(size, 'x'));
  }
  /// The socket takes as much now, and says so.
  void make_room(std::size_t size) {
    transport->room = size;
    transport->write_ready();
  }

  ScriptedLoop loop;
  std::shared_ptr<NotingProtocol> protocol = std::make_shared<NotingProtocol>();
  std::shared_ptr<ScriptedTransport> transport;
};

using AStreamThatBegins = AStream;
using AStreamThatReads = AStream;
using AStreamThatWrites = AStream;
using AStreamThatCloses = AStream;
using AStreamThatIsAborted = AStream;
using AStreamWithABufferedProtocol = AStream;
using FlowControlOfAStream = AStream;

// The beginning --------------------------------------------------------------------------------------------

// S254: made, reading, and the waiter, in one iteration.
TEST_F(AStreamThatBegins, IsMadeThenReadThenAwaited) {
  auto made = loop.create_future<void>();
  transport = std::make_shared<ScriptedTransport>(loop, nullptr);

  transport->begin(protocol, made);
  EXPECT_THAT(protocol->told, IsEmpty());
  EXPECT_FALSE(transport->watches_read);
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre("made"));
  EXPECT_TRUE(transport->watches_read);
  EXPECT_TRUE(made.done());
}

// S255, bpo-31821.
TEST_F(AStreamThatBegins, IsNotReadWhenItWasPausedAtOnce) {
  transport = std::make_shared<ScriptedTransport>(loop, nullptr);
  protocol->acts_on = "made";
  protocol->act = [this] { transport->pause_reading(); };

  transport->begin(protocol, {});
  loop.turn();
  EXPECT_FALSE(transport->watches_read);
  EXPECT_FALSE(transport->is_reading());

  transport->resume_reading();
  EXPECT_TRUE(transport->watches_read);
}

// S256.
TEST_F(AStreamThatBegins, StaysOpenWhenItsProtocolThrows) {
  transport = std::make_shared<ScriptedTransport>(loop, nullptr);
  protocol->acts_on = "made";
  protocol->act = [] { throw std::out_of_range("not me"); };

  transport->begin(protocol, {});
  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("out_of_range: not me")));
  EXPECT_TRUE(transport->watches_read);
}

// Re-entrancy: closed before it has begun to read.
TEST_F(AStreamThatBegins, IsNotReadWhenItWasClosedAtOnce) {
  transport = std::make_shared<ScriptedTransport>(loop, nullptr);
  protocol->acts_on = "made";
  protocol->act = [this] { transport->close(); };

  transport->begin(protocol, {});
  loop.turn(2);

  EXPECT_FALSE(transport->watches_read);
  EXPECT_THAT(protocol->told, ElementsAre("made", "lost"));
}

// Reading --------------------------------------------------------------------------------------------------

// S253, S261, S274.
TEST_F(AStreamThatReads, EndsInOrder) {
  arrive({"a", "b", ""});
  EXPECT_TRUE(transport->is_closing());
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre("data a", "data b", "eof", "lost"));
  EXPECT_EQ(transport->closed, "closed");
  EXPECT_EQ(transport->get_protocol(), nullptr);  // S274
}

// S258: nothing there after all, whatever the poll said.
TEST_F(AStreamThatReads, IgnoresAReadThatWouldBlock) {
  transport->read_ready();

  EXPECT_THAT(protocol->told, IsEmpty());
  EXPECT_TRUE(transport->watches_read);
}

// S261, T3: half-closed, it still writes.
TEST_F(AStreamThatReads, MayStayOpenForWriting) {
  protocol->keep_open = true;

  arrive({""});
  transport->write("answer");

  EXPECT_FALSE(transport->watches_read);
  EXPECT_TRUE(transport->is_reading());
  EXPECT_EQ(transport->sent, "answer");
}

// S253: CPython calls eof_received() once more here.
TEST_F(AStreamThatReads, HearsOfTheEndOnceAlthoughItPausesAndResumes) {
  protocol->keep_open = true;
  arrive({""});

  transport->pause_reading();
  transport->resume_reading();

  EXPECT_FALSE(transport->watches_read);
  EXPECT_THAT(protocol->told, ElementsAre("eof"));
}

// S260: what happens on a network is not reported.
TEST_F(AStreamThatReads, EndsWithTheErrorOfItsSocket) {
  transport->read_error = ECONNRESET;

  transport->read_ready();
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre(HasSubstr("Connection reset by peer")));
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S259.
TEST_F(AStreamThatReads, EndsWithWhatItsProtocolThrows) {
  protocol->acts_on = "data";
  protocol->act = [] { throw std::out_of_range("too much"); };

  arrive({"a"});
  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre("Fatal error: protocol.data_received() call failed. out_of_range: too much"));
  EXPECT_THAT(protocol->told, ElementsAre("data a", "lost out_of_range: too much"));
}

// S259.
TEST_F(AStreamThatReads, EndsWithWhatItsProtocolThrowsAtTheEnd) {
  protocol->acts_on = "eof";
  protocol->act = [] { throw std::out_of_range("no end"); };

  arrive({""});
  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre("Fatal error: protocol.eof_received() call failed. out_of_range: no end"));
  EXPECT_THAT(protocol->told, ElementsAre("eof", "lost out_of_range: no end"));
}

// S275.
TEST_F(AStreamThatReads, PausesAndResumesAnyNumberOfTimes) {
  transport->pause_reading();
  transport->pause_reading();
  EXPECT_FALSE(transport->watches_read);

  transport->resume_reading();
  transport->resume_reading();
  EXPECT_TRUE(transport->watches_read);
}

// S276: set in the middle of a call, the next event goes to the new one.
TEST_F(AStreamThatReads, MayChangeItsProtocolMeanwhile) {
  const auto next = std::make_shared<NotingProtocol>();
  protocol->acts_on = "data";
  protocol->act = [&] { transport->set_protocol(next); };

  arrive({"a", "b"});

  EXPECT_THAT(protocol->told, ElementsAre("data a"));
  EXPECT_THAT(next->told, ElementsAre("data b"));
}

// S271: a read that was found before close() finds nothing to do.
TEST_F(AStreamThatReads, ReadsNothingAfterItWasClosed) {
  transport->arrives = {"a"};

  transport->close();
  transport->read_ready();

  EXPECT_THAT(protocol->told, IsEmpty());
}

// Reading into the protocol's memory -----------------------------------------------------------------------

class Buffered : public BufferedProtocol {
 public:
  std::span<char> get_buffer(std::ptrdiff_t sizehint) override {
    hints.push_back(sizehint);
    if (empty) return {};
    return memory;
  }
  void buffer_updated(std::size_t bytes) override {
    text += std::string(memory.data(), bytes);
    if (throws) throw std::out_of_range("updated");
  }
  void connection_lost(std::exception_ptr error) override { lost = error ? describe(error) : "null"; }

  std::array<char, 8> memory{};
  std::vector<std::ptrdiff_t> hints;
  std::string text;
  std::string lost;
  bool empty = false;
  bool throws = false;
};

// S262.
TEST_F(AStreamWithABufferedProtocol, ReadsIntoItsMemory) {
  const auto buffered = std::make_shared<Buffered>();
  begin(buffered);

  arrive({"abc", "de", ""});
  loop.turn();

  EXPECT_EQ(buffered->text, "abcde");
  EXPECT_THAT(buffered->hints, ElementsAre(-1, -1, -1));
  EXPECT_EQ(buffered->lost, "null");
}

// S262, bpo-33654.
TEST_F(AStreamWithABufferedProtocol, EndsWhereItGivesNoMemory) {
  const auto buffered = std::make_shared<Buffered>();
  begin(buffered);
  buffered->empty = true;

  arrive({"abc"});
  loop.turn();

  EXPECT_EQ(buffered->lost, "RuntimeError: get_buffer() returned an empty buffer");
  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("Fatal error: protocol.get_buffer() call failed.")));
}

// S259.
TEST_F(AStreamWithABufferedProtocol, EndsWithWhatItThrows) {
  const auto buffered = std::make_shared<Buffered>();
  begin(buffered);
  buffered->throws = true;

  arrive({"abc"});
  loop.turn();

  EXPECT_EQ(buffered->lost, "out_of_range: updated");
  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("Fatal error: protocol.buffer_updated() call failed.")));
}

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

// The end --------------------------------------------------------------------------------------------------

// S271: one iteration later where there is nothing to send.
TEST_F(AStreamThatCloses, IsLostInTheNextIteration) {
  transport->close();
  transport->close();
  EXPECT_THAT(protocol->told, IsEmpty());
  loop.turn(2);

  EXPECT_THAT(protocol->told, ElementsAre("lost"));
  EXPECT_FALSE(transport->watches_read);
}

// S271: where there is, it is sent first, and then at once.
TEST_F(AStreamThatCloses, SendsTheRestFirst) {
  fill(3);

  transport->close();
  loop.turn();
  EXPECT_THAT(protocol->told, IsEmpty());
  make_room(3);

  EXPECT_THAT(protocol->told, ElementsAre("lost"));
  EXPECT_EQ(transport->sent, "xxx");
}

// S257: reported, and the socket is closed all the same.
TEST_F(AStreamThatCloses, ClosesItsSocketAlthoughItsProtocolThrows) {
  protocol->acts_on = "lost";
  protocol->act = [] { throw std::out_of_range("at last"); };

  transport->close();
  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("out_of_range: at last")));
  EXPECT_EQ(transport->closed, "closed");
}

// Re-entrancy: the last owner goes in the middle of the call.
TEST_F(AStreamThatCloses, OutlivesTheCallThatDropsIt) {
  const std::weak_ptr<ScriptedTransport> watched = transport;
  protocol->acts_on = "lost";
  protocol->act = [this] { transport.reset(); };

  transport->close();
  loop.turn();

  EXPECT_TRUE(watched.expired());
  begin();  // for the end of the test
}

// S272.
TEST_F(AStreamThatIsAborted, DropsWhatWaits) {
  fill(3);

  transport->abort();
  EXPECT_EQ(transport->get_write_buffer_size(), 0u);
  EXPECT_FALSE(transport->watches_write);
  loop.turn();

  EXPECT_THAT(protocol->told, ElementsAre("lost"));
  EXPECT_EQ(transport->closed, "aborted");
}

// S272: during a close that flushes.
TEST_F(AStreamThatIsAborted, MayHaveBeenClosing) {
  fill(3);
  transport->close();

  transport->abort();
  transport->abort();
  loop.turn(2);

  EXPECT_THAT(protocol->told, ElementsAre("lost"));
}

// T1: in the same moment in which it breaks.
TEST_F(AStreamThatIsAborted, IsLostOnceAlthoughItBreaksToo) {
  transport->read_error = ECONNRESET;
  protocol->acts_on = "data";
  protocol->act = [this] { transport->abort(); };

  arrive({"a"});
  transport->read_ready();
  transport->write("b");
  loop.turn(2);

  EXPECT_THAT(protocol->told, ElementsAre("data a", "lost"));
}

}  // namespace
}  // namespace asyncio
