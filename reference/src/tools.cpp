// tools.cpp: a copy of what all tasks are doing, and two pictures of it.
//
// The edges of the call graph say who waits for a task; a tree is read the other way, from the one who waits down to
// what he waits for. Futures that are no tasks are stepped over: what a table shows is tasks.
//
//   T1  A task is drawn with its stack and its children once.
//   T2  Nothing here calls itself deeper than DEEPEST_TREE: the stack of a coroutine is small, a chain of tasks need
//   not be.
#include <asyncio/tools.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace asyncio {
namespace {

constexpr std::size_t DEEPEST_TREE = 64;

std::string made_at(const std::source_location& where) {
  const std::string_view path = where.file_name();
  return std::string(path.substr(path.find_last_of('/') + 1)) + ":" + std::to_string(where.line());
}

/// "shop::fetch  shop.cpp:41"
std::string made_at(const FrameSummary& frame) {
  if (frame.filename.empty()) return frame.name;
  return frame.name + "  " + frame.filename.substr(frame.filename.find_last_of('/') + 1) + ":" +
         std::to_string(frame.lineno);
}

TaskInfo::State state_of(const TaskState& task) {
  const Coroutine coroutine = task.get_coro();
  const bool runs = coroutine && coroutine.state() == Coroutine::State::running;
  if (runs || task.core().current_task() == &task) return TaskInfo::State::running;
  return task.waits_for() ? TaskInfo::State::waiting : TaskInfo::State::ready;
}

using Numbers = std::map<const FutureState*, std::size_t>;  // only asked, never walked through

/// The tasks that wait for a future, also those that do so by way of other futures.
std::vector<std::size_t> waiting_tasks(const FutureState& future, const Numbers& numbers) {
  std::vector<std::size_t> found;
  std::set<const FutureState*> seen;  // as above
  std::deque<const FutureState*> to_ask{&future};
  for (; !to_ask.empty(); to_ask.pop_front()) {
    for (const FutureState* waiter : to_ask.front()->awaited_by()) {
      if (!seen.insert(waiter).second) continue;
      const auto number = numbers.find(waiter);
      if (number != numbers.end()) {
        found.push_back(number->second);
      } else if (!dynamic_cast<const TaskState*>(waiter)) {
        to_ask.push_back(waiter);
      }
    }
  }
  return found;
}

}  // namespace

std::string_view to_string(TaskInfo::State state) noexcept {
  switch (state) {
    case TaskInfo::State::running: return "running";
    case TaskInfo::State::ready: return "ready";
    case TaskInfo::State::waiting: return "waiting";
  }
  return "";
}

std::vector<TaskInfo> get_all_awaited_by(AbstractEventLoop& loop) {
  std::vector<Ref<TaskState>> tasks = loop.core().tasks();
  std::erase_if(tasks, [](const Ref<TaskState>& task) { return task->done(); });
  Numbers numbers;
  for (std::size_t i = 0; i < tasks.size(); ++i) numbers.emplace(tasks[i].get(), i);

  std::vector<TaskInfo> infos;
  for (const Ref<TaskState>& task : tasks) {
    infos.push_back({.task_name = task->get_name(),
                     .state = state_of(*task),
                     .cancelling = task->cancelling(),
                     .where = task->where(),
                     .waits_for = task->waits_for() ? task->waits_for()->repr() : "",
                     .coroutine_stack = AnyTask(task).get_stack(),
                     .awaited_by = waiting_tasks(*task, numbers)});
  }
  return infos;
}

// ---- The table ----

namespace {

std::string chain(const TaskInfo& task) {
  std::string text;
  for (const FrameSummary& frame : task.coroutine_stack) text += (text.empty() ? "" : " -> ") + frame.name;
  return text;
}

std::string state_text(const TaskInfo& task) {
  return std::string(to_string(task.state)) + (task.cancelling > 0 ? ", cancelling" : "");
}

/// How many columns a text takes: its code points.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string format_task_table(std::span<const TaskInfo> tasks) {
  std::vector<std::vector<std::string>> rows{{"task", "state", "awaited by", "made at", "coroutine stack"}};
  for (const TaskInfo& task : tasks) {
    std::string waiters;
    for (const std::size_t i : task.awaited_by) waiters += (waiters.empty() ? "" : ", ") + tasks[i].task_name;
    rows.push_back({task.task_name, state_text(task), waiters, made_at(task.where), chain(task)});
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += row[i] + std::string(widths[i] + 2 - width(row[i]), ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string format_task_table(AbstractEventLoop& loop) { return format_task_table(get_all_awaited_by(loop)); }

// ---- The tree ----

namespace {

class Tree {
 public:
  explicit Tree(std::span<const TaskInfo> tasks) : tasks_(tasks), children_(tasks.size()), drawn_(tasks.size()) {
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      for (const std::size_t waiter : tasks[i].awaited_by) children_[waiter].push_back(i);
    }
  }

  std::string draw() {
    if (tasks_.empty()) return "no tasks\n";
    for (std::size_t i = 0; i < tasks_.size(); ++i) {
      if (tasks_[i].awaited_by.empty()) draw_from(i);
    }
    for (std::size_t i = 0; i < tasks_.size(); ++i) draw_from(i);  // what is left: rings, and what hangs on them
    return text_;
  }

 private:
  void draw_from(std::size_t root) {
    roots_.push_back(root);
    for (; !roots_.empty(); roots_.pop_front()) {
      if (!drawn_[roots_.front()]) draw(roots_.front(), "", "");
    }
  }

  /// \param first  what stands before the task's own line
  /// \param rest   what stands before all lines below it
  void draw(std::size_t number, const std::string& first, const std::string& rest) {
    const TaskInfo& task = tasks_[number];
    const std::string title = first + task.task_name;
    if (std::ranges::find(path_, number) != path_.end()) return line(title + "  waits for itself: " + ring(number));
    if (drawn_[number]) return line(title + "  (see above)");
    if (path_.size() == DEEPEST_TREE) {  // T2
      roots_.push_back(number);
      return line(title + "  (see below)");
    }
    drawn_[number] = true;  // T1
    path_.push_back(number);
    line(title + " (" + state_text(task) + ")  made at " + made_at(task.where));
    const std::vector<std::size_t>& children = children_[number];
    for (const FrameSummary& frame : task.coroutine_stack) {
      line(rest + (children.empty() ? "   " : "│  ") + made_at(frame));
    }
    for (const std::size_t child : children) {
      const bool last = child == children.back();
      draw(child, rest + (last ? "└── " : "├── "), rest + (last ? "    " : "│   "));
    }
    path_.pop_back();
  }

  /// "a → b → a": from where the ring begins on the path to here.
  std::string ring(std::size_t number) const {
    std::string text;
    for (auto at = std::ranges::find(path_, number); at != path_.end(); ++at) text += tasks_[*at].task_name + " → ";
    return text + tasks_[number].task_name;
  }

  void line(const std::string& text) { text_ += text + '\n'; }

  std::span<const TaskInfo> tasks_;
  std::vector<std::vector<std::size_t>> children_;  // by task: whom it waits for
  std::vector<bool> drawn_;
  std::vector<std::size_t> path_;  // from the root to the task that is being drawn
  std::deque<std::size_t> roots_;  // what is to be drawn at the left edge
  std::string text_;
};

}  // namespace

std::string format_task_tree(std::span<const TaskInfo> tasks) { return Tree(tasks).draw(); }
std::string format_task_tree(AbstractEventLoop& loop) { return format_task_tree(get_all_awaited_by(loop)); }

}  // namespace asyncio
