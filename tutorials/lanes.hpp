// lanes.hpp: draws what the tasks of an execution did, a lane each, out of its trace.
//
//     ms      0     20 30
//     Task-1  RE#L.....ELU
//     tea       R.ELELU
//
// A column is an event, and the number above it is the time of that event. R registered, E entered, L left, U
// unregistered; # runs, . waits or is ready.
#pragma once

#include <asyncio/sim/run.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace tutorials {

/// Draws the tasks of one host.
inline void draw_lanes(const asyncio::sim::Trace& trace) {
  using asyncio::sim::EventKind;
  static const std::map<EventKind, char> marks{{EventKind::task_register, 'R'},
                                               {EventKind::task_enter, 'E'},
                                               {EventKind::task_leave, 'L'},
                                               {EventKind::task_unregister, 'U'}};
  struct Lane {
    std::string name;
    std::string drawn;
    char now = ' ';  // what the columns of other tasks' events show in this lane
  };
  std::vector<Lane> lanes;
  std::string times;
  std::string last_time;
  std::size_t column = 0;  // of the next event

  for (const asyncio::sim::TraceEvent& event : trace.events) {
    const auto mark = marks.find(event.kind);
    if (mark == marks.end()) continue;
    auto lane = std::ranges::find(lanes, event.subject, &Lane::name);
    if (lane == lanes.end()) lane = lanes.insert(lanes.end(), {event.subject, std::string(column, ' ')});

    for (Lane& other : lanes) other.drawn += other.now;
    lane->drawn.back() = mark->second;
    lane->now = mark->second == 'E' ? '#' : mark->second == 'U' ? ' ' : '.';

    const auto time = std::chrono::duration_cast<std::chrono::milliseconds>(event.time.time_since_epoch());
    const std::string label = std::to_string(time.count());
    if (label != last_time && times.size() <= column) times.append(column - times.size(), ' ').append(label + " ");
    last_time = label;
    ++column;
  }

  std::size_t widest = std::string("ms").size();
  for (const Lane& lane : lanes) widest = std::max(widest, lane.name.size());
  std::cout << "ms" << std::string(widest, ' ') << times << '\n';
  for (const Lane& lane : lanes) {
    std::cout << lane.name << std::string(widest + 2 - lane.name.size(), ' ') << lane.drawn << '\n';
  }
}

}  // namespace tutorials
