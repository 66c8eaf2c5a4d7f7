// checks.hpp: what the exercises of all chapters are checked with.
//
// A learner reads what this prints more often than anything else here, so it says four things: what was expected,
// what came instead, where to change that, and why it ought to be so. It stops at the first thing that is not so:
// what comes after is often a consequence.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <iostream>
#include <source_location>
#include <string>
#include <string_view>

namespace tutorials {

/// What one check expects, in words.
struct Check {
  std::string_view what;      ///< a sentence that is true of a right solution
  std::string_view expected;  ///< what `got` returns then
  std::string_view why;       ///< one sentence
};

/// The checks of one exercise, one after the other.
class Checks {
 public:
  /// \param chapter  its number
  /// \param file     the file that the reader edits, as seen from the repository
  Checks(int chapter, std::string_view file) : chapter_(chapter), file_(file) {}

  /// Does something and looks at what comes back; nothing where an earlier check has failed.
  ///
  /// \param got  returns what is compared; an exception is a failure of the check
  void expect(const Check& check, std::invocable auto got) {
    if (failed_) return;
    const std::string result = outcome(got);
    failed_ = result != check.expected;
    if (!failed_) {
      std::cout << "ok    " << check.what << std::endl;
      return;
    }
    std::cout << "FAIL  " << check.what << '\n'
              << "      expected  " << check.expected << '\n'
              << "      got       " << result << '\n'
              << "      where     " << file_ << '\n'
              << "      why       " << check.why << '\n';
  }

  /// Says how it went.
  ///
  /// \return the exit status of the program
  int conclude() const {
    if (!failed_) return 0;
    std::cout << "\nThis is the exercise of chapter " << chapter_ << ": it fails until you have changed the lines at\n"
              << "TODO(ch" << (chapter_ < 10 ? "0" : "") << chapter_ << ") in " << file_ << ".\n";
    return 1;
  }

 private:
  static std::string outcome(auto& got) {
    try {
      return got();
    } catch (const std::exception& error) {
      return std::string("an exception: ") + error.what();
    }
  }

  int chapter_;
  std::string_view file_;
  bool failed_ = false;
};

}  // namespace tutorials
