// task_lifetime_properties.cpp: what holds for the life of every task, whatever programs do.
//
// A program here is data: a list of scripts, each the body of a task, each a list of small operations: spawn,
// await, sleep, give way, cancel, fail, swallow, interrupt. rapidcheck makes programs up and shrinks them. One
// is executed on a loop whose clock jumps and whose ready handles run in an order that is data as well. An
// Instrument and the bodies themselves watch, and the first thing that is not as it should be is a violation:
//
//   N1  A task is registered before it runs, and visible in all_tasks() from then to its end.
//   N2  Enters and leaves alternate; only an eager start puts one task aside for another (S116, S125).
//   N3  A task is left before it is unregistered, and unregistered once, when it is done.
//   N4  A task that is done is never entered.
//   N5  While a body runs, current_task() is its task; between iterations it is none.
//
// A failure prints the program and a line RC_PARAMS="reproduce=…" that runs exactly this case again.
#include <asyncio/instrument.hpp>

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <ostream>
#include <stdexcept>

#include "tests/properties/breakable_task.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

// Programs -------------------------------------------------------------------------------------------------

enum class Do {
  give_way,       // sleep(0)
  sleep,          // for `arg` milliseconds
  spawn,          // a task with a later script
  spawn_eagerly,  // the same, with its first step at once
  await_task,     // one that was made later, so that no ring of waiting tasks can form
  cancel,         // any task, itself included
  uncancel,       // itself
  swallow,        // errors and cancellations of the next operation
  fail,           // throw an ordinary error
  interrupt,      // throw KeyboardInterrupt
  finish,         // return
};

constexpr std::array NAMES{"give_way", "sleep",   "spawn", "spawn_eagerly", "await_task", "cancel",
                           "uncancel", "swallow", "fail",  "interrupt",     "finish"};

struct Op {
  Do what = Do::give_way;
  unsigned arg = 0;
};

struct Program {
  std::vector<std::vector<Op>> scripts;  // the first is that of the first task
  std::vector<unsigned> order;           // which of the ready handles goes next; then first in, first out
};

std::ostream& operator<<(std::ostream& out, const Program& program) {
  for (std::size_t i = 0; i < program.scripts.size(); ++i) {
    out << "\n  script " << i << ":";
    for (const Op& op : program.scripts[i])
      out << ' ' << NAMES[static_cast<std::size_t>(op.what)] << '(' << op.arg << ')';
  }
  out << "\n  order:";
  for (const unsigned pick : program.order) out << ' ' << pick;
  return out << '\n';
}

rc::Gen<Op> an_op() {
  return rc::gen::build<Op>(rc::gen::set(&Op::what, rc::gen::weightedElement<Do>({{7, Do::give_way},
                                                                                  {5, Do::sleep},
                                                                                  {9, Do::spawn},
                                                                                  {8, Do::spawn_eagerly},
                                                                                  {6, Do::await_task},
                                                                                  {4, Do::cancel},
                                                                                  {1, Do::uncancel},
                                                                                  {5, Do::swallow},
                                                                                  {2, Do::fail},
                                                                                  {1, Do::interrupt},
                                                                                  {1, Do::finish}})),
                            rc::gen::set(&Op::arg, rc::gen::inRange(0u, 8u)));
}

rc::Gen<Program> a_program() {
  const auto script = rc::gen::resize(14, rc::gen::container<std::vector<Op>>(an_op()));
  return rc::gen::build<Program>(
      rc::gen::set(&Program::scripts, rc::gen::resize(16, rc::gen::container<std::vector<std::vector<Op>>>(script))),
      rc::gen::set(&Program::order,
                   rc::gen::resize(60, rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0u, 6u)))));
}

// The loop -------------------------------------------------------------------------------------------------

/// Runs the ready handles of an iteration in an order that is given.
class ShuffledLoop : public ScriptedLoop {
 public:
  explicit ShuffledLoop(std::vector<unsigned> order) : order_(std::move(order)) {}
  ~ShuffledLoop() override { close(); }

 protected:
  void run_ready(std::size_t count) override {
    for (; count > 0; --count) {
      const unsigned pick = next_ < order_.size() ? order_[next_++] : 0;
      const Ref<HandleState> handle = ready_.pop_at(pick % count);
      run_handle(*handle);
    }
  }

 private:
  std::vector<unsigned> order_;
  std::size_t next_ = 0;
};

// The observer ---------------------------------------------------------------------------------------------

/// Follows the life of every task, and remembers the first thing that is wrong.
class Observer : public Instrument {
 public:
  explicit Observer(AbstractEventLoop& loop) : loop_(loop) { loop_.add_instrument(*this); }
  ~Observer() override { loop_.remove_instrument(*this); }

  const std::string& violation() const { return violation_; }
  void wrong(const std::string& what) {
    if (violation_.empty()) violation_ = what;
  }

  void task_registered(const AnyTask& task) override {
    Life& life = life_of(task);
    if (life.registered) wrong(task.get_name() + " is registered while it is registered");
    if (life.registrations == (life.eager ? 2 : 1)) wrong(task.get_name() + " is registered again");
    if (task.done()) wrong(task.get_name() + " is registered when it is done");
    life.registered = true;
    ++life.registrations;
  }
  void task_entered(const AnyTask& task) override {
    if (!life_of(task).registered) wrong(task.get_name() + " is entered unregistered");  // N1
    if (task.done()) wrong(task.get_name() + " is entered when it is done");             // N4
    if (current_) wrong(task.get_name() + " is entered while a task is current");        // N2
    if (!put_aside_.empty()) wrong(task.get_name() + " is entered during an eager start");
    current_ = task;
  }
  void task_left(const AnyTask& task) override {
    if (current_ != task) wrong(task.get_name() + " is left but not current");  // N2
    current_ = {};
  }
  void task_unregistered(const AnyTask& task) override {
    Life& life = life_of(task);
    if (!life.registered) wrong(task.get_name() + " is unregistered but not registered");
    life.registered = false;
    if (life.starting) return;  // as an eager task
    if (!task.done() && loop_.is_running()) wrong(task.get_name() + " is unregistered before its end");  // N3
    if (current_ == task) wrong(task.get_name() + " is unregistered before it is left");                 // N3
  }
  void task_swapped(const AnyTask& before, const AnyTask& after) override {
    if (before != current_) wrong("a task is swapped out that is not current");
    const bool begins = after && !life_of(after).starting && life_of(after).registrations == 0;
    if (begins) {
      life_of(after).eager = life_of(after).starting = true;
      put_aside_.push_back(before);
    } else if (!before || !life_of(before).starting || put_aside_.empty() || put_aside_.back() != after) {
      wrong("a swap neither begins an eager start nor ends the last one");
    } else {
      life_of(before).starting = false;
      put_aside_.pop_back();
    }
    current_ = after;
  }
  void before_run_once(AbstractEventLoop&) override {
    if (current_ || !put_aside_.empty() || current_task(loop_))
      wrong("a task is current between two iterations");  // N5
  }

  /// A BreakableTask calls unregister_task().
  void unregister_called(const AnyTask& task) {
    if (++life_of(task).unregister_calls > 1) wrong(task.get_name() + " is unregistered twice");  // N3
  }
  /// The body of a task runs.
  void body_runs(const AnyTask& task, const std::string& name) {
    if (!task || task.get_name() != name) return wrong(name + " runs and is not current");  // N5
    if (task != current_) wrong(name + " runs without having been entered");                // N2
    if (!all_tasks(loop_).contains(task)) wrong(name + " runs and is not visible");         // N1
  }
  /// These tasks were made and have not ended.
  void tasks_are(const std::set<AnyTask>& expected) {
    if (all_tasks(loop_) != expected) wrong("all_tasks() is not the set of tasks that have begun and not ended");  // N1
  }
  /// Nothing will happen any more.
  void all_is_over() {
    if (current_ || current_task(loop_)) wrong("a task is current at the end");
    for (const auto& [task, life] : lives_) {
      if (!task.done()) wrong(task.get_name() + " never ends");
      if (life.registered) wrong(task.get_name() + " is still registered at the end");  // N3
      if (life.registrations == 0) wrong(task.get_name() + " was never registered");    // N1
    }
  }

 private:
  struct Life {
    bool registered = false;
    bool eager = false;     // was started eagerly
    bool starting = false;  // is in its first, eager step
    int registrations = 0;
    int unregister_calls = 0;
  };
  Life& life_of(const AnyTask& task) { return lives_[task]; }

  AbstractEventLoop& loop_;
  std::map<AnyTask, Life> lives_;  // keeps the tasks, so that each is one of a kind
  AnyTask current_;
  std::vector<AnyTask> put_aside_;  // for whom a task was swapped in
  std::string violation_;
};

// Execution ------------------------------------------------------------------------------------------------

/// One program, executed once.
class Execution {
 public:
  /// \param mistake  of one of the BreakableTasks it is executed with; empty: with this library's own tasks
  Execution(const Program& program, std::optional<Mistake> mistake)
      : program_(program), loop_(program.order), observer_(loop_) {
    if (!mistake) return;
    loop_.set_task_factory(
        breakable_tasks(*mistake, CULPRIT, [this](const AnyTask& task) { observer_.unregister_called(task); }));
  }

  /// \return the first violation; empty where all is well
  const std::string& run() {
    spawn(0, false);
    while (!loop_idle()) observer_.tasks_are(pending());
    observer_.all_is_over();
    for (const std::string& report : loop_.reports) {
      if (report.starts_with("Exception in callback")) observer_.wrong(report);
    }
    return observer_.violation();
  }

  /// Every operation of every task in order: "t3: await_task".
  const std::vector<std::string>& trace() const { return trace_; }

 private:
  static constexpr const char* CULPRIT = "t3";  // not the first: that one is in every program
  static constexpr std::size_t MOST_TASKS = 20;
  static constexpr int MOST_ITERATIONS = 2000;

  // Runs one iteration.
  bool loop_idle() {
    try {
      loop_.turn();
    } catch (const KeyboardInterrupt&) {
      trace_.push_back("interrupted");
      return false;
    }
    if (loop_.iterations > MOST_ITERATIONS) observer_.wrong("the program does not end");
    if (loop_.iterations > MOST_ITERATIONS || (loop_.ready_count() == 0 && loop_.timers().empty())) return true;
    if (loop_.ready_count() == 0) loop_.now = std::max(loop_.now, loop_.timers().next_time());
    return false;
  }

  std::set<AnyTask> pending() const {
    std::set<AnyTask> pending;
    for (const AnyTask& task : tasks_) {
      if (task && !task.done()) pending.insert(task);
    }
    return pending;
  }

  void spawn(std::size_t script, bool eagerly) {
    if (script >= program_.scripts.size() || tasks_.size() == MOST_TASKS) return;
    const std::size_t number = tasks_.size();
    tasks_.emplace_back();  // an eager task runs before it can be written down here
    const std::string name = "t" + std::to_string(number);
    tasks_[number] = loop_.create_task([this, script, number] { return body(script, number); },
                                       {.name = name, .eager_start = eagerly});
  }

  int body(std::size_t script, std::size_t number) {
    const std::string name = "t" + std::to_string(number);
    bool swallow = false;
    for (const Op& op : program_.scripts[script]) {
      observer_.body_runs(current_task(), name);
      trace_.push_back(name + ": " + NAMES[static_cast<std::size_t>(op.what)]);
      if (op.what == Do::finish) break;
      const bool swallows = std::exchange(swallow, op.what == Do::swallow);
      try {
        perform(op, script, number);
      } catch (const CancelledError&) {
        if (!swallows) throw;
      } catch (const std::exception&) {
        if (!swallows) throw;
      }
      observer_.body_runs(current_task(), name);
    }
    return 0;
  }

  void perform(const Op& op, std::size_t script, std::size_t number) {
    switch (op.what) {
      case Do::give_way: return give_way();
      case Do::sleep: return sleep(std::chrono::milliseconds(op.arg));
      case Do::spawn: return spawn(script + 1 + op.arg % 3, false);
      case Do::spawn_eagerly: return spawn(script + 1 + op.arg % 3, true);
      case Do::await_task: return await_task(number + 1 + op.arg);
      case Do::cancel: return cancel(op.arg % tasks_.size());
      case Do::uncancel: return static_cast<void>(tasks_[number] && tasks_[number].uncancel());
      case Do::fail: throw std::logic_error("failed");
      case Do::interrupt: throw KeyboardInterrupt();
      case Do::swallow:
      case Do::finish: return;
    }
  }

  void sleep(Duration delay) {
    const auto future = loop_.create_future<void>();
    struct Timer {
      TimerHandle handle;
      ~Timer() { handle.cancel(); }
    };
    const Timer timer{loop_.call_later(delay, [future] {
      if (!future.done()) future.set_result();
    })};
    await(future);
  }

  void await_task(std::size_t number) {
    if (number < tasks_.size() && tasks_[number]) await(Task<int>(tasks_[number]));
  }

  void cancel(std::size_t number) {
    if (tasks_[number]) tasks_[number].cancel();
  }

  const Program& program_;
  ShuffledLoop loop_;
  Observer observer_;
  std::vector<AnyTask> tasks_;  // in the order of creation; empty while an eager task makes its first step
  std::vector<std::string> trace_;
};

// Properties -----------------------------------------------------------------------------------------------

// N1 to N5 for the tasks of this library; S115 to S131.
RC_GTEST_PROP(EveryTask, LivesByTheRules, ()) {
  const Program program = *a_program();

  const std::string violation = Execution(program, std::nullopt).run();

  if (!violation.empty()) RC_FAIL(violation);
}

// N1 to N5 for a task type from outside; S123.
RC_GTEST_PROP(EveryForeignTask, CanLiveByTheRules, ()) {
  const Program program = *a_program();

  const std::string violation = Execution(program, Mistake::none).run();

  if (!violation.empty()) RC_FAIL(violation);
}

// S123: a foreign task type takes part as ours does: every operation happens in the same order.
RC_GTEST_PROP(EveryForeignTask, RunsLikeOurs, ()) {
  const Program program = *a_program();
  Execution ours(program, std::nullopt);
  Execution foreign(program, Mistake::none);

  ours.run();
  foreign.run();

  RC_ASSERT(ours.trace() == foreign.trace());
}

// The properties can fail ----------------------------------------------------------------------------------

constexpr int EXECUTIONS = 1000;

/// The number of the first of so many executions, with fixed seeds, in which a violation is found; 0 for none.
int first_violation(std::optional<Mistake> mistake, std::string* what = nullptr) {
  const auto gen = a_program();
  for (int i = 1; i <= EXECUTIONS; ++i) {
    const Program program = gen(rc::Random(static_cast<std::uint64_t>(i)), 10 + i % 90).value();
    const std::string violation = Execution(program, mistake).run();
    if (violation.empty()) continue;
    if (what) *what = violation;
    return i;
  }
  return 0;
}

class EveryMistake : public testing::TestWithParam<std::pair<Mistake, const char*>> {};

TEST_P(EveryMistake, IsFoundWithinAThousandExecutions) {
  std::string what;

  const int execution = first_violation(GetParam().first, &what);

  EXPECT_GT(execution, 0);
  std::printf("    in execution %d: %s\n", execution, what.c_str());
}

INSTANTIATE_TEST_SUITE_P(OfATaskType, EveryMistake, testing::ValuesIn(MISTAKES),
                         [](const auto& info) { return std::string(info.param.second); });

TEST(NoMistake, IsFoundWhereThereIsNone) {
  EXPECT_EQ(first_violation(Mistake::none), 0);
  EXPECT_EQ(first_violation(std::nullopt), 0);
}

}  // namespace
}  // namespace asyncio
