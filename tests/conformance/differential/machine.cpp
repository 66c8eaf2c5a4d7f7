// machine.cpp: how steps are run and shown; what they do is in steps_at_once.cpp and steps_that_wait.cpp.
#include "tests/conformance/differential/machine.hpp"

#include <iostream>

namespace conformance::differential {
namespace {

constexpr int PATIENCE = 2000;          // ticks, after which everything that still waits is cancelled
constexpr int CANCELLATIONS = 12;       // how often that happens
constexpr int NOTHING_TO_WAIT_FOR = 3;  // the status of an exit

int number_of(const asyncio::AnyTask& task) { return std::stoi(task.get_name().substr(std::string("Task-").size())); }

template <class Group>
std::string shown_group(const char* type, const Group& group) {
  std::string text;
  for (const std::exception_ptr& error : group.exceptions()) text += (text.empty() ? "" : ", ") + shown_briefly(error);
  return type + ("[" + text + "]");
}

}  // namespace

std::string shown_briefly(const std::exception_ptr& error) {
  if (!error) return "None";
  try {
    std::rethrow_exception(error);
  } catch (const asyncio::ExceptionGroup& group) {
    return shown_group("ExceptionGroup", group);
  } catch (const asyncio::BaseExceptionGroup& group) {
    return shown_group("BaseExceptionGroup", group);
  } catch (...) {
    const std::string type = asyncio::type_name(error);
    // The texts of plain RuntimeErrors name objects by their address in Python, and are left away.
    const bool without_text = type == "RuntimeError" || type == "StopAsyncIteration" || type == "SystemExit";
    return without_text ? type : shown(error);
  }
}

std::string state(const asyncio::Future<int>& future) {
  if (!future.done()) return "pending";
  if (future.cancelled()) return "cancelled";
  return future.exception() ? shown_briefly(future.exception()) : py(future.result());
}

std::optional<asyncio::Duration> duration(const Json& ticks) {
  return ticks.is_null() ? std::nullopt : std::optional(ticks.get<int>() * TICK);
}

void throw_error(const std::string& name) {
  if (name == "oops") throw Oops("by hand");
  if (name == "cancel") throw asyncio::CancelledError("by hand");
  if (name == "timeout") throw asyncio::TimeoutError("by hand");
  if (name == "interrupt") throw asyncio::KeyboardInterrupt();
  throw asyncio::SystemExit(1);
}

// ---- Running steps ----

int Machine::main() {
  loop = &asyncio::get_running_loop();
  start = loop->time();
  loop->set_exception_handler([this](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& report) {
    if (report.handle) say("reported " + shown_briefly(report.exception));
  });
  first_task = number_of(asyncio::current_task());
  for (int n = 0; n < 3; ++n) futures.push_back(loop->create_future<int>());
  context = asyncio::copy_context();
  for (int n = 1; n <= CANCELLATIONS; ++n) {
    loop->call_later(n * PATIENCE * TICK, [] {
      for (asyncio::AnyTask task : asyncio::all_tasks()) task.cancel("too late");
    });
  }
  return script(program);
}

int Machine::script(const Json& steps) {
  Scope scope;
  try {
    run(steps, scope);
  } catch (const asyncio::CoroutineExit&) {
    throw;
  } catch (...) {
    say("ends with " + shown_briefly(std::current_exception()));
    throw;
  }
  say("returns " + py(scope.result));
  return scope.result;
}

void Machine::run(const Json& steps, Scope& scope) {
  for (const Json& one : steps) step(one, scope);
}

void Machine::step(const Json& step, Scope& scope) {
  const std::string name = step[0];
  const auto found = STEPS_THAT_WAIT.find(name);
  if (found == STEPS_THAT_WAIT.end()) return step_at_once(step, scope);
  const std::optional<std::string> result = found->second(*this, step, scope);
  say(result ? name + ": " + *result : name);
}

void Machine::step_at_once(const Json& step, Scope& scope) {
  const std::string name = step[0];
  const Step& act = STEPS_AT_ONCE.at(name);
  try {
    if (const auto result = act(*this, step, scope)) say(name + ": " + *result);
  } catch (const asyncio::CoroutineExit&) {
    throw;
  } catch (...) {
    say(name + " fails: " + shown_briefly(std::current_exception()));
  }
}

void Machine::run_at_once(const Json& steps) {
  Scope nowhere;  // a callback is in no group and under no timeout
  for (const Json& step : steps) step_at_once(step, nowhere);
}

void Machine::say(const std::string& text) {
  if (closed) return;
  const asyncio::AnyTask task = asyncio::current_task();
  const std::string who = task ? "T" + py(number_of(task) - first_task) : "-";
  lines.push_back(py((loop->time() - start) / TICK) + " " + who + " " + text);
}

// ---- What arguments name ----

asyncio::Future<int> Machine::awaitable(const Json& name) const {
  const std::size_t index = name[1];
  const bool is_task = name[0] == "task" && !tasks.empty();
  if (is_task && tasks[index % tasks.size()] != asyncio::current_task()) return tasks[index % tasks.size()];
  return futures[index % futures.size()];
}

std::vector<asyncio::Future<int>> Machine::awaitables(const Json& names) const {
  std::vector<asyncio::Future<int>> all;
  for (const Json& name : names) all.push_back(awaitable(name));
  return all;
}

std::vector<std::function<int()>> Machine::scripts(const Json& bodies) {
  std::vector<std::function<int()>> all;
  for (const Json& steps : bodies) all.push_back([this, steps] { return script(steps); });
  return all;
}

// ---- Whole programs ----

namespace {

/// A loop on which nothing waits for ever: where no timer is left and nothing is ready, it is left by an exit.
class EndingLoop : public ClockworkLoop {
 protected:
  asyncio::EventList select(std::optional<asyncio::Duration> timeout) override {
    if (!timeout) throw asyncio::SystemExit(NOTHING_TO_WAIT_FOR);
    return ClockworkLoop::select(timeout);
  }
};

}  // namespace

std::vector<std::string> run_on_a_loop(const Json& program) {
  Machine machine(program);
  std::string end = "end";
  try {
    asyncio::Runner runner({.loop_factory = [] { return std::make_unique<EndingLoop>(); }});
    try {
      runner.run([&] { return machine.main(); });
    } catch (...) {
      runner.close();
      throw;
    }
    runner.close();
  } catch (...) {
    end += " with " + shown_briefly(std::current_exception());
  }
  machine.closed = true;
  machine.lines.push_back(end);
  return machine.lines;
}

void run_programs(bool in_a_world) {
  std::size_t number = 0;
  for (std::string program; std::getline(std::cin, program); ++number) {
    std::cout << "== " << number << std::endl;  // at once: who reads on knows where we crashed
    const Json steps = Json::parse(program);
    for (const std::string& line : in_a_world ? run_in_a_world(steps) : run_on_a_loop(steps)) std::cout << line << '\n';
    std::cout << std::flush;
  }
}

}  // namespace conformance::differential
