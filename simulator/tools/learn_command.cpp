// learn_command.cpp: leads through tutorials/: what there is, whether an exercise is solved, a hint, the next one.
//
// It never advances by itself: whoever has passed wants to look at what they wrote, and types `learn next` when
// done with that.
#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "course.hpp"
#include "exercise.hpp"
#include "exit_status.hpp"
#include "interruption.hpp"
#include "learn_progress.hpp"
#include "quantities.hpp"
#include "stopwatch.hpp"
#include "suggestions.hpp"

namespace asyncio::sim::tool {
namespace {

/// One call of `orrery learn`.
class Lesson {
 public:
  Lesson(const Options& options, Output& output)
      : options_(options), output_(output), course_(find_course(options.directory)), progress_(course_) {}

  int list() {
    output_.text(fmt::format("{} of {} passed  {}\n\n", passed(), counted(course_.chapters.size(), "chapter"), bar()));
    std::size_t widest = 0;
    for (const Chapter& chapter : course_.chapters) widest = std::max(widest, chapter.title.size());
    for (const Chapter& chapter : course_.chapters) {
      const bool is_current = &chapter == &progress_.current();
      output_.text(fmt::format("{} {}  {:<{}}  {}\n", is_current ? ">" : " ", chapter.number, chapter.title, widest,
                               state(chapter)));
      output_.object({{"type", "chapter"},
                      {"chapter", chapter.number},
                      {"title", chapter.title},
                      {"passed", progress_.of(chapter).passed},
                      {"current", is_current},
                      {"file", chapter.exercise.string()}});
    }
    output_.text("\n");
    tell_what_to_do(progress_.current());
    return end(EXIT_PASSED);
  }

  int check() {
    const Chapter& chapter = wanted_chapter();
    const std::filesystem::path build = find_build_tree(course_, options_.build);
    if (!options_.quiet) complain(fmt::format("building and checking {} ...", chapter.exercise.string()));
    const ExerciseResult result = check_exercise(course_, chapter, build);
    if (Interruption::requested()) return end(EXIT_INTERRUPTED);

    output_.text(result.output);
    output_.object({{"type", "check"},
                    {"chapter", chapter.number},
                    {"passed", result.passed},
                    {"output", result.output},
                    {"verdict", result.verdict}});
    if (!result.verdict.empty()) output_.text(fmt::format("\nFAIL  {}\n", result.verdict));
    if (!result.passed) {
      output_.remark(fmt::format("\nhint     {0} learn hint {1}\nagain    {0} learn check {1}\n", options_.program,
                                 chapter.number));
      return end(EXIT_FAILED);
    }
    progress_.of(chapter).passed = true;
    progress_.choose(chapter);  // or the next one would be current from now on
    progress_.save();
    output_.text(fmt::format("\nPASS  chapter {}: {}  {}\n", chapter.number, chapter.title, bar()));
    output_.remark(fmt::format("\ncompare  {}\nnext     {} learn next\n", chapter.solution.string(), options_.program));
    return end(EXIT_PASSED);
  }

  int hint() {
    const Chapter& chapter = wanted_chapter();
    ChapterProgress& progress = progress_.of(chapter);
    const unsigned all = static_cast<unsigned>(chapter.hints.size());
    const unsigned level = options_.level != 0 ? options_.level : std::min(progress.hints + 1, all);
    const std::string& text = chapter.hints.at(level - 1);
    output_.text(fmt::format("Hint {} of {} for chapter {}, {}\n\n{}", level, all, chapter.number,
                             chapter.exercise.string(), text));
    output_.object({{"type", "hint"}, {"chapter", chapter.number}, {"level", level}, {"text", text}});
    output_.remark(level < all
                       ? fmt::format("\nmore     {} learn hint {}\n", options_.program, chapter.number)
                       : fmt::format("\nsolution {} learn solution {} --give-up\n", options_.program, chapter.number));
    progress.hints = std::max(progress.hints, level);
    progress_.save();
    return end(EXIT_PASSED);
  }

  int solution() {
    const Chapter& chapter = wanted_chapter();
    ChapterProgress& progress = progress_.of(chapter);
    if (!progress.passed && !options_.give_up) {
      throw UsageError(
          fmt::format("The exercise of chapter {} has not passed yet. To see the solution all the same: "
                      "{} learn solution {} --give-up",
                      chapter.number, options_.program, chapter.number));
    }
    const std::string text = read_text(course_.repository / chapter.solution);
    output_.text(fmt::format("{}\n\n{}", chapter.solution.string(), text));
    output_.object(
        {{"type", "solution"}, {"chapter", chapter.number}, {"file", chapter.solution.string()}, {"text", text}});
    if (!progress.passed && !progress.gave_up) {
      progress.gave_up = true;
      progress_.save();
    }
    return end(EXIT_PASSED);
  }

  int next() {
    if (options_.names.size() > 1) {
      throw UsageError("learn next takes no chapter: it goes to the one that follows. For any other: learn check " +
                       options_.names[1]);
    }
    const Chapter& current = progress_.current();
    const ChapterProgress& done = progress_.of(current);
    if (!done.passed && !done.gave_up && !options_.give_up) {
      output_.text(fmt::format("The exercise of chapter {} has not passed yet.\n\n", current.number));
      tell_what_to_do(current);
      output_.remark(fmt::format("skip     {} learn next --give-up\n", options_.program));
      return end(EXIT_FAILED);
    }
    if (options_.give_up && !done.passed) progress_.of(current).gave_up = true;
    const bool is_last = &current == &course_.chapters.back();
    if (!is_last) progress_.choose(*(&current + 1));  // they lie in one vector
    progress_.save();
    if (is_last) {
      output_.text(fmt::format("That was the last chapter. {} of {} passed.\n", passed(),
                               counted(course_.chapters.size(), "chapter")));
    } else {
      tell_what_to_do(progress_.current());
    }
    return end(EXIT_PASSED);
  }

 private:
  /// The chapter that was named, else the current one.
  const Chapter& wanted_chapter() const {
    return options_.names.size() > 1 ? find_chapter(course_, options_.names[1]) : progress_.current();
  }

  void tell_what_to_do(const Chapter& chapter) {
    if (progress_.of(chapter).passed) {
      return output_.text(
          fmt::format("compare  {}\nnext     {} learn next\n", chapter.solution.string(), options_.program));
    }
    output_.text(fmt::format("read     {}\nedit     {}\ncheck    {} learn check\n", chapter.text.string(),
                             chapter.exercise.string(), options_.program));
  }

  std::string state(const Chapter& chapter) const {
    const ChapterProgress& progress = progress_.of(chapter);
    std::string text = progress.passed ? "passed" : progress.gave_up ? "given up" : "open";
    if (progress.hints > 0) text += fmt::format(", {}", counted(progress.hints, "hint"));
    return text;
  }

  std::size_t passed() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        course_.chapters, [this](const Chapter& chapter) { return progress_.of(chapter).passed; }));
  }

  /// "[##--]"
  std::string bar() const {
    return fmt::format("[{}{}]", std::string(passed(), '#'), std::string(course_.chapters.size() - passed(), '-'));
  }

  int end(int status) {
    output_.object({{"type", "summary"},
                    {"scenario", nullptr},
                    {"ok", status == EXIT_PASSED},
                    {"executions", 0},
                    {"distinct_traces", 0},
                    {"exhausted", false},
                    {"seconds", stopwatch_.seconds()},
                    {"chapters", course_.chapters.size()},
                    {"passed", passed()}});
    return status;
  }

  const Options& options_;
  Output& output_;
  const Stopwatch stopwatch_;
  const Course course_;
  LearnProgress progress_;
};

}  // namespace

int learn(const Options& options, Output& output) {
  static const std::map<std::string, int (Lesson::*)()> actions{{"list", &Lesson::list},
                                                                {"check", &Lesson::check},
                                                                {"hint", &Lesson::hint},
                                                                {"next", &Lesson::next},
                                                                {"solution", &Lesson::solution}};
  const std::string action = options.names.empty() ? "list" : options.names.front();
  const auto found = actions.find(action);
  if (found == actions.end()) {
    std::vector<std::string> names;
    for (const auto& [name, function] : actions) names.push_back(name);
    throw UsageError(fmt::format("learn knows no \"{}\": it is list, check, hint, next or solution.{}", action,
                                 suggestion(action, names)));
  }
  Lesson lesson(options, output);
  return (lesson.*found->second)();
}

}  // namespace asyncio::sim::tool
