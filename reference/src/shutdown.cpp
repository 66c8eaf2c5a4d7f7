// shutdown.cpp: executors and asynchronous generators, and how both come to an end before their loop does.
//
// These parts of BaseEventLoop have a file of their own because they stand on what is built upon the loop: they
// wait for several tasks, and for a while.
//
//     shutdown_asyncgens()          one task for each generator that is suspended ──► aclose()
//     shutdown_default_executor()   a thread that joins the threads of the pool ──► a future of the loop
//
// Source: CPython Lib/asyncio/base_events.py, run_in_executor, shutdown_asyncgens, shutdown_default_executor,
// _do_shutdown, _asyncgen_firstiter_hook, _asyncgen_finalizer_hook. Rules: S36, S40, S163, S164, S166.
#include <asyncio/base_events.hpp>
#include <asyncio/gather.hpp>
#include <asyncio/timeouts.hpp>

#include "left_threads.hpp"
#include "log.hpp"

#include <atomic>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

namespace asyncio {

// ---- Executors ----

void BaseEventLoop::submit_to_executor(std::shared_ptr<Executor> executor, Job job) {
  executor_for(std::move(executor))->submit(std::move(job));
}

std::shared_ptr<Executor> BaseEventLoop::executor_for(std::shared_ptr<Executor> executor) {
  check_closed();
  if (executor) return executor;  // one of the program's own may be used even after the default one's end (S163)
  const std::lock_guard lock(executor_mutex_);
  check_default_executor();
  if (!default_executor_) {
    default_executor_ = std::make_shared<ThreadPoolExecutor>(ThreadPoolOptions{.thread_name_prefix = "asyncio"});
  }
  return default_executor_;
}

void BaseEventLoop::check_default_executor() const {
  if (executor_shutdown_called_) throw RuntimeError("Executor shutdown has been called");
}

void BaseEventLoop::set_default_executor(std::shared_ptr<Executor> executor) {
  if (!std::dynamic_pointer_cast<ThreadPoolExecutor>(executor)) {
    throw std::invalid_argument("executor must be ThreadPoolExecutor instance");
  }
  const std::lock_guard lock(executor_mutex_);
  default_executor_ = std::move(executor);
}

void BaseEventLoop::shutdown_default_executor(std::optional<Duration> timeout) {
  std::shared_ptr<Executor> executor;
  {
    const std::lock_guard lock(executor_mutex_);
    executor_shutdown_called_ = true;
    executor = default_executor_;
  }
  if (!executor) return;
  try {
    asyncio::timeout(timeout, [&] { await(do_shutdown(executor)); });  // suspends
  } catch (const TimeoutError&) {
    std::ostringstream text;
    text << "The executor did not finishing joining its threads within "
         << std::chrono::duration<double>(*timeout).count() << " seconds.";
    log_warning(text.str());
    executor->shutdown({.wait = false});
  }
}

Future<void> BaseEventLoop::do_shutdown(std::shared_ptr<Executor> executor) {
  // The thread that joins is a job like any other; but not one of the pool that it waits for.
  struct Joiner final : Executor {
    void submit(Job job) override {
      auto finished = std::make_shared<std::atomic<bool>>(false);
      std::vector<std::thread> threads;
      threads.emplace_back([job = std::move(job), finished]() mutable {
        job();
        *finished = true;
      });
      leave_to_exit(std::move(threads), [finished] { return finished->load(); });
    }
  };
  return run_in_executor(std::make_shared<Joiner>(), [executor = std::move(executor)] { executor->shutdown(); });
}

void BaseEventLoop::shut_down_executor_without_waiting() {
  std::shared_ptr<Executor> executor;
  {
    const std::lock_guard lock(executor_mutex_);
    executor_shutdown_called_ = true;
    executor = std::exchange(default_executor_, nullptr);
  }
  if (executor) executor->shutdown({.wait = false});
}

// ---- Asynchronous generators ----

void BaseEventLoop::asyncgen_firstiter_hook(AnyAsyncGenerator generator) {
  if (asyncgens_shutdown_called_) {
    log_warning("asynchronous generator " + generator.repr() + " was scheduled after loop.shutdown_asyncgens() call");
  }
  core().add_asyncgen(*generator.get());
}

void BaseEventLoop::asyncgen_finalizer_hook(AnyAsyncGenerator generator) {
  create_task([generator = std::move(generator)] { generator.aclose(); });
}

void BaseEventLoop::shutdown_asyncgens() {
  asyncgens_shutdown_called_ = true;
  std::vector<AnyAsyncGenerator> closing;
  for (Ref<AsyncGeneratorState>& generator : core().asyncgens()) {
    core().remove_asyncgen(*generator);
    closing.emplace_back(std::move(generator));
  }
  if (closing.empty()) return;

  std::vector<Task<void>> tasks;
  for (const AnyAsyncGenerator& generator : closing) {
    tasks.push_back(create_task([generator] { generator.aclose(); }));
  }
  const std::vector<Outcome<void>> outcomes = await(gather(return_exceptions, std::move(tasks)));  // suspends
  for (std::size_t i = 0; i < closing.size(); ++i) {
    const std::exception_ptr error = outcomes[i].exception();
    // A cancellation is no failure: Python's CancelledError is no Exception.
    if (!error || holds<CancelledError>(error)) continue;
    call_exception_handler(
        {.message = "an error occurred during closing of asynchronous generator " + closing[i].repr(),
         .exception = error,
         .asyncgen = closing[i]});
  }
}

}  // namespace asyncio
