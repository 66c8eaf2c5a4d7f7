// lifetime.cpp: what makes a task visible and current, by hand. Rules S115 to S123.
#include <algorithm>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::all_tasks;
using asyncio::AnyTask;
using asyncio::await;
using asyncio::create_task;
using asyncio::current_task;
using asyncio::get_running_loop;
using asyncio::sleep;

/// The outcome, without the descriptions of objects in it.
template <class F>
std::string brief(F act) {
  const std::string text = outcome(act);
  return text.substr(0, text.find(" <"));
}

void idle() { sleep(10ms); }

std::string visible(const AnyTask& task) { return py(all_tasks().contains(task)); }

void entering_and_leaving_by_hand() {  // S116
  auto& loop = get_running_loop();
  const AnyTask me = current_task();
  auto other = create_task(idle, {.name = "other"});
  say(brief([&] { asyncio::enter_task(loop, other); }));
  say(brief([&] { asyncio::enter_task(loop, me); }));
  say(brief([&] { asyncio::leave_task(loop, other); }));
  say(py(current_task() == me));
  asyncio::leave_task(loop, me);
  say(current_task() ? "a task" : "None");
  say(brief([&] { asyncio::leave_task(loop, me); }));
  asyncio::enter_task(loop, other);
  say(current_task().get_name());
  asyncio::leave_task(loop, other);
  asyncio::enter_task(loop, me);
  await(other);
}

void swapping_the_current_task() {  // S118
  auto& loop = get_running_loop();
  const AnyTask me = current_task();
  auto other = create_task(idle, {.name = "other"});
  say(py(asyncio::swap_current_task(loop, other) == me));
  say(current_task().get_name());
  say(py(asyncio::swap_current_task(loop, AnyTask{}) == other));
  say(current_task() ? "a task" : "None");
  say(asyncio::swap_current_task(loop, me) ? "a task" : "None");
  say(py(current_task() == me));
  await(other);
}

void only_the_running_loop_has_a_current_task() {  // S117
  auto other = new_loop();
  const AnyTask me = current_task();
  const auto kind = [](const std::string& text) { return text.substr(0, text.find(':')); };
  say(kind(brief([&] { asyncio::enter_task(*other, me); })));
  say(kind(brief([&] { asyncio::leave_task(*other, me); })));
  say(kind(brief([&] { asyncio::swap_current_task(*other, me); })));
  say(py(current_task() == me));
  other->close();
}

void registering_by_hand() {  // S119
  auto other = create_task(idle);
  say(visible(other) + " " + py(all_tasks().size()));
  asyncio::unregister_task(other);
  asyncio::unregister_task(other);
  say(visible(other) + " " + py(all_tasks().size()));
  asyncio::register_task(other);
  asyncio::register_task(other);
  say(visible(other) + " " + py(all_tasks().size()));
  await(other);
  say(visible(other) + " " + py(all_tasks().size()));
}

void registering_eagerly_by_hand() {  // S125
  auto other = create_task(idle);
  asyncio::unregister_task(other);
  asyncio::register_eager_task(other);
  say(visible(other));
  asyncio::unregister_eager_task(other);
  asyncio::unregister_eager_task(other);
  say(visible(other));
  await(other);
}

void the_tasks_of_a_loop() {  // S120
  auto& loop = get_running_loop();
  std::vector<asyncio::Task<void>> tasks;
  for (int n = 0; n < 3; ++n) tasks.push_back(create_task(idle, {.name = "t" + py(n)}));
  std::vector<std::string> names;
  for (const AnyTask& task : all_tasks()) {
    if (task.get_name().starts_with("t")) names.push_back(task.get_name());
  }
  std::ranges::sort(names);
  say(names[0] + " " + names[1] + " " + names[2]);
  tasks[0].cancel();
  sleep(0s);
  say(py(all_tasks(loop).size()));
  asyncio::wait(tasks);
  say(py(all_tasks().size()));
}

void no_task_is_current_in_a_callback() {  // S122
  auto& loop = get_running_loop();
  const AnyTask me = current_task();
  auto done = loop.create_future<void>();
  loop.call_soon([=] {
    say(std::string(current_task() ? "a task" : "None") + " " + visible(me));
    done.set_result();
  });
  await(done);
  say(py(current_task() == me));
  say(py(current_task(loop) == me));
}

void no_task_is_current_in_a_done_callback() {  // S122
  auto other = create_task(idle);
  other.add_done_callback([](asyncio::AnyFuture) { say(current_task() ? "a task" : "None"); });
  await(other);
  sleep(0s);
}

void outside_of_any_loop() {  // S120, S122
  say(outcome([] { current_task(); }));
  say(outcome([] { all_tasks(); }));
  auto loop = new_loop();
  say(current_task(*loop) ? "a task" : "None");
  say(py(all_tasks(*loop).size()));
  auto task = loop->create_task(idle);
  say(py(all_tasks(*loop).size()));
  loop->run_until_complete(task);
  say(py(all_tasks(*loop).size()));
  loop->close();
}

}  // namespace

Group lifetime() {
  return {"Lifetime",
          "lifetime",
          {
              {"entering_and_leaving_by_hand", entering_and_leaving_by_hand},
              {"swapping_the_current_task", swapping_the_current_task},
              {"only_the_running_loop_has_a_current_task", only_the_running_loop_has_a_current_task},
              {"registering_by_hand", registering_by_hand},
              {"registering_eagerly_by_hand", registering_eagerly_by_hand},
              {"the_tasks_of_a_loop", the_tasks_of_a_loop},
              {"no_task_is_current_in_a_callback", no_task_is_current_in_a_callback},
              {"no_task_is_current_in_a_done_callback", no_task_is_current_in_a_done_callback},
          },
          {
              {"outside_of_any_loop", outside_of_any_loop},
          }};
}

}  // namespace conformance
