// learn_progress.cpp: reads and writes tutorials/.progress. It is written beside the old one and then renamed, so that
// nobody loses what has passed.
#include "learn_progress.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "exit_status.hpp"

namespace asyncio::sim::tool {

LearnProgress::LearnProgress(const Course& course)
    : course_(course), file_(course.repository / "tutorials" / ".progress") {
  if (!std::filesystem::exists(file_)) return;
  std::istringstream lines(read_text(file_));
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) read_line(line, ++number);
}

void LearnProgress::read_line(const std::string& line, std::size_t number) {
  if (line.empty() || line.starts_with('#')) return;
  std::istringstream words(line);
  std::string word, chapter, rest;
  words >> word >> chapter;
  bool understood = !chapter.empty();
  if (word == "current") {
    current_ = chapter;
  } else if (word == "passed") {
    chapters_[chapter].passed = true;
  } else if (word == "gave-up") {
    chapters_[chapter].gave_up = true;
  } else if (word == "hints") {
    unsigned& hints = chapters_[chapter].hints;
    understood = understood && words >> hints && hints <= 3;
  } else {
    understood = false;
  }
  if (!understood || words >> rest) {
    throw UsageError(fmt::format("{}, line {}: \"{}\" makes no sense. Mend it, or delete the file to begin anew.",
                                 file_.string(), number, line.substr(0, 60)));
  }
}

const ChapterProgress& LearnProgress::of(const Chapter& chapter) const {
  static const ChapterProgress nothing;
  const auto found = chapters_.find(chapter.number);
  return found == chapters_.end() ? nothing : found->second;
}

const Chapter& LearnProgress::current() const {
  const auto chosen = std::ranges::find(course_.chapters, current_, &Chapter::number);
  if (chosen != course_.chapters.end()) return *chosen;
  const auto open = std::ranges::find_if(course_.chapters, [this](const Chapter& c) { return !of(c).passed; });
  return open != course_.chapters.end() ? *open : course_.chapters.back();
}

void LearnProgress::save() const {
  std::string text = "# What `orrery learn` remembers. Without this file it begins anew.\n";
  if (!current_.empty()) text += "current " + current_ + "\n";
  for (const auto& [number, chapter] : chapters_) {
    if (chapter.passed) text += "passed " + number + "\n";
    if (chapter.hints > 0) text += fmt::format("hints {} {}\n", number, chapter.hints);
    if (chapter.gave_up) text += "gave-up " + number + "\n";
  }
  // Into another file first: where the disk is full, what was remembered before is still there.
  const std::filesystem::path fresh = file_.string() + ".new";
  std::ofstream out(fresh, std::ios::binary);
  out << text << std::flush;
  std::error_code error;
  if (out) std::filesystem::rename(fresh, file_, error);
  if (!out || error) throw UsageError(fmt::format("Your progress could not be written to {}.", file_.string()));
}

}  // namespace asyncio::sim::tool
