// libbacktrace.cpp: names and lines by libbacktrace, the library with which GCC's own programs print stacks.
//
// It reads the symbol table and the debug information of the program and its libraries, once for the life of
// the process and on first use, and may be asked by several threads at once. It is linked statically and
// comes with g++ (Debian: in libgcc-12-dev), so whoever can build this library has it.
//
// Source: libbacktrace, backtrace.h.
#include <backtrace.h>

#include <cstdint>

#include "symbols.hpp"

namespace asyncio {
namespace {

// Without debug information each look-up "fails", which is no reason to say anything.
void ignore_error(void*, const char*, int) {}

backtrace_state* state() {
  static backtrace_state* const made = backtrace_create_state(nullptr, /*threaded=*/1, ignore_error, nullptr);
  return made;
}

int add_line(void* frames, std::uintptr_t, const char* file, int line, const char* function) {
  if (!function && !file) return 0;
  static_cast<std::vector<FrameSummary>*>(frames)->push_back({.filename = file ? file : "",
                                                              .lineno = line > 0 ? static_cast<unsigned>(line) : 0,
                                                              .name = function ? demangled(function) : ""});
  return 0;
}

void set_name(void* name, std::uintptr_t, const char* symbol, std::uintptr_t, std::uintptr_t) {
  if (symbol) *static_cast<std::string*>(name) = demangled(symbol);
}

}  // namespace

std::vector<FrameSummary> symbols_at(const void* address) {
  const auto pc = reinterpret_cast<std::uintptr_t>(address);
  std::vector<FrameSummary> frames;
  std::string symbol;
  if (backtrace_state* const known = state()) {
    backtrace_pcinfo(known, pc, add_line, ignore_error, &frames);
    backtrace_syminfo(known, pc, set_name, ignore_error, &symbol);
  }
  if (frames.empty()) frames.emplace_back();
  // The debug information of g++ has bare names, "withdraw"; the symbol table has "bank::withdraw(int)".
  if (!symbol.empty()) frames.back().name = symbol;
  for (FrameSummary& frame : frames) {
    if (frame.name.empty()) frame.name = "?";
  }
  return frames;
}

}  // namespace asyncio
