// exceptions.cpp: the texts of errors, and how to look at an exception_ptr without knowing its type.
#include <asyncio/exceptions.hpp>

#include <asyncio/exception_groups.hpp>

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

std::string demangled(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  std::string name = status == 0 ? text.get() : type.name();
  // What std::throw_with_nested() throws is of a type of the library's own, derived from the one that was meant.
  constexpr std::string_view NESTED = "std::_Nested_exception<";
  if (name.starts_with(NESTED)) name = name.substr(NESTED.size(), name.size() - NESTED.size() - 1);
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

std::string type_name(const std::exception_ptr& error) {
  if (!error) return "null";
  try {
    std::rethrow_exception(error);
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    return type ? demangled(*type) : "unknown exception";
  }
}

std::exception_ptr context_of(const std::exception_ptr& error) noexcept {
  const auto* const nested = exception_ptr_cast<std::nested_exception>(error);
  return nested ? nested->nested_ptr() : nullptr;
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
  } catch (const BaseExceptionGroup& e) {
    text = e.text();
  } catch (...) {  // a type that has no text
  }
  return text.empty() ? name : name + ": " + text;
}

}  // namespace asyncio
