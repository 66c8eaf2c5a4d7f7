// event_queue.cpp: a binary heap whose keys are all different.
#include "event_queue.hpp"

#include <algorithm>
#include <utility>

namespace asyncio::sim {

bool EventQueue::later(const Entry& a, const Entry& b) noexcept {
  return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;  // Q1
}

void EventQueue::push(TimePoint when, Ref<WorldEvent> event) {
  entries_.push_back({when, next_sequence_++, std::move(event)});
  std::push_heap(entries_.begin(), entries_.end(), later);
}

TimePoint EventQueue::next_time() {
  while (!entries_.empty() && entries_.front().event->cancelled()) pop();
  return entries_.empty() ? TimePoint::max() : entries_.front().when;
}

Ref<WorldEvent> EventQueue::pop() {
  std::pop_heap(entries_.begin(), entries_.end(), later);
  Ref<WorldEvent> next = std::move(entries_.back().event);
  entries_.pop_back();
  return next;
}

}  // namespace asyncio::sim
