// symbols.hpp: what an address of an instruction is called.
//
// There are two sources of this function, and CMake takes one: libbacktrace.cpp where g++'s libbacktrace is
// installed, else dynamic.cpp, which asks the dynamic linker and so knows exported functions only.
#pragma once

#include <asyncio/traceback.hpp>

#include <vector>

namespace asyncio {

/// What calls led to an instruction: its function, and those that this one was inlined into, innermost first.
///
/// May be called from any thread. Names are demangled and otherwise as the compiler made them.
///
/// \return  at least one entry
std::vector<FrameSummary> symbols_at(const void* address);

/// A name as a person would write it; the name itself where it is not mangled.
std::string demangled(const char* name);

}  // namespace asyncio
