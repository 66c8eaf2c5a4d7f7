// handles.cpp: handles and timers: what call_soon() and call_later() give back. Rules S16 to S23.
#include <memory>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::get_running_loop;
using asyncio::sleep;

asyncio::ContextVar<std::string> user{"user", "nobody"};

void a_callback_runs_in_the_context_of_its_scheduling() {  // S16
  auto& loop = get_running_loop();
  user.set("before");
  loop.call_soon([] { say("soon " + user.get()); });
  loop.call_later(1ms, [] { say("later " + user.get()); });
  user.set("after");
  const asyncio::Context given = asyncio::copy_context();
  user.set("last");
  loop.call_soon(
      [] {
        say("given " + user.get());
        user.set("by the callback");
      },
      given);
  sleep(10ms);
  say(user.get() + " " + given.get(user));
}

void what_a_callback_sets_stays_in_its_copy() {  // S16
  auto& loop = get_running_loop();
  loop.call_soon([] { user.set("callback"); });
  loop.call_soon([] { say("the next sees " + user.get()); });
  sleep(0s);
  say(user.get());
}

void cancelling_drops_what_was_captured_at_once() {  // S17
  auto& loop = get_running_loop();
  auto thing = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = thing;
  const auto soon = loop.call_soon([thing] { say(py(*thing)); });
  const auto later = loop.call_later(10s, [thing] { say(py(*thing)); });
  thing.reset();
  say(py(!alive.expired()));
  soon.cancel();
  say(py(!alive.expired()));
  later.cancel();
  later.cancel();
  say(py(!alive.expired()));
  say(py(soon.cancelled()) + " " + py(later.cancelled()));
}

void cancelling_after_the_callback_ran() {  // S17
  auto handle = get_running_loop().call_soon([] { say("ran"); });
  sleep(0s);
  say(py(handle.cancelled()));
  handle.cancel();
  say(py(handle.cancelled()));
}

void a_callback_cancels_its_own_handle() {  // S17
  asyncio::Handle handle;
  handle = get_running_loop().call_soon([&] {
    handle.cancel();
    say("still here");
  });
  sleep(0s);
  say(py(handle.cancelled()));
}

void a_timer_knows_when() {  // S14
  auto& loop = get_running_loop();
  const asyncio::TimePoint start = loop.time();
  asyncio::TimerHandle at = loop.call_at(start + 2s, [] { say("at"); });
  asyncio::TimerHandle later = loop.call_later(3s, [] { say("later"); });
  say(py((at.when() - start) / 1s) + " " + py((later.when() - start) / 1s));
  at.cancel();
  say(py((at.when() - start) / 1s) + " " + py(at.cancelled()) + " " + py(later.cancelled()));
  later.cancel();
}

void equal_handles() {  // S22
  auto& loop = get_running_loop();
  const auto one = loop.call_soon([] { say("one"); });
  const auto two = loop.call_soon([] { say("two"); });
  const asyncio::Handle same = one;
  say(py(one == same) + " " + py(one == two));
  sleep(0s);
}

void a_handle_has_its_context() {  // S16
  user.set("the handle's");
  const auto handle = get_running_loop().call_soon([] { say("ran"); });
  user.set("mine");
  say(handle.get_context().get(user));
  sleep(0s);
}

void a_threadsafe_handle_can_be_cancelled() {  // S23
  auto& loop = get_running_loop();
  const auto first = loop.call_soon_threadsafe([] { say("first"); });
  loop.call_soon_threadsafe([] { say("second"); });
  loop.call_soon([] { say("third"); });
  first.cancel();
  sleep(0s);
  sleep(0s);
  say(py(first.cancelled()));
}

void closing_drops_what_is_scheduled() {  // S36
  auto loop = new_loop();
  auto thing = std::make_shared<int>(1);
  const std::weak_ptr<int> alive = thing;
  loop->call_soon([thing] { say(py(*thing)); });
  loop->call_later(1s, [thing] { say(py(*thing)); });
  thing.reset();
  say(py(!alive.expired()));
  loop->close();
  say(py(!alive.expired()));
}

}  // namespace

Group handles() {
  return {"Handles",
          "handles",
          {
              {"a_callback_runs_in_the_context_of_its_scheduling", a_callback_runs_in_the_context_of_its_scheduling},
              {"what_a_callback_sets_stays_in_its_copy", what_a_callback_sets_stays_in_its_copy},
              {"cancelling_drops_what_was_captured_at_once", cancelling_drops_what_was_captured_at_once},
              {"cancelling_after_the_callback_ran", cancelling_after_the_callback_ran},
              {"a_callback_cancels_its_own_handle", a_callback_cancels_its_own_handle},
              {"a_timer_knows_when", a_timer_knows_when},
              {"equal_handles", equal_handles},
              {"a_handle_has_its_context", a_handle_has_its_context},
              {"a_threadsafe_handle_can_be_cancelled", a_threadsafe_handle_can_be_cancelled},
          },
          {
              {"closing_drops_what_is_scheduled", closing_drops_what_is_scheduled},
          }};
}

}  // namespace conformance
