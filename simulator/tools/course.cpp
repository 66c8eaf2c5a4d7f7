// course.cpp: reads the chapters from their folders; nothing is listed anywhere, so a new folder is a new chapter.
#include "course.hpp"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "exit_status.hpp"

namespace asyncio::sim::tool {
namespace {

namespace fs = std::filesystem;

bool is_digit(char letter) { return letter >= '0' && letter <= '9'; }

/// "04_await": two digits, and what it is about.
bool is_chapter_name(const std::string& name) {
  return name.size() > 3 && is_digit(name[0]) && is_digit(name[1]) && name[2] == '_';
}

std::vector<fs::path> chapter_folders(const fs::path& tutorials) {
  std::vector<fs::path> folders;
  std::error_code none;  // a folder that may not be read has no chapters for us
  for (const fs::directory_entry& entry : fs::directory_iterator(tutorials, none)) {
    if (is_chapter_name(entry.path().filename()) && fs::exists(entry.path() / "hints.md", none)) {
      folders.push_back(entry.path());
    }
  }
  std::ranges::sort(folders);
  return folders;
}

/// "# 4. Await" ─► "Await"
std::string title_of(const fs::path& text) {
  const std::string content = read_text(text);
  const std::string first = content.substr(0, content.find('\n'));
  const std::size_t dot = first.find(". ");
  if (!first.starts_with("# ") || dot == std::string::npos) {
    throw UsageError(
        fmt::format("{} begins with \"{}\"; expected something like \"# 4. Await\".", text.string(), first));
  }
  return first.substr(dot + 2);
}

std::array<std::string, 3> hints_of(const fs::path& file) {
  const std::string content = read_text(file);
  std::array<std::string, 3> hints;
  for (std::size_t level = 0; level != hints.size(); ++level) {
    const std::string heading = fmt::format("\n## {}\n\n", level + 1);
    const std::size_t begin = content.find(heading);
    if (begin == std::string::npos) throw UsageError(fmt::format("{} has no hint {}.", file.string(), level + 1));
    const std::size_t text = begin + heading.size();
    const std::size_t end = std::min(content.find("\n\n## ", text), content.find_last_not_of('\n') + 1);
    hints[level] = content.substr(text, end - text) + "\n";
  }
  return hints;
}

/// The one file of a folder.
fs::path only_file(const fs::path& folder) {
  std::error_code missing;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, missing)) {
    // An editor that has the file open may keep another one beside it.
    if (entry.path().extension() == ".hpp" && entry.path().filename().string().front() != '.') {
      files.push_back(entry.path());
    }
  }
  if (files.size() != 1) {
    throw UsageError(fmt::format("{} holds {} headers; a chapter has one there.", folder.string(), files.size()));
  }
  return files.front();
}

Chapter read_chapter(const fs::path& repository, const fs::path& folder) {
  return {.number = folder.filename().string().substr(0, 2),
          .title = title_of(folder / "README.md"),
          .text = fs::relative(folder / "README.md", repository),
          .exercise = fs::relative(only_file(folder / "exercise"), repository),
          .solution = fs::relative(only_file(folder / "solution"), repository),
          .hints = hints_of(folder / "hints.md")};
}

}  // namespace

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw UsageError(fmt::format("{} cannot be read.", path.string()));
  return text.str();
}

Course find_course(const std::string& directory) {
  std::error_code error;
  const fs::path begin = fs::canonical(directory.empty() ? "." : directory, error);
  if (error) throw UsageError(fmt::format("--dir {}: {}.", directory, error.message()));
  for (fs::path folder = begin;; folder = folder.parent_path()) {
    const std::vector<fs::path> chapters = chapter_folders(folder / "tutorials");
    if (!chapters.empty()) {
      Course course{.repository = folder};
      for (const fs::path& chapter : chapters) course.chapters.push_back(read_chapter(folder, chapter));
      return course;
    }
    if (folder == folder.parent_path()) break;
  }
  throw UsageError(
      fmt::format("There are no tutorials in {} or above it. They come with Orrery's source: go to its "
                  "folder, or say where it is with --dir.",
                  begin.string()));
}

const Chapter& find_chapter(const Course& course, const std::string& name) {
  const std::string number = fmt::format("{:0>2}", name.substr(name.starts_with("ch") ? 2 : 0));
  std::string known;
  for (const Chapter& chapter : course.chapters) {
    if (chapter.number == number || chapter.text.parent_path().filename() == name) return chapter;
    known += (known.empty() ? "" : ", ") + chapter.number;
  }
  throw UsageError(fmt::format("There is no chapter \"{}\"; there are {}.", name, known));
}

}  // namespace asyncio::sim::tool
