// traceback.cpp: from addresses to the frames that a reader wants to see.
//
//     addresses ─► symbols_at() ─► without our own frames at both ends ─► names as Python would say them
//
// At the newest end of a suspended stack lies what `await` is made of, at the oldest end what a coroutine is
// made of. In Python both are the interpreter's, and no traceback shows them; so neither do we. What lies
// between, asyncio::sleep or a task group, stays: it says what is waited for.
#include <asyncio/traceback.hpp>

#include <asyncio/coroutine.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <ostream>
#include <ranges>
#include <span>
#include <string_view>

#include "symbols/symbols.hpp"

namespace asyncio {
namespace {

using namespace std::string_view_literals;

// What `await` is made of, what looks at stacks, and what makes handles, futures and tasks.
constexpr std::array OWN_FRAMES{"asyncio::Coroutine::"sv,
                                "asyncio::CoroutineRunner::"sv,
                                "asyncio::FutureState::wait"sv,
                                "asyncio::await"sv,
                                "asyncio::StackSummary::extract"sv,
                                "asyncio::AnyTask::get_stack"sv,
                                "asyncio::AnyTask::print_stack"sv,
                                "asyncio::capture_call_graph"sv,
                                "asyncio::format_call_graph"sv,
                                "asyncio::print_call_graph"sv,
                                "asyncio::format_task_t"sv,
                                "asyncio::get_all_awaited_by"sv,
                                "asyncio::BaseEventLoop::call_"sv,
                                "asyncio::BaseEventLoop::make_task_object"sv,
                                "asyncio::AbstractEventLoop::create_"sv,
                                "asyncio::FutureState::FutureState"sv,
                                "asyncio::FutureOf"sv,
                                "asyncio::TaskState::TaskState"sv,
                                "asyncio::FiberTask"sv,
                                "asyncio::make_ref"sv,
                                "asyncio::make_task"sv,
                                "asyncio::create_task"sv};

// The same where they were inlined: then g++ gives them bare names.
constexpr std::array INLINED{"await"sv,    "extract"sv,  "get_stack"sv,     "look"sv,
                             "make_ref"sv, "FutureOf"sv, "create_future"sv, "create_task"sv};

// How the standard library and this one call a callable: says nothing about the program.
constexpr std::array CALLS{"std::__invoke"sv, "std::invoke"sv, "std::_Function_handler"sv, "std::function"sv,
                           "asyncio::UniqueFunction"sv};

bool begins_with_one_of(std::string_view name, std::span<const std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](std::string_view beginning) { return name.starts_with(beginning); });
}

/// Where the bracket that opens at `open` closes; the end of the text where it does not.
std::size_t closing(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    if ("(<{["sv.find(text[i]) != std::string_view::npos) ++depth;
    // The > of an arrow closes nothing.
    if (")>}]"sv.find(text[i]) != std::string_view::npos && !(text[i] == '>' && i > 0 && text[i - 1] == '-')) --depth;
    if (depth == 0) return i;
  }
  return text.size();
}

/// "std::vector<int>::push_back(int const&)" becomes "std::vector::push_back".
std::string without_parameters(std::string_view name) {
  constexpr std::string_view NAMELESS = "(anonymous namespace)::";
  constexpr std::string_view OPERATOR = "operator";
  std::string shorter;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::string_view rest = name.substr(i);
    if (rest.starts_with("[abi:")) {
      i = closing(name, i);
    } else if (rest.starts_with(NAMELESS)) {
      i += NAMELESS.size() - 1;
    } else if (rest.starts_with(OPERATOR) && (i == 0 || name[i - 1] == ':')) {
      // Its brackets belong to the name: operator(), operator<.
      const std::size_t end = name.find('(', i + OPERATOR.size() + 1);
      shorter += name.substr(i, end == std::string_view::npos ? end : end - i);
      i = end == std::string_view::npos ? name.size() : end - 1;
    } else if (rest.starts_with("{lambda(")) {
      const std::size_t end = closing(name, i + 7);
      shorter += "{lambda";
      i = end;
    } else if (name[i] == '<' || name[i] == '(') {
      i = closing(name, i);
    } else {
      shorter += name[i];
    }
  }
  return shorter;
}

void erase_all(std::string& text, std::string_view part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) text.erase(at, part.size());
}

/// The name as Python would write it: qualified, no parameters, no return type, a lambda without its operator().
std::string qualified_name(std::string_view symbol) {
  std::string name = without_parameters(symbol);
  if (const std::size_t clone = name.find(" [clone"); clone != std::string::npos) name.erase(clone);
  erase_all(name, " const");
  for (const std::string_view of_lambda : {"}::operator()"sv, "'::operator()"sv}) {
    for (std::size_t at = name.find(of_lambda); at != std::string::npos; at = name.find(of_lambda)) {
      name.erase(at + 1, of_lambda.size() - 1);
    }
  }
  constexpr std::string_view CALL = "::operator()";
  if (name.ends_with(CALL)) name.erase(name.size() - CALL.size());
  const std::size_t last = name.rfind("operator");  // "operator new" has a space of its own
  const std::size_t space = name.rfind(' ', last == std::string::npos ? name.size() : last);
  if (space != std::string::npos) name.erase(0, space + 1);  // the return type of a template
  return name;
}

/// "F" of "asyncio::CoroutineOf<F>::body()", the type of the callable that a coroutine runs; empty for other names.
std::string_view callable_of_body(std::string_view symbol) {
  constexpr std::string_view BEGIN = "asyncio::CoroutineOf<";
  if (!symbol.starts_with(BEGIN)) return {};
  const std::size_t end = closing(symbol, BEGIN.size() - 1);
  if (!symbol.substr(std::min(end, symbol.size())).starts_with(">::body(")) return {};
  return symbol.substr(BEGIN.size(), end - BEGIN.size());
}

/// Whether a callable's type has no name of its own.
bool says_nothing(std::string_view callable) {
  return callable.find("(*)") != std::string_view::npos || begins_with_one_of(callable, CALLS);
}

/// Drops CoroutineOf<F>::body(), the frame below the user's first. An optimizer may have merged the two: then it is
/// the only frame that the callable has, and takes its name.
void name_the_callable(std::vector<FrameSummary>& newest_first) {
  if (newest_first.empty()) return;
  const std::string callable(callable_of_body(newest_first.back().name));
  if (callable.empty()) return;
  FrameSummary* const above = newest_first.size() > 1 ? &newest_first[newest_first.size() - 2] : nullptr;
  if (above && above->name == "operator()") above->name = callable;
  const bool seen = above && (above->name == callable || above->name.starts_with(callable + "::operator()"));
  if (above && (seen || says_nothing(callable))) return newest_first.pop_back();
  newest_first.back().name = callable;
}

}  // namespace

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free);
  return text ? text.get() : name;
}

std::vector<FrameSummary> StackSummary::frames() const {
  std::vector<FrameSummary> frames;  // newest first
  for (const void* address : addresses_) std::ranges::move(symbols_at(address), std::back_inserter(frames));
  name_the_callable(frames);
  for (FrameSummary& frame : frames) frame.name = qualified_name(frame.name);
  const auto is_own = [](const FrameSummary& frame) {
    return begins_with_one_of(frame.name, OWN_FRAMES) || std::ranges::find(INLINED, frame.name) != INLINED.end();
  };
  frames.erase(frames.begin(), std::ranges::find_if_not(frames, is_own));
  std::erase_if(frames, [](const FrameSummary& frame) { return begins_with_one_of(frame.name, CALLS); });
  if (frames.size() > limit_) frames.resize(limit_);
  std::ranges::reverse(frames);
  return frames;
}

std::string Coroutine::callable_name() const {
  const std::string type = demangled(state_->callable_type().name());
  return says_nothing(type) ? "" : qualified_name(type);
}

std::string to_string(const FrameSummary& frame) {
  if (frame.filename.empty()) return "in " + frame.name;
  return "File \"" + frame.filename + "\", line " + std::to_string(frame.lineno) + ", in " + frame.name;
}

void print_list(const std::vector<FrameSummary>& frames, std::ostream& file) {
  for (const FrameSummary& frame : frames) file << "  " << to_string(frame) << '\n';
}

}  // namespace asyncio
