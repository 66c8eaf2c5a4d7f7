// futures.cpp: futures: states, callbacks, and what awaiting one costs. Rules S64 to S79, S94.
#include <algorithm>
#include <array>
#include <cstdint>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::AnyFuture;
using asyncio::await;
using asyncio::create_task;
using asyncio::Future;
using asyncio::get_running_loop;
using asyncio::sleep;

asyncio::ContextVar<std::string> user{"user", "nobody"};

void the_states_of_a_future() {  // S64, S65
  auto future = get_running_loop().create_future<int>();
  say(py(future.done()) + " " + py(future.cancelled()));
  say(outcome([&] { return future.result(); }));
  say(outcome([&] { return shown(future.exception()); }));
  future.set_result(7);
  say(py(future.done()) + " " + py(future.cancelled()) + " " + py(future.result()) + " " + shown(future.exception()));
  say(outcome([&] { future.set_result(8); }));
  say(outcome([&] { future.set_exception(Oops("too late")); }));
  const bool cancelled = future.cancel();
  say(py(cancelled) + " " + py(future.result()) + " " + py(future.result()));
}

void a_failed_future() {  // S65, S74
  auto future = get_running_loop().create_future<int>();
  future.set_exception(Oops("failed"));
  say(py(future.done()) + " " + py(future.cancelled()) + " " + shown(future.exception()));
  say(outcome([&] { return future.result(); }));
  say(outcome([&] { return future.result(); }));
  say(outcome([&] { future.set_result(1); }));
}

void a_cancelled_future() {  // S65, S66
  auto future = get_running_loop().create_future<int>();
  say(py(future.cancel("why not")));
  say(py(future.done()) + " " + py(future.cancelled()));
  say(outcome([&] { return future.result(); }));
  say(outcome([&] { return shown(future.exception()); }));
  say(outcome([&] { return future.result(); }));
  say(py(future.cancel("again")));
  say(outcome([&] { future.set_result(1); }));
  say(outcome([&] { future.set_exception(Oops("no")); }));
  say(awaited(future));
}

void a_cancelled_error_as_an_exception() {  // S67
  auto future = get_running_loop().create_future<void>();
  future.set_exception(asyncio::CancelledError("as an exception"));
  say(py(future.done()) + " " + py(future.cancelled()) + " " + shown(future.exception()));
  say(awaited(future));
}

void callbacks_come_through_the_loop() {  // S68
  auto& loop = get_running_loop();
  auto future = loop.create_future<std::string>();
  future.add_done_callback([future](AnyFuture f) { say("first " + py(f == future) + " " + future.result()); });
  future.add_done_callback([](AnyFuture) { say("second"); });
  loop.call_soon([] { say("before"); });
  future.set_result("x");
  loop.call_soon([] { say("after"); });
  say("set");
  sleep(0s);
}

void a_callback_added_to_a_done_future() {  // S69
  auto& loop = get_running_loop();
  auto future = loop.create_future<int>();
  future.set_result(1);
  loop.call_soon([] { say("before"); });
  future.add_done_callback([](AnyFuture f) {
    say("late");
    f.add_done_callback([](AnyFuture) { say("later still"); });
  });
  say("added");
  sleep(0s);
  say("one iteration");
  sleep(0s);
}

void removing_callbacks() {  // S70
  auto future = get_running_loop().create_future<void>();
  const auto one = future.add_done_callback([](AnyFuture) { say("one"); });
  const auto two = future.add_done_callback([](AnyFuture) { say("two"); });
  say(py(future.remove_done_callback(one)));
  say(py(future.remove_done_callback(one)));
  future.set_result();
  say(py(future.remove_done_callback(two)));
  sleep(0s);
}

void callbacks_and_their_contexts() {  // S68, S69
  auto future = get_running_loop().create_future<void>();
  user.set("at addition");
  future.add_done_callback([](AnyFuture) { say("copied: " + user.get()); });
  const asyncio::Context given = asyncio::copy_context();
  given.run([] { user.set("given"); });
  future.add_done_callback(
      [](AnyFuture) {
        say("given: " + user.get());
        user.set("changed");
      },
      given);
  user.set("at completion");
  future.set_result();
  sleep(0s);
  say(user.get() + " " + given.get(user));
  future.add_done_callback([](AnyFuture) { say("late: " + user.get()); });
  sleep(0s);
}

void awaiting_a_done_future_does_not_suspend() {  // S72
  auto& loop = get_running_loop();
  auto future = loop.create_future<std::string>();
  future.set_result("result");
  loop.call_soon([] { say("callback"); });
  say(await(future));
  say(await(future));
  auto failed = loop.create_future<void>();
  failed.set_exception(Oops("at once"));
  say(awaited(failed));
  sleep(0s);
}

void waiters_resume_in_order() {  // S94
  auto& loop = get_running_loop();
  auto future = loop.create_future<std::string>();
  std::vector<asyncio::Task<void>> tasks;
  for (int n = 0; n < 3; ++n) {
    tasks.push_back(create_task([future, n] { say("waiter " + py(n) + " gets " + await(future)); }));
  }
  sleep(0s);
  future.add_done_callback([](AnyFuture) { say("callback after the waiters"); });
  future.set_result("it");
  loop.call_soon([] { say("queued after completion"); });
  say("set");
  for (const auto& task : tasks) await(task);
}

void all_waiters_get_the_error() {  // S92
  auto future = get_running_loop().create_future<int>();
  std::vector<asyncio::Task<void>> tasks;
  for (int n = 0; n < 3; ++n) {
    tasks.push_back(create_task([future, n] { say("waiter " + py(n) + ": " + awaited(future)); }));
  }
  sleep(0s);
  future.set_exception(Oops("for all"));
  for (const auto& task : tasks) await(task);
}

void all_waiters_get_the_cancellation() {  // S66, S92
  auto future = get_running_loop().create_future<int>();
  std::vector<asyncio::Task<int>> tasks;
  for (int n = 0; n < 2; ++n) {
    tasks.push_back(create_task([future, n] {
      say("waiter " + py(n) + ": " + awaited(future));
      return n;
    }));
  }
  sleep(0s);
  future.cancel("all of you");
  for (const auto& task : tasks) {
    const int n = await(task);
    say(py(n) + " " + py(task.cancelled()) + " " + py(task.cancelling()));
  }
}

void a_future_completed_before_it_is_awaited() {  // S72
  auto& loop = get_running_loop();
  auto future = loop.create_future<std::string>();
  loop.call_soon([future] { future.set_result("by a callback"); });
  sleep(0s);
  say(py(future.done()));
  say(await(future));
}

void a_chain_of_callbacks() {  // S68
  auto& loop = get_running_loop();
  std::array<Future<int>, 4> futures;
  for (auto& future : futures) future = loop.create_future<int>();
  for (std::size_t n = 0; n < 3; ++n) {
    futures[n].add_done_callback(
        [before = futures[n], after = futures[n + 1]](AnyFuture) { after.set_result(before.result() + 1); });
  }
  loop.call_soon([] { say("iteration 1"); });
  futures[0].set_result(0);
  for (int n = 0; n < 3; ++n) {
    sleep(0s);
    say(py(std::ranges::count_if(futures, [](const auto& f) { return f.done(); })));
  }
  say(py(await(futures[3])));
}

void a_future_of_another_loop() {  // S72, S90
  auto other = new_loop();
  auto done = other->create_future<std::string>();
  done.set_result("done is done");
  say(await(done));
  auto pending = other->create_future<int>();
  const std::string text = awaited(pending);
  say(text.substr(0, text.find(':')) + " " + py(text.find("attached to a different loop") != std::string::npos));
  say(py(pending.done()));
  other->close();
}

void cancelling_from_a_callback() {  // S66
  auto& loop = get_running_loop();
  auto future = loop.create_future<void>();
  auto other = loop.create_future<void>();
  future.add_done_callback([other](AnyFuture) { other.cancel("chained"); });
  loop.call_soon([future] { future.set_result(); });
  say(awaited(other));
}

void the_loop_of_a_future() {  // S77
  auto& loop = get_running_loop();
  auto future = loop.create_future<int>();
  say(py(&future.get_loop() == &loop) + " " + py(asyncio::isfuture(future)) + " " + py(asyncio::isfuture(loop)));
}

void completing_twice_in_one_iteration() {  // S65
  auto& loop = get_running_loop();
  loop.set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    say("report: " + shown(context.exception));
  });
  auto future = loop.create_future<int>();
  loop.call_soon([future] { future.set_result(1); });
  loop.call_soon([future] { future.set_result(2); });
  say(py(await(future)));
}

void the_same_callback_twice() {  // S70
  auto future = get_running_loop().create_future<void>();
  int calls = 0;
  const auto count = [&](AnyFuture) { say("call " + py(++calls)); };
  future.add_done_callback(count);
  future.add_done_callback(count);
  future.set_result();
  sleep(0s);
}

void a_timer_completes_a_future() {  // S132
  auto& loop = get_running_loop();
  const auto start = loop.time();
  auto future = loop.create_future<std::string>();
  loop.call_later(500ms, [future] { future.set_result("in time"); });
  const std::string result = await(future);
  say(result + " " + py((loop.time() - start) / 1ms));
}

template <class T>
std::string text_with(T result) {
  const auto future = get_running_loop().create_future<T>();
  future.set_result(std::move(result));
  return future.repr();
}

void texts_of_futures() {  // S64
  auto& loop = get_running_loop();
  say(text_with(7));
  say(text_with(std::int64_t{-1}));
  say(text_with(true));
  const auto nothing = loop.create_future<void>();
  nothing.set_result();
  say(nothing.repr());
  for (const char* text : {"text", "a text that is too long to be shown as a whole", "two\nlines"}) {
    say(text_with(std::string(text)));
  }
  const auto future = loop.create_future<int>();
  say(future.repr());
  future.cancel();
  say(future.repr());
}

}  // namespace

Group futures() {
  return {"Futures",
          "futures",
          {
              {"the_states_of_a_future", the_states_of_a_future},
              {"a_failed_future", a_failed_future},
              {"a_cancelled_future", a_cancelled_future},
              {"a_cancelled_error_as_an_exception", a_cancelled_error_as_an_exception},
              {"callbacks_come_through_the_loop", callbacks_come_through_the_loop},
              {"a_callback_added_to_a_done_future", a_callback_added_to_a_done_future},
              {"removing_callbacks", removing_callbacks},
              {"callbacks_and_their_contexts", callbacks_and_their_contexts},
              {"awaiting_a_done_future_does_not_suspend", awaiting_a_done_future_does_not_suspend},
              {"waiters_resume_in_order", waiters_resume_in_order},
              {"all_waiters_get_the_error", all_waiters_get_the_error},
              {"all_waiters_get_the_cancellation", all_waiters_get_the_cancellation},
              {"a_future_completed_before_it_is_awaited", a_future_completed_before_it_is_awaited},
              {"a_chain_of_callbacks", a_chain_of_callbacks},
              {"a_future_of_another_loop", a_future_of_another_loop},
              {"cancelling_from_a_callback", cancelling_from_a_callback},
              {"the_loop_of_a_future", the_loop_of_a_future},
              {"completing_twice_in_one_iteration", completing_twice_in_one_iteration},
              {"the_same_callback_twice", the_same_callback_twice},
              {"a_timer_completes_a_future", a_timer_completes_a_future},
              {"texts_of_futures", texts_of_futures},
          },
          {}};
}

}  // namespace conformance
