// breakfast.hpp: three tasks on one loop, for 01_one_turn.ipynb to look at.
//
// One host and no network, so that every turn of the loop is the doing of the lines below. The tea keeps
// busy with sleep(0s), which gives way for one turn; toast and eggs wait for a time, the same one.
#pragma once

#include <asyncio/asyncio.hpp>

namespace breakfast {

using namespace std::chrono_literals;

inline void pour_tea() {
  for (int cup = 1; cup <= 3; ++cup) asyncio::sleep(0s);  // suspends, for one turn
}

inline void toast_bread() {
  asyncio::sleep(2min);  // suspends
  asyncio::sleep(0s);    // suspends, for one turn: butter it
}

inline void boil_eggs() {
  asyncio::sleep(2min);  // suspends
  asyncio::sleep(1min);  // suspends: they were too soft
}

inline void kitchen() {
  auto tea = asyncio::create_task(pour_tea, {.name = "tea"});
  auto toast = asyncio::create_task(toast_bread, {.name = "toast"});
  auto eggs = asyncio::create_task(boil_eggs, {.name = "eggs"});
  asyncio::await(asyncio::gather(tea, toast, eggs));  // suspends
}

}  // namespace breakfast
