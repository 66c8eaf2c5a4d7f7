// task_stack.cpp: what a task is in the middle of.
//
// Source: CPython Lib/asyncio/base_tasks.py.
#include <asyncio/tasks.hpp>

#include <asyncio/exceptions.hpp>

#include <algorithm>
#include <climits>
#include <iostream>

namespace asyncio {

std::vector<FrameSummary> AnyTask::get_stack(StackOptions options) const {
  const Coroutine coroutine = get_coro();
  if (done() || !coroutine || options.limit.value_or(1) <= 0) return {};
  std::vector<FrameSummary> frames = coroutine.get_stack().frames();
  // An optimizer may have left nothing of the callable's own frame: a call at its end has become a jump.
  const std::string first = coroutine.callable_name();
  if (frames.empty() || (!first.empty() && frames.front().name != first)) {
    frames.insert(frames.begin(), {.name = first.empty() ? "?" : first});
  }
  if (coroutine.state() == Coroutine::State::created) {
    frames.front().filename = coroutine.where().file_name();
    frames.front().lineno = coroutine.where().line();
  }
  const auto kept = std::min(frames.size(), static_cast<std::size_t>(options.limit.value_or(INT_MAX)));
  frames.erase(frames.begin(), frames.end() - static_cast<std::ptrdiff_t>(kept));
  return frames;
}

void AnyTask::print_stack(PrintStackOptions options) const {
  std::ostream& file = options.file ? *options.file : std::cout;
  const std::vector<FrameSummary> frames = get_stack({.limit = options.limit});
  if (frames.empty()) {
    file << "No stack for " << repr() << '\n';
  } else {
    file << "Stack for " << repr() << " (most recent call last):\n";
    print_list(frames, file);
  }
  if (get()->exception_unseen()) file << describe(get()->exception_unseen()) << '\n';
}

}  // namespace asyncio
