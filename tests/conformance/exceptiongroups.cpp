// exceptiongroups.cpp: groups of errors: what they hold, and how they are taken apart. Rules S185, S187.
#include "tests/conformance/groups.hpp"

namespace conformance {
namespace {

using asyncio::BaseExceptionGroup;
using asyncio::CancelledError;
using asyncio::ExceptionGroup;
using asyncio::TimeoutError;

class Strange {};

template <class E>
std::exception_ptr an(E error) {
  return std::make_exception_ptr(error);
}

/// A group with its members, as a line.
std::string tree(const std::exception_ptr& error) {
  if (!error) return "None";
  try {
    std::rethrow_exception(error);
  } catch (const BaseExceptionGroup& group) {
    std::string line;
    for (const auto& member : group.exceptions()) line += (line.empty() ? "" : ", ") + tree(member);
    return asyncio::type_name(error) + "(" + group.message() + ": " + line + ")";
  } catch (...) {
    return shown(error);
  }
}

void splitting_a_group() {
  const ExceptionGroup group("several", {an(Oops("a")), an(TimeoutError("b")), an(Oops("c"))});
  say(group.what());
  const auto [oops, rest] = group.split<Oops>();
  say(tree(oops));
  say(tree(rest));
  say(tree(group.subgroup<TimeoutError>()));
  say(tree(group.subgroup<asyncio::QueueEmpty>()));
  const auto [everything, nothing] = group.split<Oops, TimeoutError>();
  say(tree(everything) + " " + tree(nothing));
}

void splitting_keeps_the_tree() {
  const ExceptionGroup inner("inner", {an(Oops("deep")), an(TimeoutError("late"))});
  const ExceptionGroup group("outer", {an(inner), an(Oops("flat"))});
  const auto [oops, rest] = group.split<Oops>();
  say(tree(oops));
  say(tree(rest));
  say(tree(group.subgroup([](const std::exception_ptr& error) { return shown(error) == "TimeoutError: late"; })));
}

void which_group_it_is() {  // S185
  say(tree(asyncio::make_exception_group("g", {an(Oops("x"))})));
  say(tree(asyncio::make_exception_group("g", {an(Oops("x")), an(CancelledError("y"))})));
  say(outcome([] { ExceptionGroup("g", {an(CancelledError("y"))}); }));
  say(outcome([] { ExceptionGroup("g", {}); }));
  const BaseExceptionGroup mixed("g", {an(Oops("x")), an(CancelledError("y"))});
  const auto [ordinary, rest] = mixed.split<std::exception>();
  say(tree(ordinary) + " " + tree(rest));
}

void a_task_group_with_something_else() {  // S185
  try {
    asyncio::task_group([](asyncio::TaskGroup& group) {
      group.create_task([] { throw Oops("ordinary"); });
      group.create_task([] { throw Strange(); });
    });
  } catch (const std::exception&) {
    say("never");
  } catch (const BaseExceptionGroup& errors) {
    say("BaseExceptionGroup " + py(errors.exceptions().size()) + " " + py(asyncio::current_task().cancelling()));
  }
}

void handling_a_part_of_the_errors() {  // S187
  try {
    asyncio::task_group([](asyncio::TaskGroup& group) {
      group.create_task([] { throw Oops("handled"); });
      group.create_task([] { throw TimeoutError("left"); });
    });
  } catch (const ExceptionGroup& errors) {
    const auto [handled, left] = errors.split<Oops>();
    say(tree(handled));
    say(tree(left));
  }
}

}  // namespace

Group exceptiongroups() {
  return {"ExceptionGroups",
          "exceptiongroups",
          {
              {"a_task_group_with_something_else", a_task_group_with_something_else},
              {"handling_a_part_of_the_errors", handling_a_part_of_the_errors},
          },
          {
              {"splitting_a_group", splitting_a_group},
              {"splitting_keeps_the_tree", splitting_keeps_the_tree},
              {"which_group_it_is", which_group_it_is},
          }};
}

}  // namespace conformance
