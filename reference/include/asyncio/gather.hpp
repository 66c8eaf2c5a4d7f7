// gather.hpp: several at once, and one future for all of them.
//
//     auto [user, posts] = await(gather([&] { return load_user(id); }, [&] { return load_posts(id); }));
//
// gather() is no coroutine but a plain function: it makes tasks of its callables, adds a callback to each,
// and returns a future. Nothing waits yet. The future is done when the last child is done, or when the
// first one fails; and that is the surprise: the other children then simply go on. Who wants them to stop
// uses a TaskGroup.
//
//     gather(a, b, c) ──► outer ◄── on_child_done ──┬── a     outer.cancel() ──► a.cancel(), b.cancel(), c.cancel()
//                                                   ├── b
//                                                   └── c
//
// Cancelling the outer future cancels the children and nothing else: the outer future stays pending until
// the children have answered, as they would without a cancellation (S139).
//
//   G1  Results stand in the order of the arguments, whatever the order in which they come (S136).
//   G2  A failed child never cancels its siblings (S137).
//   G3  Once the outer future is done, errors of the remaining children count as retrieved (S137).
//   G4  After a cancel() that a child accepted, the outer future never ends with a result (S140).
//
// The outer future and its pending children hold each other, as they do in Python. There a garbage collector
// finds them once the program has forgotten them; here the loop does, when it closes.
//
// Source: CPython Lib/asyncio/tasks.py, gather, _GatheringFuture. Rules: S136 to S143.
#pragma once

#include <asyncio/futures.hpp>
#include <asyncio/outcome.hpp>
#include <asyncio/sleep.hpp>
#include <asyncio/tasks.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace asyncio {

/// The type of return_exceptions.
struct ReturnExceptions {};
/// The first argument of a gather() that never fails: each element of its result is an Outcome.
inline constexpr ReturnExceptions return_exceptions{};

/// The future that gather() returns, without the type of its result (asyncio's _GatheringFuture).
class GatheringFuture : public FutureState {
 public:
  GatheringFuture(AbstractEventLoop& loop, std::vector<AnyFuture> children, bool returns_exceptions);
  ~GatheringFuture() override;

  /// Begins to listen to the children. Those that are done already are looked at now (S142).
  void start();
  /// Cancels every child. \return whether one accepted (S139)
  bool cancel(std::string message) override;
  const char* kind() const noexcept override { return "_GatheringFuture"; }

 protected:
  /// The children, in the order of the arguments; one may stand there several times.
  const std::vector<AnyFuture>& children() const noexcept { return children_; }
  /// Puts the children's results into the slot. Called once, when all of them are done.
  virtual void collect() = 0;

 private:
  void on_child_done(std::size_t index);
  void let_go();

  std::vector<AnyFuture> children_;
  Ref<FutureState> waiter_;       // the task that called gather(), if one did; outlives its edges
  std::vector<AwaitEdge> edges_;  // by child, from waiter_; none for a repetition
  std::size_t unfinished_ = 0;
  std::uint64_t ring_ = 0;  // what the loop knows this future and its pending children by; 0: there are none
  bool returns_exceptions_;
  bool cancel_requested_ = false;  // G4
};

/// A GatheringFuture whose result is what `collect(children)` returns.
template <class Collect>
class GatheringFutureOf final : public GatheringFuture {
 public:
  using Result = ResultOf<Collect, const std::vector<AnyFuture>&>;

  GatheringFutureOf(AbstractEventLoop& loop, std::vector<AnyFuture> children, bool returns_exceptions, Collect collect)
      : GatheringFuture(loop, std::move(children), returns_exceptions), collect_(std::move(collect)) {
    set_slot(&slot_);
  }

 private:
  void collect() override {
    if constexpr (std::is_void_v<Result>) {
      collect_(children());
    } else {
      slot_.emplace(collect_(children()));
    }
  }

  Collect collect_;
  Slot<Result> slot_;
};

/// The loop that all these futures belong to; the current one where there are none.
///
/// \throws std::invalid_argument  where they belong to several
AbstractEventLoop& common_loop(const std::vector<AnyFuture>& futures);

/// How a done future ended, as an exception; null where it has a result. A cancelled one gives a new
/// CancelledError (S138).
std::exception_ptr error_of(const AnyFuture& future);

/// Makes the future of a gather() over children that exist already.
template <class Collect>
auto gather_children(std::vector<AnyFuture> children, bool returns_exceptions, Collect collect) {
  using Gathering = GatheringFutureOf<Collect>;
  AbstractEventLoop& loop = common_loop(children);
  const auto outer = make_ref<Gathering>(loop, std::move(children), returns_exceptions, std::move(collect));
  outer->start();
  return Future<typename Gathering::Result>(AnyFuture(Ref<FutureState>(outer)));
}

/// The result of a child as a value: std::monostate for void.
template <class T>
typename Slot<T>::Value value_of(const AnyFuture& child) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return Future<T>(child).result();
  }
}

/// The same as an Outcome.
template <class T>
Outcome<T> outcome_of(const AnyFuture& child) {
  if (std::exception_ptr error = error_of(child)) return Outcome<T>(std::move(error));
  return Outcome<T>(value_of<T>(child));
}

/// A child of gather(): a task that gather() made itself is not missed by anybody (S143).
template <Awaitable A>
AnyFuture gathered_child(A&& awaitable) {
  auto child = ensure_future(std::forward<A>(awaitable));
  if constexpr (!std::is_base_of_v<AnyFuture, std::remove_cvref_t<A>>) child.get()->set_log_destroy_pending(false);
  return child;
}

/// Runs several side by side.
///
/// \param awaitables  callables, which become tasks in this order; futures; tasks
/// \return            a future of all results, std::monostate standing for void; it fails with the first
///                    error of a child, while the other children go on (G2)
/// \throws std::invalid_argument  where the futures belong to several loops
/// \throws RuntimeError           where a task is to be made and there is no loop
template <Awaitable... A>
Future<std::tuple<typename Slot<Awaited<A>>::Value...>> gather(A&&... awaitables) {
  std::vector<AnyFuture> children{gathered_child(std::forward<A>(awaitables))...};  // braces: in this order
  return gather_children(std::move(children), false, [](const std::vector<AnyFuture>& done) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<typename Slot<Awaited<A>>::Value...>{value_of<Awaited<A>>(done[I])...};
    }(std::index_sequence_for<A...>{});
  });
}

/// The same, but the future never fails: errors and cancellations of children are Outcomes (S138).
template <Awaitable... A>
Future<std::tuple<Outcome<Awaited<A>>...>> gather(ReturnExceptions, A&&... awaitables) {
  std::vector<AnyFuture> children{gathered_child(std::forward<A>(awaitables))...};
  return gather_children(std::move(children), true, [](const std::vector<AnyFuture>& done) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::tuple<Outcome<Awaited<A>>...>{outcome_of<Awaited<A>>(done[I])...};
    }(std::index_sequence_for<A...>{});
  });
}

/// Runs any number of one type side by side: a Future<std::vector<T>>, or a Future<void> where T is void.
///
/// \param awaitables  tasks, futures or callables; the future of an empty vector is done at once
/// \return            a future of all results, in the order of the arguments
template <Awaitable A>
auto gather(std::vector<A> awaitables) {
  using T = Awaited<A>;
  std::vector<AnyFuture> children;
  for (A& awaitable : awaitables) children.push_back(gathered_child(std::move(awaitable)));
  return gather_children(std::move(children), false, [](const std::vector<AnyFuture>& done) {
    if constexpr (!std::is_void_v<T>) {
      std::vector<T> results;
      results.reserve(done.size());
      for (const AnyFuture& child : done) results.push_back(value_of<T>(child));
      return results;
    }
  });
}

/// The same, with an Outcome for each.
template <Awaitable A>
Future<std::vector<Outcome<Awaited<A>>>> gather(ReturnExceptions, std::vector<A> awaitables) {
  std::vector<AnyFuture> children;
  for (A& awaitable : awaitables) children.push_back(gathered_child(std::move(awaitable)));
  return gather_children(std::move(children), true, [](const std::vector<AnyFuture>& done) {
    std::vector<Outcome<Awaited<A>>> outcomes;
    outcomes.reserve(done.size());
    for (const AnyFuture& child : done) outcomes.push_back(outcome_of<Awaited<A>>(child));
    return outcomes;
  });
}

/// The same for a set, such as all_tasks() without one.
template <Awaitable A>
auto gather(const std::set<A>& awaitables) {
  return gather(std::vector<A>(awaitables.begin(), awaitables.end()));
}
/// The same, with an Outcome for each.
template <Awaitable A>
auto gather(ReturnExceptions, const std::set<A>& awaitables) {
  return gather(return_exceptions, std::vector<A>(awaitables.begin(), awaitables.end()));
}

/// The same for a list in braces: gather({a, b}).
template <Awaitable A>
auto gather(std::initializer_list<A> awaitables) {
  return gather(std::vector<A>(awaitables));
}
/// The same, with an Outcome for each.
template <Awaitable A>
auto gather(ReturnExceptions, std::initializer_list<A> awaitables) {
  return gather(return_exceptions, std::vector<A>(awaitables));
}

}  // namespace asyncio
