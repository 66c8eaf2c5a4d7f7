// The smallest program: a real loop, a real sleep.
#include <asyncio/asyncio.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

int main() {
  asyncio::run([] {
    std::cout << "hello\n";
    asyncio::sleep(10ms);
    std::cout << "world\n";
  });
}
