// exercise.cpp: builds one target and runs it, with a limit on how long and how much. What came back decides what is
// said.
#include "exercise.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <sstream>
#include <system_error>

#include <fmt/format.h>

#include "child_process.hpp"
#include "exit_status.hpp"
#include "watchdog.hpp"

namespace asyncio::sim::tool {
namespace {

namespace fs = std::filesystem;

/// How long a check may take; empty: for ever. All checks together need two seconds, and somebody is waiting.
std::optional<std::chrono::seconds> longest_check() {
  const std::chrono::seconds limit = watchdog_limit();
  if (limit == std::chrono::seconds::zero()) return {};
  return std::min(limit, std::chrono::seconds(20));
}

/// Whether CMake has prepared `folder` to build `repository`.
bool is_build_tree(const fs::path& folder, const fs::path& repository) {
  std::error_code none;
  if (!fs::is_regular_file(folder / "CMakeCache.txt", none)) return false;
  std::istringstream lines(read_text(folder / "CMakeCache.txt"));
  constexpr std::string_view KEY = "CMAKE_HOME_DIRECTORY:INTERNAL=";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(KEY)) return fs::equivalent(line.substr(KEY.size()), repository, none);
  }
  return false;
}

/// Where to look for a build tree, the likeliest first.
std::vector<fs::path> likely_build_trees(const fs::path& repository) {
  std::error_code none;
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(repository / "build", none)) {
    folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  folders.insert(folders.begin(), repository / "build" / "release");
  folders.insert(folders.begin(), fs::read_symlink("/proc/self/exe", none).parent_path());
  return folders;
}

/// What a compiler has to say, without what the build tool says around it, and with short paths.
std::string complaints_only(const std::string& output, const fs::path& repository) {
  std::string kept;
  bool command_follows = false;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const bool is_command = std::exchange(command_follows, line.starts_with("FAILED: "));
    if (is_command || command_follows || line.starts_with('[') || line.starts_with("ninja: build stopped")) continue;
    const std::string prefix = repository.string() + "/";
    for (std::size_t at; (at = line.find(prefix)) != std::string::npos;) line.erase(at, prefix.size());
    kept += line + "\n";
  }
  return kept;
}

ExerciseResult judge_build(const ChildEnd& built, const Course& course, const Chapter& chapter) {
  const std::string complaints = complaints_only(built.output, course.repository);
  if (complaints.find(chapter.exercise.string()) != std::string::npos) {
    return {.output = complaints, .verdict = fmt::format("{} does not compile.", chapter.exercise.string())};
  }
  return {.output = complaints, .verdict = fmt::format("{} could not be built.", chapter.target())};
}

ExerciseResult judge_check(ChildEnd checked, const Chapter& chapter) {
  ExerciseResult result{.output = std::move(checked.output)};
  const std::string file = chapter.exercise.string();
  switch (checked.how) {
    case ChildEnd::How::exited:
      result.passed = checked.number == 0;
      if (checked.number > 1) result.verdict = fmt::format("The check of {} ended with {}.", file, checked.number);
      return result;
    case ChildEnd::How::killed:
      result.verdict = fmt::format("{} crashed the check: {}.", file, ::strsignal(checked.number));
      return result;
    case ChildEnd::How::out_of_time:
      result.verdict = fmt::format("{} did not come to an end within {} s.", file, longest_check()->count());
      return result;
    case ChildEnd::How::interrupted: return result;
    case ChildEnd::How::out_of_space:
      result.verdict = fmt::format("{} prints without end.", file);
      result.output.resize(2000);
      return result;
  }
  return result;
}

}  // namespace

fs::path find_build_tree(const Course& course, const std::string& wanted) {
  if (!wanted.empty()) {
    if (is_build_tree(wanted, course.repository)) return wanted;
    throw UsageError(fmt::format("--build {}: this is no build tree of {}.", wanted, course.repository.string()));
  }
  for (const fs::path& folder : likely_build_trees(course.repository)) {
    if (is_build_tree(folder, course.repository)) return folder;
  }
  throw UsageError(
      fmt::format("{} has not been built yet. Type there: cmake --preset release", course.repository.string()));
}

ExerciseResult check_exercise(const Course& course, const Chapter& chapter, const fs::path& build) {
  ChildEnd built;
  try {
    built = run_child({"cmake", "--build", build.string(), "--target", chapter.target()});
  } catch (const std::system_error& error) {
    throw UsageError(
        fmt::format("{}. learn builds exercises with CMake (Debian: apt-get install cmake).", error.what()));
  }
  if (built.how != ChildEnd::How::exited || built.number != 0) return judge_build(built, course, chapter);
  return judge_check(run_child({(build / "tutorials" / chapter.target()).string()}, longest_check()), chapter);
}

}  // namespace asyncio::sim::tool
