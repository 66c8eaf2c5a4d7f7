// queues.hpp: passing things from task to task, with or without a limit.
//
//     producer ── put() ──► [ item | item | item ] ── get() ──► consumer ── task_done() ──► join() returns
//                 waits while full                    waits while empty
//
// A put() wakes one task that waits in get(), and a get() wakes one that waits in put(). Nothing is
// reserved for the woken one: it looks again when it goes on, and if a third task was faster it joins the
// line anew, at the end. So the order of the items is certain, the order of the consumers is not (S214).
//
// join() does not wait until the queue is empty but until task_done() was called for every item that was
// ever put: until the work is done, not until it has been picked up.
//
//   Q1  A woken task that is cancelled wakes another, if there still is something to do (S215).
//   Q2  finished_ is set exactly while unfinished_tasks_ is 0 (S217).
//
// AnyQueue has the waiting and the counting, Queue<T> the items. A queue of one's own kind derives from
// Queue<T> and overrides put_item(), get_item() and qsize(), asyncio's _put, _get and qsize.
//
// Source: CPython Lib/asyncio/queues.py. Rules: S213 to S220.
#pragma once

#include <asyncio/exceptions.hpp>
#include <asyncio/locks.hpp>
#include <asyncio/mixins.hpp>
#include <asyncio/waiters.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {

/// The keywords of Queue::shutdown().
struct QueueShutdownOptions {
  bool immediate = false;  ///< drop what is in the queue, instead of letting it be fetched
};

/// What every queue has, whatever its items are.
class AnyQueue : private LoopBoundMixin {
 public:
  virtual ~AnyQueue() = default;

  /// How many items are in the queue.
  virtual std::ptrdiff_t qsize() const noexcept = 0;
  /// The limit it was made with; zero or less: none (S213).
  std::ptrdiff_t maxsize() const noexcept { return maxsize_; }
  /// Whether get() would wait.
  bool empty() const noexcept { return qsize() == 0; }
  /// Whether put() would wait.
  bool full() const noexcept { return maxsize_ > 0 && qsize() >= maxsize_; }

  /// Says that an item which was fetched is dealt with.
  ///
  /// \throws std::invalid_argument  where that was said more often than items were put (S217)
  void task_done();
  /// Waits until task_done() was called for every item.
  ///
  /// \suspends until then; not at all where it is so
  void join();
  /// Ends the queue: no more puts; gets until it is empty. Wakes all who wait (S218, S219).
  void shutdown(QueueShutdownOptions options = {});

  /// One line for reports: "<Queue maxsize=2 _getters[1] tasks=3>".
  std::string repr() const;

 protected:
  /// \param maxsize  how many items at most; zero or less: no limit
  /// \param kind     the word for messages: "Queue"
  AnyQueue(std::ptrdiff_t maxsize, const char* kind) : LoopBoundMixin(kind), maxsize_(maxsize) { finished_.set(); }

  // The parts of put() and get() that need no item, in the order in which they are called.

  /// Waits for room; throws what Queue::put() throws. \suspends as that
  void wait_for_slot();
  /// Throws what Queue::put_nowait() throws.
  void check_puttable() const;
  /// Counts an item that was put, and wakes one who waits for it.
  void item_put();
  /// Waits for an item; throws what Queue::get() throws. \suspends as that
  void wait_for_item();
  /// Throws what Queue::get_nowait() throws.
  void check_gettable() const;
  /// Wakes one who waits for the room of an item that was taken.
  void item_taken();
  /// Destroys the next item.
  virtual void drop_item() = 0;

 private:
  void wait_while(bool (AnyQueue::*blocked)() const noexcept, WaiterQueue& line);

  std::ptrdiff_t maxsize_;
  std::int64_t unfinished_tasks_ = 0;  // items put and not yet reported by task_done()
  Event finished_;                     // Q2
  bool is_shutdown_ = false;
  WaiterQueue getters_;
  WaiterQueue putters_;
};

/// First in, first out. T may be move-only.
template <class T>
class Queue : public AnyQueue {
 public:
  /// \param maxsize  how many items at most; zero or less: no limit
  explicit Queue(std::ptrdiff_t maxsize = 0) : AnyQueue(maxsize, "Queue") {}

  std::ptrdiff_t qsize() const noexcept override { return static_cast<std::ptrdiff_t>(items_.size()); }

  /// Adds an item.
  ///
  /// \throws QueueShutDown   where the queue is shut down, also meanwhile
  /// \throws CancelledError  where the task is cancelled while it waits; nothing is added then
  /// \suspends until there is room; not at all where there is
  void put(T item) {
    wait_for_slot();  // suspends
    put_nowait(std::move(item));
  }
  /// Adds an item, or throws.
  ///
  /// \throws QueueShutDown  where the queue is shut down
  /// \throws QueueFull      where there is no room
  void put_nowait(T item) {
    check_puttable();
    put_item(std::move(item));
    item_put();
  }
  /// Removes the next item.
  ///
  /// \return the item
  /// \throws QueueShutDown   where the queue is shut down and empty, also meanwhile
  /// \throws CancelledError  where the task is cancelled while it waits; nothing is removed then
  /// \suspends until there is an item; not at all where there is
  T get() {
    wait_for_item();  // suspends
    return get_nowait();
  }
  /// Removes the next item, or throws.
  ///
  /// \return the item
  /// \throws QueueShutDown  where the queue is empty and shut down
  /// \throws QueueEmpty     where it is empty
  T get_nowait() {
    check_gettable();
    T item = get_item();
    item_taken();
    return item;
  }

 protected:
  /// For a queue of one's own kind, see AnyQueue().
  Queue(std::ptrdiff_t maxsize, const char* kind) : AnyQueue(maxsize, kind) {}

  /// Stores an item: asyncio's _put.
  virtual void put_item(T item) { items_.push_back(std::move(item)); }
  /// Gives the item that is next: asyncio's _get. There is one.
  virtual T get_item() {
    T item = std::move(items_.front());
    items_.pop_front();
    return item;
  }
  void drop_item() final { static_cast<void>(get_item()); }

  /// The items, the next one first.
  std::deque<T> items_;
};

/// Last in, first out.
template <class T>
class LifoQueue : public Queue<T> {
 public:
  /// \param maxsize  how many items at most; zero or less: no limit
  explicit LifoQueue(std::ptrdiff_t maxsize = 0) : Queue<T>(maxsize, "LifoQueue") {}

 protected:
  T get_item() override {
    T item = std::move(this->items_.back());
    this->items_.pop_back();
    return item;
  }
};

/// The smallest first. Equal ones come out in the order in which they went in: asyncio leaves that open (S358).
template <class T, class Less = std::less<T>>
class PriorityQueue : public Queue<T> {
 public:
  /// \param maxsize  how many items at most; zero or less: no limit
  /// \param less     says which of two items comes out first
  explicit PriorityQueue(std::ptrdiff_t maxsize = 0, Less less = {})
      : Queue<T>(maxsize, "PriorityQueue"), less_(std::move(less)) {}

  std::ptrdiff_t qsize() const noexcept override { return static_cast<std::ptrdiff_t>(heap_.size()); }

 protected:
  void put_item(T item) override {
    heap_.push_back({std::move(item), next_sequence_++});
    std::ranges::push_heap(heap_, later());
  }
  T get_item() override {
    std::ranges::pop_heap(heap_, later());
    T item = std::move(heap_.back().item);
    heap_.pop_back();
    return item;
  }

 private:
  struct Entry {
    T item;
    std::uint64_t sequence;  // decides among equals, the same way with every standard library
  };
  auto later() {
    return [this](const Entry& a, const Entry& b) {
      if (less_(b.item, a.item)) return true;
      if (less_(a.item, b.item)) return false;
      return b.sequence < a.sequence;
    };
  }

  Less less_;
  std::vector<Entry> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace asyncio
