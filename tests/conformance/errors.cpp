// errors.cpp: errors that nobody can receive, and the exception handler. Rules S56 to S63, S74, S75.
#include <array>
#include <sstream>

#include <sys/socket.h>
#include <unistd.h>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::AbstractEventLoop;
using asyncio::create_task;
using asyncio::ExceptionContext;
using asyncio::get_running_loop;
using asyncio::sleep;

asyncio::ContextVar<std::string> user{"user", "nobody"};

std::string first_words(const std::string& text, int count) {
  std::istringstream in{text};
  std::string line;
  for (std::string word; count-- > 0 && in >> word;) line += (line.empty() ? "" : " ") + word;
  return line;
}

/// Has every report printed: its first words, the exception, and which keys it has.
void listen(AbstractEventLoop& loop) {
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext& context) {
    std::string keys;
    if (context.future) keys += "'future'";
    if (context.task) keys += "'task'";
    if (context.handle) keys += "'handle'";
    say("report: " + first_words(context.message, 3) + ": " + shown(context.exception) + " [" + keys + "]");
  });
}

void a_failing_callback_is_reported() {  // S56
  auto& loop = get_running_loop();
  listen(loop);
  const auto fail = [] { throw Oops("broken"); };
  loop.call_soon(fail);
  loop.call_later(0s, fail);
  loop.call_soon([] { say("goes on"); });
  sleep(0s);
  sleep(0s);
}

void a_cancellation_out_of_a_plain_callback_is_reported() {  // S56
  auto& loop = get_running_loop();
  listen(loop);
  loop.call_soon([] { throw asyncio::CancelledError("not a task"); });
  sleep(0s);
  say("goes on");
}

void a_failing_done_callback_is_reported() {  // S56, S68
  auto& loop = get_running_loop();
  listen(loop);
  auto future = loop.create_future<int>();
  future.add_done_callback([](asyncio::AnyFuture) { throw Oops("done callback"); });
  future.add_done_callback([future](asyncio::AnyFuture) { say("the next one gets " + py(future.result())); });
  future.set_result(5);
  sleep(0s);
}

void a_handler_that_fails() {  // S60
  auto& loop = get_running_loop();
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext& context) {
    say("handling " + context.message);
    throw Oops("worse");
  });
  loop.call_exception_handler({.message = "by hand"});
  say("goes on");
}

void a_handler_that_exits() {  // S61
  auto& loop = get_running_loop();
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext&) { throw asyncio::KeyboardInterrupt(); });
  say(outcome([&] { loop.call_exception_handler({.message = "by hand"}); }));
  loop.set_exception_handler(nullptr);
}

void setting_and_getting_the_handler() {  // S63
  auto& loop = get_running_loop();
  say(py(static_cast<bool>(loop.get_exception_handler())));
  listen(loop);
  say(py(loop.get_exception_handler() != nullptr));
  loop.call_exception_handler({.message = "a message of four words"});
  loop.call_exception_handler({.message = "with", .exception = std::make_exception_ptr(Oops("an error"))});
  loop.set_exception_handler(nullptr);
  say(py(loop.get_exception_handler() != nullptr));
}

void the_handler_runs_in_the_context_of_what_failed() {  // S59
  auto& loop = get_running_loop();
  loop.set_exception_handler([](AbstractEventLoop&, const ExceptionContext& context) {
    say(first_words(context.message, 1) + " " + user.get());
  });
  user.set("callback");
  loop.call_soon([] { throw Oops("broken"); });
  user.set("main");
  sleep(0s);
  auto task = create_task([] {
    user.set("task");
    throw Oops("lost");
  });
  sleep(0s);
  sleep(0s);
  task = {};
  loop.call_exception_handler({.message = "plain"});
}

void a_future_whose_error_nobody_saw() {  // S75
  auto& loop = get_running_loop();
  listen(loop);
  auto future = loop.create_future<int>();
  future.set_exception(Oops("lost"));
  say("dropping it");
  future = {};
  say("dropped");
}

void a_task_whose_error_nobody_saw() {  // S75
  listen(get_running_loop());
  auto task = create_task([] { throw Oops("lost"); });
  sleep(0s);
  sleep(0s);
  say(py(task.done()));
  task = {};
  say("dropped");
}

void errors_that_somebody_saw() {  // S66, S74, S99
  auto& loop = get_running_loop();
  listen(loop);
  const auto failed = [&] {
    auto future = loop.create_future<std::string>();
    future.set_exception(Oops("seen"));
    return future;
  };
  say(shown(failed().exception()));
  say(outcome([&] { return failed().result(); }));
  say(py(failed().cancel()));
  auto task = create_task([] { throw Oops("seen as well"); });
  sleep(0s);
  say(py(task.cancel()));
  task = {};
  say("no report");
}

void errors_that_another_saw() {  // S74, S137
  listen(get_running_loop());
  const auto fail = [](std::string text) { return [text] { throw Oops(text); }; };
  {
    const auto [one, two] = asyncio::await(asyncio::gather(asyncio::return_exceptions, fail("1"), fail("2")));
    say("gathered " + py(int{!one.has_value()} + int{!two.has_value()}));
  }
  {
    auto [done, pending] = asyncio::wait(std::vector{create_task(fail("only waited for"))});
    say("waited for " + py(done.size()));
  }
  say("end");
}

void a_failing_reader_is_called_again() {  // S56
  auto& loop = get_running_loop();
  listen(loop);
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0 || send(ends[1], "x", 1, 0) != 1) throw Oops("no sockets");
  int calls = 0;
  loop.add_reader(ends[0], [&] {
    if (++calls == 2) loop.remove_reader(ends[0]);
    throw Oops("call " + py(calls));
  });
  for (int n = 0; n < 4; ++n) sleep(0s);
  close(ends[0]);
  close(ends[1]);
}

void a_handler_may_replace_itself() {  // S63
  auto& loop = get_running_loop();
  loop.set_exception_handler([](AbstractEventLoop& owner, const ExceptionContext& context) {
    say("first " + context.message);
    owner.set_exception_handler(
        [](AbstractEventLoop&, const ExceptionContext& next) { say("second " + next.message); });
  });
  loop.call_exception_handler({.message = "one"});
  loop.call_exception_handler({.message = "two"});
}

void errors_of_a_run_that_is_left_by_an_exit() {  // S35, S57
  auto loop = new_loop();
  listen(*loop);
  say(outcome([&] {
    loop->run_until_complete([] {
      sleep(0s);
      throw asyncio::KeyboardInterrupt();
    });
  }));
  say("no report");
  loop->close();
}

}  // namespace

Group errors() {
  return {
      "Errors",
      "errors",
      {
          {"a_failing_callback_is_reported", a_failing_callback_is_reported},
          {"a_cancellation_out_of_a_plain_callback_is_reported", a_cancellation_out_of_a_plain_callback_is_reported},
          {"a_failing_done_callback_is_reported", a_failing_done_callback_is_reported},
          {"a_handler_that_fails", a_handler_that_fails, "a world fails where its last handler is reached"},
          {"a_handler_that_exits", a_handler_that_exits},
          {"setting_and_getting_the_handler", setting_and_getting_the_handler},
          {"the_handler_runs_in_the_context_of_what_failed", the_handler_runs_in_the_context_of_what_failed},
          {"a_future_whose_error_nobody_saw", a_future_whose_error_nobody_saw},
          {"a_task_whose_error_nobody_saw", a_task_whose_error_nobody_saw},
          {"errors_that_somebody_saw", errors_that_somebody_saw},
          {"errors_that_another_saw", errors_that_another_saw},
          {"a_failing_reader_is_called_again", a_failing_reader_is_called_again, "a world has no descriptors"},
          {"a_handler_may_replace_itself", a_handler_may_replace_itself},
      },
      {
          {"errors_of_a_run_that_is_left_by_an_exit", errors_of_a_run_that_is_left_by_an_exit},
      }};
}

}  // namespace conformance
