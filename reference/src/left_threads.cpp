// left_threads.cpp: the list of them, which outlives everything.
//
// Source: CPython Lib/concurrent/futures/thread.py, _python_exit.
#include "left_threads.hpp"

#include <cstdlib>
#include <mutex>
#include <utility>

#include <unistd.h>

namespace asyncio {
namespace {

struct Left {
  std::vector<std::thread> threads;
  std::function<bool()> finished;
};

struct LeftThreads {
  std::mutex mutex;
  std::vector<Left> list;
  pid_t process = getpid();
};

void join_all(std::vector<Left>& list) {
  for (Left& left : list) {
    for (std::thread& thread : left.threads) {
      // A job that calls exit() is here on its own thread.
      thread.get_id() == std::this_thread::get_id() ? thread.detach() : thread.join();
    }
  }
}

// Never destroyed: what it would destroy in the child of a fork() are threads that do not exist there.
LeftThreads& left_threads() {
  static LeftThreads* const all = [] {
    std::atexit([] {
      LeftThreads& left = left_threads();
      if (left.process != getpid()) return;
      std::unique_lock lock(left.mutex);
      std::vector<Left> list = std::exchange(left.list, {});
      lock.unlock();  // a job may leave further threads
      join_all(list);
    });
    return new LeftThreads;
  }();
  return *all;
}

}  // namespace

void leave_to_exit(std::vector<std::thread> threads, std::function<bool()> finished) {
  if (threads.empty()) return;
  LeftThreads& left = left_threads();
  std::vector<Left> ended;
  {
    const std::lock_guard lock(left.mutex);
    std::erase_if(left.list, [&](Left& old) {
      if (!old.finished()) return false;
      ended.push_back(std::move(old));
      return true;
    });
    left.list.push_back({std::move(threads), std::move(finished)});
  }
  join_all(ended);
}

}  // namespace asyncio
