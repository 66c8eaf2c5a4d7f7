// contexts.cpp: context variables and contexts. Rules S349 to S351.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::Context;
using asyncio::ContextVar;
using asyncio::copy_context;
using asyncio::create_task;
using asyncio::sleep;
using asyncio::Token;

ContextVar<std::string> user{"user"};
ContextVar<int> level{"level", 0};

void the_value_of_a_variable() {  // S349
  say(outcome([] { return user.get(); }));
  say(user.get("fallback") + " " + py(level.get()) + " " + py(level.get(5)));
  user.set("set");
  level.set(3);
  say(user.get() + " " + user.get("fallback") + " " + py(level.get()) + " " + py(level.get(5)));
  say(user.name() + " " + level.name());
}

void tokens_put_things_back() {  // S349
  const Token first = user.set("one");
  const Token second = user.set("two");
  user.reset(second);
  say(user.get());
  const std::string again = outcome([&] { user.reset(second); });
  say(again.substr(0, again.find(':')));
  user.reset(first);
  say(outcome([] { return user.get(); }));
  const auto third = level.set(1);
  level.reset(third);
  say(py(level.get()));
}

void a_foreign_token_is_refused() {  // S349
  ContextVar<std::string> other{"other", ""};
  const auto token = user.set("x");
  say(outcome([&] { other.reset(token); }));
  const Context elsewhere = copy_context();
  say(outcome([&] { elsewhere.run([&] { user.reset(token); }); }));
  user.reset(token);
  say(user.get("nothing"));
}

void tokens_out_of_order() {  // S349
  const auto a = level.set(1);
  const auto b = level.set(2);
  level.reset(a);
  say(py(level.get()));
  level.reset(b);
  say(py(level.get()));
}

void a_context_is_a_snapshot() {  // S350
  user.set("before");
  const Context context = copy_context();
  user.set("after");
  say(context.get(user) + " " + context.run([] { return user.get(); }) + " " + user.get());
  context.run([] { user.set("inside"); });
  say(context.get(user) + " " + user.get());
  const Context copy = context.copy();
  context.run([] { user.set("again"); });
  say(copy.get(user) + " " + context.get(user));
}

void looking_into_a_context() {  // S349, S350
  Context context;
  say(py(context.size()) + " " + py(context.contains(user)) + " " + context.get(user, "missing"));
  say(outcome([&] { return context.get(user); }));
  context.run([] { user.set("here"); });
  say(py(context.size()) + " " + py(context.contains(user)) + " " + context.get(user) + " " +
      context.get(user, "missing"));
  say(py(context.run([] { return level.get(); })));
  say(py(context.contains(level)));
}

void a_context_is_entered_once() {  // S350
  const Context context = copy_context();
  const std::string refusal = outcome([&] { context.run([&] { context.run([] { say("never"); }); }); });
  say(refusal.substr(0, refusal.find(':')));
  say(context.run([] { return std::string("afterwards"); }));
}

void contexts_within_contexts() {  // S350
  const Context outer = copy_context();
  const Context inner = copy_context();
  say(outer.run([&] {
    user.set("outer");
    inner.run([] { user.set("inner"); });
    return user.get();
  }));
  say(outer.get(user) + " " + inner.get(user) + " " + user.get("nobody"));
}

void an_error_leaves_the_context() {  // S350
  const Context context = copy_context();
  say(outcome([&] {
    context.run([] {
      user.set("half done");
      throw std::invalid_argument("");
    });
  }));
  say(context.get(user) + " " + user.get("nobody") + " " + context.run([] { return user.get(); }));
}

std::string child() {
  say("child sees " + user.get());
  user.set("child");
  return user.get();
}

void tasks_and_their_tasks() {  // S351
  user.set("main");
  await(create_task([] {
    user.set("parent");
    std::string value = await(create_task(child));
    say("parent still sees " + user.get() + ", not " + value);
    value = child();
    say("a plain call changes it: " + user.get());
  }));
  say(user.get());
}

void contexts_of_gather_and_groups() {  // S351
  const auto work = [](std::string name) {
    return [name] {
      const std::string before = user.get();
      user.set(name);
      sleep(0s);
      return before + "/" + user.get();
    };
  };
  user.set("main");
  const auto [a, b] = await(asyncio::gather(work("a"), work("b")));
  const Context shared = copy_context();
  const auto [c, d] = asyncio::task_group([&](asyncio::TaskGroup& group) {
    auto first = group.create_task(work("c"));
    auto second = group.create_task(work("d"), {.context = shared});
    return std::pair{first, second};
  });
  say(a + " " + b + " " + c.result() + " " + d.result() + " " + shared.get(user) + " " + user.get());
}

void wait_for_does_not_copy() {  // S149
  const auto work = [] { user.set("by the awaited"); };
  user.set("main");
  asyncio::wait_for(work, 1s);
  say(user.get());
  await(create_task(work));
  say(sleep(0s, user.get()));
}

void the_context_of_a_task() {  // S351
  const auto work = [] {
    level.set(level.get() + 1);
    sleep(0s);
    level.set(level.get() + 1);
  };
  const Context context = copy_context();
  auto task = create_task(work, {.context = context});
  say(py(task.get_context() == context));
  sleep(0s);
  say(py(context.get(level)));
  await(task);
  say(py(context.get(level)) + " " + py(level.get()));
  auto other = create_task(work);
  sleep(0s);
  say(py(other.get_context() == context));
  await(other);
}

void a_context_that_is_replaced_while_it_runs() {  // S350
  asyncio::Context context = asyncio::copy_context();
  context.run([&] {
    user.set("inside");
    context = asyncio::Context();
    say(user.get() + " " + outcome([&] { return context.get(user); }));
  });
  say(outcome([] { return user.get(); }));
}

}  // namespace

Group contexts() {
  return {"Contexts",
          "contexts",
          {
              {"the_value_of_a_variable", the_value_of_a_variable},
              {"tokens_put_things_back", tokens_put_things_back},
              {"a_foreign_token_is_refused", a_foreign_token_is_refused},
              {"tokens_out_of_order", tokens_out_of_order},
              {"a_context_is_a_snapshot", a_context_is_a_snapshot},
              {"looking_into_a_context", looking_into_a_context},
              {"a_context_is_entered_once", a_context_is_entered_once},
              {"contexts_within_contexts", contexts_within_contexts},
              {"an_error_leaves_the_context", an_error_leaves_the_context},
              {"tasks_and_their_tasks", tasks_and_their_tasks},
              {"contexts_of_gather_and_groups", contexts_of_gather_and_groups},
              {"wait_for_does_not_copy", wait_for_does_not_copy},
              {"the_context_of_a_task", the_context_of_a_task},
              {"a_context_that_is_replaced_while_it_runs", a_context_that_is_replaced_while_it_runs},
          },
          {}};
}

}  // namespace conformance
