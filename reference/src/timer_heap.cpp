// timer_heap.cpp: a heap with four children a node.
//
//     entries_:  [0]  [1 2 3 4]  [5 6 7 8 | 9 10 11 12 | …]      children of i: 4i+1 … 4i+4
//
//   M1  No entry is earlier than its parent.
//   M2  A timer says scheduled() exactly while it is in here.
#include <asyncio/timer_heap.hpp>

#include <algorithm>
#include <utility>

namespace asyncio {
namespace {

constexpr std::size_t CHILDREN = 4;

}  // namespace

bool TimerHeap::earlier(const Entry& a, const Entry& b) noexcept {
  return a.when != b.when ? a.when < b.when : a.sequence < b.sequence;
}

void TimerHeap::push(Ref<TimerState> timer) {
  timer->set_scheduled(true);  // M2
  const TimePoint when = timer->when();
  entries_.push_back({when, next_sequence_++, std::move(timer)});
  sift_up(entries_.size() - 1);
}

Ref<TimerState> TimerHeap::pop() {
  Ref<TimerState> taken = std::move(entries_.front().timer);
  taken->set_scheduled(false);  // M2
  if (taken->cancelled()) --cancelled_count_;
  if (entries_.size() > 1) entries_.front() = std::move(entries_.back());
  entries_.pop_back();
  if (!entries_.empty()) sift_down(0);
  return taken;
}

void TimerHeap::sift_up(std::size_t index) noexcept {
  Entry moving = std::move(entries_[index]);
  while (index > 0) {
    const std::size_t parent = (index - 1) / CHILDREN;
    if (!earlier(moving, entries_[parent])) break;
    entries_[index] = std::move(entries_[parent]);
    index = parent;
  }
  entries_[index] = std::move(moving);  // M1
}

void TimerHeap::sift_down(std::size_t index) noexcept {
  Entry moving = std::move(entries_[index]);
  while (true) {
    const std::size_t first = index * CHILDREN + 1;
    if (first >= entries_.size()) break;
    const std::size_t end = std::min(first + CHILDREN, entries_.size());
    std::size_t best = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (earlier(entries_[child], entries_[best])) best = child;
    }
    if (!earlier(entries_[best], moving)) break;
    entries_[index] = std::move(entries_[best]);
    index = best;
  }
  entries_[index] = std::move(moving);  // M1
}

void TimerHeap::sweep() {
  if (size() > MIN_SCHEDULED_TIMER_HANDLES &&
      cancelled_count_ * MIN_CANCELLED_TIMER_HANDLES_FRACTION_INVERSE > size()) {
    remove_cancelled();
  } else {
    while (!empty() && next_cancelled()) pop();
  }
}

void TimerHeap::remove_cancelled() {
  // A cancelled timer still has its context, and to destroy the values in that is to run foreign code, which
  // may add timers. So they go last, when the heap is in order.
  std::vector<Entry> live;
  for (Entry& entry : entries_) {
    if (!entry.timer->cancelled()) {
      live.push_back(std::move(entry));
    } else {
      entry.timer->set_scheduled(false);  // M2
    }
  }
  const std::vector<Entry> dropped = std::exchange(entries_, std::move(live));
  cancelled_count_ = 0;
  for (std::size_t index = entries_.size() / CHILDREN + 1; index-- > 0;) {
    if (index < entries_.size()) sift_down(index);
  }
}

void TimerHeap::clear() noexcept {
  // Dropping a callback runs destructors of foreign code, which may cancel other timers: none is in here then.
  const std::vector<Entry> dropped = std::exchange(entries_, {});
  cancelled_count_ = 0;
  for (const Entry& entry : dropped) entry.timer->set_scheduled(false);  // M2
  for (const Entry& entry : dropped) entry.timer->drop();
}

}  // namespace asyncio
