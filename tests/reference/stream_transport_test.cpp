// stream_transport_test.cpp: the states of a stream connection, over a socket that does what the test says.
// T1 to T3 are in stream_transport.hpp. Rules: semantics.md S253 to S277.
#include <asyncio/stream_transport.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/reference/scripted_stream.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using AStreamThatBegins = AStream;
using AStreamThatReads = AStream;
using AStreamThatCloses = AStream;
using AStreamThatIsAborted = AStream;
using AStreamWithABufferedProtocol = AStream;

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

// S260: Python's TimeoutError is an OSError.
TEST_F(AStreamThatReads, ReportsNoTimeoutOfItsProtocol) {
  protocol->acts_on = "data";
  protocol->act = [] { throw TimeoutError("too late"); };

  arrive({"a"});
  loop.turn();

  EXPECT_THAT(loop.reports, IsEmpty());
  EXPECT_THAT(protocol->told, ElementsAre("data a", HasSubstr("too late")));
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
