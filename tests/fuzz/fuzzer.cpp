// fuzzer.cpp: where libFuzzer comes in. ORRERY_FUZZ says which target: one program serves them all.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.hpp"

namespace {

const asyncio::fuzz::Target* target = nullptr;

}  // namespace

// The names are libFuzzer's.

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* const wanted = std::getenv("ORRERY_FUZZ");
  const auto found =
      std::ranges::find(asyncio::fuzz::TARGETS, std::string_view(wanted ? wanted : ""), &asyncio::fuzz::Target::name);
  if (found == asyncio::fuzz::TARGETS.end()) {
    std::fputs("ORRERY_FUZZ names no target; it can be one of those in tests/fuzz/targets.hpp.\n", stderr);
    std::exit(2);
  }
  target = &*found;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  target->run({reinterpret_cast<const char*>(data), size});  // what it throws ends the process: that is how one tells
  return 0;
}
