// steps_that_wait.cpp: the steps that may wait or throw, in the order of on_cpython.py.
//
// A step gets its machine, itself as JSON, and its scope. step[1] is its first argument. Each of them suspends until
// it is done.
#include "tests/conformance/differential/machine.hpp"

namespace conformance::differential {
namespace {

using Result = std::optional<std::string>;
constexpr std::nullopt_t NOTHING = std::nullopt;  // to say but that it is done

/// "7, TimeoutError" of what gather() returns.
std::string outcomes(const std::vector<int>& results) {
  std::string text;
  for (const int result : results) text += (text.empty() ? "" : ", ") + py(result);
  return text;
}
template <class Outcomes>
std::string outcomes(const Outcomes& results) {
  std::string text;
  for (const auto& result : results) {
    text += (text.empty() ? "" : ", ") + (result.has_value() ? py(result.value()) : shown_briefly(result.exception()));
  }
  return text;
}

/// Keeps a group or timeout in its list while a body runs.
template <class T>
class Around {
 public:
  Around(std::vector<T*>& list, T& one) : list_(list) { list_.push_back(&one); }
  ~Around() { list_.pop_back(); }
  Around(const Around&) = delete;
  Around& operator=(const Around&) = delete;

 private:
  std::vector<T*>& list_;
};

// ---- Awaiting ----

template <class Awaitables>
Result gather(Awaitables awaitables, bool return_exceptions) {
  if (!return_exceptions) return outcomes(asyncio::await(asyncio::gather(std::move(awaitables))));
  return outcomes(asyncio::await(asyncio::gather(asyncio::return_exceptions, std::move(awaitables))));
}

Result await_outer(Machine& m, const Json& step, Scope&) {
  if (m.outer.empty()) return NOTHING;
  const asyncio::AnyFuture outer = m.outer[step[1].get<std::size_t>() % m.outer.size()];
  asyncio::await(outer);
  return NOTHING;
}

Result wait(Machine& m, const Json& step, Scope&) {
  const asyncio::ReturnWhen return_when = step[3] == "FIRST_COMPLETED"   ? asyncio::FIRST_COMPLETED
                                          : step[3] == "FIRST_EXCEPTION" ? asyncio::FIRST_EXCEPTION
                                                                         : asyncio::ALL_COMPLETED;
  const auto [done, pending] =
      asyncio::wait(m.awaitables(step[1]), {.timeout = duration(step[2]), .return_when = return_when});
  return py(done.size()) + " done, " + py(pending.size()) + " pending";
}

Result as_completed(Machine& m, const Json& step, Scope&) {
  for (auto done : asyncio::as_completed(m.awaitables(step[1]), {.timeout = duration(step[2])})) {
    try {
      m.say("completed: " + py(asyncio::await(done)));
    } catch (const std::exception&) {
      m.say("completed: " + shown_briefly(std::current_exception()));
    }
  }
  return NOTHING;
}

Result first_completed(Machine& m, const Json& step, Scope&) {
  for (auto done : asyncio::as_completed(m.awaitables(step[1]), {.timeout = duration(step[2])})) return state(done);
  return NOTHING;
}

// ---- Control ----

Result try_(Machine& m, const Json& step, Scope& scope) {
  try {
    m.run(step[1], scope);
  } catch (const asyncio::CoroutineExit&) {
    throw;
  } catch (...) {
    m.say("caught " + shown_briefly(std::current_exception()) + " at " + py(asyncio::current_task().cancelling()));
    m.run(step[3], scope);
    if (step[2] == "raise") throw;
    if (step[2] == "oops") throw Oops("of a handler");
  }
  return NOTHING;
}

Result finally(Machine& m, const Json& step, Scope& scope) {
  try {
    m.run(step[1], scope);
  } catch (const asyncio::CoroutineExit&) {
    throw;
  } catch (...) {
    m.run(step[2], scope);
    throw;
  }
  m.run(step[2], scope);
  return NOTHING;
}

Result repeat(Machine& m, const Json& step, Scope& scope) {
  for (int left = step[1]; left > 0; --left) m.run(step[2], scope);
  return NOTHING;
}

Result timeout(Machine& m, const Json& step, Scope& scope) {
  const std::optional<asyncio::Duration> delay = duration(step[1]);
  asyncio::Timeout timeout(delay ? std::optional(m.loop->time() + *delay) : std::nullopt);
  const Around around(scope.timeouts, timeout);
  timeout.run([&] { m.run(step[2], scope); });
  return py(timeout.expired());
}

Result task_group(Machine& m, const Json& step, Scope& scope) {
  asyncio::TaskGroup group;
  const Around around(scope.groups, group);
  group.run([&](asyncio::TaskGroup&) { m.run(step[1], scope); });
  return NOTHING;
}

/// The same group for all, which only the first may enter.
Result shared_group(Machine& m, const Json& step, Scope& scope) {
  m.shared_group.run([&](asyncio::TaskGroup& group) {
    const Around around(scope.groups, group);
    m.run(step[1], scope);
  });
  return NOTHING;
}

// ---- What tasks share ----

/// Not by std::lock_guard: the release of a bounded semaphore may throw, and its error takes the place of another.
template <class Primitive>
Result holding(Machine& m, Primitive& primitive, const char* name, const Json& steps, Scope& scope) {
  primitive.acquire();
  try {
    m.say(name + std::string(" acquired"));
    m.run(steps, scope);
  } catch (...) {
    primitive.release();
    throw;
  }
  primitive.release();
  return NOTHING;
}

Result semaphore(Machine& m, const Json& step, Scope& scope) {
  const bool bounded = dynamic_cast<asyncio::BoundedSemaphore*>(m.semaphore.get()) != nullptr;
  return holding(m, *m.semaphore, bounded ? "BoundedSemaphore" : "Semaphore", step[1], scope);
}

// ---- Asynchronous generators ----

/// The generator that an argument names; empty where there is none, or where it was dropped.
Machine::Generator generator(Machine& m, const Json& index) {
  return m.generators.empty() ? Machine::Generator() : m.generators[index.get<std::size_t>() % m.generators.size()];
}

Result athrow(Machine& m, const Json& step, Scope&) {
  Machine::Generator found = generator(m, step[1]);
  if (!found) return NOTHING;
  std::exception_ptr error;
  try {
    throw_error(step[2]);
  } catch (...) {
    error = std::current_exception();
  }
  return py(found.athrow(error));
}

Result async_for(Machine& m, const Json& step, Scope&) {
  Machine::Generator found = generator(m, step[1]);
  if (!found) return NOTHING;
  int left = step[2];
  for (const int value : found) {
    m.say("item: " + py(value));
    if (--left == 0) break;
  }
  return NOTHING;
}

/// Waits for the loop to begin with its closing: how a generator is closed depends on that.
Result drop_generator(Machine& m, const Json& step, Scope&) {
  if (m.generators.empty()) return NOTHING;
  m.generators[step[1].get<std::size_t>() % m.generators.size()] = {};
  asyncio::sleep(TICK);
  return NOTHING;
}

/// A step that only says that it is done.
template <class F>
Step quiet(F act) {
  return [act](Machine& m, const Json& step, Scope& scope) -> Result {
    act(m, step, scope);
    return NOTHING;
  };
}

// What the shorter steps are written with.
using M = Machine&;
using J = const Json&;
using S = Scope&;

}  // namespace

const Steps STEPS_THAT_WAIT = {
    // Awaiting.
    {"sleep", quiet([](M, J step, S) { asyncio::sleep(step[1].get<int>() * TICK); })},
    {"await", [](M m, J step, S) -> Result { return py(asyncio::await(m.awaitable(step[1]))); }},
    {"await_shield",
     [](M m, J step, S) -> Result { return py(asyncio::await(asyncio::shield(m.awaitable(step[1])))); }},
    {"await_outer", await_outer},
    {"gather", [](M m, J step, S) { return gather(m.awaitables(step[1]), step[2]); }},
    {"gather_scripts", [](M m, J step, S) { return gather(m.scripts(step[1]), step[2]); }},
    {"wait", wait},
    {"wait_for",
     [](M m, J step, S) -> Result { return py(asyncio::wait_for(m.awaitable(step[1]), duration(step[2]))); }},
    {"wait_for_script",
     [](M m, J step, S) -> Result {
       return py(asyncio::wait_for([&] { return m.script(step[1]); }, duration(step[2])));
     }},
    {"as_completed", as_completed},
    {"first_completed", first_completed},

    // Control.
    {"raise", quiet([](M, J step, S) { throw_error(step[1]); })},
    {"return_at_the_end", quiet([](M, J step, S scope) { scope.result = step[1]; })},
    {"try", try_},
    {"finally", finally},
    {"repeat", repeat},
    {"timeout", timeout},
    {"task_group", task_group},
    {"shared_group", shared_group},

    // What tasks share.
    {"lock", [](M m, J step, S scope) { return holding(m, m.lock, "Lock", step[1], scope); }},
    {"semaphore", semaphore},
    {"condition", [](M m, J step, S scope) { return holding(m, *m.condition, "Condition", step[1], scope); }},
    {"condition_wait", [](M m, J, S) -> Result { return py(m.condition->wait()); }},
    {"condition_wait_for",
     [](M m, J step, S) -> Result {
       const int count = step[1];
       return py(m.condition->wait_for([&m, count] { return m.count >= count; }));
     }},
    {"notify", quiet([](M m, J step, S) { m.condition->notify(step[1].get<int>()); })},
    {"notify_all", quiet([](M m, J, S) { m.condition->notify_all(); })},
    {"event_wait", [](M m, J, S) -> Result { return py(m.event.wait()); }},
    {"put", quiet([](M m, J step, S) { m.queue->put(step[1].get<int>()); })},
    {"get", [](M m, J, S) -> Result { return py(m.queue->get()); }},
    {"join", quiet([](M m, J, S) { m.queue->join(); })},
    {"barrier_wait", [](M m, J, S) -> Result { return py(m.barrier->wait()); }},
    {"barrier_reset", quiet([](M m, J, S) { m.barrier->reset(); })},
    {"barrier_abort", quiet([](M m, J, S) { m.barrier->abort(); })},

    // Asynchronous generators.
    {"anext",
     [](M m, J step, S) -> Result {
       auto found = generator(m, step[1]);
       return found ? Result(py(asyncio::anext(found))) : NOTHING;
     }},
    {"asend",
     [](M m, J step, S) -> Result {
       auto found = generator(m, step[1]);
       return found ? Result(py(found.asend(step[2].get<int>()))) : NOTHING;
     }},
    {"athrow", athrow},
    {"aclose", quiet([](M m, J step, S) {
       if (auto found = generator(m, step[1])) found.aclose();
     })},
    {"async_for", async_for},
    {"drop_generator", drop_generator},
};

}  // namespace conformance::differential
