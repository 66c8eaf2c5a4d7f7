// signals_test.cpp: Ctrl-C under a Runner, and signal handlers of a loop.
// Rules: semantics.md S38, S43, S57, S224 to S226, S325 to S328.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference/src/signal_queue.hpp"
#include "tests/reference/iterations.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// What the process does on a signal now: SIG_DFL, SIG_IGN or a handler.
auto action_of(int signal) {
  struct sigaction action{};
  sigaction(signal, nullptr, &action);
  return action.sa_handler;
}

// Ctrl-C under a Runner --------------------------------------------------------------------------------------

// S225, S226: the first SIGINT cancels the main task; run() throws KeyboardInterrupt when it has ended so.
TEST(CtrlC, CancelsTheMainTaskAndBecomesAKeyboardInterrupt) {
  std::string log;
  const auto body = [&] {
    try {
      raise(SIGINT);
      sleep(1h);
    } catch (const CancelledError&) {
      sleep(0s);
      log = "cleaned up";
      throw;
    }
  };
  EXPECT_THROW(run(body), KeyboardInterrupt);
  EXPECT_EQ(log, "cleaned up");
}

// S225: and wakes a loop that waits.
TEST(CtrlC, WakesALoopThatWaits) {
  std::thread keyboard;
  const auto body = [&] {
    keyboard = std::thread([] {
      std::this_thread::sleep_for(5ms);
      kill(getpid(), SIGINT);
    });
    sleep(1h);
  };
  EXPECT_THROW(run(body), KeyboardInterrupt);
  keyboard.join();
}

// S226: a value or another exception of the task is passed on unchanged.
TEST(CtrlC, LeavesTheOutcomeOfATaskThatDoesNotEndCancelled) {
  const auto interrupted = [] {
    raise(SIGINT);
    sleep(1h);
  };
  EXPECT_EQ(run([&] {
              try {
                interrupted();
              } catch (const CancelledError&) {
              }
              return 4;
            }),
            4);
  EXPECT_THROW(run([&] {
                 try {
                   interrupted();
                 } catch (const CancelledError&) {
                   throw std::logic_error("instead");
                 }
               }),
               std::logic_error);
}

// S226: a SIGINT that hits a task cancelled by someone else leaves the CancelledError: the count is still 1.
TEST(CtrlC, LeavesTheCancellationOfSomebodyElse) {
  EXPECT_THROW(run([] {
                 current_task().cancel();
                 raise(SIGINT);
                 sleep(0s);
                 sleep(1h);
               }),
               CancelledError);
  EXPECT_THROW(run([] {
                 current_task().cancel();
                 sleep(1h);
               }),
               CancelledError);
}

// S225: every later one is a KeyboardInterrupt at once, and leaves the loop.
TEST(CtrlC, LeavesTheLoopTheSecondTime) {
  bool cleaned_up = false;
  const auto body = [&] {
    raise(SIGINT);
    try {
      sleep(1h);
    } catch (const CancelledError&) {
      raise(SIGINT);
      try {
        sleep(1h);
      } catch (const CancelledError&) {  // run() cancels what is left
        cleaned_up = true;
        throw;
      }
    }
  };
  EXPECT_THROW(run(body), KeyboardInterrupt);
  EXPECT_TRUE(cleaned_up);
}

TEST(CtrlC, LeavesTheLoopWhereItCameTwiceBeforeTheLoopCouldLook) {
  EXPECT_THROW(run([] {
                 raise(SIGINT);
                 raise(SIGINT);
                 sleep(1h);
               }),
               KeyboardInterrupt);
}

// C++ cannot throw into code that is running: see docs/differences.md.
TEST(CtrlCDeathTest, EndsTheProcessTheThirdTimeWhereTheLoopDoesNotComeBack) {
  const auto hang = [] {
    run([] {
      for (int i = 0; i < 3; ++i) raise(SIGINT);
      std::_Exit(0);
    });
  };
  EXPECT_EXIT(hang(), testing::KilledBySignal(SIGINT), "");
}

// S225: once the main task is done, it is a KeyboardInterrupt at once.
TEST(CtrlC, IsAKeyboardInterruptOnceTheMainTaskIsDone) {
  EXPECT_THROW(run([] { raise(SIGINT); }), KeyboardInterrupt);
  const auto in_the_last_iteration = [] {
    get_running_loop().call_soon([] { raise(SIGINT); });
    return 3;
  };
  EXPECT_THROW(run(in_the_last_iteration), KeyboardInterrupt);
}

TEST(CtrlCDeathTest, HasItsDefaultActionWhereTheLoopHasEndedWithAnException) {
  const auto late = [] {
    run([] {
      raise(SIGINT);
      throw SystemExit();
    });
  };
  EXPECT_EXIT(late(), testing::KilledBySignal(SIGINT), "");
}

// The language's rule; see docs/differences.md for what main() should do.
TEST(CtrlCDeathTest, EndsAProgramThatDoesNotCatchIt) {
  const auto main_program = []() noexcept {  // as main() is, in effect
    run([] {
      raise(SIGINT);
      sleep(1h);
    });
  };
  EXPECT_EXIT(main_program(), testing::KilledBySignal(SIGABRT), "");
}

// S224: replaced for the duration of run, and restored.
TEST(CtrlC, IsCaughtInsideRunOnly) {
  Runner runner;
  runner.get_loop();
  EXPECT_EQ(action_of(SIGINT), SIG_DFL);
  runner.run([] { EXPECT_NE(action_of(SIGINT), SIG_DFL); });
  EXPECT_EQ(action_of(SIGINT), SIG_DFL);
}

// S224: only if the default handler is installed.
TEST(CtrlC, IsLeftToAHandlerThatIsThereAlready) {
  signal(SIGINT, SIG_IGN);
  run([] { EXPECT_EQ(action_of(SIGINT), SIG_IGN); });
  EXPECT_EQ(action_of(SIGINT), SIG_IGN);
  signal(SIGINT, SIG_DFL);
}

// S224: restored if still ours.
TEST(CtrlC, IsLeftToAHandlerThatTheProgramSetsMeanwhile) {
  run([] { signal(SIGINT, SIG_IGN); });
  EXPECT_EQ(action_of(SIGINT), SIG_IGN);
  signal(SIGINT, SIG_DFL);
}

// S224: only on the main thread.
TEST(CtrlC, IsNotCaughtInAnotherThread) {
  std::thread([] { run([] { EXPECT_EQ(action_of(SIGINT), SIG_DFL); }); }).join();
}

// A loop of one's own is told as well, by its write_to_self().
TEST(CtrlC, ReachesALoopOfAnyKind) {
  Runner runner({.loop_factory = [] { return std::make_unique<ScriptedLoop>(); }});
  EXPECT_THROW(runner.run([] {
    raise(SIGINT);
    sleep(1h);
  }),
               KeyboardInterrupt);
}

TEST(CtrlC, GoesToTheProgramsOwnHandlerWhereItHasOne) {
  int told = 0;
  run([&] {
    get_running_loop().add_signal_handler(SIGINT, [&] { ++told; });
    raise(SIGINT);
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  EXPECT_EQ(told, 1);
  EXPECT_EQ(action_of(SIGINT), SIG_DFL);
}

// add_signal_handler ---------------------------------------------------------------------------------------

// S326: from the signal to its callback: 2 iterations.
TEST(ASignalHandler, RunsInTheSecondIterationAfterTheSignal) {
  run([] {
    int ran_at = -1;
    const Iterations iterations;
    get_running_loop().add_signal_handler(SIGUSR1, [&] { ran_at = iterations.count(); });
    raise(SIGUSR1);
    for (int i = 0; i < 4; ++i) sleep(0s);
    EXPECT_EQ(ran_at, 2);
  });
}

TEST(ASignalHandler, RunsForEachSignal) {
  run([] {
    int count = 0;
    get_running_loop().add_signal_handler(SIGUSR1, [&] { ++count; });
    for (int i = 0; i < 3; ++i) {
      raise(SIGUSR1);
      sleep(0s);
      sleep(0s);
      sleep(0s);
    }
    EXPECT_EQ(count, 3);
  });
}

// S326: asyncio reads them out of a pipe.
TEST(ASignalHandler, RunsAsOftenAndInTheOrderInWhichSignalsCame) {
  std::string log;
  run([&] {
    auto& loop = get_running_loop();
    loop.add_signal_handler(SIGUSR1, [&] { log += "1"; });
    loop.add_signal_handler(SIGUSR2, [&] { log += "2"; });
    for (const int signal : {SIGUSR2, SIGUSR1, SIGUSR1, SIGUSR2}) raise(signal);
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  EXPECT_EQ(log, "2112");
}

// Where nobody looks for long: those that do not fit any more are heard of once for each number.
TEST(SignalQueue, LosesNoNumber) {
  SignalQueue queue;
  for (int i = 0; i < 1000; ++i) queue.push(i % 2 == 0 ? SIGUSR2 : SIGUSR1);

  std::vector<int> popped;
  while (const int signal = queue.pop()) popped.push_back(signal);

  EXPECT_TRUE(queue.empty());
  ASSERT_EQ(popped.size(), 258u);
  EXPECT_EQ(popped[255], SIGUSR1);
  EXPECT_EQ(popped[256], SIGUSR1);  // merged, by number
  EXPECT_EQ(popped[257], SIGUSR2);
}

TEST(SignalQueue, GoesRoundAndRound) {
  SignalQueue queue;
  for (int i = 0; i < 1000; ++i) {
    queue.push(1 + i % 64);
    EXPECT_FALSE(queue.empty());
    EXPECT_EQ(queue.pop(), 1 + i % 64);
  }
  EXPECT_EQ(queue.pop(), 0);
}

TEST(ASignalHandler, WakesALoopThatWaits) {
  std::thread sender;
  run([&] {
    const auto told = get_running_loop().create_future<void>();
    get_running_loop().add_signal_handler(SIGUSR1, [&] { told.set_result(); });
    sender = std::thread([main_thread = pthread_self()] {
      std::this_thread::sleep_for(5ms);
      pthread_kill(main_thread, SIGUSR1);
    });
    await(told);
  });
  sender.join();
}

// S325: replaces an earlier handler.
TEST(ASignalHandler, IsReplacedByTheNext) {
  std::string log;
  run([&] {
    auto& loop = get_running_loop();
    loop.add_signal_handler(SIGUSR1, [&] { log += "first"; });
    loop.add_signal_handler(SIGUSR1, [&] { log += "second"; });
    raise(SIGUSR1);
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  EXPECT_EQ(log, "second");
}

// S325.
TEST(ASignalHandler, IsRefusedForWhatCannotBeCaught) {
  run([] {
    auto& loop = get_running_loop();
    const auto add = [&](int signal) { loop.add_signal_handler(signal, [] {}); };
    EXPECT_EQ(text_of<std::invalid_argument>([&] { add(0); }), "invalid signal number 0");
    EXPECT_EQ(text_of<std::invalid_argument>([&] { add(1000); }), "invalid signal number 1000");
    EXPECT_EQ(text_of<std::invalid_argument>([&] { add(33); }), "invalid signal number 33");
    EXPECT_EQ(text_of<RuntimeError>([&] { add(SIGKILL); }), "sig 9 cannot be caught");
  });
}

// S325: main thread only.
TEST(ASignalHandler, IsRefusedOutsideTheMainThread) {
  std::thread([] {
    run([] { EXPECT_THROW(get_running_loop().add_signal_handler(SIGUSR1, [] {}), RuntimeError); });
  }).join();
}

// S327: false if none; restores the default action.
TEST(RemoveSignalHandler, RestoresTheDefaultAction) {
  run([] {
    auto& loop = get_running_loop();
    EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
    loop.add_signal_handler(SIGUSR1, [] {});
    EXPECT_NE(action_of(SIGUSR1), SIG_DFL);
    EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
    EXPECT_EQ(action_of(SIGUSR1), SIG_DFL);
    EXPECT_THROW(loop.remove_signal_handler(0), std::invalid_argument);
  });
}

// S38.
TEST(RemoveSignalHandler, IsPartOfClosingTheLoop) {
  SelectorEventLoop loop;
  loop.add_signal_handler(SIGUSR1, [] {});
  loop.close();
  EXPECT_EQ(action_of(SIGUSR1), SIG_DFL);
  EXPECT_THROW(loop.add_signal_handler(SIGUSR1, [] {}), RuntimeError);
}

// S328: system calls are restarted after such signals.
TEST(ASignalHandler, LetsSystemCallsGoOn) {
  SelectorEventLoop loop;
  loop.add_signal_handler(SIGUSR1, [] {});
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::thread writer([&, reader = pthread_self()] {
    std::this_thread::sleep_for(5ms);
    pthread_kill(reader, SIGUSR1);
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(write(ends[1], "x", 1), 1);
  });

  char byte;
  EXPECT_EQ(read(ends[0], &byte, 1), 1);

  writer.join();
  close(ends[0]);
  close(ends[1]);
  loop.close();
}

// fork -----------------------------------------------------------------------------------------------------

// S43: the child has no running loop, and its signals do not wake its parent's.
TEST(TheChildOfAFork, HasNoLoopAndRingsNoBell) {
  bool told = false;
  run([&] {
    get_running_loop().add_signal_handler(SIGUSR1, [&] { told = true; });
    const pid_t child = fork();
    if (child == 0) {
      raise(SIGUSR1);
      _exit(get_running_loop_or_null() == nullptr ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    for (int i = 0; i < 3; ++i) sleep(0s);
  });
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace asyncio
