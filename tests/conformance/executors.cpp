// executors.cpp: functions in other threads, and coroutines from other threads. Rules S36, S44, S78, S79, S161 to S166.
#include <future>
#include <numeric>
#include <semaphore>
#include <thread>

#include <pthread.h>

#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using asyncio::await;
using asyncio::create_task;
using asyncio::gather;
using asyncio::get_running_loop;
using asyncio::sleep;
using asyncio::ThreadPoolExecutor;
using asyncio::to_thread;

asyncio::ContextVar<std::string> user{"user", "nobody"};

constexpr const char* NO_THREADS = "a world has no threads";

template <class F>
void in_a_thread(F act) {
  std::thread(act).join();
}

std::string thread_name() {
  char name[16];
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

void what_a_function_returns_and_throws() {  // S163
  auto& loop = get_running_loop();
  say(await(loop.run_in_executor(nullptr, [] { return std::string("returned"); })));
  say(awaited(loop.run_in_executor(nullptr, [] {})));
  say(awaited(loop.run_in_executor(nullptr, [] { throw Oops("thrown"); })));
  say(awaited(loop.run_in_executor(nullptr, [] { throw std::invalid_argument("text"); })));
  say(awaited(loop.run_in_executor(nullptr, [] { throw std::out_of_range("text"); })));
}

void the_future_of_a_function() {  // S68, S163
  const auto future = get_running_loop().run_in_executor(nullptr, [] { return 7; });
  future.add_done_callback(
      [](const asyncio::AnyFuture& done) { say("callback " + py(asyncio::Future<int>(done).result())); });
  const int value = await(future);
  sleep(0s);
  say(py(value) + " " + py(future.done()));
}

void a_function_is_outside_every_loop() {  // S42, S163
  const auto look = [] {
    return outcome([] { get_running_loop(); }) + ", " + outcome([] { asyncio::current_task(); });
  };
  say(await(get_running_loop().run_in_executor(nullptr, look)));
  say(to_thread(look));
}

void to_thread_copies_the_context() {  // S162
  const auto work = [] {
    const std::string before = user.get();
    user.set("thread");
    return before + " " + user.get();
  };
  user.set("caller");
  say(to_thread(work));
  say(user.get());
  say(await(get_running_loop().run_in_executor(nullptr, work)));
  say(user.get());
}

int work(int value) {
  if (value == 0) throw Oops("zero");
  return value;
}
auto in_thread(int value) {
  return [value] { return to_thread([value] { return work(value); }); };
}

void to_thread_is_awaited_like_any_other() {  // S136, S149, S162
  const auto [one, two] = await(gather(in_thread(1), in_thread(2)));
  say("[" + py(one) + ", " + py(two) + "]");
  const auto [error] = await(gather(asyncio::return_exceptions, in_thread(0)));
  say(shown(error.exception()));
  say(py(asyncio::task_group([](asyncio::TaskGroup& group) {
    const auto three = group.create_task(in_thread(3));
    const auto four = group.create_task(in_thread(4));
    return await(three) + await(four);
  })));
  say(py(asyncio::wait_for(in_thread(5), std::nullopt)));
}

void one_worker_runs_one_after_the_other() {  // S163
  auto& loop = get_running_loop();
  std::string order;
  const auto pool = std::make_shared<ThreadPoolExecutor>(asyncio::ThreadPoolOptions{.max_workers = 1});
  const auto append = [&](int n) { return [&order, n] { order += (order.empty() ? "[" : ", ") + py(n); }; };
  std::vector<asyncio::Future<void>> jobs;
  for (int n : {1, 2, 3}) jobs.push_back(loop.run_in_executor(pool, append(n)));
  await(gather(jobs));
  say(order + "]");
  pool->shutdown();
  say(outcome([&] { loop.run_in_executor(pool, append(4)); }));
}

void the_end_of_the_default_executor() {  // S163, S166
  auto& loop = get_running_loop();
  const auto never = [] { say("never"); };
  say(await(loop.run_in_executor(nullptr, [] { return std::string("before"); })));
  loop.shutdown_default_executor();
  say(outcome([&] { loop.run_in_executor(nullptr, never); }));
  say(outcome([&] { to_thread(never); }));
  const auto pool = std::make_shared<ThreadPoolExecutor>();
  say(await(loop.run_in_executor(pool, [] { return std::string("a pool of one's own"); })));
  pool->shutdown();
  loop.shutdown_default_executor();
  say("again");
}

void the_end_of_an_executor_that_never_was() {  // S166
  auto& loop = get_running_loop();
  loop.shutdown_default_executor();
  say(outcome([&] { loop.run_in_executor(nullptr, [] { say("never"); }); }));
}

/// Runs each job in the call that submits it.
class AtOnce : public asyncio::Executor {
 public:
  void submit(asyncio::Job job) override {
    say("submitted");
    job();
  }
};

void what_can_be_the_default_executor() {  // S164
  auto& loop = get_running_loop();
  say(outcome([&] { loop.set_default_executor(std::make_shared<AtOnce>()); }));
  say(outcome([&] { loop.set_default_executor(nullptr); }));
  loop.set_default_executor(
      std::make_shared<ThreadPoolExecutor>(asyncio::ThreadPoolOptions{.max_workers = 1, .thread_name_prefix = "mine"}));
  say(to_thread(thread_name));
}

void an_executor_of_ones_own() {  // S163
  auto& loop = get_running_loop();
  say(await(loop.run_in_executor(std::make_shared<AtOnce>(), [] { return std::string("run at once"); })));
  say(awaited(loop.run_in_executor(std::make_shared<AtOnce>(), [] { throw Oops("thrown"); })));
}

void the_name_of_a_thread() {  // S163
  say(py(to_thread(thread_name).starts_with("asyncio")));
}

void cancelling_a_job_that_waits() {  // S165
  auto& loop = get_running_loop();
  std::binary_semaphore go_on(0);
  const auto pool = std::make_shared<ThreadPoolExecutor>(asyncio::ThreadPoolOptions{.max_workers = 1});
  const auto first = loop.run_in_executor(pool, [&] {
    go_on.acquire();
    return true;
  });
  const auto second = loop.run_in_executor(pool, [] { say("never"); });
  say(py(second.cancel()));
  sleep(0s);
  go_on.release();
  say(awaited(second));
  say(py(await(first)));
}

void cancelling_a_job_that_runs() {  // S165
  std::binary_semaphore begun(0), go_on(0);
  const auto pool = std::make_shared<ThreadPoolExecutor>(asyncio::ThreadPoolOptions{.max_workers = 1});
  const auto job = get_running_loop().run_in_executor(pool, [&] {
    begun.release();
    go_on.acquire();
    say("the job goes on to its end");
  });
  begun.acquire();
  say(py(job.cancel()));
  say(awaited(job));
  go_on.release();
  pool->shutdown();
}

void cancelling_who_waits_for_a_thread() {  // S100, S165
  struct Meeting {
    std::binary_semaphore begun{0}, go_on{0};
  };
  const auto meeting = std::make_shared<Meeting>();
  const auto task = create_task([=] {
    to_thread([=] {
      meeting->begun.release();
      meeting->go_on.acquire();
    });
  });
  sleep(0s);
  meeting->begun.acquire();
  task.cancel("enough");
  say(awaited(task));
  say(py(task.cancelled()));
  meeting->go_on.release();
}

void coroutines_from_a_thread() {  // S161
  auto& loop = get_running_loop();
  const auto work_in_loop = [&](int value) {
    return [&loop, value] {
      sleep(0s);
      return py(work(value)) + " " + py(&get_running_loop() == &loop);
    };
  };
  to_thread([&] {
    say(asyncio::run_coroutine_threadsafe(work_in_loop(1), loop).get());
    say(outcome([&] { asyncio::run_coroutine_threadsafe(work_in_loop(0), loop).get(); }));
    const auto cancelled = [] {
      asyncio::current_task().cancel();
      sleep(0s);
    };
    say(outcome([&] { asyncio::run_coroutine_threadsafe(cancelled, loop).get(); }));
  });
}

void a_coroutine_that_cannot_become_a_task() {  // S161
  auto& loop = get_running_loop();
  loop.set_exception_handler([](asyncio::AbstractEventLoop&, const asyncio::ExceptionContext& context) {
    say(context.message.substr(0, 21) + ": " + shown(context.exception));
  });
  std::future<void> future;
  loop.set_task_factory([](asyncio::AbstractEventLoop&, const asyncio::Coroutine&,
                           const asyncio::TaskOptions&) -> asyncio::AnyTask { throw Oops("no more tasks"); });
  in_a_thread([&] { future = asyncio::run_coroutine_threadsafe([] { say("never"); }, loop); });
  sleep(0s);
  loop.set_task_factory(nullptr);
  say(outcome([&] { future.get(); }));
}

void the_future_of_a_thread() {  // S78
  std::promise<std::string> source;
  const auto future = asyncio::wrap_future(source.get_future());
  in_a_thread([&] { source.set_value("from a thread"); });
  say(await(future));
  std::promise<void> failing;
  failing.set_exception(std::make_exception_ptr(Oops("from a thread")));
  say(awaited(asyncio::wrap_future(failing.get_future())));
  say(py(asyncio::wrap_future(future) == future));
}

void a_callback_runs_in_the_context_of_who_posted_it() {  // S44
  auto& loop = get_running_loop();
  const auto done = loop.create_future<std::string>();
  user.set("task");
  in_a_thread([&] {
    user.set("thread");
    loop.call_soon_threadsafe([done] { done.set_result(user.get()); });
  });
  say(await(done) + " " + user.get());
}

void taking_back_what_a_thread_posted() {  // S17, S44
  auto& loop = get_running_loop();
  asyncio::Handle handle;
  in_a_thread([&] {
    handle = loop.call_soon_threadsafe([] { say("never"); });
    loop.call_soon_threadsafe([] { say("not taken back"); });
  });
  handle.cancel();
  say(py(handle.cancelled()));
  sleep(0s);
}

void a_result_for_a_loop_that_is_closed() {  // S79
  std::binary_semaphore begun(0), go_on(0);
  const auto job = [&] {
    begun.release();
    go_on.acquire();
    return std::string("for nobody");
  };
  const auto pool = std::make_shared<ThreadPoolExecutor>();
  const auto loop = new_loop();
  const auto future = loop->run_in_executor(pool, job);
  begun.acquire();
  loop->close();
  go_on.release();
  pool->shutdown();
  say(py(future.done()));
  say(outcome([&] { loop->run_in_executor(pool, job); }));
}

void what_a_thread_needs_a_loop_for() {  // S37, S161
  const auto loop = new_loop();
  loop->close();
  say(outcome([&] { asyncio::run_coroutine_threadsafe([] { say("never"); }, *loop); }));
}

}  // namespace

Group executors() {
  return {"Executors",
          "executors",
          {
              {"what_a_function_returns_and_throws", what_a_function_returns_and_throws},
              {"the_future_of_a_function", the_future_of_a_function},
              {"a_function_is_outside_every_loop", a_function_is_outside_every_loop},
              {"to_thread_copies_the_context", to_thread_copies_the_context},
              {"to_thread_is_awaited_like_any_other", to_thread_is_awaited_like_any_other},
              {"one_worker_runs_one_after_the_other", one_worker_runs_one_after_the_other},
              {"the_end_of_the_default_executor", the_end_of_the_default_executor},
              {"the_end_of_an_executor_that_never_was", the_end_of_an_executor_that_never_was},
              {"what_can_be_the_default_executor", what_can_be_the_default_executor, NO_THREADS},
              {"an_executor_of_ones_own", an_executor_of_ones_own},
              {"the_name_of_a_thread", the_name_of_a_thread, NO_THREADS},
              {"cancelling_a_job_that_waits", cancelling_a_job_that_waits, NO_THREADS},
              {"cancelling_a_job_that_runs", cancelling_a_job_that_runs, NO_THREADS},
              {"cancelling_who_waits_for_a_thread", cancelling_who_waits_for_a_thread, NO_THREADS},
              {"coroutines_from_a_thread", coroutines_from_a_thread, NO_THREADS},
              {"a_coroutine_that_cannot_become_a_task", a_coroutine_that_cannot_become_a_task, NO_THREADS},
              {"the_future_of_a_thread", the_future_of_a_thread, NO_THREADS},
              {"a_callback_runs_in_the_context_of_who_posted_it", a_callback_runs_in_the_context_of_who_posted_it,
               NO_THREADS},
              {"taking_back_what_a_thread_posted", taking_back_what_a_thread_posted, NO_THREADS},
          },
          {
              {"a_result_for_a_loop_that_is_closed", a_result_for_a_loop_that_is_closed},
              {"what_a_thread_needs_a_loop_for", what_a_thread_needs_a_loop_for},
          }};
}

}  // namespace conformance
