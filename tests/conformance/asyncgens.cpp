// asyncgens.cpp: asynchronous generators: values that may have to be waited for. Rule S40.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::AsyncGenerator;
using asyncio::await;
using asyncio::create_task;
using asyncio::Duration;
using asyncio::get_running_loop;
using asyncio::sleep;

asyncio::ContextVar<std::string> user{"user", "nobody"};

/// Python's `try: body() finally: end()`. The end may wait, as no destructor may.
template <class Body, class End>
void try_finally(Body body, End end) {
  try {
    body();
  } catch (...) {
    end();
    throw;
  }
  end();
}

AsyncGenerator<int> count(int to, Duration delay = 0s) {
  return AsyncGenerator<int>([=](auto& yield) {
    try_finally(
        [&] {
          for (int n = 1; n <= to; ++n) {
            sleep(delay);
            yield(n);
          }
        },
        [] { say("the counter ends"); });
  });
}

/// An outcome; Python's StopAsyncIteration has no text.
template <class F>
std::string asked(F act) {
  const std::string text = outcome(act);
  return text.starts_with("StopAsyncIteration:") ? "StopAsyncIteration" : text;
}
template <class Generator>
std::string next(const Generator& generator) {
  return asked([&] { return generator.anext(); });
}

void values_one_after_the_other() {  // S40
  std::string all;
  for (const int n : count(3)) all += (all.empty() ? "[" : ", ") + py(n);
  say(all + "]");
  int sum = 0;
  for (const int n : count(4)) sum += n % 2 == 0 ? n * n : 0;
  say(py(sum));
}

void nothing_runs_before_it_is_asked_for() {  // S40
  const AsyncGenerator<int> generator([](auto& yield) {
    say("begins");
    yield(1);
    say("goes on");
  });
  say("made");
  say(next(generator));
  say("between");
  say(next(generator));
  say(next(generator));
}

void other_tasks_run_while_it_waits() {  // S40
  const auto task = create_task([] {
    for (int n = 0; n < 3; ++n) {
      say("tick " + py(n));
      sleep(1s);
    }
  });
  for (const int n : count(3, 800ms)) say(py(n));
  await(task);
}

void leaving_early_and_closing() {  // S40
  const AsyncGenerator<int> generator = count(100);
  for (const int n : generator) {
    if (n == 2) break;
  }
  say("left");
  generator.aclose();
  say("closed");
  say(next(generator));
  generator.aclose();
}

void closing_what_has_not_begun() {  // S40
  const AsyncGenerator<int> generator = count(1);
  generator.aclose();
  say(next(generator));
}

void the_end_may_wait() {  // S40
  auto& loop = get_running_loop();
  const AsyncGenerator<int> generator([](auto& yield) {
    try_finally([&] { yield(1); },
                [] {
                  say("the end begins");
                  sleep(1s);
                  say("a second later");
                });
  });
  say(next(generator));
  const auto before = loop.time();
  generator.aclose();
  say(py(loop.time() - before >= 1s));
}

void an_end_that_gives_another_value() {  // S40
  const AsyncGenerator<int> generator([](auto& yield) {
    try {
      yield(1);
    } catch (const asyncio::CoroutineExit&) {
      say("not yet");
    }
    yield(2);
  });
  say(next(generator));
  say(outcome([&] { generator.aclose(); }));
}

void what_the_body_throws() {  // S40
  const AsyncGenerator<int> generator([](auto& yield) {
    yield(1);
    throw Oops("thrown");
  });
  say(next(generator));
  say(next(generator));
  say(next(generator));
  say(next(AsyncGenerator<int>([](auto&) { throw asyncio::StopAsyncIteration(); })));
}

void throwing_into_it() {  // S40
  const auto body = [](auto& yield) {
    for (int n = 0; n < 3; ++n) {
      try {
        yield(n);
      } catch (const Oops& error) {
        say(std::string("caught ") + error.what());
      }
    }
  };
  const AsyncGenerator<int> generator(body);
  say(next(generator));
  say(asked([&] { return generator.athrow(Oops("one")); }));
  say(asked([&] { return generator.athrow(std::out_of_range("other")); }));
  say(next(generator));
  const AsyncGenerator<int> fresh(body);
  say(asked([&] { return fresh.athrow(Oops("before it begins")); }));
  say(next(fresh));
}

void sending_into_it() {  // S40
  const AsyncGenerator<std::string, std::string> generator([](auto& yield) {
    std::optional<std::string> received;
    while (received != "stop") received = yield("got " + received.value_or("None"));
  });
  say(asked([&] { return generator.asend("too early"); }));
  say(next(generator));
  say(asked([&] { return generator.asend("hello"); }));
  say(next(generator));
  say(asked([&] { return generator.asend("stop"); }));
}

void two_who_ask_at_once() {  // S40
  const AsyncGenerator<int> generator = count(2, 1s);
  const auto ask = [generator] { return generator.anext(); };
  const auto first = create_task(ask);
  const auto second = create_task(ask);
  say(awaited(second));
  say(awaited(first));
  const auto pending = create_task(ask);
  sleep(0s);
  say(outcome([&] { generator.aclose(); }));
  say(awaited(pending));
  generator.aclose();
}

void cancelled_while_it_waits() {  // S100, S40
  const AsyncGenerator<int> generator([](auto& yield) {
    try {
      yield(1);
      sleep(100s);
      yield(2);
    } catch (const asyncio::CancelledError& error) {
      say("the body is told " + args(error));
      throw;
    }
  });
  const auto task = create_task([generator] {
    for (const int n : generator) say(py(n));
  });
  sleep(1s);
  task.cancel("enough");
  say(awaited(task));
  say(next(generator));
}

void cancelled_between_two_values() {  // S100, S40
  const AsyncGenerator<int> generator = count(3);
  const auto task = create_task([generator] {
    for (const int n : generator) {
      say(py(n));
      sleep(100s);
    }
  });
  sleep(1s);
  task.cancel();
  say(awaited(task));
  say(next(generator));
  generator.aclose();
}

void a_timeout_around_the_loop() {  // S171, S40
  say(outcome([] {
    asyncio::timeout(2500ms, [] {
      for (const int n : count(100, 1s)) say(py(n));
    });
  }));
  say(py(asyncio::current_task().cancelling()));
}

void passing_on_the_values_of_another() {  // S40
  const auto doubled = [](AsyncGenerator<int> inner) {
    return AsyncGenerator<int>([inner](auto& yield) {
      try_finally(
          [&] {
            for (const int n : inner) yield(2 * n);
          },
          [&] {
            inner.aclose();
            say("the outer one ends");
          });
    });
  };
  std::string all;
  for (const int n : doubled(count(2))) all += (all.empty() ? "[" : ", ") + py(n);
  say(all + "]");
  const AsyncGenerator<int> generator = doubled(count(100));
  say(next(generator));
  generator.aclose();
}

void it_runs_in_the_context_of_who_asks() {  // S83, S40
  const AsyncGenerator<std::string> generator([](auto& yield) {
    for (;;) yield(user.get());
  });
  const auto ask = [&](std::string name) {
    return [&generator, name] {
      user.set(name);
      return generator.anext();
    };
  };
  say(await(create_task(ask("one"))));
  say(await(create_task(ask("two"))));
  say(next(generator));
  generator.aclose();
}

void what_is_dropped_is_closed_by_the_loop() {  // S40
  AsyncGenerator<int> generator([](auto& yield) {
    try_finally([&] { yield(1); },
                [] {
                  sleep(1s);
                  say("cleaned up");
                });
  });
  say(next(generator));
  generator = {};
  say("dropped");
  sleep(2s);
  say("the loop goes on");
}

void what_is_left_is_closed_at_the_end_of_the_run() {  // S40, S227
  AsyncGenerator<int> generator;
  say(asyncio::run(
      [&] {
        generator = count(100);
        say(next(generator));
        return std::string("main ends");
      },
      {.loop_factory = new_loop}));
}

void what_fails_at_the_end_is_reported() {  // S40
  AsyncGenerator<int> generator;
  asyncio::run(
      [&] {
        generator = AsyncGenerator<int>(
            [](auto& yield) { try_finally([&] { yield(1); }, [] { throw Oops("while being closed"); }); });
        get_running_loop().set_exception_handler(
            [](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
              say(context.message.substr(0, 60) + " " + shown(context.exception));
            });
        say(next(generator));
      },
      {.loop_factory = new_loop});
}

void closing_all_that_are_left() {  // S40
  const auto make = [](std::string name, Duration delay) {
    return AsyncGenerator<std::string>([=](auto& yield) {
      try_finally([&] { yield(name); },
                  [&] {
                    sleep(delay);
                    say(name + " is closed");
                  });
    });
  };
  const AsyncGenerator<std::string> slow = make("slow", 2s);
  const AsyncGenerator<std::string> quick = make("quick", 1s);
  for (const auto& generator : {slow, quick}) say(next(generator));
  get_running_loop().shutdown_asyncgens();
  say("all are closed");
  say(next(slow));
}

}  // namespace

Group asyncgens() {
  return {"AsyncGenerators",
          "asyncgens",
          {
              {"values_one_after_the_other", values_one_after_the_other},
              {"nothing_runs_before_it_is_asked_for", nothing_runs_before_it_is_asked_for},
              {"other_tasks_run_while_it_waits", other_tasks_run_while_it_waits},
              {"leaving_early_and_closing", leaving_early_and_closing},
              {"closing_what_has_not_begun", closing_what_has_not_begun},
              {"the_end_may_wait", the_end_may_wait},
              {"an_end_that_gives_another_value", an_end_that_gives_another_value},
              {"what_the_body_throws", what_the_body_throws},
              {"throwing_into_it", throwing_into_it},
              {"sending_into_it", sending_into_it},
              {"two_who_ask_at_once", two_who_ask_at_once},
              {"cancelled_while_it_waits", cancelled_while_it_waits},
              {"cancelled_between_two_values", cancelled_between_two_values},
              {"a_timeout_around_the_loop", a_timeout_around_the_loop},
              {"passing_on_the_values_of_another", passing_on_the_values_of_another},
              {"it_runs_in_the_context_of_who_asks", it_runs_in_the_context_of_who_asks},
              {"what_is_dropped_is_closed_by_the_loop", what_is_dropped_is_closed_by_the_loop},
              {"closing_all_that_are_left", closing_all_that_are_left},
          },
          {
              {"what_is_left_is_closed_at_the_end_of_the_run", what_is_left_is_closed_at_the_end_of_the_run},
              {"what_fails_at_the_end_is_reported", what_fails_at_the_end_is_reported},
          }};
}

}  // namespace conformance
