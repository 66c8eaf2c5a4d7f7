// threads.cpp: what other threads may do with a loop. Rules S44 to S51, S121, S122.
#include <thread>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::sleep;

template <class F>
void in_a_thread(F act) {
  std::thread(act).join();
}

void a_callback_from_another_thread() {  // S44, S48
  auto& loop = get_running_loop();
  auto future = loop.create_future<std::string>();
  std::thread thread([&] { loop.call_soon_threadsafe([future] { future.set_result("from afar"); }); });
  say(asyncio::await(future));
  thread.join();
}

void callbacks_of_a_thread_keep_their_order() {  // S1, S45
  auto& loop = get_running_loop();
  auto done = loop.create_future<void>();
  in_a_thread([&] {
    for (int n = 0; n < 3; ++n) loop.call_soon_threadsafe([n] { say("posted " + py(n)); });
    loop.call_soon_threadsafe([done] { done.set_result(); });
  });
  loop.call_soon([] { say("scheduled after them"); });
  asyncio::await(done);
  sleep(0s);
}

void the_debug_mode_looks_at_the_thread() {  // S50
  auto& loop = get_running_loop();
  loop.set_debug(true);
  in_a_thread([&] {
    const auto never = [] { say("never"); };
    say(outcome([&] { loop.call_soon(never); }));
    say(outcome([&] { loop.call_later(1s, never); }));
    say(outcome([&] { loop.call_at(asyncio::TimePoint{1s}, never); }));
    loop.call_soon_threadsafe([] { say("allowed"); });
  });
  sleep(0s);
  loop.set_debug(false);
}

void looking_from_another_thread() {  // S120, S121, S122
  auto& loop = get_running_loop();
  const auto me = asyncio::current_task();
  auto other = create_task([] { sleep(1s); });
  in_a_thread([&] {
    say(outcome([] { get_running_loop(); }));
    say(outcome([] { asyncio::current_task(); }));
    say(py(asyncio::all_tasks(loop).size()));
    say(py(asyncio::current_task(loop) == me));
    say(py(loop.is_running()));
  });
  other.cancel();
}

void a_loop_in_each_thread() {  // S42, S122
  std::string results;
  for (int n : {1, 2}) {
    in_a_thread([&] {
      auto loop = new_loop();
      asyncio::set_event_loop(loop.get());
      results += (results.empty() ? "" : ", ") + loop->run_until_complete([n] {
        sleep(n * 1s);
        return py(n) + " " + py(asyncio::all_tasks().size());
      });
      asyncio::set_event_loop(nullptr);
      loop->close();
    });
  }
  say(results);
}

void posting_to_a_closed_loop() {  // S37, S46
  auto loop = new_loop();
  loop->close();
  in_a_thread([&] { say(outcome([&] { loop->call_soon_threadsafe([] { say("never"); }); })); });
}

void stopping_from_another_thread() {  // S44
  auto loop = new_loop();
  std::thread thread;
  loop->call_soon([&] { thread = std::thread([&] { loop->call_soon_threadsafe([&] { loop->stop(); }); }); });
  loop->run_forever();
  thread.join();
  say("stopped");
  loop->close();
}

}  // namespace

Group threads() {
  return {
      "Threads",
      "threads",
      {
          {"a_callback_from_another_thread", a_callback_from_another_thread, "a world has no threads"},
          {"callbacks_of_a_thread_keep_their_order", callbacks_of_a_thread_keep_their_order, "a world has no threads"},
          {"the_debug_mode_looks_at_the_thread", the_debug_mode_looks_at_the_thread, "a world has no threads"},
          {"looking_from_another_thread", looking_from_another_thread, "a world has no threads"},
      },
      {
          {"a_loop_in_each_thread", a_loop_in_each_thread, "a world has no threads"},
          {"posting_to_a_closed_loop", posting_to_a_closed_loop, "a world has no threads"},
          {"stopping_from_another_thread", stopping_from_another_thread, "a world has no threads"},
      }};
}

}  // namespace conformance
