// watchdog.cpp: a thread that looks now and then whether the execution has changed. It asks no clock: it counts its own
// naps.
#include "watchdog.hpp"

#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include <unistd.h>

#include "exit_status.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

using namespace std::chrono_literals;

struct Running;
std::mutex mutex;               // for all that follows
std::vector<Running*> running;  // one for each thread that has ever run something and still lives

/// What a thread is running. It takes itself off the list when its thread ends.
struct Running {
  Running() {
    const std::scoped_lock lock(mutex);
    running.push_back(this);
  }
  ~Running() {
    const std::scoped_lock lock(mutex);
    std::erase(running, this);
  }

  std::string token;
  bool now = false;
  std::chrono::seconds since = 0s;
};

Running& of_this_thread() {
  thread_local Running mine;
  return mine;
}

}  // namespace

std::chrono::seconds watchdog_limit() {
  const char* text = std::getenv("ORRERY_WATCHDOG");
  if (text == nullptr || *text == '\0') return 60s;
  if (std::string_view(text) == "0") return 0s;
  return std::chrono::seconds(parse_count("ORRERY_WATCHDOG", text, 1'000'000));
}

Watchdog::Watchdog(std::chrono::seconds limit, std::function<void(const std::string&)> stuck)
    : limit_(limit), stuck_(std::move(stuck)) {
  if (limit_ != 0s) thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::scoped_lock lock(mutex);
    ending_ = true;
    for (Running* each : running) each->now = false;
  }
  ended_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::runs(const std::string& token) {
  Running& mine = of_this_thread();
  const std::scoped_lock lock(mutex);
  mine.token = token;
}

void Watchdog::execution_begins() {
  ++begun_;
  Running& mine = of_this_thread();
  const std::scoped_lock lock(mutex);
  mine.now = true;
  mine.since = 0s;
}

void Watchdog::rests() {
  Running& mine = of_this_thread();
  const std::scoped_lock lock(mutex);
  mine.now = false;
}

std::string Watchdog::token() const {
  Running& mine = of_this_thread();
  const std::scoped_lock lock(mutex);
  return mine.token;
}

void Watchdog::watch() {
  std::unique_lock lock(mutex);
  while (!ended_.wait_for(lock, 1s, [this] { return ending_; })) {
    for (Running* each : running) {
      if (!each->now || ++each->since < limit_) continue;
      stuck_(each->token);
      ::_exit(EXIT_FAILED);  // the stuck thread holds who knows what: nothing of it can be unwound
    }
  }
}

}  // namespace asyncio::sim::tool
