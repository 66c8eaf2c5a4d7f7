// task_lifetime_test.cpp: which task is current, and which tasks there are. The properties over random
// programs are in tests/properties/task_lifetime_properties.cpp.
#include <asyncio/tasks.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A task that is not ours: it runs nothing, and calls the lifetime functions only where a test does.
class ForeignTask final : public TaskState {
 public:
  explicit ForeignTask(AbstractEventLoop& loop, const char* name = "foreign")
      : TaskState(loop, nullptr, {.name = name}, std::source_location::current()) {
    set_log_destroy_pending(false);
  }
  bool cancel(std::string) override { return false; }
  void end() { finish(); }
};

/// Writes the name of each event and task.
class Writer : public Instrument {
 public:
  explicit Writer(AbstractEventLoop& loop) : loop_(loop) { loop_.add_instrument(*this); }
  ~Writer() override { loop_.remove_instrument(*this); }
  void task_registered(const AnyTask& task) override { add("register", task); }
  void task_entered(const AnyTask& task) override { add("enter", task); }
  void task_left(const AnyTask& task) override { add("leave", task); }
  void task_unregistered(const AnyTask& task) override { add("unregister", task); }
  void task_swapped(const AnyTask& before, const AnyTask& after) override {
    events.push_back("swap " + name(before) + " for " + name(after));
  }
  std::vector<std::string> events;

 private:
  static std::string name(const AnyTask& task) { return task ? task.get_name() : "none"; }
  void add(const std::string& event, const AnyTask& task) { events.push_back(event + " " + name(task)); }
  AbstractEventLoop& loop_;
};

class TaskLifetime : public testing::Test {
 protected:
  AnyTask foreign(const char* name = "foreign") { return AnyTask(make_ref<ForeignTask>(loop, name)); }
  /// Runs `act` in a callback of the loop.
  template <class F>
  void in_callback(F act) {
    loop.call_soon(act);
    loop.turn();
  }

  ScriptedLoop loop;
};

using EnteringATask = TaskLifetime;
using LeavingATask = TaskLifetime;
using SwappingTasks = TaskLifetime;
using RegisteringATask = TaskLifetime;
using AllTasks = TaskLifetime;
using TheCurrentTask = TaskLifetime;
using AnInstrument = TaskLifetime;

// The order -------------------------------------------------------------------------------------------------

// S115, S119: and not seen any more only when it has been left.
TEST_F(AnInstrument, SeesTheLifeOfATaskInOrder) {
  const Writer writer(loop);
  const auto task = loop.create_task([] { give_way(); }, {.name = "a"});
  EXPECT_THAT(writer.events, ElementsAre("register a"));

  loop.turn(2);

  EXPECT_THAT(writer.events, ElementsAre("register a", "enter a", "leave a", "enter a", "leave a", "unregister a"));
}

// S115: leave happens on an exception too, be it one that leaves the loop.
TEST_F(AnInstrument, SeesATaskLeftByExceptions) {
  const auto failing = loop.create_task([] { throw std::logic_error("failed"); }, {.name = "a"});
  const auto interrupted = loop.create_task([] { throw KeyboardInterrupt(); }, {.name = "b"});
  const Writer writer(loop);

  EXPECT_THROW(loop.turn(), KeyboardInterrupt);
  failing.exception();
  interrupted.exception();

  EXPECT_THAT(writer.events, ElementsAre("enter a", "leave a", "unregister a", "enter b", "leave b", "unregister b"));
}

// S125: the first step does not go through enter and leave.
TEST_F(AnInstrument, SeesAnEagerStartAsSwaps) {
  const auto parent = loop.create_task(
      [&] {
        const Writer writer(loop);
        create_task([] { give_way(); }, {.name = "child", .eager_start = true});
        EXPECT_THAT(writer.events, ElementsAre("swap parent for child", "register child", "unregister child",
                                               "swap child for parent", "register child"));
      },
      {.name = "parent"});

  loop.turn(2);
}

TEST_F(AnInstrument, IsNoLongerToldAfterItsRemoval) {
  Writer writer(loop);
  loop.add_instrument(writer);  // again: is told once all the same
  loop.remove_instrument(writer);
  loop.remove_instrument(writer);

  const auto task = loop.create_task([] {});
  loop.turn();

  EXPECT_THAT(writer.events, IsEmpty());
}

TEST_F(AnInstrument, MayRemoveItselfWhenItIsTold) {
  struct Once : Instrument {
    explicit Once(AbstractEventLoop& loop) : loop(loop) { loop.add_instrument(*this); }
    void before_run_once(AbstractEventLoop&) override {
      ++told;
      loop.remove_instrument(*this);
    }
    AbstractEventLoop& loop;
    int told = 0;
  };
  const Once one(loop);
  const Once other(loop);

  loop.turn(3);

  EXPECT_EQ(one.told, 1);
  EXPECT_EQ(other.told, 1);
}

TEST_F(AnInstrument, SeesEachPoll) {
  struct Polls : Instrument {
    void before_run_once(AbstractEventLoop&) override { seen += "["; }
    void before_poll(AbstractEventLoop&) override { seen += "<"; }
    void after_poll(AbstractEventLoop&) override { seen += ">"; }
    std::string seen;
  };
  Polls polls;
  loop.add_instrument(polls);
  loop.call_soon([&] { polls.seen += "callback"; });

  loop.turn(2);

  EXPECT_EQ(polls.seen, "[<>callback[<>");
}

// Enter and leave -------------------------------------------------------------------------------------------

// S115.
TEST_F(EnteringATask, MakesItCurrent) {
  const AnyTask task = foreign();

  in_callback([&] {
    enter_task(loop, task);
    EXPECT_EQ(current_task(), task);
    leave_task(loop, task);
    EXPECT_FALSE(current_task());
  });

  EXPECT_THAT(loop.reports, IsEmpty());
}

// S116: even the same one; the message names both, and the state is unchanged.
TEST_F(EnteringATask, IsRefusedWhileATaskIsCurrent) {
  const AnyTask one = foreign("one");
  const AnyTask other = foreign("other");

  in_callback([&] {
    enter_task(loop, one);
    EXPECT_THAT(text_of<RuntimeError>([&] { enter_task(loop, other); }),
                testing::AllOf(HasSubstr("'one'"), HasSubstr("'other'")));
    EXPECT_THROW(enter_task(loop, one), RuntimeError);
    EXPECT_EQ(current_task(), one);
    leave_task(loop, one);
  });
}

// S117: where the loop is not the running loop of the calling thread.
TEST_F(EnteringATask, NeedsItsLoopToRunHere) {
  ScriptedLoop other;
  const AnyTask task = foreign();

  EXPECT_THROW(enter_task(loop, task), RuntimeError);
  EXPECT_THROW(leave_task(loop, task), RuntimeError);
  EXPECT_THROW(swap_current_task(loop, task), RuntimeError);

  other.call_soon([&] { EXPECT_THROW(enter_task(loop, task), RuntimeError); });
  other.turn();
}

// CPython's table of current tasks owns the task as well.
TEST_F(EnteringATask, KeepsItUntilItIsLeft) {
  in_callback([&] {
    auto task = foreign("kept");
    enter_task(loop, task);

    task = {};

    ASSERT_TRUE(current_task());
    EXPECT_EQ(current_task().get_name(), "kept");
    leave_task(loop, current_task());
    EXPECT_FALSE(current_task());
  });
}

TEST_F(EnteringATask, EndsWithItsLoopAtTheLatest) {
  auto left = std::make_unique<ScriptedLoop>();
  left->call_soon([&] { enter_task(*left, AnyTask(make_ref<ForeignTask>(*left))); });
  left->turn();

  left.reset();  // the loop and the task hold each other: LeakSanitizer looks
}

TEST_F(EnteringATask, NeedsATask) {
  in_callback([&] {
    EXPECT_THROW(enter_task(loop, {}), std::invalid_argument);
    EXPECT_THROW(leave_task(loop, {}), std::invalid_argument);
    EXPECT_THROW(register_task({}), std::invalid_argument);
  });
}

// S116: of a task that is not the current one, or when none is.
TEST_F(LeavingATask, IsRefusedWhereItIsNotCurrent) {
  const AnyTask one = foreign("one");
  const AnyTask other = foreign("other");

  in_callback([&] {
    EXPECT_THAT(text_of<RuntimeError>([&] { leave_task(loop, one); }), HasSubstr("None"));
    enter_task(loop, one);
    EXPECT_THROW(leave_task(loop, other), RuntimeError);
    EXPECT_EQ(current_task(), one);
    leave_task(loop, one);
  });
}

// S115: a coroutine that leaves its own task is found out, and the loop goes on.
TEST_F(LeavingATask, FromInsideIsReported) {
  const auto task = loop.create_task([&] { leave_task(loop, current_task()); });

  loop.turn();

  EXPECT_THAT(loop.reports, ElementsAre(HasSubstr("does not match the current task None")));
  EXPECT_TRUE(task.done());
}

// S118: gives the previous one; none clears; none for none is allowed.
TEST_F(SwappingTasks, GivesThePreviousOne) {
  const AnyTask one = foreign("one");
  const AnyTask other = foreign("other");

  in_callback([&] {
    EXPECT_FALSE(swap_current_task(loop, {}));
    EXPECT_FALSE(swap_current_task(loop, one));
    EXPECT_EQ(swap_current_task(loop, other), one);
    EXPECT_EQ(current_task(), other);
    EXPECT_EQ(swap_current_task(loop, {}), other);
    EXPECT_FALSE(current_task());
  });
}

// Registration ----------------------------------------------------------------------------------------------

// S119, S123: a third-party task type calls the exported functions, and is seen beside ours.
TEST_F(RegisteringATask, MakesItVisible) {
  const AnyTask task = foreign();
  EXPECT_TRUE(all_tasks(loop).empty());

  register_task(task);
  EXPECT_EQ(all_tasks(loop), std::set{task});
  unregister_task(task);

  EXPECT_TRUE(all_tasks(loop).empty());
}

// S119: again is harmless, both ways.
TEST_F(RegisteringATask, MayBeRepeated) {
  const AnyTask task = foreign();
  const Writer writer(loop);

  register_task(task);
  register_task(task);
  unregister_task(task);
  unregister_task(task);

  EXPECT_TRUE(all_tasks(loop).empty());
  EXPECT_THAT(writer.events, ElementsAre("register foreign", "unregister foreign"));
}

// S119: unknown tasks are ignored.
TEST_F(RegisteringATask, IsNotNeededToUnregisterIt) {
  const AnyTask task = foreign();

  unregister_task(task);
  unregister_eager_task(task);

  EXPECT_TRUE(all_tasks(loop).empty());
}

// S125: CPython keeps two sets, so that a task type may register before it stops being eager.
TEST_F(RegisteringATask, OutlivesItsEagerRegistration) {
  const AnyTask task = foreign();
  const Writer writer(loop);

  register_eager_task(task);
  register_task(task);
  unregister_eager_task(task);
  EXPECT_EQ(all_tasks(loop), std::set{task});
  unregister_task(task);

  EXPECT_TRUE(all_tasks(loop).empty());
  EXPECT_THAT(writer.events, ElementsAre("register foreign", "unregister foreign"));
}

// S119: the list keeps nobody alive.
TEST_F(RegisteringATask, KeepsItNotAlive) {
  register_task(foreign("short-lived"));

  EXPECT_TRUE(all_tasks(loop).empty());
}

// S119: wherever in the list it was.
TEST_F(RegisteringATask, MayEndInAnyOrder) {
  std::vector<AnyTask> tasks;
  for (int i = 0; i < 5; ++i) {
    tasks.push_back(foreign());
    register_task(tasks.back());
  }

  unregister_task(tasks[2]);
  unregister_task(tasks[0]);
  unregister_task(tasks[4]);
  register_task(tasks[0]);

  EXPECT_EQ(all_tasks(loop), (std::set{tasks[0], tasks[1], tasks[3]}));
}

// S119: a non-eager task registers in its constructor, right after queuing its first step.
TEST_F(RegisteringATask, FollowsTheQueuingOfItsFirstStep) {
  struct Looks : Instrument {
    explicit Looks(ScriptedLoop& loop) : loop(loop) { loop.add_instrument(*this); }
    void task_registered(const AnyTask&) override { ready = loop.ready_count(); }
    ScriptedLoop& loop;
    std::size_t ready = 0;
  };
  const Looks looks(loop);

  const auto task = loop.create_task([] {});
  EXPECT_EQ(looks.ready, 1u);
  loop.turn();

  EXPECT_TRUE(task.done());
}

// S123: a foreign task is unregistered by a loop that closes.
TEST_F(RegisteringATask, EndsWithItsLoop) {
  const AnyTask normal = foreign();
  const AnyTask eager = foreign();
  register_task(normal);
  register_eager_task(eager);

  loop.close();

  EXPECT_TRUE(all_tasks(loop).empty());
}

// all_tasks() -----------------------------------------------------------------------------------------------

// S120: tasks of that loop that are not done.
TEST_F(AllTasks, AreThoseOfTheLoopThatAreNotDone) {
  ScriptedLoop other;
  const auto done = loop.create_task([] {});
  const auto pending = loop.create_task([] { give_way(); });
  const auto foreigner = other.create_task([] {});

  loop.turn();

  EXPECT_EQ(all_tasks(loop), std::set<AnyTask>{pending});
  EXPECT_EQ(all_tasks(other), std::set<AnyTask>{foreigner});
  loop.turn();
  other.turn();
}

// S355 leaves the order open. Ours is no order of addresses: a walk over the set goes the same way in every run.
TEST_F(AllTasks, AreInTheOrderOfTheirMaking) {
  const auto make_eight = [&] {
    std::vector<AnyTask> made;
    for (int n = 0; n < 8; ++n) made.push_back(loop.create_task([] { give_way(); }));
    return made;
  };
  make_eight();
  loop.turn();
  loop.turn();  // these have ended, and left their memory to those that come

  const std::vector<AnyTask> made = make_eight();

  const std::set<AnyTask> tasks = all_tasks(loop);
  EXPECT_EQ(std::vector(tasks.begin(), tasks.end()), made);
  loop.turn();
  loop.turn();
}

// S119, S120: a done task that is still registered is filtered out.
TEST_F(AllTasks, LeaveOutADoneTaskThatIsStillRegistered) {
  const auto state = make_ref<ForeignTask>(loop);
  register_task(AnyTask(Ref<TaskState>(state)));

  state->end();

  EXPECT_TRUE(all_tasks(loop).empty());
}

// S120.
TEST_F(AllTasks, WithoutALoopNeedARunningOne) {
  EXPECT_THROW(all_tasks(), RuntimeError);

  const std::size_t inside = loop.run_until_complete([] { return all_tasks().size(); });

  EXPECT_EQ(inside, 1u);
}

// current_task() --------------------------------------------------------------------------------------------

// S122.
TEST_F(TheCurrentTask, IsTheOneThatRuns) {
  AnyTask seen;  // not the task's own result: a task that holds itself is never freed
  const auto task = loop.create_task([&] {
    seen = current_task();
    give_way();
    EXPECT_EQ(current_task(), seen);
  });

  loop.turn();
  EXPECT_FALSE(current_task(loop));  // between steps
  loop.turn();

  EXPECT_EQ(seen, task);
}

// S122.
TEST_F(TheCurrentTask, IsNoneInAPlainCallback) {
  bool none = false;

  in_callback([&] { none = !current_task(); });

  EXPECT_TRUE(none);
}

// S122: for a loop that runs nowhere the answer is none; without a loop it is an error.
TEST_F(TheCurrentTask, NeedsARunningLoop) {
  EXPECT_FALSE(current_task(loop));
  EXPECT_THROW(current_task(), RuntimeError);
}

// T3: the inner task of an await is not on the awaiter's stack.
TEST_F(TheCurrentTask, OfAnAwaitedTaskIsItself) {
  loop.run_until_complete([] {
    const AnyTask outer = current_task();
    AnyTask seen;
    const auto inner = create_task([&seen] { seen = current_task(); });
    await(inner);
    EXPECT_EQ(seen, inner);
    EXPECT_EQ(current_task(), outer);
  });
}

}  // namespace
}  // namespace asyncio
