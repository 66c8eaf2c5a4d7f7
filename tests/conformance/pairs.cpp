// pairs.cpp: how a pair prints, and a loop whose time jumps.
#include "tests/conformance/pairs.hpp"

#include <iostream>
#include <stdexcept>

namespace conformance {

asyncio::EventList ClockworkLoop::select(std::optional<asyncio::Duration> timeout) {
  if (!timeout) return SelectorEventLoop::select(timeout);  // another thread or a descriptor will wake us
  const asyncio::EventList events = SelectorEventLoop::select(asyncio::Duration::zero());
  if (!woken_.exchange(false) && events.empty()) now_ += *timeout;
  return events;
}

void ClockworkLoop::write_to_self() noexcept {
  woken_ = true;
  SelectorEventLoop::write_to_self();
}

std::unique_ptr<asyncio::AbstractEventLoop> new_loop() { return std::make_unique<ClockworkLoop>(); }

void say(const std::string& line) { std::cout << line << '\n'; }

std::string py(bool value) { return value ? "True" : "False"; }

std::string args(const asyncio::CancelledError& error) {
  if (error.message().empty()) return "()";
  std::string text = "('";
  text += error.message();
  return text + "',)";
}

std::string shown(const std::exception_ptr& error) {
  if (!error) return "None";
  try {
    std::rethrow_exception(error);
  } catch (const std::invalid_argument&) {
    return "ValueError";
  } catch (const std::out_of_range&) {
    return "LookupError";
  } catch (...) {
    return asyncio::describe(error);
  }
}

}  // namespace conformance
