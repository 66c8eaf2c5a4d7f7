// scheduling.cpp: who runs when: one iteration of the loop. Rules S1 to S15.
#include <algorithm>
#include <array>
#include <functional>
#include <memory>

#include <sys/socket.h>
#include <unistd.h>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::create_task;
using asyncio::get_running_loop;
using asyncio::sleep;

void callbacks_run_in_the_order_of_scheduling() {  // S1
  auto& loop = get_running_loop();
  for (int n = 0; n < 3; ++n) loop.call_soon([n] { say("callback " + py(n)); });
  loop.call_soon([&] {
    say("outer");
    loop.call_soon([] { say("inner"); });
  });
  loop.call_soon([] { say("last"); });
  sleep(0s);
  say("main");
  sleep(0s);
}

void what_callbacks_schedule_waits_for_the_next_iteration() {  // S3
  auto& loop = get_running_loop();
  std::function<void(int)> chain = [&](int n) {
    say("chain " + py(n));
    if (n < 3) loop.call_soon([&chain, n] { chain(n + 1); });
  };
  loop.call_soon([&] { chain(0); });
  for (int n = 0; n < 5; ++n) {
    say("iteration " + py(n));
    sleep(0s);
  }
}

void ready_then_input_then_timers() {  // S4
  auto& loop = get_running_loop();
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0 || write(ends[1], "x", 1) != 1) throw Oops("no pipe");
  loop.add_reader(ends[0], [&] {
    say("input");
    loop.remove_reader(ends[0]);
  });
  loop.call_later(0s, [] { say("timer"); });
  loop.call_soon([] { say("ready"); });
  sleep(0s);
  sleep(0s);
  close(ends[0]);
  close(ends[1]);
}

std::array<int, 2> socket_pair_with_input() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0 || send(ends[1], "x", 1, 0) != 1) throw Oops("no sockets");
  return ends;
}

void the_reader_goes_before_the_writer() {  // S5
  auto& loop = get_running_loop();
  const auto [a, b] = socket_pair_with_input();
  loop.add_writer(a, [&loop, a = a] {
    say("writable");
    say(py(loop.remove_writer(a)));
  });
  loop.add_reader(a, [&loop, a = a] {
    say("readable");
    say(py(loop.remove_reader(a)));
  });
  sleep(0s);
  sleep(0s);
  say(py(loop.remove_reader(a)));
  close(a);
  close(b);
}

void a_reader_removed_in_the_same_iteration_is_not_called() {  // S7
  auto& loop = get_running_loop();
  const auto [a, b] = socket_pair_with_input();
  loop.add_reader(a, [] { say("readable"); });
  loop.call_soon([&loop, a = a] { say("removed " + py(loop.remove_reader(a))); });
  sleep(0s);
  sleep(0s);
  loop.add_reader(a, [] { say("first"); });
  loop.add_reader(a, [&loop, a = a] {
    say("second");
    loop.remove_reader(a);
  });
  sleep(10ms);
  close(a);
  close(b);
}

void a_cancelled_callback_is_skipped() {  // S6
  auto& loop = get_running_loop();
  asyncio::Handle victim;
  loop.call_soon([&] {
    say("killer");
    victim.cancel();
  });
  victim = loop.call_soon([] { say("victim"); });
  loop.call_soon([] { say("after"); });
  sleep(0s);
  say(py(victim.cancelled()));
}

void no_delay_is_still_a_timer() {  // S13
  auto& loop = get_running_loop();
  loop.call_later(0s, [] { say("zero"); });
  loop.call_later(-1s, [] { say("in the past"); });
  loop.call_soon([] { say("ready"); });
  loop.call_soon([&] { loop.call_soon([] { say("ready later"); }); });
  sleep(0s);
  say("main");
  sleep(0s);
}

long milliseconds_since(asyncio::TimePoint start) { return (get_running_loop().time() - start) / 1ms; }

void timers_run_in_the_order_of_time() {  // S12
  auto& loop = get_running_loop();
  const auto start = loop.time();
  for (int ms : {30, 10, 20, 5}) loop.call_later(ms * 1ms, [ms] { say("after " + py(ms)); });
  loop.call_at(start + 15ms, [] { say("at 15"); });
  loop.call_at(start - 1s, [] { say("at -1000"); });
  sleep(50ms);
  say(py(milliseconds_since(start)));
}

void a_timer_a_week_away_does_not_end_the_run() {  // S9
  auto& loop = get_running_loop();
  auto done = loop.create_future<std::string>();
  loop.call_later(7 * 24h, [done] { done.set_result("a week later"); });
  loop.call_later(1h, [] { say("an hour later"); });
  say(asyncio::await(done));
}

void timers_that_make_timers() {  // S14
  auto& loop = get_running_loop();
  const auto start = loop.time();
  std::function<void(int)> tick = [&](int n) {
    say("tick " + py(n) + " at " + py(milliseconds_since(start)));
    if (n < 3) loop.call_later(10ms, [&tick, n] { tick(n + 1); });
  };
  loop.call_later(10ms, [&] { tick(1); });
  loop.call_later(25ms, [] { say("between"); });
  sleep(1s);
}

void a_cancelled_timer_never_runs() {  // S20, S21
  auto& loop = get_running_loop();
  std::vector<asyncio::TimerHandle> timers;
  for (int n = 1; n < 6; ++n) timers.push_back(loop.call_later(n * 1ms, [n] { say("timer " + py(n)); }));
  for (int n = 1; n < 4; ++n) timers[n].cancel();
  const auto late = loop.call_later(3ms, [] { say("late"); });
  loop.call_later(2ms, [late] { late.cancel(); });
  sleep(10ms);
  say(py(late.cancelled()));
}

void many_cancelled_timers() {  // S20
  auto& loop = get_running_loop();
  std::vector<int> ran;
  std::vector<asyncio::TimerHandle> timers;
  for (int n = 0; n < 300; ++n) timers.push_back(loop.call_later(1s + n * 1ms, [&ran, n] { ran.push_back(n); }));
  for (int n = 0; n < 300; ++n) {
    if (n % 10 != 0) timers[n].cancel();
  }
  sleep(2s);
  say(py(ran.size()) + " " + py(ran.front()) + " " + py(ran.back()) + " " + py(std::ranges::is_sorted(ran)));
}

void a_busy_callback_does_not_keep_timers_away() {  // S2
  auto& loop = get_running_loop();
  int rounds = 0;
  std::optional<int> seen;
  std::function<void()> busy = [&] {
    ++rounds;
    if (!seen) loop.call_soon([&] { busy(); });
  };
  loop.call_later(0s, [&] { seen = rounds; });
  loop.call_soon([&] { busy(); });
  sleep(0s);
  sleep(0s);
  sleep(0s);
  say("seen after " + (seen ? py(*seen) : "None") + " of " + py(rounds));
  while (!seen) sleep(0s);  // under another order busy() may still be due, and what it refers to is here
}

void sleeping_tasks_wake_in_order() {  // S12, S132
  std::vector<asyncio::Task<std::string>> tasks;
  for (int ms : {25, 5, 15, 0}) {
    tasks.push_back(create_task([name = py(ms) + " ms", ms] {
      sleep(ms * 1ms);
      say(name);
      return name;
    }));
  }
  sleep(0s);
  say("all asleep");
  for (const auto& task : tasks) say("got " + asyncio::await(task));
}

void scheduling_before_the_loop_runs() {  // S1, S27
  auto loop = new_loop();
  loop->call_soon([] { say("first"); });
  loop->call_later(0s, [] { say("timer"); });
  loop->call_soon([&] { loop->stop(); });
  loop->call_soon([] { say("second"); });
  say("nothing yet");
  loop->run_forever();
  say("ran once");
  loop->close();
}

void a_writer_is_removed_once() {  // S280
  auto& loop = get_running_loop();
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw Oops("no pipe");
  say(py(loop.remove_reader(ends[0])));
  say(py(loop.remove_writer(ends[1])));
  loop.add_writer(ends[1], [] { say("writable once"); });
  sleep(0s);
  say(py(loop.remove_writer(ends[1])));
  sleep(0s);
  say(outcome([&] { return loop.remove_writer(ends[1]); }));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace

Group scheduling() {
  return {"Scheduling",
          "scheduling",
          {
              {"callbacks_run_in_the_order_of_scheduling", callbacks_run_in_the_order_of_scheduling},
              {"what_callbacks_schedule_waits_for_the_next_iteration",
               what_callbacks_schedule_waits_for_the_next_iteration},
              {"ready_then_input_then_timers", ready_then_input_then_timers, "a world has no descriptors"},
              {"the_reader_goes_before_the_writer", the_reader_goes_before_the_writer, "a world has no descriptors"},
              {"a_reader_removed_in_the_same_iteration_is_not_called",
               a_reader_removed_in_the_same_iteration_is_not_called, "a world has no descriptors"},
              {"a_cancelled_callback_is_skipped", a_cancelled_callback_is_skipped},
              {"no_delay_is_still_a_timer", no_delay_is_still_a_timer},
              {"timers_run_in_the_order_of_time", timers_run_in_the_order_of_time},
              {"a_timer_a_week_away_does_not_end_the_run", a_timer_a_week_away_does_not_end_the_run},
              {"timers_that_make_timers", timers_that_make_timers},
              {"a_cancelled_timer_never_runs", a_cancelled_timer_never_runs},
              {"many_cancelled_timers", many_cancelled_timers},
              {"a_busy_callback_does_not_keep_timers_away", a_busy_callback_does_not_keep_timers_away},
              {"sleeping_tasks_wake_in_order", sleeping_tasks_wake_in_order},
              {"a_writer_is_removed_once", a_writer_is_removed_once, "a world has no descriptors"},
          },
          {
              {"scheduling_before_the_loop_runs", scheduling_before_the_loop_runs},
          }};
}

}  // namespace conformance
