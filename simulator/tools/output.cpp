// output.cpp: standard output for results, standard error for everything else, and a scenario's own printing out of the
// way.
#include "output.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

#include <nlohmann/json.hpp>

#include <unistd.h>

namespace asyncio::sim::tool {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw std::system_error(errno, std::generic_category(), "Results could not be written");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

bool is_lively_terminal(int descriptor) {
  const char* term = std::getenv("TERM");
  return ::isatty(descriptor) == 1 && !is_set("CI") && term != nullptr && std::string_view(term) != "dumb";
}

Output::Output(const Options& options)
    : json_(options.json), quiet_(options.quiet), coloured_(is_lively_terminal(STDOUT_FILENO) && !is_set("NO_COLOR")) {
  if (!json_) return;
  results_ = ::dup(STDOUT_FILENO);
  if (results_ < 0) throw std::system_error(errno, std::generic_category(), "dup of standard output");
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

Output::~Output() {
  if (results_ == STDOUT_FILENO) return;
  std::fflush(stdout);  // what the scenario printed still goes where it belongs
  ::dup2(results_, STDOUT_FILENO);
  ::close(results_);
}

void Output::text(std::string_view text) {
  if (!json_) raw(text);
}

void Output::remark(std::string_view remark) {
  if (!quiet_) text(remark);
}

void Output::object(const nlohmann::ordered_json& object) {
  // A message may hold anything; where it is no UTF-8, replaced letters are better than no result.
  if (json_) raw(object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void Output::raw(std::string_view bytes) { write_all(results_, bytes); }  // O1

void complain(std::string_view line) {
  try {
    write_all(STDERR_FILENO, std::string(line) + "\n");
  } catch (const std::system_error&) {
    // Nobody listens there, and there is no other place to say so.
  }
}

}  // namespace asyncio::sim::tool
