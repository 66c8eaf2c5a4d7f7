// faults.cpp: crash, restart, pause and resume.
//
// The surprise is a task that does one of these to its own host. It must go no further, or at least not now, in
// the middle of whatever it is calling. So it suspends, as if it gave way once: its next step is queued. The loop
// of a crashed host never runs that step; that of a paused one runs it after the resume().
#include "world_core.hpp"

#include <asyncio/coroutine.hpp>

#include <stdexcept>

namespace asyncio::sim {

void WorldCore::crash(std::string_view name) {
  SimHost& host = this->host(name);
  if (over_ || !host.running()) return;
  crash_host(host);
  leave_if_own(host);
}

void WorldCore::restart(std::string_view name) {
  SimHost& host = this->host(name);
  if (over_ || host.phase() == SimHost::Phase::created) return;
  if (host.phase() == SimHost::Phase::ended) ++clients_left_;
  const bool own = running_ == &host && host.running();
  if (host.running()) crash_host(host);
  if (host.phase() == SimHost::Phase::crashed && host.client()) --clients_crashed_;
  AbstractEventLoop* const outer = get_running_loop_or_null();
  set_running_loop(nullptr);
  host.start();
  set_running_loop(outer);
  network_.host_resumed(host);
  if (own) leave_if_own(host);
}

void WorldCore::pause(std::string_view name) {
  SimHost& host = this->host(name);
  if (over_ || !host.running() || host.paused()) return;
  record({.kind = EventKind::host_pause, .host = host.name_id()});
  host.set_paused(true);
  if (running_ == &host && Coroutine::inside()) Coroutine::suspend();  // suspends
}

void WorldCore::resume(std::string_view name) {
  SimHost& host = this->host(name);
  if (over_ || !host.paused()) return;
  record({.kind = EventKind::host_resume, .host = host.name_id()});
  host.set_paused(false);
  network_.host_resumed(host);
  host.loop().threads().go_on();
}

void WorldCore::crash_host(SimHost& host) {
  record({.kind = EventKind::host_crash, .host = host.name_id()});
  host.crash();
  if (host.client()) ++clients_crashed_;
  network_.host_crashed(host);
}

/// Where the calling task belongs to a host that has just crashed, it ends here.
void WorldCore::leave_if_own(const SimHost& host) {
  if (running_ != &host || !Coroutine::inside()) return;
  while (!over_) Coroutine::suspend();  // suspends for ever, until its stack is unwound
}

}  // namespace asyncio::sim
