// steps_at_once.cpp: the steps that never wait, in the order of on_cpython.py; machine.hpp says what a step is.
//
// A step gets its machine, itself as JSON, and its scope. step[1] is its first argument.
#include "tests/conformance/differential/machine.hpp"

namespace conformance::differential {
namespace {

using Result = std::optional<std::string>;
constexpr std::nullopt_t NOTHING = std::nullopt;  // to say

/// The element with that number; null where there are none.
template <class T>
T* chosen(std::vector<T>& things, const Json& index) {
  return things.empty() ? nullptr : &things[index.get<std::size_t>() % things.size()];
}

asyncio::Future<int>& future(Machine& m, const Json& index) { return m.futures[index.get<std::size_t>()]; }

/// "a, b, c" of what `show` makes of each.
template <class T, class F>
std::string list_of(const std::vector<T>& things, F show, std::string text = {}) {
  for (const T& thing : things) text += (text.empty() ? "" : ", ") + std::string(show(thing));
  return text.empty() ? "none" : text;
}

std::unique_ptr<asyncio::Queue<int>> new_queue(const std::string& type, std::size_t size) {
  if (type == "LifoQueue") return std::make_unique<asyncio::LifoQueue<int>>(size);
  if (type == "PriorityQueue") return std::make_unique<asyncio::PriorityQueue<int>>(size);
  return std::make_unique<asyncio::Queue<int>>(size);
}

std::unique_ptr<asyncio::Semaphore> new_semaphore(int value, bool bounded) {
  if (bounded) return std::make_unique<asyncio::BoundedSemaphore>(value);
  return std::make_unique<asyncio::Semaphore>(value);
}

// ---- Steps with more than a line ----

Result configure(Machine& m, const Json& step, Scope&) {
  m.queue = new_queue(step[1], step[2]);
  m.semaphore = new_semaphore(step[3], step[4]);
  m.barrier = std::make_unique<asyncio::Barrier>(step[5].get<int>());
  const bool shares_the_lock = step[6];
  m.condition = shares_the_lock ? std::make_unique<asyncio::Condition>(m.lock) : std::make_unique<asyncio::Condition>();
  return NOTHING;
}

Result create_task(Machine& m, const Json& step, Scope&) {
  m.tasks.push_back(asyncio::create_task([&m, steps = step[1]] { return m.script(steps); }, {.eager_start = step[2]}));
  return NOTHING;
}

Result create_task_in_context(Machine& m, const Json& step, Scope&) {
  m.tasks.push_back(asyncio::create_task([&m, steps = step[1]] { return m.script(steps); }, {.context = m.context}));
  return NOTHING;
}

Result create_task_in_group(Machine& m, const Json& step, Scope& scope) {
  if (scope.groups.empty()) return NOTHING;
  const bool eager = step[2];
  const auto body = [&m, steps = step[1]] { return m.script(steps); };
  m.tasks.push_back(scope.groups.back()->create_task(body, {.eager_start = eager}));
  return NOTHING;
}

Result cancel(Machine& m, const Json& step, Scope&) {
  asyncio::Task<int>* const found = chosen(m.tasks, step[1]);
  if (!found) return NOTHING;
  asyncio::Task<int> task = *found;  // what the cancellation runs may add tasks
  const bool cancelled = task.cancel(step[2]);
  return py(cancelled) + " " + py(task.cancelling());
}

Result states(Machine& m, const Json&, Scope&) {
  const std::string futures = list_of(m.futures, state);
  return list_of(m.tasks, state, futures);
}

Result outer_states(Machine& m, const Json&, Scope&) {
  return list_of(m.outer, [](const asyncio::AnyFuture& outer) {
    return !outer.done() ? "pending" : outer.cancelled() ? "cancelled" : "done";
  });
}

Result add_done_callback(Machine& m, const Json& step, Scope&) {
  asyncio::Future<int> future = m.awaitable(step[1]);
  const asyncio::CallbackId id = future.add_done_callback([&m, steps = step[2]](asyncio::AnyFuture done) {
    m.say("callback: " + state(asyncio::Future<int>(done)));
    m.run_at_once(steps);
  });
  m.callbacks.emplace_back(future, id);
  return NOTHING;
}

Result add_done_callback_in_context(Machine& m, const Json& step, Scope&) {
  const auto callback = [&m, steps = step[2]](asyncio::AnyFuture done) {
    m.say("callback in the context of " + py(m.variable.get()) + ": " + state(asyncio::Future<int>(done)));
    m.run_at_once(steps);
  };
  m.awaitable(step[1]).add_done_callback(callback, m.context);
  return NOTHING;
}

/// A callback that is added twice and removes itself: Python removes what is equal, and we what has the number.
Result add_callbacks_that_leave(Machine& m, const Json& step, Scope&) {
  const auto ids = std::make_shared<std::vector<asyncio::CallbackId>>();
  const auto callback = [&m, ids](asyncio::AnyFuture done) {
    std::size_t removed = 0;
    for (const asyncio::CallbackId id : *ids) removed += done.remove_done_callback(id);
    m.say("callbacks leave: " + py(removed));
  };
  asyncio::Future<int> future = m.awaitable(step[1]);
  for (int n = 0; n < 2; ++n) ids->push_back(future.add_done_callback(callback));
  return NOTHING;
}

Result reschedule(Machine& m, const Json& step, Scope& scope) {
  if (scope.timeouts.empty()) return NOTHING;
  const std::optional<asyncio::Duration> delay = duration(step[1]);
  scope.timeouts.back()->reschedule(delay ? std::optional(m.loop->time() + *delay) : std::nullopt);
  return NOTHING;
}

Result primitives(Machine& m, const Json&, Scope&) {
  return py(m.lock.locked()) + " " + py(m.semaphore->locked()) + " " + py(m.condition->locked()) + " " +
         py(m.event.is_set()) + " " + py(m.queue->qsize()) + " " + py(m.barrier->n_waiting());
}

Result new_generator(Machine& m, const Json& step, Scope&) {
  m.generators.push_back(m.generator(step[1], step[2], "generator " + py(m.generators.size())));
  return NOTHING;
}

/// A step that says nothing.
template <class F>
Step quiet(F act) {
  return [act](Machine& m, const Json& step, Scope& scope) -> Result {
    act(m, step, scope);
    return NOTHING;
  };
}

}  // namespace

Machine::Generator Machine::generator(const Json& steps, const Json& at_the_end, const std::string& name) {
  return Generator([this, steps, at_the_end, name](auto& yield) {
    Scope scope;
    const auto yield_step = [&](const Json& step) {
      try {
        const std::optional<int> sent = yield(step[1].get<int>());
        say(name + " is sent " + (sent ? py(*sent) : "None"));
      } catch (const asyncio::CoroutineExit&) {
        say(name + " is to end");
        throw;
      } catch (...) {
        say(name + " catches " + shown_briefly(std::current_exception()));
        if (step[2] == "raise") throw;
        if (step[2] == "oops") throw Oops("of a generator");
      }
    };
    try {
      for (const Json& one : steps) one[0] == "yield" ? yield_step(one) : step(one, scope);
    } catch (const asyncio::CoroutineExit&) {
      run(at_the_end, scope);
      say(name + " has ended");
      throw;
    } catch (...) {
      say(name + " fails: " + shown_briefly(std::current_exception()));
      run(at_the_end, scope);
      throw;
    }
    say(name + " ends");
    run(at_the_end, scope);
  });
}

namespace {

template <class Awaitables>
Result start_gather(Machine& m, Awaitables awaitables, bool return_exceptions) {
  if (return_exceptions) {
    m.outer.emplace_back(asyncio::gather(asyncio::return_exceptions, std::move(awaitables)));
  } else {
    m.outer.emplace_back(asyncio::gather(std::move(awaitables)));
  }
  return NOTHING;
}

// What the shorter steps are written with: M is the machine, "step" the step.
using M = Machine&;
using J = const Json&;
using S = Scope&;

}  // namespace

const Steps STEPS_AT_ONCE = {
    // Futures.
    {"configure", configure},
    {"set_result", quiet([](M m, J step, S) { future(m, step[1]).set_result(step[2].get<int>()); })},
    {"set_exception",
     quiet([](M m, J step, S) { future(m, step[1]).set_exception(Oops("of future " + py(step[1].get<int>()))); })},
    {"set_cancelled_error",
     quiet([](M m, J step, S) { future(m, step[1]).set_exception(asyncio::CancelledError("as an error")); })},
    {"cancel_future", [](M m, J step, S) -> Result { return py(future(m, step[1]).cancel("the future")); }},
    {"new_future", quiet([](M m, J step, S) { future(m, step[1]) = m.loop->create_future<int>(); })},
    {"start_gather", [](M m, J step, S) { return start_gather(m, m.awaitables(step[1]), step[2]); }},
    {"start_gather_of_scripts", [](M m, J step, S) { return start_gather(m, m.scripts(step[1]), step[2]); }},
    {"start_shield", quiet([](M m, J step, S) { m.outer.emplace_back(asyncio::shield(m.awaitable(step[1]))); })},
    {"cancel_outer",
     [](M m, J step, S) -> Result {
       asyncio::AnyFuture* const found = chosen(m.outer, step[1]);
       if (!found) return NOTHING;
       asyncio::AnyFuture outer = *found;
       return py(outer.cancel("the outer future"));
     }},

    // Tasks.
    {"create_task", create_task},
    {"create_task_in_context", create_task_in_context},
    {"create_task_in_group", create_task_in_group},
    {"cancel_group", quiet([](M, J, S scope) {
       if (!scope.groups.empty()) scope.groups.back()->cancel();
     })},
    {"cancel", cancel},
    {"uncancel",
     [](M m, J step, S) -> Result {
       asyncio::Task<int>* const task = chosen(m.tasks, step[1]);
       return task ? Result(py(task->uncancel())) : NOTHING;
     }},
    {"cancel_self",
     [](M, J step, S) -> Result {
       asyncio::AnyTask task = asyncio::current_task();
       return task ? Result(py(task.cancel(step[1]))) : NOTHING;
     }},
    {"uncancel_self",
     [](M, J, S) -> Result {
       asyncio::AnyTask task = asyncio::current_task();
       return task ? Result(py(task.uncancel())) : NOTHING;
     }},
    {"cancelling",
     [](M, J, S) -> Result {
       const asyncio::AnyTask task = asyncio::current_task();
       return task ? Result(py(task.cancelling())) : NOTHING;
     }},
    {"states", states},
    {"outer_states", outer_states},
    {"handle_states",
     [](M m, J, S) -> Result {
       return list_of(m.handles,
                      [](const asyncio::Handle& handle) { return handle.cancelled() ? "cancelled" : "kept"; });
     }},
    {"count_tasks", [](M, J, S) -> Result { return py(asyncio::all_tasks().size()); }},

    // Callbacks, contexts, deadlines.
    {"call_soon", quiet([](M m, J step, S) {
       m.handles.push_back(m.loop->call_soon([&m, steps = step[1]] { m.run_at_once(steps); }));
     })},
    {"call_later", quiet([](M m, J step, S) {
       const auto callback = [&m, steps = step[2]] { m.run_at_once(steps); };
       m.handles.push_back(m.loop->call_later(step[1].get<int>() * TICK, callback));
     })},
    {"cancel_handle", quiet([](M m, J step, S) {
       if (asyncio::Handle* const handle = chosen(m.handles, step[1])) handle->cancel();
     })},
    {"add_done_callback", add_done_callback},
    {"add_done_callback_in_context", add_done_callback_in_context},
    {"add_callbacks_that_leave", add_callbacks_that_leave},
    {"remove_done_callback",
     [](M m, J step, S) -> Result {
       auto* const callback = chosen(m.callbacks, step[1]);
       return callback ? Result(py(callback->first.remove_done_callback(callback->second))) : NOTHING;
     }},
    {"copy_context", quiet([](M m, J, S) { m.context = asyncio::copy_context(); })},
    {"run_in_context", quiet([](M m, J step, S) {
       asyncio::Context context = m.context;  // which a step may replace
       context.run([&] { m.run_at_once(step[1]); });
     })},
    {"set_variable", quiet([](M m, J step, S) { m.variable.set(step[1].get<int>()); })},
    {"get_variable", [](M m, J, S) -> Result { return py(m.variable.get()); }},
    {"reschedule", reschedule},
    {"expired",
     [](M, J, S scope) -> Result {
       return scope.timeouts.empty() ? NOTHING : Result(py(scope.timeouts.back()->expired()));
     }},
    {"stop", quiet([](M m, J, S) { m.loop->stop(); })},

    // What tasks share.
    {"event_set", quiet([](M m, J, S) { m.event.set(); })},
    {"event_clear", quiet([](M m, J, S) { m.event.clear(); })},
    {"semaphore_release", quiet([](M m, J, S) { m.semaphore->release(); })},
    {"count_up", quiet([](M m, J, S) { ++m.count; })},
    {"put_nowait", quiet([](M m, J step, S) { m.queue->put_nowait(step[1].get<int>()); })},
    {"get_nowait", [](M m, J, S) -> Result { return py(m.queue->get_nowait()); }},
    {"task_done", quiet([](M m, J, S) { m.queue->task_done(); })},
    {"shutdown", quiet([](M m, J step, S) { m.queue->shutdown({.immediate = step[1]}); })},
    {"primitives", primitives},
    {"new_generator", new_generator},
};

}  // namespace conformance::differential
