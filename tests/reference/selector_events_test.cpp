// selector_events_test.cpp: descriptors that become ready, over real pipes and sockets. E1 and E2 are in
// selector_events.hpp.
#include <asyncio/selector_events.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

/// Two ends of a pipe or a socket pair; whatever is open at the end is closed.
class Ends {
 public:
  static Ends pipe() {
    Ends ends;
    if (::pipe2(ends.fds_.data(), O_NONBLOCK | O_CLOEXEC) != 0) throw std::logic_error("pipe2");
    return ends;
  }
  static Ends socketpair() {
    Ends ends;
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.fds_.data()) != 0) throw std::logic_error("pair");
    return ends;
  }
  Ends(Ends&& other) noexcept : fds_(std::exchange(other.fds_, {-1, -1})) {}
  ~Ends() {
    close(0);
    close(1);
  }
  int first() const { return fds_[0]; }   // a pipe's end to read from
  int second() const { return fds_[1]; }  // a pipe's end to write to
  void close(std::size_t end) {
    if (fds_[end] >= 0) ::close(std::exchange(fds_[end], -1));
  }
  void write(std::string_view text = "x") const { ASSERT_EQ(::write(second(), text.data(), text.size()), 1); }
  char read() const {
    char byte = 0;
    return ::read(first(), &byte, 1) == 1 ? byte : '-';
  }

 private:
  Ends() = default;
  std::array<int, 2> fds_{-1, -1};
};

class AReader : public testing::Test {
 protected:
  ~AReader() override { loop.close(); }
  void turn(int turns = 1) {
    for (; turns > 0; --turns) {
      loop.stop();
      loop.run_forever();
    }
  }
  Callback note(std::string text) {
    return [this, text] { order.push_back(text); };
  }

  SelectorEventLoop loop;
  std::vector<std::string> order;
  Ends pipe = Ends::pipe();
};

using AWriter = AReader;
using ReaderAndWriter = AReader;
using ARemovedReader = AReader;
using AReplacedReader = AReader;
using ACancelledReader = AReader;
using AClosedDescriptor = AReader;
using TheSelector = AReader;

// Reading and writing --------------------------------------------------------------------------------------

TEST_F(AReader, IsCalledWhileThereIsSomethingToRead) {
  loop.add_reader(pipe.first(), [this] { order.push_back({pipe.read()}); });

  turn();
  EXPECT_THAT(order, IsEmpty());
  pipe.write("a");
  turn();
  pipe.write("b");
  turn(2);

  EXPECT_THAT(order, ElementsAre("a", "b"));
}

// Level-triggered, as CPython's selectors are: who does not read is called again.
TEST_F(AReader, IsCalledAgainWhereItDoesNotRead) {
  loop.add_reader(pipe.first(), note("called"));
  pipe.write();

  turn(3);

  EXPECT_THAT(order, ElementsAre("called", "called", "called"));
}

TEST_F(AReader, IsCalledAtTheEndOfTheData) {
  loop.add_reader(pipe.first(), note("called"));

  pipe.close(1);
  turn();

  EXPECT_THAT(order, ElementsAre("called"));
}

// S8: a reader that nothing happens to lets the poll wait for the timer.
TEST_F(AReader, LeavesTheLoopToItsTimers) {
  loop.add_reader(pipe.first(), note("called"));
  const TimePoint before = loop.time();

  loop.call_later(2ms, [this] { loop.stop(); });
  loop.run_forever();

  EXPECT_GE(loop.time() - before, 2ms);
  EXPECT_THAT(order, IsEmpty());
}

// S10: with a nanosecond clock no timer is early.
TEST_F(TheSelector, WaitsNoShorterThanATimerAsks) {
  for (const Duration delay : {Duration(1), Duration(1us), Duration(300us)}) {
    const TimePoint due = loop.time() + delay;
    TimePoint ran;
    loop.call_at(due, [&] {
      ran = loop.time();
      loop.stop();
    });

    loop.run_forever();

    EXPECT_GE(ran, due);
  }
}

ContextVar<int> number("number", 0);

// S16: a reader's context is a copy made when it was added.
TEST_F(AReader, RunsInACopyOfTheContextItWasAddedIn) {
  int seen = 0;
  Context().run([&] {
    number.set(3);
    loop.add_reader(pipe.first(), [&] { seen = number.get(); });
    number.set(4);
  });

  pipe.write();
  turn();

  EXPECT_EQ(seen, 3);
}

TEST_F(AWriter, IsCalledWhileThereIsRoom) {
  loop.add_writer(pipe.second(), note("room"));
  turn();
  const std::string much(1 << 16, 'x');
  while (::write(pipe.second(), much.data(), much.size()) > 0) continue;

  turn();

  EXPECT_THAT(order, ElementsAre("room"));
}

TEST_F(AWriter, IsCalledWhenTheReaderIsGone) {
  loop.add_writer(pipe.second(), note("called"));

  pipe.close(0);
  turn();

  EXPECT_THAT(order, ElementsAre("called"));
}

// S5: of one descriptor the reader comes before the writer, whichever was added first.
TEST_F(ReaderAndWriter, OfOneDescriptorRunInThisOrder) {
  const Ends sockets = Ends::socketpair();
  loop.add_writer(sockets.first(), note("writer"));
  loop.add_reader(sockets.first(), note("reader"));
  sockets.write();

  turn();

  EXPECT_THAT(order, ElementsAre("reader", "writer"));
  EXPECT_TRUE(loop.remove_reader(sockets.first()));
  EXPECT_TRUE(loop.remove_writer(sockets.first()));
}

// E1: to stop watching one direction leaves the other.
TEST_F(ReaderAndWriter, AreRemovedOneByOne) {
  const Ends sockets = Ends::socketpair();
  loop.add_writer(sockets.first(), note("writer"));
  loop.add_reader(sockets.first(), note("reader"));
  sockets.write();

  EXPECT_TRUE(loop.remove_writer(sockets.first()));
  EXPECT_FALSE(loop.remove_writer(sockets.first()));
  turn();
  EXPECT_THAT(order, ElementsAre("reader"));

  loop.add_writer(sockets.first(), note("writer again"));
  loop.remove_reader(sockets.first());
  turn();
  EXPECT_THAT(order, ElementsAre("reader", "writer again"));
  loop.remove_writer(sockets.first());
}

// S4: behind what was ready, ahead of due timers.
TEST_F(AReader, RunsBetweenReadyHandlesAndTimers) {
  loop.add_reader(pipe.first(), note("reader"));
  pipe.write();
  loop.call_later(0s, note("timer"));
  loop.call_soon(note("ready"));

  turn();

  EXPECT_THAT(order, ElementsAre("ready", "reader", "timer"));
}

// Removing and replacing -----------------------------------------------------------------------------------

// S280: remove returns whether one was there.
TEST_F(ARemovedReader, IsNotCalled) {
  loop.add_reader(pipe.first(), note("called"));
  pipe.write();

  EXPECT_TRUE(loop.remove_reader(pipe.first()));
  EXPECT_FALSE(loop.remove_reader(pipe.first()));
  EXPECT_FALSE(loop.remove_writer(pipe.first()));
  turn();

  EXPECT_THAT(order, IsEmpty());
}

// What it captured goes with it.
TEST_F(ARemovedReader, ReleasesWhatItCaptured) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  loop.add_reader(pipe.first(), [captured = std::move(captured)] {});

  loop.remove_reader(pipe.first());

  EXPECT_TRUE(watched.expired());
}

// S6: removed after its event was found, before its turn.
TEST_F(ARemovedReader, IsNotCalledAlthoughItsEventWasFound) {
  loop.add_reader(pipe.first(), note("called"));
  pipe.write();
  loop.call_soon([this] { loop.remove_reader(pipe.first()); });

  turn();

  EXPECT_THAT(order, IsEmpty());
}

// Re-entrancy: the callback lives to its end.
TEST_F(ARemovedReader, MayHaveRemovedItself) {
  auto text = std::make_shared<std::string>("alive");
  loop.add_reader(pipe.first(), [this, text] {
    loop.remove_reader(pipe.first());
    order.push_back(*text);
  });
  text.reset();
  pipe.write();

  turn(2);

  EXPECT_THAT(order, ElementsAre("alive"));
}

// S57: a turn that is cut short leaves its handles queued. What epoll reports once more meanwhile runs once more.
TEST_F(AReader, RunsForEachReportOfATurnThatWasCutShort) {
  loop.add_reader(pipe.first(), note("reader"));
  pipe.write();
  loop.call_soon([] { throw KeyboardInterrupt(); });  // ready before the reader, and ends the turn

  EXPECT_THROW(loop.run_forever(), KeyboardInterrupt);
  EXPECT_THAT(order, IsEmpty());
  turn();

  EXPECT_THAT(order, ElementsAre("reader", "reader"));
}

// S280: adding again replaces and cancels the earlier callback.
TEST_F(AReplacedReader, IsNotCalled) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  loop.add_reader(pipe.first(), [this, captured = std::move(captured)] { order.push_back("old"); });
  pipe.write();

  loop.add_reader(pipe.first(), note("new"));
  EXPECT_TRUE(watched.expired());
  turn();

  EXPECT_THAT(order, ElementsAre("new"));
}

// S280, S6: also where the event of the old one was found already.
TEST_F(AReplacedReader, IsNotCalledAlthoughItsEventWasFound) {
  loop.add_reader(pipe.first(), note("old"));
  pipe.write();
  loop.call_soon([this] { loop.add_reader(pipe.first(), note("new")); });

  turn();
  EXPECT_THAT(order, IsEmpty());
  turn();

  EXPECT_THAT(order, ElementsAre("new"));
}

// Re-entrancy: a reader that replaces itself, as protocols do that change their state.
TEST_F(AReplacedReader, MayHaveReplacedItself) {
  loop.add_reader(pipe.first(), [this] {
    loop.add_reader(pipe.first(), note("second"));
    order.push_back("first");
  });
  pipe.write();

  turn(2);

  EXPECT_THAT(order, ElementsAre("first", "second"));
}

// S56: an error is reported, and the reader stays.
TEST_F(AReader, StaysAfterAnError) {
  int reports = 0;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext&) { ++reports; });
  loop.add_reader(pipe.first(), [] { throw std::logic_error("failed"); });
  pipe.write();

  turn(2);

  EXPECT_EQ(reports, 2);
}

// S7: found cancelled when its event arrives, it is not queued; its registration is removed instead.
TEST_F(ACancelledReader, LosesItsRegistration) {
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext& context) { context.handle.cancel(); });
  loop.add_reader(pipe.first(), [this] {
    order.push_back("called");
    throw std::logic_error("failed");
  });
  pipe.write();

  turn();  // is called, and cancelled by who hears of its error
  turn();  // the registration is found cancelled

  EXPECT_THAT(order, ElementsAre("called"));
  EXPECT_FALSE(loop.remove_reader(pipe.first()));
}

// Closed descriptors ---------------------------------------------------------------------------------------

TEST_F(AClosedDescriptor, CanStillBeRemoved) {
  const int fd = pipe.first();
  loop.add_reader(fd, note("called"));

  pipe.close(0);
  turn();

  EXPECT_TRUE(loop.remove_reader(fd));
  EXPECT_THAT(order, IsEmpty());
}

// What the user sees: a socket that was closed first and unregistered afterwards, in both directions.
TEST_F(AClosedDescriptor, CanBeRemovedInBothDirections) {
  Ends sockets = Ends::socketpair();
  const int fd = sockets.first();
  loop.add_reader(fd, note("reader"));
  loop.add_writer(fd, note("writer"));

  sockets.close(0);

  EXPECT_TRUE(loop.remove_reader(fd));
  EXPECT_TRUE(loop.remove_writer(fd));
  turn();
  EXPECT_THAT(order, IsEmpty());
}

TEST_F(AClosedDescriptor, CannotBeWatched) {
  const int fd = pipe.first();
  pipe.close(0);

  try {
    loop.add_reader(fd, [] {});
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EBADF);
  }
  EXPECT_FALSE(loop.remove_reader(fd));
}

// EPERM: epoll cannot watch a regular file, which is always ready; nor can CPython's selectors.
TEST_F(TheSelector, CannotWatchARegularFile) {
  const int file = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

  try {
    loop.add_reader(file, [] {});
    FAIL();
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EPERM);
  }
  EXPECT_FALSE(loop.remove_reader(file));
  ::close(file);
}

// EBADF, and no table of that size.
TEST_F(TheSelector, RefusesADescriptorThatCannotBe) {
  EXPECT_THROW(loop.add_reader(std::numeric_limits<int>::max(), [] {}), std::system_error);
  EXPECT_FALSE(loop.remove_reader(std::numeric_limits<int>::max()));
}

// ValueError in Python.
TEST_F(TheSelector, RefusesANegativeDescriptor) {
  EXPECT_THROW(loop.add_reader(-1, [] {}), std::invalid_argument);
  EXPECT_FALSE(loop.remove_writer(-1));
}

// S37.
TEST_F(TheSelector, RefusesReadersAfterItIsClosed) {
  loop.add_reader(pipe.first(), note("called"));
  loop.close();

  EXPECT_THROW(loop.add_reader(pipe.first(), [] {}), RuntimeError);
  EXPECT_THROW(loop.add_writer(pipe.second(), [] {}), RuntimeError);
  EXPECT_FALSE(loop.remove_reader(pipe.first()));
  EXPECT_FALSE(loop.remove_writer(pipe.second()));
}

// S36: closing releases what readers captured, and their destructors find a loop in order.
TEST_F(TheSelector, ReleasesItsReadersWhenItIsClosed) {
  struct Removes {
    SelectorEventLoop& loop;
    int fd;
    ~Removes() { loop.remove_reader(fd); }
  };
  auto captured = std::make_shared<Removes>(loop, pipe.first());
  const std::weak_ptr<Removes> watched = captured;
  loop.add_reader(pipe.first(), [captured = std::move(captured)] {});

  loop.close();

  EXPECT_TRUE(watched.expired());
}

// S38: no descriptor stays open.
TEST(TheDescriptorsOfALoop, AreClosedWithIt) {
  const auto next_descriptor = [] {
    const int fd = ::dup(0);
    ::close(fd);
    return fd;
  };
  const int before = next_descriptor();

  {
    SelectorEventLoop loop;
    loop.close();
  }

  EXPECT_EQ(next_descriptor(), before);
}

// Api: the extension to asyncio.
TEST_F(TheSelector, HasARandomEngine) {
  RandomEngine& random = loop.random();

  for (int i = 0; i < 100; ++i) EXPECT_LT(random.below(7), 7u);
  EXPECT_NE(random(), random());
}

}  // namespace
}  // namespace asyncio
