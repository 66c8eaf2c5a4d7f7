// running_test.cpp: how a loop is run, stopped and closed, and which loop runs here.
#include <asyncio/selector_events.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

class ALoop : public testing::Test {
 protected:
  Callback note(std::string text) {
    return [this, text] { order.push_back(text); };
  }

  ScriptedLoop loop;
  std::vector<std::string> order;
};

using ARun = ALoop;
using StoppingALoop = ALoop;
using RunUntilComplete = ALoop;
using ClosingALoop = ALoop;
using AClosedLoop = ALoop;
using TheRunningLoop = ALoop;
using TheLoopOfAThread = ALoop;

// Running --------------------------------------------------------------------------------------------------

// S24: each is a RuntimeError with CPython's text.
TEST_F(ARun, IsRefusedWhereTheLoopIsClosed) {
  loop.close();

  EXPECT_EQ(text_of<RuntimeError>([&] { loop.run_forever(); }), "Event loop is closed");
}

// S24.
TEST_F(ARun, IsRefusedWhereTheLoopIsRunning) {
  std::string said;
  loop.call_soon([&] { said = text_of<RuntimeError>([&] { loop.run_forever(); }); });

  loop.turn();

  EXPECT_EQ(said, "This event loop is already running");
}

// S24: and leaves the other running loop untouched.
TEST_F(ARun, IsRefusedWhereAnotherLoopRunsInThisThread) {
  ScriptedLoop other;
  std::string said;
  loop.call_soon([&] {
    said = text_of<RuntimeError>([&] { other.run_forever(); });
    EXPECT_EQ(&get_running_loop(), &loop);
    EXPECT_FALSE(other.is_running());
  });

  loop.turn();

  EXPECT_EQ(said, "Cannot run the event loop while another loop is running");
}

// S24: closed is checked before running.
TEST_F(ARun, ChecksForAClosedLoopFirst) {
  ScriptedLoop other;
  other.close();
  std::string said;
  loop.call_soon([&] { said = text_of<RuntimeError>([&] { other.run_forever(); }); });

  loop.turn();

  EXPECT_EQ(said, "Event loop is closed");
}

// S25: the slot holds the loop while it runs, and is empty afterwards.
TEST_F(TheRunningLoop, IsKnownWhileItRuns) {
  bool inside = false;
  loop.call_soon([&] { inside = loop.is_running() && get_running_loop_or_null() == &loop; });

  loop.turn();

  EXPECT_TRUE(inside);
  EXPECT_FALSE(loop.is_running());
  EXPECT_EQ(get_running_loop_or_null(), nullptr);
  EXPECT_EQ(text_of<RuntimeError>([] { get_running_loop(); }), "no running event loop");
}

// S25: empty, not what it was before.
TEST_F(TheRunningLoop, IsForgottenAfterARun) {
  ScriptedLoop other;
  loop.call_soon([&] {
    set_running_loop(nullptr);  // as a program does that nests loops by force
    other.turn();
    EXPECT_EQ(get_running_loop_or_null(), nullptr);
    set_running_loop(&loop);
  });

  loop.turn();

  EXPECT_EQ(get_running_loop_or_null(), nullptr);
}

// S25, S28: also where the run is left by an exception.
TEST_F(TheRunningLoop, IsForgottenAfterAnInterrupt) {
  loop.call_soon([&] {
    loop.stop();
    throw SystemExit();
  });

  EXPECT_THROW(loop.run_forever(), SystemExit);
  EXPECT_EQ(get_running_loop_or_null(), nullptr);
  EXPECT_FALSE(loop.is_running());
  loop.call_later(1s, note("the stop flag is cleared"));
  loop.run_until_idle();

  EXPECT_THAT(order, ElementsAre("the stop flag is cleared"));
}

// S122 for threads: each thread has its own.
TEST_F(TheRunningLoop, BelongsToItsThread) {
  AbstractEventLoop* elsewhere = &loop;
  loop.call_soon([&] { std::thread([&] { elsewhere = get_running_loop_or_null(); }).join(); });

  loop.turn();

  EXPECT_EQ(elsewhere, nullptr);
}

// The loop of a thread -------------------------------------------------------------------------------------

// S41: the running loop if any, else the one set for this thread, else an error.
TEST_F(TheLoopOfAThread, IsTheRunningOneFirst) {
  ScriptedLoop other;
  EXPECT_THROW(get_event_loop(), RuntimeError);

  set_event_loop(&other);
  EXPECT_EQ(get_event_loop(), &other);
  AbstractEventLoop* inside = nullptr;
  loop.call_soon([&] { inside = get_event_loop(); });
  loop.turn();
  set_event_loop(nullptr);

  EXPECT_EQ(inside, &loop);
  EXPECT_THROW(get_event_loop(), RuntimeError);
}

// S42: it does not make the loop "running", and is per thread.
TEST_F(TheLoopOfAThread, DoesNotRunByBeingSet) {
  set_event_loop(&loop);
  bool error_elsewhere = false;

  std::thread([&] { error_elsewhere = text_of<RuntimeError>([] { get_event_loop(); }) != "nothing"; }).join();
  EXPECT_EQ(get_running_loop_or_null(), nullptr);
  set_event_loop(nullptr);

  EXPECT_TRUE(error_elsewhere);
}

// S43: the child of a fork has neither.
TEST_F(TheLoopOfAThread, IsNotInheritedByAChildProcess) {
  int status = -1;
  set_event_loop(&loop);
  loop.call_soon([&] {
    const pid_t child = ::fork();
    if (child == 0) {
      const bool running = get_running_loop_or_null() != nullptr;
      const bool set = text_of<RuntimeError>([] { get_event_loop(); }) == "nothing";
      ::_exit(running || set ? 1 : 0);
    }
    ::waitpid(child, &status, 0);
  });

  loop.turn();
  set_event_loop(nullptr);

  EXPECT_EQ(status, 0);
}

// Stopping -------------------------------------------------------------------------------------------------

// S26, B3: after a whole iteration; what is added meanwhile stays for the next run.
TEST_F(StoppingALoop, EndsTheRunAfterTheIteration) {
  loop.call_soon([this] {
    loop.stop();
    loop.call_soon(note("next run"));
  });
  loop.call_soon(note("same iteration"));

  loop.run_forever();
  EXPECT_THAT(order, ElementsAre("same iteration"));
  loop.turn();

  EXPECT_THAT(order, ElementsAre("same iteration", "next run"));
}

// S27: exactly one iteration: what is ready, events and due timers.
TEST_F(StoppingALoop, BeforeItRunsMakesItDoOneIteration) {
  loop.on_event = [this](int) { order.push_back("event"); };
  loop.next_events = {{.fd = 3}};
  loop.call_soon(note("ready"));
  loop.call_later(0s, note("due"));
  loop.call_later(1s, note("not due"));

  loop.stop();
  loop.run_forever();

  EXPECT_EQ(loop.iterations, 1);
  EXPECT_THAT(loop.polls, ElementsAre(Duration(0)));
  EXPECT_THAT(order, ElementsAre("ready", "event", "due"));
}

// S28.
TEST_F(StoppingALoop, IsForgottenWhenTheRunEnds) {
  loop.stop();
  loop.stop();
  loop.run_forever();
  loop.call_soon([this] { loop.call_soon(note("second iteration")); });

  loop.run_until_idle();

  EXPECT_THAT(order, ElementsAre("second iteration"));
}

// run_until_complete ---------------------------------------------------------------------------------------

// S29.
TEST_F(RunUntilComplete, GivesTheResult) {
  const auto future = loop.create_future<int>();
  loop.call_later(1s, [&] { future.set_result(4); });

  EXPECT_EQ(loop.run_until_complete(future), 4);
  EXPECT_EQ(loop.run_until_complete([] { return std::make_unique<int>(5); }) ? 5 : 0, 5);
  loop.run_until_complete([] {});
}

TEST_F(RunUntilComplete, ThrowsWhatTheCoroutineThrew) {
  EXPECT_THROW(loop.run_until_complete([] { throw std::logic_error("failed"); }), std::logic_error);
  EXPECT_THROW(loop.run_until_complete([] { throw CancelledError(); }), CancelledError);

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S29: a ValueError in Python.
TEST_F(RunUntilComplete, RefusesAFutureOfAnotherLoop) {
  ScriptedLoop other;
  const auto future = other.create_future<void>();

  EXPECT_THROW(loop.run_until_complete(future), std::invalid_argument);
}

// S29: the checks come before anything is created.
TEST_F(RunUntilComplete, CreatesNothingWhereItCannotRun) {
  loop.call_soon([&] {
    EXPECT_THROW(loop.run_until_complete([] { FAIL(); }), RuntimeError);
    EXPECT_TRUE(all_tasks().empty());
  });

  loop.turn();
  loop.close();

  EXPECT_EQ(text_of<RuntimeError>([&] { loop.run_until_complete([] {}); }), "Event loop is closed");
  EXPECT_THAT(loop.reports, IsEmpty());
}

// S30.
TEST_F(RunUntilComplete, FailsWhereTheLoopWasStoppedBefore) {
  const auto future = loop.create_future<int>();
  loop.call_soon([&] { loop.stop(); });

  EXPECT_EQ(text_of<RuntimeError>([&] { loop.run_until_complete(future); }),
            "Event loop stopped before Future completed.");
}

// S30: measured on CPython: with stop() set beforehand a coroutine that never suspends succeeds.
TEST_F(RunUntilComplete, SucceedsWhereTheFutureIsDoneAlthoughOthersStopped) {
  loop.stop();

  EXPECT_EQ(loop.run_until_complete([] { return 3; }), 3);

  EXPECT_EQ(loop.iterations, 1);
}

// S29: the stop callback of a run that failed does not stop a later one.
TEST_F(RunUntilComplete, TakesItsCallbackBack) {
  const auto future = loop.create_future<int>();
  loop.call_soon([&] { loop.stop(); });
  EXPECT_THROW(loop.run_until_complete(future), RuntimeError);

  future.set_result(1);
  loop.call_soon([this] { loop.call_soon(note("second iteration")); });
  loop.run_until_idle();

  EXPECT_THAT(order, ElementsAre("second iteration"));
}

// S31: measured: step and stop callback; an already finished future takes one.
TEST_F(RunUntilComplete, TakesTwoIterationsForACoroutineAndOneForADoneFuture) {
  loop.run_until_complete([] {});
  EXPECT_EQ(loop.iterations, 2);

  const auto done = loop.create_future<int>();
  done.set_result(1);
  loop.run_until_complete(done);

  EXPECT_EQ(loop.iterations, 3);
}

// S32.
TEST_F(RunUntilComplete, RunsWhatIsReadyTogetherWithItsEnd) {
  const auto future = loop.create_future<void>();
  loop.call_soon([&] {
    future.set_result();
    loop.call_soon(note("together"));
  });

  loop.run_until_complete(future);

  EXPECT_THAT(order, ElementsAre("together"));
}

// S33: its own task is not reported as pending.
TEST_F(RunUntilComplete, DoesNotReportItsOwnTask) {
  loop.call_soon([&] { loop.stop(); });
  EXPECT_THROW(loop.run_until_complete([&] { await(loop.create_future<void>()); }), RuntimeError);

  loop.close();

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S34: the interrupt has left already; a stop now would cut the next run short.
TEST_F(RunUntilComplete, LeavesNoStopBehindAnInterrupt) {
  const auto task = loop.create_task([] { throw KeyboardInterrupt(); });
  EXPECT_THROW(loop.run_until_complete(task), KeyboardInterrupt);
  task.exception();

  loop.call_soon([this] { loop.call_soon(note("second iteration")); });
  loop.run_until_idle();

  EXPECT_THAT(order, ElementsAre("second iteration"));
}

// S34: the done-callback is on its way already when the interrupt leaves; it must not stop the next run.
TEST_F(RunUntilComplete, LeavesNoStopBehindAnInterruptThatCameFromTheFuture) {
  const auto future = loop.create_future<void>();
  loop.call_soon([&] {
    future.set_exception(SystemExit(2));
    throw SystemExit(2);
  });
  EXPECT_THROW(loop.run_until_complete(future), SystemExit);

  loop.call_soon([this] { loop.call_soon(note("second iteration")); });
  loop.run_until_idle();

  EXPECT_THAT(order, ElementsAre("second iteration"));
}

// S35: the exception of a future that the call made counts as retrieved.
TEST_F(RunUntilComplete, RetrievesTheExceptionOfItsOwnTaskWhenItIsInterrupted) {
  EXPECT_THROW(loop.run_until_complete([] { throw KeyboardInterrupt(); }), KeyboardInterrupt);
  loop.turn();

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S57: an interrupt in the middle of the run leaves the coroutine pending; it can be run to its end later.
TEST_F(RunUntilComplete, CanBeContinuedAfterAnInterrupt) {
  const auto task = loop.create_task([] {
    for (int i = 0; i < 3; ++i) give_way();
    return 6;
  });
  loop.call_soon([&] { loop.call_soon([] { throw KeyboardInterrupt(); }); });

  EXPECT_THROW(loop.run_until_complete(task), KeyboardInterrupt);
  EXPECT_FALSE(task.done());

  EXPECT_EQ(loop.run_until_complete(task), 6);
}

// Closing --------------------------------------------------------------------------------------------------

// S36.
TEST_F(ClosingALoop, IsRefusedWhileItRuns) {
  std::string said;
  loop.call_soon([&] { said = text_of<RuntimeError>([&] { loop.close(); }); });

  loop.turn();

  EXPECT_EQ(said, "Cannot close a running event loop");
  EXPECT_FALSE(loop.is_closed());
}

// S36: again is harmless.
TEST_F(ClosingALoop, MayBeRepeated) {
  loop.close();
  loop.close();

  EXPECT_TRUE(loop.is_closed());
}

// S36: without running anything; what was captured is released.
TEST_F(ClosingALoop, DropsWhatIsScheduled) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  loop.call_soon([captured] { FAIL(); });
  loop.call_later(1s, [captured] { FAIL(); });
  loop.call_soon_threadsafe([captured] { FAIL(); });
  captured.reset();

  loop.close();

  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(loop.ready_count(), 0u);
}

// S37.
TEST_F(AClosedLoop, RefusesToSchedule) {
  const auto future = loop.create_future<void>();
  const auto refused = [](auto act) { EXPECT_EQ(text_of<RuntimeError>(act), "Event loop is closed"); };
  loop.close();

  refused([&] { loop.call_soon([] {}); });
  refused([&] { loop.call_later(1s, [] {}); });
  refused([&] { loop.call_at(loop.time(), [] {}); });
  refused([&] { loop.call_soon_threadsafe([] {}); });
  refused([&] { loop.create_task([] {}); });
  refused([&] { loop.run_forever(); });
  refused([&] { loop.run_until_complete(future); });
}

// S37.
TEST_F(AClosedLoop, StillAnswers) {
  loop.close();

  loop.time();
  loop.stop();
  EXPECT_FALSE(loop.create_future<int>().done());
  EXPECT_TRUE(loop.is_closed());
  EXPECT_FALSE(loop.is_running());
  EXPECT_TRUE(all_tasks(loop).empty());
}

// S39: closed if it is not running, with a warning.
TEST(AnOpenLoop, IsClosedWithAWarningWhenItIsDestroyed) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = captured;
  CaptureStderr();

  {
    SelectorEventLoop loop;
    loop.call_soon([captured = std::move(captured)] {});
  }

  EXPECT_THAT(GetCapturedStderr(), HasSubstr("had not been closed"));
  EXPECT_TRUE(watched.expired());
}

TEST(NewEventLoop, GivesALoopThatRuns) {
  const std::unique_ptr<AbstractEventLoop> loop = new_event_loop();

  EXPECT_EQ(loop->run_until_complete([] { return 4; }), 4);
  loop->close();

  EXPECT_EQ(loop->class_name(), "SelectorEventLoop");
}

// Re-entrancy: what a destructor does while the loop drops its handle.
TEST_F(ClosingALoop, MayBeAskedForAgainWhileTasksUnwind) {
  struct Closes {
    ScriptedLoop& loop;
    ~Closes() { loop.close(); }
  };
  const auto task = loop.create_task([&] {
    const Closes closes{loop};
    await(loop.create_future<void>());
  });
  loop.turn();

  loop.close();

  EXPECT_TRUE(loop.is_closed());
}

}  // namespace
}  // namespace asyncio
