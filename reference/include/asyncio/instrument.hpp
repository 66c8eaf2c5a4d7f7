// instrument.hpp: an observer of a loop.
//
// Whoever wants to see what a loop does, a trace, a profiler, a test, derives from Instrument and is told.
// It must only look: an instrument that schedules or cancels changes what it observes. A loop without
// instruments pays one test of a pointer for each of these calls.
#pragma once

namespace asyncio {

class AbstractEventLoop;
class AnyTask;

/// Is told what happens to the tasks of a loop, and when the loop polls. Every function may be overridden.
class Instrument {
 public:
  virtual ~Instrument() = default;

  /// A task became visible to all_tasks().
  virtual void task_registered(const AnyTask& task);
  /// A task became the current one: it is about to run.
  virtual void task_entered(const AnyTask& task);
  /// A task is no longer the current one: it suspended or ended.
  virtual void task_left(const AnyTask& task);
  /// A task is no longer visible to all_tasks().
  virtual void task_unregistered(const AnyTask& task);
  /// The current task was replaced: `before` and `after` may be empty (eager starts, S125).
  virtual void task_swapped(const AnyTask& before, const AnyTask& after);
  /// An iteration begins.
  virtual void before_run_once(AbstractEventLoop& loop);
  /// The loop is about to ask for events.
  virtual void before_poll(AbstractEventLoop& loop);
  /// The loop has asked for events.
  virtual void after_poll(AbstractEventLoop& loop);
};

}  // namespace asyncio
