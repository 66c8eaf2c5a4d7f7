// tool.cpp: starts the tool by a shell, because what users type goes through one as well: quoting is part of the test.
#include "tool.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

namespace tool_test {
namespace {

namespace fs = std::filesystem;

/// Removes a folder at the end of the process.
struct TemporaryFolder {
  fs::path path;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

/// A folder for the test that is running.
const fs::path& folder() {
  static std::string of_test;
  static TemporaryFolder temporary;
  fs::path& path = temporary.path;
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const std::string test = std::string(info->test_suite_name()) + "." + info->name();
  if (test == of_test) return path;
  of_test = test;
  if (!path.empty()) fs::remove_all(path);
  // Of this process: the tests of another checkout may run at the same time.
  path = fs::path(testing::TempDir()) / ("orrery_tool_tests." + test + "." + std::to_string(::getpid()));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::string read_path(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace

nlohmann::json Ran::summary() const {
  if (out.empty()) return nullptr;
  const std::size_t end = out.size() - 1;  // a newline
  const std::size_t begin = out.rfind('\n', end - 1) + 1;
  return nlohmann::json::parse(out.substr(begin, end - begin), nullptr, false);
}

std::string Ran::after(const std::string& word) const {
  std::istringstream lines(out + err);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(word)) return line.substr(line.find_first_not_of(' ', word.size()));
  }
  return "";
}

Ran shell(const std::string& line) {
  const std::string self = fs::read_symlink("/proc/self/exe").string();
  write("line.sh", "export ORRERY='" + self + "' " + AS_TOOL + "=1\n" + line + "\n");
  const std::string in_folder = "cd '" + folder().string() + "' && sh line.sh >out 2>err </dev/null";
  const int status = std::system(in_folder.c_str());
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_path(folder() / "out"),
          .err = read_path(folder() / "err")};
}

Ran orrery(const std::string& arguments) { return shell("\"$ORRERY\" " + arguments); }

Ran orrery_disturbed(const std::string& arguments, const std::string& what) {
  return shell("\"$ORRERY\" " + arguments + " & TOOL=$!\nwhile ! grep -q 'has begun' out err; do sleep 0.02; done\n" +
               what + "\nwait $TOOL");
}

void write(const std::string& name, const std::string& content) {
  std::ofstream(folder() / name, std::ios::binary) << content;
}

std::string read(const std::string& name) { return read_path(folder() / name); }

}  // namespace tool_test
