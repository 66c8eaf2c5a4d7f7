// stream_reader_test.cpp: a StreamReader that is fed by hand. Rules: semantics.md S329 to S336.

#include <asyncio/stream_reader.hpp>

#include <asyncio/runners.hpp>
#include <asyncio/selector_events.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/tasks.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/reference/fed_reader.hpp"

namespace {

using asyncio::ended;
using asyncio::filled;
using asyncio::IncompleteReadError;
using asyncio::run;
using asyncio::StreamReader;

constexpr auto ONE_ITERATION = asyncio::Duration::zero();

/// Counts how often it was paused and resumed.
class CountingTransport : public asyncio::ReadTransport {
 public:
  void pause_reading() override { ++paused; }
  void resume_reading() override { ++resumed; }
  int paused = 0;
  int resumed = 0;
};

// ---- The limit ----

// S329
TEST(StreamReaderLimit, MustBePositive) {
  EXPECT_THROW(StreamReader(0), std::invalid_argument);
  EXPECT_THROW(StreamReader(-1), std::invalid_argument);
}

// S329: paused above twice the limit, not at it.
TEST(StreamReaderLimit, PausesTheTransportAboveTwiceTheLimit) {
  const auto transport = std::make_shared<CountingTransport>();
  StreamReader reader(4);
  reader.set_transport(transport);

  reader.feed_data("12345678");
  EXPECT_EQ(transport->paused, 0);
  reader.feed_data("9");
  reader.feed_data("10");

  EXPECT_EQ(transport->paused, 1);
}

// S329: resumed at the limit.
TEST(StreamReaderLimit, ResumesTheTransportAtTheLimit) {
  run([] {
    const auto transport = std::make_shared<CountingTransport>();
    StreamReader reader(4);
    reader.set_transport(transport);
    reader.feed_data("123456789");

    reader.readexactly(4);
    EXPECT_EQ(transport->resumed, 0);  // five are left
    reader.read(1);
    EXPECT_EQ(transport->resumed, 1);
  });
}

// S329: more than twice the limit is wanted; only the transport can bring it.
TEST(StreamReaderLimit, DoesNotKeepAWaitingReadFromItsData) {
  run([] {
    const auto transport = std::make_shared<CountingTransport>();
    StreamReader reader(4);
    reader.set_transport(transport);
    reader.feed_data("123456789");

    auto task = asyncio::create_task([reader] { return reader.readexactly(20); });
    asyncio::sleep(ONE_ITERATION);
    EXPECT_EQ(transport->resumed, 1);

    reader.feed_data("01234567890");
    EXPECT_EQ(asyncio::await(task).size(), 20u);
  });
}

// asyncio: a transport without pause_reading() is not asked again.
TEST(StreamReaderLimit, BuffersEverythingWhereTheTransportCannotPause) {
  const auto transport = std::make_shared<asyncio::ReadTransport>();
  StreamReader reader(1);
  reader.set_transport(transport);
  EXPECT_NO_THROW(reader.feed_data("12345"));
  EXPECT_NO_THROW(reader.feed_data("67890"));
}

TEST(StreamReaderTransport, IsSetOnce) {
  const auto transport = std::make_shared<CountingTransport>();
  StreamReader reader;
  reader.set_transport(transport);
  EXPECT_THROW(reader.set_transport(transport), std::logic_error);
}

TEST(StreamReaderTransport, IsNotKeptAlive) {
  auto transport = std::make_shared<CountingTransport>();
  StreamReader reader;
  reader.set_transport(transport);
  EXPECT_EQ(transport.use_count(), 1);
}

// ---- Whose memory it is ----

// What is read whole is not copied, but given away with its memory.
TEST(StreamReaderMemory, ThatWasGivenAwayIsNotWrittenToAgain) {
  run([] {
    const std::string first(5000, 'a'), second(5000, 'b');
    StreamReader reader = filled(first);

    const std::string given = reader.read(5000);
    reader.feed_data(second);

    EXPECT_EQ(given, first);
    EXPECT_EQ(reader.read(5000), second);
  });
}

TEST(StreamReaderMemory, OfALongLineIsNotKeptByTheShortOnesAfterIt) {
  run([] {
    StreamReader reader = filled(std::string(50'000, 'a'));
    reader.readexactly(49'000);  // the rest stays where it is, in a large buffer
    reader.readexactly(1'000);

    reader.feed_data(std::string(2'000, 'b'));

    EXPECT_LT(reader.read(5'000).capacity(), 10'000);
  });
}

// ---- Feeding ----

// S331
TEST(StreamReaderFeeding, IsRefusedAfterTheEnd) { EXPECT_THROW(ended("x").feed_data("y"), std::logic_error); }

// S331
TEST(StreamReaderFeeding, IgnoresEmptyData) {
  run([] {
    StreamReader reader;
    auto task = asyncio::create_task([reader] { return reader.read(5); });
    asyncio::sleep(ONE_ITERATION);

    reader.feed_data("");
    asyncio::sleep(ONE_ITERATION);
    EXPECT_FALSE(task.done());

    reader.feed_data("x");
    EXPECT_EQ(asyncio::await(task), "x");
  });
}

TEST(StreamReaderAtEof, IsTrueOnceEverythingWasRead) {
  run([] {
    const StreamReader reader = ended("ab");
    EXPECT_FALSE(reader.at_eof());
    reader.read();
    EXPECT_TRUE(reader.at_eof());
  });
}

// ---- read ----

// S332
TEST(StreamReaderRead, GivesNothingForZero) {
  run([] { EXPECT_EQ(StreamReader().read(0), ""); });
}

// S332
TEST(StreamReaderRead, GivesWhatIsThere) {
  run([] {
    const StreamReader reader = filled("abc");
    EXPECT_EQ(reader.read(2), "ab");
    EXPECT_EQ(reader.read(2), "c");
  });
}

// S332
TEST(StreamReaderRead, GivesNothingAtTheEnd) {
  run([] { EXPECT_EQ(ended("").read(5), ""); });
}

// S332
TEST(StreamReaderRead, ReadsToTheEndByDefault) {
  run([] {
    StreamReader reader(2);
    auto task = asyncio::create_task([reader] { return reader.read(); });
    for (const char* piece : {"one", "two", "three"}) {
      reader.feed_data(piece);
      asyncio::sleep(ONE_ITERATION);
      EXPECT_FALSE(task.done());
    }

    reader.feed_eof();
    EXPECT_EQ(asyncio::await(task), "onetwothree");
  });
}

// S332: "at least one byte": another task took what the first one was woken for.
TEST(StreamReaderRead, WaitsOnWhereAnotherTaskTookTheData) {
  run([] {
    StreamReader reader;
    auto task = asyncio::create_task([reader] { return reader.read(5); });
    asyncio::sleep(ONE_ITERATION);

    reader.feed_data("stolen");
    EXPECT_EQ(reader.read(6), "stolen");
    asyncio::sleep(ONE_ITERATION);
    EXPECT_FALSE(task.done());

    reader.feed_data("mine");
    EXPECT_EQ(asyncio::await(task), "mine");
  });
}

// ---- readexactly ----

// S333
TEST(StreamReaderReadexactly, RefusesNegativeSizes) {
  run([] { EXPECT_THROW(StreamReader().readexactly(-1), std::invalid_argument); });
}

// S333
TEST(StreamReaderReadexactly, WaitsForAllItsBytes) {
  run([] {
    StreamReader reader = filled("12");
    auto task = asyncio::create_task([reader] { return reader.readexactly(4); });
    asyncio::sleep(ONE_ITERATION);
    EXPECT_FALSE(task.done());

    reader.feed_data("345");
    EXPECT_EQ(asyncio::await(task), "1234");
    EXPECT_EQ(reader.read(5), "5");
  });
}

// S333
TEST(StreamReaderReadexactly, GivesWhatThereWasWhereTheStreamEnds) {
  run([] {
    const StreamReader reader = ended("123");
    try {
      reader.readexactly(5);
      ADD_FAILURE() << "no IncompleteReadError";
    } catch (const IncompleteReadError& error) {
      EXPECT_EQ(error.partial(), "123");
      EXPECT_EQ(error.expected(), 5u);
    }
    EXPECT_TRUE(reader.at_eof());
  });
}

// ---- Exceptions, second readers, cancellation ----

// S331: before the buffer is looked at, and by every read.
TEST(StreamReaderException, IsThrownByEveryRead) {
  run([] {
    const StreamReader reader = filled("data\n");
    reader.set_exception(std::out_of_range("broken"));
    EXPECT_THROW(reader.read(1), std::out_of_range);
    EXPECT_THROW(reader.read(0), std::out_of_range);
    EXPECT_THROW(reader.readline(), std::out_of_range);
    EXPECT_THROW(reader.readexactly(1), std::out_of_range);
    EXPECT_THROW(reader.readuntil("d"), std::out_of_range);
    EXPECT_TRUE(asyncio::holds<std::out_of_range>(reader.exception()));
  });
}

// S331
TEST(StreamReaderException, ReachesTheReadThatWaits) {
  run([] {
    StreamReader reader;
    auto task = asyncio::create_task([reader] { return reader.readline(); });
    asyncio::sleep(ONE_ITERATION);
    reader.set_exception(std::out_of_range("broken"));
    EXPECT_THROW(asyncio::await(task), std::out_of_range);
  });
}

// asyncio hangs here: the exception comes when the read is woken already, and waits again
// afterwards.
TEST(StreamReaderException, ReachesAReadThatWasWokenForTooLittle) {
  run([] {
    StreamReader reader;
    auto task = asyncio::create_task([reader] { return reader.readexactly(10); });
    asyncio::sleep(ONE_ITERATION);

    reader.feed_data("half");
    reader.set_exception(std::out_of_range("broken"));

    EXPECT_THROW(asyncio::await(task), std::out_of_range);
  });
}

// S330
TEST(StreamReaderSecondReader, IsRefused) {
  run([] {
    StreamReader reader;
    auto first = asyncio::create_task([reader] { return reader.readline(); });
    asyncio::sleep(ONE_ITERATION);
    try {
      reader.read(1);
      ADD_FAILURE() << "no RuntimeError";
    } catch (const asyncio::RuntimeError& error) {
      EXPECT_STREQ(error.what(), "read() called while another coroutine is already waiting for incoming data");
    }
    reader.feed_data("line\n");
    EXPECT_EQ(asyncio::await(first), "line\n");
  });
}

// A cancelled read has taken nothing, and leaves room for the next reader.
TEST(StreamReaderCancelledRead, KeepsTheBuffer) {
  run([] {
    StreamReader reader = filled("half");
    auto task = asyncio::create_task([reader] { return reader.readline(); });
    asyncio::sleep(ONE_ITERATION);
    task.cancel();
    asyncio::sleep(ONE_ITERATION);
    EXPECT_TRUE(task.cancelled());

    reader.feed_data(" and half\n");
    EXPECT_EQ(reader.readline(), "half and half\n");
  });
}

// The data comes in the same iteration as the cancellation: nothing is lost.
TEST(StreamReaderCancelledRead, LosesNothingWhereDataComesAtTheSameTime) {
  run([] {
    StreamReader reader;
    auto task = asyncio::create_task([reader] { return reader.readexactly(4); });
    asyncio::sleep(ONE_ITERATION);
    reader.feed_data("1234");
    task.cancel();
    asyncio::sleep(ONE_ITERATION);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(reader.readexactly(4), "1234");
  });
}

// A task that waits for data is destroyed with its loop; the reader may be held longer.
TEST(StreamReaderDestroyedRead, LeavesTheReaderWhole) {
  StreamReader reader = filled("half");
  {
    asyncio::SelectorEventLoop loop;
    loop.set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext&) {});
    auto task = loop.create_task([reader] { reader.readline(); });
    loop.run_until_complete([] { asyncio::sleep(ONE_ITERATION); });
    loop.close();
  }
  reader.feed_data("\n");
  run([reader] { EXPECT_EQ(reader.readline(), "half\n"); });
}

// S344: who looks at what a task waits for keeps that future; the next wait is on another one.
TEST(StreamReaderWait, LeavesItsFutureToWhoLooksAtIt) {
  run([] {
    StreamReader reader;
    const auto task = asyncio::create_task([reader] { return reader.readexactly(3); });
    std::vector<asyncio::AnyFuture> waits;
    for (const char* data : {"a", "b", "c"}) {
      asyncio::sleep(ONE_ITERATION);
      waits.emplace_back(asyncio::Ref<asyncio::FutureState>(task.get()->waits_for()));
      reader.feed_data(data);
    }
    EXPECT_EQ(await(task), "abc");
    for (const asyncio::AnyFuture& wait : waits) EXPECT_TRUE(wait.done());
    EXPECT_NE(waits[0], waits[1]);
    EXPECT_NE(waits[1], waits[2]);
  });
}

// A handle that is gone while its read waits.
TEST(StreamReaderHandle, MayGoWhileItsReadWaits) {
  run([] {
    auto handle = std::make_unique<StreamReader>();
    const StreamReader feeder = *handle;
    auto task = asyncio::create_task([&handle] { return handle->read(4); });
    asyncio::sleep(ONE_ITERATION);
    handle.reset();
    feeder.feed_data("data");
    EXPECT_EQ(asyncio::await(task), "data");
  });
}

TEST(StreamReaderHandle, ThatIsNoStreamSaysSo) {
  EXPECT_FALSE(StreamReader::none());
  EXPECT_TRUE(StreamReader());
  EXPECT_THROW(StreamReader::none().at_eof(), std::logic_error);
}

TEST(StreamReaderRepr, ShowsWhatIsUnusual) {
  EXPECT_EQ(StreamReader().repr(), "<StreamReader>");
  EXPECT_EQ(ended("abc").repr(), "<StreamReader 3 bytes eof>");
  EXPECT_EQ(filled("abc", 16).repr(), "<StreamReader 3 bytes limit=16>");
}

}  // namespace
