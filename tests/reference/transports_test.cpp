// transports_test.cpp: extra information, flow control, and functions that are missing. Rules:
// semantics.md S262 to S269, S277.

#include <asyncio/transports.hpp>

#include <asyncio/selector_events.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace {

using asyncio::WriteBufferMarks;

/// Notes what flow control tells it; throws where it is asked to.
class NotingProtocol : public asyncio::Protocol {
 public:
  void pause_writing() override {
    told.push_back("pause");
    if (throws) throw std::out_of_range("no");
  }
  void resume_writing() override {
    told.push_back("resume");
    if (throws) throw std::out_of_range("no");
  }
  std::vector<std::string> told;
  bool throws = false;
};

/// A transport whose buffer is emptied by hand.
class BufferTransport : public asyncio::FlowControlMixin<asyncio::Transport> {
 public:
  explicit BufferTransport(asyncio::AbstractEventLoop& loop) : FlowControlMixin(loop) {
    set_extra_info("peername", asyncio::Address("::1", 80));
  }
  std::size_t get_write_buffer_size() const override { return size_; }
  void write(std::string_view data) override {
    written += data;
    size_ += data.size();
    maybe_pause_protocol();
  }
  void sent(std::size_t count) {
    size_ -= count;
    maybe_resume_protocol();
  }
  std::string written;

 private:
  std::size_t size_ = 0;
};

/// A transport and its protocol on a loop that does not run.
class Transports : public testing::Test {
 protected:
  Transports() { transport->set_protocol(protocol); }
  ~Transports() override { loop.close(); }

  asyncio::SelectorEventLoop loop;
  std::shared_ptr<NotingProtocol> protocol = std::make_shared<NotingProtocol>();
  std::shared_ptr<BufferTransport> transport = std::make_shared<BufferTransport>(loop);
};

class ExtraInfo : public Transports {};
class WriteBufferLimits : public Transports {};
class FlowControl : public Transports {};
class BareTransport : public Transports {};

// S277
TEST_F(ExtraInfo, IsGivenByNameAndType) {
  EXPECT_EQ(transport->get_extra_info<asyncio::Address>("peername"), asyncio::Address("::1", 80));
}

// S277: asyncio's None.
TEST_F(ExtraInfo, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(transport->get_extra_info<asyncio::Address>("sockname"), asyncio::Address());
  EXPECT_EQ(transport->get_extra_info<std::string>("cipher", "none"), "none");
}

TEST_F(ExtraInfo, RefusesAnotherType) {
  EXPECT_THROW(transport->get_extra_info<int>("peername"), std::invalid_argument);
}

// S266
TEST_F(WriteBufferLimits, HaveDefaults) {
  EXPECT_EQ(transport->get_write_buffer_limits(), (WriteBufferMarks{.low = 16 * 1024, .high = 64 * 1024}));
  transport->set_write_buffer_limits({.high = 1});
  transport->set_write_buffer_limits();
  const auto [low, high] = transport->get_write_buffer_limits();
  EXPECT_EQ(low, 16u * 1024);
  EXPECT_EQ(high, 64u * 1024);
}

// S266
TEST_F(WriteBufferLimits, FollowFromEachOther) {
  transport->set_write_buffer_limits({.high = 100});
  EXPECT_EQ(transport->get_write_buffer_limits(), (WriteBufferMarks{.low = 25, .high = 100}));
  transport->set_write_buffer_limits({.low = 100});
  EXPECT_EQ(transport->get_write_buffer_limits(), (WriteBufferMarks{.low = 100, .high = 400}));
  transport->set_write_buffer_limits({.high = 0});
  EXPECT_EQ(transport->get_write_buffer_limits(), (WriteBufferMarks{.low = 0, .high = 0}));
}

// S266
TEST_F(WriteBufferLimits, MustBeInOrderAndNotNegative) {
  EXPECT_THROW(transport->set_write_buffer_limits({.high = 1, .low = 2}), std::invalid_argument);
  EXPECT_THROW(transport->set_write_buffer_limits({.low = -1}), std::invalid_argument);
  EXPECT_EQ(transport->get_write_buffer_limits(), WriteBufferMarks{});
}

// S266: the low mark that follows is high // 4, which Python rounds down.
TEST_F(WriteBufferLimits, AreNamedWhereTheyAreRefused) {
  try {
    transport->set_write_buffer_limits({.high = -1});
    ADD_FAILURE() << "a high mark below 0 was accepted";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "high (-1) must be >= low (-1) must be >= 0");
  }
}

// S267: strictly above high, at or below low.
TEST_F(FlowControl, PausesAboveTheHighMarkAndResumesAtTheLowOne) {
  transport->set_write_buffer_limits({.high = 10, .low = 4});
  transport->write("1234567890");
  EXPECT_TRUE(protocol->told.empty());
  transport->write("x");
  EXPECT_EQ(protocol->told, std::vector<std::string>{"pause"});

  transport->sent(6);
  EXPECT_EQ(protocol->told, std::vector<std::string>{"pause"});
  transport->sent(1);
  EXPECT_EQ(protocol->told, (std::vector<std::string>{"pause", "resume"}));
}

// S267: each once for a crossing.
TEST_F(FlowControl, TellsTheProtocolOnce) {
  transport->set_write_buffer_limits({.high = 2});
  for (int i = 0; i < 5; ++i) transport->write("xxx");
  for (int i = 0; i < 5; ++i) transport->sent(3);
  EXPECT_EQ(protocol->told, (std::vector<std::string>{"pause", "resume"}));
}

// S268
TEST_F(FlowControl, PausesWhereTheLimitsAreLoweredAndDoesNotResumeWhereTheyAreRaised) {
  transport->write("12345");
  transport->set_write_buffer_limits({.high = 4});
  EXPECT_EQ(protocol->told, std::vector<std::string>{"pause"});
  transport->set_write_buffer_limits({.high = 1000});
  EXPECT_EQ(protocol->told, std::vector<std::string>{"pause"});
  transport->sent(1);
  EXPECT_EQ(protocol->told, (std::vector<std::string>{"pause", "resume"}));
}

// S267
TEST_F(FlowControl, ReportsWhatTheProtocolThrows) {
  std::vector<std::string> reports;
  loop.set_exception_handler([&](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    reports.push_back(context.message);
    EXPECT_TRUE(asyncio::holds<std::out_of_range>(context.exception));
    EXPECT_EQ(context.transport, transport);
    EXPECT_EQ(context.protocol, protocol);
  });
  protocol->throws = true;
  transport->set_write_buffer_limits({.high = 0});

  EXPECT_NO_THROW(transport->write("x"));
  EXPECT_NO_THROW(transport->sent(1));

  EXPECT_EQ(reports, (std::vector<std::string>{"protocol.pause_writing() failed", "protocol.resume_writing() failed"}));
}

// The connection is lost, the protocol gone: nobody to tell.
TEST_F(FlowControl, NeedsNoProtocol) {
  transport->set_protocol(nullptr);
  transport->set_write_buffer_limits({.high = 0});
  EXPECT_NO_THROW(transport->write("x"));
}

// asyncio's default: joined, one write.
TEST_F(BareTransport, WritesLinesByWritingThemJoined) {
  transport->writelines({"one", "", "two"});
  EXPECT_EQ(transport->written, "onetwo");
}

TEST_F(BareTransport, SaysWhichFunctionIsMissing) {
  try {
    transport->pause_reading();
    ADD_FAILURE() << "no NotImplementedError";
  } catch (const asyncio::NotImplementedError& error) {
    EXPECT_STREQ(error.what(), "pause_reading() is not implemented by this transport");
  }
}

TEST_F(BareTransport, KeepsItsProtocolUntilItIsReplaced) {
  EXPECT_EQ(transport->get_protocol(), protocol);
  transport->set_protocol(nullptr);
  EXPECT_EQ(transport->get_protocol(), nullptr);
  EXPECT_EQ(protocol.use_count(), 1);
}

/// Gives out three bytes at a time, or none.
class SmallBuffers : public asyncio::BufferedProtocol {
 public:
  std::span<char> get_buffer(std::ptrdiff_t) override { return std::span(space_, size); }
  void buffer_updated(std::size_t bytes) override { received.emplace_back(space_, bytes); }
  std::size_t size = 3;
  std::vector<std::string> received;

 private:
  char space_[3];
};

TEST(BufferedProtocol, IsFedPieceByPiece) {
  SmallBuffers protocol;
  asyncio::feed_data_to_buffered_proto(protocol, "1234567");
  EXPECT_EQ(protocol.received, (std::vector<std::string>{"123", "456", "7"}));
}

// S262
TEST(BufferedProtocol, MustGiveABuffer) {
  SmallBuffers protocol;
  protocol.size = 0;
  EXPECT_THROW(asyncio::feed_data_to_buffered_proto(protocol, "1"), asyncio::RuntimeError);
}

}  // namespace
