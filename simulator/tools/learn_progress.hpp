// learn_progress.hpp: how far somebody has come, in one text file that a person can read and mend.
//
//     current 04        `orrery learn` without a number is about this chapter
//     passed 01
//     hints 04 2        two hints of chapter 4 were shown
//     gave-up 05        its solution was shown before it passed
//
// The file stands in the checkout, tutorials/.progress, and git ignores it. Without it one begins anew.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "course.hpp"

namespace asyncio::sim::tool {

/// What is remembered of one chapter.
struct ChapterProgress {
  bool passed = false;
  bool gave_up = false;
  unsigned hints = 0;  ///< how many were shown, up to 3
};

/// What is remembered.
class LearnProgress {
 public:
  /// Reads the file of a checkout; nothing where there is none.
  ///
  /// \throws UsageError  where it is there and a line of it makes no sense; it is not touched then
  explicit LearnProgress(const Course& course);

  /// Of one chapter.
  const ChapterProgress& of(const Chapter& chapter) const;
  /// The same, to change it; save() keeps that.
  ChapterProgress& of(const Chapter& chapter) { return chapters_[chapter.number]; }

  /// The chapter to work on: the one that was chosen, else the first that has not passed, else the last.
  const Chapter& current() const;
  void choose(const Chapter& chapter) { current_ = chapter.number; }

  /// Writes the file, all of it or nothing.
  ///
  /// \throws UsageError  where that is impossible
  void save() const;

 private:
  void read_line(const std::string& line, std::size_t number);

  const Course& course_;
  std::filesystem::path file_;
  std::string current_;                              // empty: none was chosen
  std::map<std::string, ChapterProgress> chapters_;  // also of chapters that this checkout does not have
};

}  // namespace asyncio::sim::tool
