// course.hpp: the chapters of tutorials/, as `orrery learn` sees them.
//
//     tutorials/04_await/README.md      "# 4. Await" is the title
//     tutorials/04_await/exercise/      one file, which the reader edits
//     tutorials/04_await/solution/      the same file, solved
//     tutorials/04_await/hints.md       "## 1", "## 2", "## 3"
//
// There is no list of chapters: a folder that has these four is one.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

namespace asyncio::sim::tool {

/// One chapter.
struct Chapter {
  std::string number = {};                ///< as its folder has it: "04"
  std::string title = {};                 ///< "Await"
  std::filesystem::path text = {};        ///< from the repository: tutorials/04_await/README.md
  std::filesystem::path exercise = {};    ///< the file to edit, from the repository
  std::filesystem::path solution = {};    ///< the same file, solved
  std::array<std::string, 3> hints = {};  ///< each says more than the one before

  /// The target and program that checks the exercise: "ch04_exercise".
  std::string target() const { return "ch" + number + "_exercise"; }
};

/// All of them, in order.
struct Course {
  std::filesystem::path repository = {};  ///< absolute
  std::vector<Chapter> chapters = {};     ///< at least one
};

/// Looks for tutorials/ in a folder and in those above it.
///
/// \param directory  where to begin; empty: the working directory
/// \throws UsageError  where there is none, or a chapter lacks something
Course find_course(const std::string& directory);

/// The chapter that somebody means by "4", "04", "ch04" or "04_await".
///
/// \throws UsageError  where there is no such chapter; names those there are
const Chapter& find_chapter(const Course& course, const std::string& name);

/// A whole text file.
///
/// \throws UsageError  where it cannot be read
std::string read_text(const std::filesystem::path& path);

}  // namespace asyncio::sim::tool
