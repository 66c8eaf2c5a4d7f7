// machine.hpp: runs random programs, as on_cpython.py does, and says how each step went.
//
// A program is the main of a program: steps as JSON, made by programs.py. CPython and we run the same ones and must
// print the same lines.
//
//     programs.py ──► steps ──► on_cpython.py ──► lines ◄── compared ── lines ◄── Machine ◄── steps
//
// A step is a name with arguments, the last of which may be steps again, the body of a task, a timeout or a callback.
// All steps of a program share what a Machine has, and make arguments out of it by number: task 7 of 3 is task 1. So
// each part of a program is a program too, and compare.py can leave out what a difference does not need.
//
// The steps are in two tables, in the order in which on_cpython.py has them:
//
//     STEPS_AT_ONCE     never wait, and may stand in callbacks; an error becomes a line and goes no further
//     STEPS_THAT_WAIT   may wait, and throw
#pragma once

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/pairs.hpp"

namespace conformance::differential {

using Json = nlohmann::json;

/// What the steps of one script have for themselves.
struct Scope {
  std::vector<asyncio::TaskGroup*> groups = {};  ///< those around the step, the innermost last
  std::vector<asyncio::Timeout*> timeouts = {};  ///< likewise
  int result = 0;                                ///< what the script will return
};

/// Time in programs is counted in these: 1/512 of a second, of which Python's floating point holds each multiple.
constexpr asyncio::Duration TICK{1'953'125};

/// An exception in few words, as on_cpython.py shows it.
std::string shown_briefly(const std::exception_ptr& error);
/// What became of a future: "pending", "cancelled", "TimeoutError", "7".
std::string state(const asyncio::Future<int>& future);
/// Ticks; null is for ever.
std::optional<asyncio::Duration> duration(const Json& ticks);
/// Throws the error that a step names.
[[noreturn]] void throw_error(const std::string& name);

/// What a program works with. Everything is public: the steps are functions of it.
class Machine {
 public:
  using Generator = asyncio::AsyncGenerator<int, int>;

  explicit Machine(Json program) : program(std::move(program)) {}

  /// Runs the program, in the task that is its main.
  /// \suspends until the program has ended
  int main();
  /// Runs the steps of a task, and says how they end.
  /// \suspends until they are done
  int script(const Json& steps);
  /// \suspends until the steps are done
  void run(const Json& steps, Scope& scope);
  /// \suspends until the step is done
  void step(const Json& step, Scope& scope);
  /// Runs the steps of a callback.
  void run_at_once(const Json& steps);
  /// Adds a line: when, in which task, what.
  void say(const std::string& text);

  /// The task that an argument names, but for the one that runs, or else a future.
  asyncio::Future<int> awaitable(const Json& name) const;
  std::vector<asyncio::Future<int>> awaitables(const Json& names) const;
  std::vector<std::function<int()>> scripts(const Json& bodies);
  /// An asynchronous generator of these steps.
  Generator generator(const Json& steps, const Json& at_the_end, const std::string& name);

  Json program;
  std::vector<std::string> lines;
  bool closed = false;  // what is destroyed after the end says no more

  asyncio::AbstractEventLoop* loop = nullptr;  // from here on: since main() began
  asyncio::TimePoint start{};
  int first_task = 0;
  std::vector<asyncio::Future<int>> futures;  // three
  std::vector<asyncio::Task<int>> tasks;
  std::vector<asyncio::AnyFuture> outer;  // of gather() and shield()
  std::vector<asyncio::Handle> handles;
  std::vector<std::pair<asyncio::Future<int>, asyncio::CallbackId>> callbacks;
  std::vector<Generator> generators;

  asyncio::Lock lock;
  asyncio::Event event;
  // The first step of a program may replace these.
  std::unique_ptr<asyncio::Semaphore> semaphore = std::make_unique<asyncio::Semaphore>(2);
  std::unique_ptr<asyncio::Condition> condition = std::make_unique<asyncio::Condition>();
  std::unique_ptr<asyncio::Queue<int>> queue = std::make_unique<asyncio::Queue<int>>(2);
  std::unique_ptr<asyncio::Barrier> barrier = std::make_unique<asyncio::Barrier>(2);
  asyncio::TaskGroup shared_group;
  asyncio::Context context;
  asyncio::ContextVar<int> variable{"variable", 0};
  int count = 0;

 private:
  void step_at_once(const Json& step, Scope& scope);
};

/// Does a step; gives what it has to say, if anything.
using Step = std::function<std::optional<std::string>(Machine& machine, const Json& step, Scope& scope)>;
using Steps = std::map<std::string, Step>;
extern const Steps STEPS_AT_ONCE;
extern const Steps STEPS_THAT_WAIT;

/// The lines of a program that runs on a real loop, and how it ended.
std::vector<std::string> run_on_a_loop(const Json& program);
/// The lines of a program that is the main of a client in a world, up to its end.
std::vector<std::string> run_in_a_world(const Json& program);
/// The lines up to the end of the main: in a world, what it leaves behind is not cancelled but goes on.
std::vector<std::string> up_to_the_end_of_main(std::vector<std::string> lines);

/// Runs the programs of standard input, one in each line, and prints what they say.
void run_programs(bool in_a_world);

}  // namespace conformance::differential
