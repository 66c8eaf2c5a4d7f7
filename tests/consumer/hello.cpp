// The program of the README.
#include <asyncio/asyncio.hpp>

#include <iostream>

using namespace std::chrono_literals;

std::string fetch(std::string name, asyncio::Duration delay) {
  asyncio::sleep(delay);  // suspends this task; the others go on
  return name + " is here";
}

int main() {
  asyncio::run([] {
    auto slow = asyncio::create_task([] { return fetch("slow", 20ms); });
    auto [quick, number] = asyncio::await(asyncio::gather([] { return fetch("quick", 10ms); }, [] { return 42; }));
    std::cout << quick << ", " << number << '\n' << asyncio::await(slow) << '\n';
    try {
      asyncio::timeout(10ms, [] { asyncio::sleep(1h); });
    } catch (const asyncio::TimeoutError&) {
      std::cout << "nobody waits an hour\n";
    }
  });
}
