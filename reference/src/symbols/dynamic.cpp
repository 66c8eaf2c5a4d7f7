// dynamic.cpp: names by the dynamic linker, which knows the functions that a program or library exports.
//
// A program is linked with -rdynamic to export its functions. What is not exported is named by the program and
// the offset in it, as backtrace_symbols() does it: addr2line makes a line of that.
//
// Source: man 3 dladdr.
#include <dlfcn.h>

#include <cstdint>
#include <sstream>

#include "symbols.hpp"

namespace asyncio {

std::vector<FrameSummary> symbols_at(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0) return {{.name = "?"}};
  if (info.dli_sname) return {{.name = demangled(info.dli_sname)}};
  std::ostringstream name;
  name << info.dli_fname << "+0x" << std::hex
       << reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  return {{.name = name.str()}};
}

}  // namespace asyncio
