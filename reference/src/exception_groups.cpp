// exception_groups.cpp: making groups, and walking through the tree of one.
#include <asyncio/exception_groups.hpp>

#include <algorithm>
#include <utility>

namespace asyncio {
namespace {

bool all_ordinary(const std::vector<std::exception_ptr>& exceptions) {
  return std::ranges::all_of(exceptions,
                             [](const auto& error) { return exception_ptr_cast<std::exception>(error) != nullptr; });
}

std::vector<std::exception_ptr> checked(std::vector<std::exception_ptr> exceptions) {
  if (exceptions.empty()) throw std::invalid_argument("second argument (exceptions) must be a non-empty sequence");
  for (std::size_t i = 0; i < exceptions.size(); ++i) {
    if (!exceptions[i]) {
      throw std::invalid_argument("Item " + std::to_string(i) + " of second argument (exceptions) is not an exception");
    }
  }
  return exceptions;
}

std::vector<std::exception_ptr> checked_ordinary(std::vector<std::exception_ptr> exceptions) {
  if (!all_ordinary(exceptions)) throw std::invalid_argument("Cannot nest BaseExceptions in an ExceptionGroup");
  return exceptions;
}

std::string group_text(const std::string& message, std::size_t count) {
  return message + " (" + std::to_string(count) + " sub-exception" + (count == 1 ? ")" : "s)");
}

}  // namespace

BaseExceptionGroup::BaseExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions)
    : message_(std::move(message)), exceptions_(checked(std::move(exceptions))) {}  // E1

ExceptionGroup::ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions)
    : BaseExceptionGroup(std::move(message), checked_ordinary(std::move(exceptions))),  // E2
      std::runtime_error(text()) {}

std::string BaseExceptionGroup::text() const { return group_text(message_, exceptions_.size()); }

std::exception_ptr BaseExceptionGroup::derive(std::vector<std::exception_ptr> exceptions) const {
  return make_exception_group(message_, std::move(exceptions));
}

std::exception_ptr BaseExceptionGroup::subgroup(const Condition& condition) const { return split(condition).matching; }

SplitGroup BaseExceptionGroup::split(const Condition& condition) const {
  // The group as a whole is asked about first, then each member; and a member that is a group again as a whole.
  if (std::exception_ptr whole = derive(exceptions_); condition(whole)) return {.matching = std::move(whole)};

  std::vector<std::exception_ptr> matching;
  std::vector<std::exception_ptr> rest;
  const auto add = [](std::vector<std::exception_ptr>& to, std::exception_ptr part) {
    if (part) to.push_back(std::move(part));
  };
  for (const std::exception_ptr& error : exceptions_) {
    if (const auto* group = exception_ptr_cast<BaseExceptionGroup>(error)) {
      SplitGroup parts = group->split(condition);
      add(matching, std::move(parts.matching));
      add(rest, std::move(parts.rest));
    } else {
      add(condition(error) ? matching : rest, error);
    }
  }
  return {.matching = matching.empty() ? nullptr : derive(std::move(matching)),
          .rest = rest.empty() ? nullptr : derive(std::move(rest))};
}

std::exception_ptr make_exception_group(std::string message, std::vector<std::exception_ptr> exceptions) {
  exceptions = checked(std::move(exceptions));
  if (all_ordinary(exceptions)) {
    return std::make_exception_ptr(ExceptionGroup(std::move(message), std::move(exceptions)));
  }
  return std::make_exception_ptr(BaseExceptionGroup(std::move(message), std::move(exceptions)));
}

}  // namespace asyncio
