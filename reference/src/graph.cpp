// graph.cpp: walking the edges, outwards.
#include <asyncio/graph.hpp>

#include <asyncio/events.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>

namespace asyncio {

// ---- Edges made by hand ----

void future_add_to_awaited_by(const AnyFuture& future, const AnyFuture& waiter) {
  if (future && waiter) future.get()->hold_awaited_by(Ref<FutureState>(waiter.get()));
}

void future_discard_from_awaited_by(const AnyFuture& future, const AnyFuture& waiter) {
  if (future && waiter) future.get()->discard_awaited_by(*waiter.get());
}

// ---- Capturing ----

namespace {

// Each level is a call and an object inside another; a coroutine's stack has room for some thousands.
constexpr std::size_t DEEPEST = 256;

/// Keeps the part of a stack that `limit` asks for.
void cut(std::vector<FrameCallGraphEntry>& newest_first, std::optional<int> limit) {
  if (!limit) return;
  const auto kept = std::min(newest_first.size(), static_cast<std::size_t>(std::abs(static_cast<long>(*limit))));
  const auto dropped = static_cast<std::ptrdiff_t>(newest_first.size() - kept);
  if (*limit > 0) {
    newest_first.erase(newest_first.begin(), newest_first.begin() + dropped);
  } else {
    newest_first.erase(newest_first.end() - dropped, newest_first.end());
  }
}

std::vector<FrameCallGraphEntry> newest_first(std::vector<FrameSummary> frames) {
  std::vector<FrameCallGraphEntry> entries;
  std::ranges::transform(frames.rbegin(), frames.rend(), std::back_inserter(entries),
                         [](FrameSummary& frame) { return FrameCallGraphEntry{std::move(frame)}; });
  return entries;
}

AnyTask as_task(const AnyFuture& future) { return AnyTask(Ref<TaskState>(dynamic_cast<TaskState*>(future.get()))); }

class Walk {
 public:
  explicit Walk(std::optional<int> limit) : limit_(limit) {}

  FutureCallGraph from(AnyFuture future) {
    FutureCallGraph graph{.future = future};
    if (const AnyTask task = as_task(future); task && limit_ != 0) {
      graph.call_stack = newest_first(task.get_stack());
      cut(graph.call_stack, limit_);
    }
    add_waiters(graph);
    return graph;
  }

  void add_waiters(FutureCallGraph& graph) {
    if (path_.size() >= DEEPEST) {
      throw RuntimeError("maximum recursion depth exceeded: more than 256 futures that wait for one another");
    }
    path_.push_back(graph.future);
    for (const AnyFuture& waiter : graph.future.asyncio_awaited_by()) {
      const bool seen = std::ranges::find(path_, waiter) != path_.end();
      graph.awaited_by.push_back(seen ? FutureCallGraph{.future = waiter, .cyclic = true} : from(waiter));
    }
    path_.pop_back();
  }

 private:
  std::optional<int> limit_;
  std::vector<AnyFuture> path_;  // from the first future to the one whose waiters are asked for
};

/// The current task, as the functions below find it; empty where there is none.
AnyFuture future_or_current_task(const AnyFuture& future) {
  if (future) return future;
  if (!get_running_loop_or_null()) {
    throw RuntimeError(
        "capture_call_graph() is called outside of a running event loop and no *future* to introspect was provided");
  }
  return current_task();
}

}  // namespace

std::optional<FutureCallGraph> capture_call_graph(const AnyFuture& future, CallGraphOptions options) {
  const AnyFuture start = future_or_current_task(future);
  if (!start) return std::nullopt;
  if (!get_running_loop_or_null() || start != current_task()) return Walk(options.limit).from(start);

  FutureCallGraph graph{.future = start};
  if (options.limit != 0) {
    graph.call_stack = newest_first(as_task(start).get_stack());
    const auto skipped = std::min(graph.call_stack.size(), static_cast<std::size_t>(std::max(options.depth - 1, 0)));
    graph.call_stack.erase(graph.call_stack.begin(), graph.call_stack.begin() + static_cast<std::ptrdiff_t>(skipped));
    cut(graph.call_stack, options.limit);
  }
  Walk(options.limit).add_waiters(graph);
  return graph;
}

// ---- As text ----

namespace {

std::string title(const AnyFuture& future) {
  if (const AnyTask task = as_task(future)) return "* Task(name='" + task.get_name() + "')";
  return "* Future()";
}

std::string line_of(const FrameSummary& frame) {
  const std::string call = "in " + frame.name + (frame.name.ends_with('>') ? "" : "()");
  if (frame.filename.empty()) return call;
  return "File '" + frame.filename + "', line " + std::to_string(frame.lineno) + ", " + call;
}

/// The lines of one node. Never inlined: its texts would be in every frame of the recursion below, which goes as deep
/// as tasks wait for each other, on a stack that is not large.
[[gnu::noinline]] void render_node(const FutureCallGraph& graph, std::size_t level, std::vector<std::string>& lines) {
  const std::string indent(level * 4, ' ');
  lines.push_back(indent + title(graph.future) + (graph.cyclic ? " waits for itself: a cycle" : ""));
  if (!graph.call_stack.empty()) lines.push_back(indent + "  + Call stack:");
  for (const FrameCallGraphEntry& entry : graph.call_stack) lines.push_back(indent + "  |   " + line_of(entry.frame));
  if (!graph.awaited_by.empty()) lines.push_back(indent + "  + Awaited by:");
}

void render(const FutureCallGraph& graph, std::size_t level, std::vector<std::string>& lines) {
  render_node(graph, level, lines);
  for (const FutureCallGraph& waiter : graph.awaited_by) render(waiter, level + 1, lines);
}

}  // namespace

std::string format_call_graph(const AnyFuture& future, CallGraphOptions options) {
  const std::optional<FutureCallGraph> graph = capture_call_graph(future, options);
  if (!graph) return {};
  std::vector<std::string> lines;
  render(*graph, 0, lines);
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

void print_call_graph(const AnyFuture& future, PrintCallGraphOptions options) {
  (options.file ? *options.file : std::cout)
      << format_call_graph(future, {.depth = options.depth, .limit = options.limit}) << '\n';
}

}  // namespace asyncio
