// exception_handler_test.cpp: where errors go that nobody can receive.
#include <asyncio/base_events.hpp>
#include <asyncio/coroutine.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

class AnErrorInACallback : public testing::Test {
 protected:
  /// What the loop writes to standard error while `act` runs.
  template <class F>
  std::string written(F act) {
    CaptureStderr();
    act();
    return GetCapturedStderr();
  }

  ScriptedLoop loop;
  std::vector<std::string> seen;
};

using AnInterruptInACallback = AnErrorInACallback;
using AnExceptionHandler = AnErrorInACallback;
using TheContextOfAReport = AnErrorInACallback;
using AnExceptionHandlerThatThrows = AnErrorInACallback;
using TheDefaultExceptionHandler = AnErrorInACallback;

// Callbacks ------------------------------------------------------------------------------------------------

// S56: reported with message, exception and handle; the loop goes on.
TEST_F(AnErrorInACallback, IsReportedAndTheLoopGoesOn) {
  std::optional<ExceptionContext> report;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext& context) { report = context; });
  const Handle handle = loop.call_soon([] { throw std::logic_error("failed"); });
  loop.call_soon([this] { seen.push_back("goes on"); });

  loop.turn();

  ASSERT_TRUE(report);
  EXPECT_EQ(report->message, "Exception in callback");
  EXPECT_TRUE(holds<std::logic_error>(report->exception));
  EXPECT_EQ(report->handle, handle);
  EXPECT_THAT(seen, ElementsAre("goes on"));
}

// S56: CancelledError raised by a plain callback is reported like any other. Measured.
TEST_F(AnErrorInACallback, MayBeACancellation) {
  loop.call_soon([] { throw CancelledError("in a callback"); });
  loop.call_soon([] { throw 42; });

  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre("Exception in callback CancelledError: in a callback",
                                        HasSubstr("Exception in callback int")));
}

// S56, S68: a done-callback is a callback.
TEST_F(AnErrorInACallback, OfAFutureIsReported) {
  const auto future = loop.create_future<void>();
  future.add_done_callback([](AnyFuture) { throw std::logic_error("failed"); });
  future.add_done_callback([this](AnyFuture) { seen.push_back("second"); });

  future.set_result();
  loop.turn();

  EXPECT_EQ(loop.reports.size(), 1u);
  EXPECT_THAT(seen, ElementsAre("second"));
}

// S57: they leave run_forever at once, unreported.
TEST_F(AnInterruptInACallback, LeavesTheLoopUnreported) {
  loop.call_soon([] { throw SystemExit(3); });

  EXPECT_THROW(loop.run_forever(), SystemExit);
  loop.call_later(Duration(1), [] { throw KeyboardInterrupt(); });
  EXPECT_THROW(loop.run_forever(), KeyboardInterrupt);

  EXPECT_TRUE(loop.reports.empty());
  EXPECT_FALSE(loop.is_running());
}

// The handler ----------------------------------------------------------------------------------------------

// S59: called as (loop, context).
TEST_F(AnExceptionHandler, IsCalledWithTheLoop) {
  AbstractEventLoop* told = nullptr;
  loop.set_exception_handler([&](AbstractEventLoop& loop, const ExceptionContext&) { told = &loop; });

  loop.call_exception_handler({.message = "by hand"});

  EXPECT_EQ(told, &loop);
  EXPECT_TRUE(loop.get_exception_handler());
}

// S63: none goes back to the default.
TEST_F(AnExceptionHandler, CanBeTakenBack) {
  loop.set_exception_handler(nullptr);

  const std::string text = written([&] { loop.call_exception_handler({.message = "by hand"}); });

  EXPECT_FALSE(loop.get_exception_handler());
  EXPECT_THAT(text, HasSubstr("by hand"));
}

// Re-entrancy: a handler may replace itself while it runs.
TEST_F(AnExceptionHandler, MayReplaceItself) {
  loop.set_exception_handler(
      [this, alive = std::make_shared<std::string>("alive")](AbstractEventLoop&, const ExceptionContext&) {
        loop.set_exception_handler(nullptr);
        seen.push_back(*alive);
      });

  loop.call_exception_handler({.message = "by hand"});

  EXPECT_THAT(seen, ElementsAre("alive"));
}

ContextVar<int> number("number", 0);

// S59: in the context of the handle.
TEST_F(TheContextOfAReport, IsThatOfTheHandle) {
  int told = 0;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext&) { told = number.get(); });

  Context().run([&] {
    number.set(3);
    loop.call_soon([] { throw std::logic_error("failed"); });
  });
  loop.turn();

  EXPECT_EQ(told, 3);
}

// S59: the task comes before the handle; a future counts where it is a task.
TEST_F(TheContextOfAReport, IsThatOfTheTaskFirst) {
  std::vector<int> told;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext&) { told.push_back(number.get()); });
  const auto in = [](int value) {
    const Context context;
    context.run([&] { number.set(value); });
    return context;
  };
  const auto task = loop.create_task([] {}, {.context = in(1)});
  const auto other = loop.create_task([] {}, {.context = in(2)});
  const Handle handle([] {}, loop, in(3));

  loop.call_exception_handler({.future = other, .task = task, .handle = handle});
  loop.call_exception_handler({.future = other, .handle = handle});
  loop.call_exception_handler({.handle = handle});
  loop.turn();

  EXPECT_THAT(told, ElementsAre(1, 2, 3));
}

// S59: the first key that is there decides, even where it has no context: then it is the current one.
TEST_F(TheContextOfAReport, IsTheCurrentOneForAPlainFuture) {
  int told = 0;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext&) { told = number.get(); });
  const Context with_three;
  with_three.run([] { number.set(3); });

  Context().run([&] {
    number.set(4);
    loop.call_exception_handler({.future = loop.create_future<void>(), .handle = Handle([] {}, loop, with_three)});
  });

  EXPECT_EQ(told, 4);
}

// S59: a task that reports about itself is inside its context, which cannot be entered twice.
TEST_F(TheContextOfAReport, MayBeEnteredAlready) {
  int told = 0;
  loop.set_exception_handler([&](AbstractEventLoop&, const ExceptionContext&) { told = number.get(); });

  loop.run_until_complete([&] {
    number.set(5);
    loop.call_exception_handler({.message = "from inside", .task = current_task()});
  });

  EXPECT_EQ(told, 5);
}

// S60: the default handler is told of both.
TEST_F(AnExceptionHandlerThatThrows, IsReportedByTheDefaultHandler) {
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw std::logic_error("handler"); });
  loop.call_soon([] { throw std::logic_error("callback"); });

  const std::string text = written([&] { loop.turn(); });

  EXPECT_THAT(text, HasSubstr("Unhandled error in exception handler"));
  EXPECT_THAT(text, HasSubstr("context: Exception in callback"));
  EXPECT_THAT(text, HasSubstr("logic_error: handler"));
}

// S60: with the new exception, and the original context under the key context.
TEST_F(AnExceptionHandlerThatThrows, HandsTheOriginalContextOn) {
  struct Loop : ScriptedLoop {
    void default_exception_handler(const ExceptionContext& context) override { last = context; }
    ExceptionContext last;
  };
  Loop loop;
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw CancelledError(); });

  loop.call_exception_handler({.message = "original"});

  EXPECT_TRUE(holds<CancelledError>(loop.last.exception));
  ASSERT_TRUE(loop.last.context);
  EXPECT_EQ(loop.last.context->message, "original");
}

/// A loop whose default handler throws.
struct LoopWithABadDefault : ScriptedLoop {
  void default_exception_handler(const ExceptionContext&) override { throw std::logic_error("default"); }
};

// S60: also where it takes itself back before it throws.
TEST_F(AnExceptionHandlerThatThrows, IsReportedAfterItHasTakenItselfBack) {
  loop.set_exception_handler([](AbstractEventLoop& self, const ExceptionContext&) {
    self.set_exception_handler(nullptr);
    throw std::logic_error("from the handler");
  });

  EXPECT_THAT(written([&] { loop.call_exception_handler({.message = "original"}); }),
              HasSubstr("Unhandled error in exception handler"));
}

// S60: if that fails too, only a log line is written.
TEST_F(AnExceptionHandlerThatThrows, LeavesALogLineAtTheEnd) {
  LoopWithABadDefault loop;
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw std::logic_error("handler"); });

  EXPECT_THAT(written([&] { loop.call_exception_handler({}); }),
              HasSubstr("Exception in default exception handler while handling an unexpected error in custom"));
  loop.set_exception_handler(nullptr);

  EXPECT_THAT(written([&] { loop.call_exception_handler({}); }), HasSubstr("Exception in default exception handler\n"));
}

// S61: they pass through.
TEST_F(AnExceptionHandlerThatThrows, MayInterruptTheLoop) {
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw KeyboardInterrupt(); });
  loop.call_soon([] { throw std::logic_error("callback"); });
  loop.call_soon([this] { seen.push_back("stays queued"); });

  EXPECT_THROW(loop.turn(), KeyboardInterrupt);
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw SystemExit(); });
  EXPECT_THROW(loop.call_exception_handler({}), SystemExit);
  loop.turn();

  EXPECT_THAT(seen, ElementsAre("stays queued"));
}

// S61: a handler may wait, where it is called in a task. If nobody waits for that any more, it unwinds with the task.
TEST_F(AnExceptionHandlerThatThrows, UnwindsWithTheFiberThatItIsCalledOn) {
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { Coroutine::suspend(); });
  std::optional<Coroutine> reporting([this] {
    loop.call_exception_handler({.message = "original"});
    seen.push_back("goes on");
  });
  reporting->send();

  EXPECT_EQ(written([&] { reporting.reset(); }), "");
  EXPECT_THAT(seen, ElementsAre());
}

// The default handler --------------------------------------------------------------------------------------

// S58, S62: the message, then the other keys sorted by name, then the exception.
TEST_F(TheDefaultExceptionHandler, WritesTheKeysInOrder) {
  const auto task = loop.create_task([] {}, {.name = "worker"});
  const ExceptionContext context{.message = "Something happened",
                                 .exception = std::make_exception_ptr(std::logic_error("failed")),
                                 .future = loop.create_future<void>(),
                                 .task = task,
                                 .handle = Handle([] {}, loop, Context())};

  const std::string text = written([&] { loop.default_exception_handler(context); });
  loop.turn();

  EXPECT_EQ(text,
            "asyncio: Something happened\n"
            "future: <Future pending>\n"
            "handle: <Handle>\n"
            "task: <Task pending name='worker'>\n"
            "logic_error: failed\n");
}

// S62.
TEST_F(TheDefaultExceptionHandler, HasAMessageOfItsOwn) {
  EXPECT_EQ(written([&] { loop.default_exception_handler({}); }), "asyncio: Unhandled exception in event loop\n");
}

// S53: where the running handle was made, where nothing better is known, in debug mode.
TEST_F(TheDefaultExceptionHandler, SaysWhereTheRunningHandleWasMade) {
  loop.set_debug(true);
  loop.call_soon([this] { loop.default_exception_handler({.message = "inside"}); });
  loop.call_soon([this] {
    loop.default_exception_handler({.message = "made", .source_traceback = std::source_location::current()});
  });

  const std::string text = written([&] { loop.turn(); });

  EXPECT_THAT(text, HasSubstr("inside\nhandle_traceback: Handle created at (most recent call last):\n  "));
  EXPECT_THAT(text, HasSubstr("made\nsource_traceback: Object created at "));
}

// S53: a handle whose callback threw says where it was made, and so do futures and tasks.
TEST_F(TheDefaultExceptionHandler, SaysWhereInDebugModeTheHandleThatFailedWasMade) {
  loop.set_exception_handler(nullptr);
  const auto text_in_debug_mode = [this](bool debug) {
    loop.set_debug(debug);
    loop.call_soon([] { throw std::logic_error("no"); });
    return written([&] { loop.turn(); });
  };

  EXPECT_THAT(text_in_debug_mode(true),
              HasSubstr("\nsource_traceback: Object created at (most recent call last):\n  "));
  EXPECT_THAT(text_in_debug_mode(false), Not(HasSubstr("source_traceback")));
}

// S53: of a future, the whole stack that made it, where create_future() alone would say nothing.
TEST_F(TheDefaultExceptionHandler, SaysInDebugModeWhoMadeTheFutureThatNobodyAsked) {
  loop.set_exception_handler(nullptr);
  loop.set_debug(true);

  const std::string text = written([&] { loop.create_future<int>().set_exception(std::logic_error("lost")); });

  EXPECT_THAT(text, HasSubstr("exception was never retrieved"));
  EXPECT_THAT(text, HasSubstr("\nsource_traceback: Object created at (most recent call last):\n  "));
  EXPECT_THAT(text, ContainsRegex("<Future finished .* created at .*exception_handler_test.cpp:"));
}

// S53: ten calls at most.
TEST_F(TheDefaultExceptionHandler, RemembersTenCallsAtMost) {
  loop.set_debug(true);
  EXPECT_LE(loop.create_future<void>().get()->source().frames().size(), DEBUG_STACK_DEPTH);
  EXPECT_FALSE(loop.create_future<void>().get()->source().empty());

  loop.set_debug(false);
  EXPECT_TRUE(loop.create_future<void>().get()->source().empty());
}

// The end of a loop ----------------------------------------------------------------------------------------

// What an exception handler captured may have something to report itself when the loop goes.
TEST_F(AnExceptionHandler, MayKeepAFutureThatReportsWhenTheLoopGoes) {
  auto other = std::make_unique<ScriptedLoop>();
  {
    const auto failed = other->create_future<void>();
    failed.set_exception(std::logic_error("kept by the handler"));
    other->set_exception_handler([failed, name = std::string("a text too long to lie inside of the string itself")](
                                     AbstractEventLoop&, const ExceptionContext&) { EXPECT_FALSE(name.empty()); });
  }

  const std::string text = written([&] { other.reset(); });

  EXPECT_THAT(text, HasSubstr("never retrieved"));
}

}  // namespace
}  // namespace asyncio
