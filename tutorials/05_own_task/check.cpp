// check.cpp: looks whether the exercise of chapter 5 is solved.
#include "step_task.hpp"

#include <asyncio/sim/sim.hpp>

#include <stdexcept>
#include <string>

#include "tutorials/checks.hpp"

namespace sim = asyncio::sim;
using namespace std::chrono_literals;

namespace {

std::string current_name() {
  const asyncio::AnyTask current = asyncio::current_task();
  return current ? current.get_name() : "none";
}

asyncio::Task<void> start(std::vector<std::function<void()>> steps) {
  const auto task = asyncio::make_ref<StepTask>(std::move(steps), "toast");
  task->start();
  return asyncio::Task<void>(asyncio::AnyTask(asyncio::Ref<asyncio::TaskState>(task)));
}

asyncio::Task<void> start_one_that_burns() {
  return start({[] {}, [] { throw std::runtime_error("burnt"); }, [] {}});
}

std::string error_of(const asyncio::Task<void>& task) {
  try {
    asyncio::await(task);
    return "nothing was thrown";
  } catch (const std::runtime_error& error) {
    return error.what();
  } catch (const asyncio::CancelledError&) {
    return "CancelledError";
  }
}

/// Does something in a world of one host; what it has noted before the world failed counts as well.
std::string in_a_world(std::function<void(std::string& note)> act) {
  std::string note;
  const auto result =
      sim::run([&](sim::World& world) { world.client("main", [&] { act(note); }); }, {.strategy = sim::fifo()});
  return note.empty() && result.failure ? result.failure->message : note;
}

void note_who_runs(std::string& note) {
  asyncio::await(start({[&] { note += current_name(); }, [&] { note += " " + current_name(); }}));
}

void note_who_runs_after_a_failure(std::string& note) {
  // As a loop of the real world does: it reports what leaves a callback, and goes on. A world would stop here.
  asyncio::get_running_loop().set_exception_handler([](auto&, const auto&) {});
  const auto task = start_one_that_burns();
  asyncio::get_running_loop().call_later(1ms, [&] { note = current_name(); });
  asyncio::sleep(2ms);
}

/// Notes when the loop hears that the task is registered, and that it is not any more.
class RegistrationNotes final : public asyncio::Instrument {
 public:
  explicit RegistrationNotes(std::string& note) : note_(note) { loop_.add_instrument(*this); }
  ~RegistrationNotes() override { loop_.remove_instrument(*this); }
  void task_registered(const asyncio::AnyTask& task) override { add("R", task); }
  void task_unregistered(const asyncio::AnyTask& task) override { add("U", task); }

 private:
  void add(const char* mark, const asyncio::AnyTask& task) {
    if (task.get_name() == "toast") note_ += mark;
  }
  std::string& note_;
  asyncio::AbstractEventLoop& loop_ = asyncio::get_running_loop();
};

void note_its_registrations(std::string& note) {
  const RegistrationNotes notes(note);
  error_of(start_one_that_burns());
}

void note_how_a_cancelled_one_ends(std::string& note) {
  const auto task = start({[] { throw asyncio::CancelledError(); }});
  error_of(task);
  note = task.cancelled() ? "cancelled" : "failed";
}

}  // namespace

int main() {
  tutorials::Checks checks(5, "tutorials/05_own_task/exercise/step_task.hpp");
  checks.expect({.what = "in each step current_task() is the task",
                 .expected = "toast toast",
                 .why = "enter_task() comes before each step"},
                [] { return in_a_world(note_who_runs); });
  checks.expect({.what = "after a step that threw, current_task() in a callback is none",
                 .expected = "none",
                 .why = "what was entered has to be left on every way out, or current_task() lies from then on"},
                [] { return in_a_world(note_who_runs_after_a_failure); });
  checks.expect({.what = "whoever awaits the task gets what the step threw",
                 .expected = "burnt",
                 .why = "an exception is a task's outcome: finish_with() keeps it for those who await"},
                [] { return in_a_world([](std::string& note) { note = error_of(start_one_that_burns()); }); });
  checks.expect({.what = "the task that failed was registered (R) and unregistered (U)",
                 .expected = "RU",
                 .why = "a task that has ended is unregistered, however it ended"},
                [] { return in_a_world(note_its_registrations); });
  checks.expect({.what = "a step that throws CancelledError ends the task as cancelled",
                 .expected = "cancelled",
                 .why = "being cancelled is no failure: finish_cancelled() is another end than finish_with()"},
                [] { return in_a_world(note_how_a_cancelled_one_ends); });
  return checks.conclude();
}
