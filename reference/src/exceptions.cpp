// exceptions.cpp: the texts of errors, and how to look at an exception_ptr without knowing its type.
#include <asyncio/exceptions.hpp>

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include <cxxabi.h>

namespace asyncio {
namespace {

std::string incomplete_read_message(std::size_t got, std::optional<std::size_t> expected) {
  return std::to_string(got) + " bytes read on a total of " + (expected ? std::to_string(*expected) : "undefined") +
         " expected bytes";
}

std::string group_message(const std::string& message, std::size_t count) {
  return message + " (" + std::to_string(count) + " sub-exception" + (count == 1 ? ")" : "s)");
}

std::string demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  std::string name = status == 0 ? text.get() : type.name();
  if (const auto colons = name.rfind("::"); colons != std::string::npos && name.find('<') == std::string::npos) {
    name.erase(0, colons + 2);
  }
  return name;
}

}  // namespace

IncompleteReadError::IncompleteReadError(std::string partial, std::optional<std::size_t> expected)
    : std::runtime_error(incomplete_read_message(partial.size(), expected)),
      partial_(std::move(partial)),
      expected_(expected) {}

ExceptionGroup::ExceptionGroup(const std::string& message, std::vector<std::exception_ptr> exceptions)
    : std::runtime_error(group_message(message, exceptions.size())),
      message_(message),
      exceptions_(std::move(exceptions)) {
  if (exceptions_.empty()) throw std::invalid_argument("second argument (exceptions) must be a non-empty sequence");
}

std::string type_name(const std::exception_ptr& error) {
  if (!error) return "null";
  try {
    std::rethrow_exception(error);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type ? demangled(*type) : "unknown exception";
  }
}

std::string describe(const std::exception_ptr& error) {
  const std::string name = type_name(error);
  if (!error) return name;
  std::string text;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    text = e.what();
  } catch (const CancelledError& e) {
    text = e.message();
  } catch (...) {  // a type that has no text
  }
  return text.empty() ? name : name + ": " + text;
}

}  // namespace asyncio
