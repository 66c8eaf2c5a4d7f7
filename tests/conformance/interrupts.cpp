// interrupts.cpp: Ctrl-C: the main task is cancelled, and run() ends with KeyboardInterrupt. Rules S224 to S227, S325.
#include <csignal>
#include <thread>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::CancelledError;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::get_running_loop;
using asyncio::sleep;

/// What comes of a main on a loop of its own, where SIGINT has its default action before.
template <class F>
std::string run(F main) {
  std::signal(SIGINT, SIG_DFL);
  return outcome([&] { return asyncio::run(main, {.loop_factory = new_loop}); });
}

void interrupt() { std::raise(SIGINT); }

bool is_default() {
  struct sigaction action{};
  ::sigaction(SIGINT, nullptr, &action);
  return action.sa_handler == SIG_DFL;
}

void wait(asyncio::Duration delay = 100s) {
  try {
    sleep(delay);
  } catch (const CancelledError& error) {
    say("told " + args(error));
    throw;
  }
}

void it_cancels_the_main_task() {  // S225, S226
  say(run([] {
    interrupt();
    wait();
  }));
}

void it_comes_while_the_loop_waits() {  // S225
  say(run([] {
    get_running_loop().call_later(5s, interrupt);
    wait();
  }));
}

void a_main_that_swallows_it() {  // S226
  say(run([] {
    interrupt();
    try {
      wait();
    } catch (const CancelledError&) {
    }
    return "a value, " + py(current_task().cancelling());
  }));
}

void a_main_that_fails_because_of_it() {  // S226
  say(run([] {
    interrupt();
    try {
      wait();
    } catch (const CancelledError&) {
      throw Oops("instead");
    }
  }));
}

void a_main_that_cleans_up() {  // S225, S226
  say(run([] {
    interrupt();
    try {
      wait();
    } catch (const CancelledError&) {
      sleep(3s);
      say("cleaned up");
      throw;
    }
  }));
}

void a_cancellation_that_is_none_of_its() {  // S226
  say(run([] {
    current_task().cancel("somebody");
    wait();
  }));
}

void a_cancellation_beside_it() {  // S226
  say(run([] {
    current_task().cancel();
    interrupt();
    wait();
  }));
}

void taking_it_back() {  // S112, S226
  say(run([] {
    interrupt();
    try {
      wait();
    } catch (const CancelledError&) {
      say(py(current_task().uncancel()));
    }
    wait(1s);
    return std::string("not interrupted");
  }));
}

void the_second_one() {  // S225
  say(run([] {
    interrupt();
    try {
      sleep(100s);
    } catch (const CancelledError&) {
      say("the first");
    }
    interrupt();
    sleep(100s);
    say("never");
  }));
}

void the_others_are_cancelled_afterwards() {  // S225, S227
  asyncio::Task<void> other;
  say(run([&] {
    other = create_task([] { wait(); });
    sleep(1s);
    interrupt();
    try {
      sleep(100s);
    } catch (const CancelledError&) {
      say(py(other.done()));
      throw;
    }
  }));
  say(py(other.cancelled()));
}

void a_group_in_the_main_task() {  // S183, S225
  say(run([] {
    asyncio::task_group([](asyncio::TaskGroup& group) {
      group.create_task([] { wait(); });
      group.create_task([] { wait(); });
      sleep(1s);
      interrupt();
    });
  }));
}

void a_timeout_in_the_main_task() {  // S176, S225
  say(run([] {
    asyncio::timeout(50s, [] {
      interrupt();
      wait();
    });
  }));
}

void the_default_action_comes_back() {  // S224
  say(run([] { return is_default(); }));
  say(py(is_default()));
}

volatile std::sig_atomic_t handled = 0;

/// A handler of signals may not print: whoever interrupts says it.
void interrupt_and_say() {
  handled = 0;
  interrupt();
  if (handled == 1) say("the program's own");
}

void a_handler_that_is_there_already() {  // S224
  std::signal(SIGINT, [](int) { handled = 1; });
  say(outcome([] {
    return asyncio::run(
        [] {
          interrupt_and_say();
          sleep(1s);
          return std::string("main ends");
        },
        {.loop_factory = new_loop});
  }));
  interrupt_and_say();
  std::signal(SIGINT, SIG_DFL);
}

void a_handler_of_the_loop() {  // S224, S325
  say(run([] {
    get_running_loop().add_signal_handler(SIGINT, [] { say("the loop's"); });
    interrupt();
    sleep(1s);
    return std::string("main ends");
  }));
}

void signals_in_the_order_in_which_they_came() {  // S326
  say(run([] {
    auto& loop = get_running_loop();
    loop.add_signal_handler(SIGUSR1, [] { say("SIGUSR1"); });
    loop.add_signal_handler(SIGUSR2, [] { say("SIGUSR2"); });
    for (const int signal : {SIGUSR2, SIGUSR1, SIGUSR1, SIGUSR2}) std::raise(signal);
    sleep(1s);
    return std::string("main ends");
  }));
}

void a_runner_is_used_again() {  // S222, S225
  const auto interrupted = [] {
    interrupt();
    wait();
  };
  std::signal(SIGINT, SIG_DFL);
  asyncio::Runner runner{{.loop_factory = new_loop}};
  say(outcome([&] { runner.run(interrupted); }));
  say(outcome([&] { return runner.run([] { return "works, " + py(current_task().cancelling()); }); }));
  say(outcome([&] { runner.run(interrupted); }));
  runner.close();
}

void a_runner_in_another_thread() {  // S224
  std::signal(SIGINT, SIG_DFL);
  std::thread([] {
    say(asyncio::run(
        [] {
          say(py(is_default()));
          return std::string("main ends");
        },
        {.loop_factory = new_loop}));
  }).join();
}

}  // namespace

Group interrupts() {
  return {"Interrupts",
          "interrupts",
          {},
          {
              {"it_cancels_the_main_task", it_cancels_the_main_task},
              {"it_comes_while_the_loop_waits", it_comes_while_the_loop_waits},
              {"a_main_that_swallows_it", a_main_that_swallows_it},
              {"a_main_that_fails_because_of_it", a_main_that_fails_because_of_it},
              {"a_main_that_cleans_up", a_main_that_cleans_up},
              {"a_cancellation_that_is_none_of_its", a_cancellation_that_is_none_of_its},
              {"a_cancellation_beside_it", a_cancellation_beside_it},
              {"taking_it_back", taking_it_back},
              {"the_second_one", the_second_one},
              {"the_others_are_cancelled_afterwards", the_others_are_cancelled_afterwards},
              {"a_group_in_the_main_task", a_group_in_the_main_task},
              {"a_timeout_in_the_main_task", a_timeout_in_the_main_task},
              {"the_default_action_comes_back", the_default_action_comes_back},
              {"a_handler_that_is_there_already", a_handler_that_is_there_already},
              {"a_handler_of_the_loop", a_handler_of_the_loop},
              {"signals_in_the_order_in_which_they_came", signals_in_the_order_in_which_they_came},
              {"a_runner_is_used_again", a_runner_is_used_again},
              {"a_runner_in_another_thread", a_runner_in_another_thread},
          }};
}

}  // namespace conformance
