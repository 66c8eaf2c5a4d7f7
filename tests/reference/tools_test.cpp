// tools_test.cpp: pictures of all tasks, now and on a signal. Source: CPython Lib/asyncio/tools.py.
#include <asyncio/asyncio.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <sstream>
#include <string>
#include <vector>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

TaskInfo task_info(std::string name, std::vector<std::size_t> awaited_by = {}, std::vector<FrameSummary> stack = {}) {
  return {.task_name = std::move(name),
          .state = TaskInfo::State::waiting,
          .coroutine_stack = std::move(stack),
          .awaited_by = std::move(awaited_by)};
}

/// The tree without what differs from build to build: places and stacks.
std::string bare_tree(const std::vector<TaskInfo>& tasks) {
  std::istringstream lines(format_task_tree(tasks));
  std::string bare;
  for (std::string line; std::getline(lines, line);) bare += line.substr(0, line.find(" (waiting)")) + "\n";
  return bare;
}

// The copy -------------------------------------------------------------------------------------------------

class TheInfosOfAllTasks : public testing::Test {
 protected:
  ScriptedLoop loop;
  Future<void> never = loop.create_future<void>();
};

// S120: in the order of registration, those that are not done.
TEST_F(TheInfosOfAllTasks, AreCopiedWithTheirStates) {
  loop.create_task([this] { await(never); }, {.name = "waits"});
  loop.create_task([] {}, {.name = "ends"});
  std::vector<TaskInfo> infos;
  loop.create_task([&] { infos = get_all_awaited_by(loop); }, {.name = "runs"});
  loop.create_task([] {}, {.name = "is due"});
  loop.turn();

  ASSERT_THAT(infos, SizeIs(3));
  EXPECT_EQ(infos[0].task_name, "waits");
  EXPECT_EQ(to_string(infos[0].state), "waiting");
  EXPECT_EQ(infos[0].waits_for, "<Future pending>");
  EXPECT_THAT(infos[0].where.file_name(), EndsWith("tools_test.cpp"));
  EXPECT_EQ(to_string(infos[1].state), "running");
  EXPECT_EQ(to_string(infos[2].state), "ready");
}

// S344: edges between tasks; a future in between that is no task is stepped over.
TEST_F(TheInfosOfAllTasks, KnowWhoWaitsForThem) {
  const auto worker = loop.create_task([this] { await(never); }, {.name = "worker"});
  loop.create_task([=] { await(worker); }, {.name = "one"});
  const auto between = loop.create_future<void>();
  loop.create_task([=] { await(between); }, {.name = "other"});
  future_add_to_awaited_by(worker, between);
  loop.turn(2);

  const std::vector<TaskInfo> infos = get_all_awaited_by(loop);

  ASSERT_THAT(infos, SizeIs(3));
  EXPECT_THAT(infos[0].awaited_by, ElementsAre(1, 2));
  EXPECT_THAT(infos[1].awaited_by, IsEmpty());
  future_discard_from_awaited_by(worker, between);
}

// The tree -------------------------------------------------------------------------------------------------

TEST(ATaskTree, BeginsWithThoseThatNobodyWaitsFor) {
  EXPECT_EQ(bare_tree({task_info("a"), task_info("b", {0}), task_info("c", {1}), task_info("d", {0}), task_info("e")}),
            "a\n"
            "├── b\n"
            "│   └── c\n"
            "└── d\n"
            "e\n");
}

TEST(ATaskTree, ShowsTheCallsOfEachTask) {
  const std::vector<FrameSummary> stack{{.filename = "shop/shop.cpp", .lineno = 3, .name = "shop::fetch"},
                                        {.name = "asyncio::sleep"}};
  const std::string tree = format_task_tree(std::vector{task_info("a", {}, stack), task_info("b", {0}, stack)});

  EXPECT_THAT(tree, HasSubstr("\n│  shop::fetch  shop.cpp:3\n│  asyncio::sleep\n└── b"));
  EXPECT_THAT(tree, EndsWith("\n       shop::fetch  shop.cpp:3\n       asyncio::sleep\n"));
}

TEST(ATaskTree, DrawsASharedTaskOnce) {
  EXPECT_EQ(bare_tree({task_info("a"), task_info("b"), task_info("shared", {0, 1}), task_info("deep", {2})}),
            "a\n"
            "└── shared\n"
            "    └── deep\n"
            "b\n"
            "└── shared  (see above)\n");
}

// `python -m asyncio pstree` refuses to print anything then.
TEST(ATaskTree, DrawsARingAndMarksWhereItCloses) {
  EXPECT_EQ(bare_tree({task_info("a"), task_info("b", {2}), task_info("c", {1})}),
            "a\n"
            "b\n"
            "└── c\n"
            "    └── b  waits for itself: b → c → b\n");
  EXPECT_THAT(bare_tree({task_info("self", {0})}), HasSubstr("self  waits for itself: self → self"));
}

// T2: nested so deeply that drawing it in one piece would end the process.
TEST(ATaskTree, ContinuesALongChainBelow) {
  std::vector<TaskInfo> chain{task_info("t0")};
  for (std::size_t i = 1; i < 10'000; ++i) chain.push_back(task_info("t" + std::to_string(i), {i - 1}));

  const std::string tree = format_task_tree(chain);

  EXPECT_THAT(tree, HasSubstr("t64  (see below)\n"));
  EXPECT_THAT(tree, HasSubstr("\nt64 (waiting)"));
  EXPECT_THAT(tree, HasSubstr("t9999 (waiting)"));
}

TEST(ATaskTree, SaysSoWhereThereIsNoTask) { EXPECT_EQ(format_task_tree(std::vector<TaskInfo>{}), "no tasks\n"); }

// The table ------------------------------------------------------------------------------------------------

TEST(ATaskTable, HasALineForEachTask) {
  TaskInfo cancelled = task_info("worker", {0}, {{.name = "serve"}, {.name = "asyncio::sleep"}});
  cancelled.cancelling = 1;

  const std::string table = format_task_table(std::vector{task_info("a"), cancelled});

  EXPECT_THAT(table, StartsWith("task    state                awaited by  made at  coroutine stack\na       waiting"));
  EXPECT_THAT(table, HasSubstr("\nworker  waiting, cancelling  a "));
  EXPECT_THAT(table, EndsWith("serve -> asyncio::sleep\n"));
}

// On a signal ----------------------------------------------------------------------------------------------

TEST(ASignal, HasTheLoopPrintItsTasks) {
  std::ostringstream text;
  asyncio::run([&] {
    const TaskDumpOnSignal dump(get_running_loop(), {.file = &text});
    current_task().set_name("main");

    std::raise(SIGUSR1);
    EXPECT_EQ(text.str(), "");  // not in the handler
    while (text.str().empty()) asyncio::sleep(0s);
  });
  EXPECT_THAT(text.str(), StartsWith("main (ready)"));
}

TEST(ASignal, IsHandledAsBeforeWhenTheDumpIsGone) {
  static volatile std::sig_atomic_t handled = 0;
  std::signal(SIGUSR1, [](int) { handled = handled + 1; });
  asyncio::run([] {
    {
      const TaskDumpOnSignal dump(get_running_loop());
    }
    std::raise(SIGUSR1);
  });
  EXPECT_EQ(handled, 1);
  std::signal(SIGUSR1, SIG_DFL);
}

TEST(ASignal, HasOneDumpAtATimeAndMustBeOneThatCanBeCaught) {
  asyncio::run([] {
    AbstractEventLoop& loop = get_running_loop();
    const TaskDumpOnSignal dump(loop);

    EXPECT_EQ(text_of<std::invalid_argument>([&] { TaskDumpOnSignal again(loop); }),
              "TaskDumpOnSignal: signal 10 has a TaskDumpOnSignal already");
    EXPECT_EQ(text_of<std::invalid_argument>([&] { TaskDumpOnSignal kill(loop, {.signal = SIGKILL}); }),
              "TaskDumpOnSignal: signal 9 cannot be caught");
    EXPECT_EQ(text_of<std::invalid_argument>([&] { TaskDumpOnSignal none(loop, {.signal = 0}); }),
              "TaskDumpOnSignal: signal 0 does not exist");
    const TaskDumpOnSignal other(loop, {.signal = SIGUSR2});
  });
}

}  // namespace
}  // namespace asyncio
