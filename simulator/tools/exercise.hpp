// exercise.hpp: builds and runs the check of one exercise.
//
// An exercise is somebody's unfinished code: it may not compile, crash, print without end or never return. Each
// of that is an ordinary outcome here.
#pragma once

#include <filesystem>
#include <string>

#include "course.hpp"

namespace asyncio::sim::tool {

/// How it went.
struct ExerciseResult {
  bool passed = false;
  std::string output = {};   ///< of the compiler, or of the check
  std::string verdict = {};  ///< one sentence; empty where the output says it all
};

/// The build tree of a checkout.
///
/// \param wanted  what --build says; empty: where this program was built, else build/release, else another in build/
/// \throws UsageError  where there is none; says how to make one
std::filesystem::path find_build_tree(const Course& course, const std::string& wanted);

/// Builds what checks the exercise, and nothing else, and runs it: for at most 20 s, or less where
/// ORRERY_WATCHDOG says so.
///
/// \throws UsageError  where there is no cmake
ExerciseResult check_exercise(const Course& course, const Chapter& chapter, const std::filesystem::path& build);

}  // namespace asyncio::sim::tool
