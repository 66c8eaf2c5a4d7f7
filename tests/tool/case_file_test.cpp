// case_file_test.cpp: what -o writes, and what becomes of files that it did not write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tool.hpp"

namespace tool_test {
namespace {

using testing::HasSubstr;

/// A case file that is in order.
std::string case_file() {
  EXPECT_EQ(orrery("explore fails_sometimes -o found.case").status, 1);
  return read("found.case");
}

/// Expects that a file of this content is malformed, and that its name and these words are said.
void expect_malformed(const std::string& content, const std::string& words) {
  write("bad.case", content);
  for (const char* command : {"replay bad.case", "shrink bad.case", "trace bad.case"}) {
    const Ran ran = orrery(command);
    EXPECT_EQ(ran.status, 2) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr("The case file bad.case"));
    EXPECT_THAT(ran.err, HasSubstr(words));
  }
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(CaseFile, BringsTheFailureBack) {
  const std::string text = case_file();
  EXPECT_THAT(text, HasSubstr("orrery-case 1\nscenario   fails_sometimes\n"));
  EXPECT_THAT(text, HasSubstr("message    \"the coin fell on its edge\"\n"));
  EXPECT_THAT(text, HasSubstr("how the coin falls"));

  const Ran ran = orrery("replay found.case");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out, HasSubstr("the coin fell on its edge"));
}

TEST(CaseFile, IsWrittenByRunAndShrinkToo) {
  EXPECT_EQ(orrery("run passes --seed 3 -o passing.case").status, 0);
  EXPECT_EQ(orrery("replay passing.case").status, 0);
  case_file();
  EXPECT_EQ(orrery("shrink found.case -o smaller.case").status, 1);
  EXPECT_EQ(orrery("replay smaller.case").status, 1);
}

TEST(CaseFile, SurvivesAMailByWayOfWindows) {
  case_file();
  EXPECT_EQ(shell("sed 's/$/\\r/' found.case >mailed.case; \"$ORRERY\" replay mailed.case").status, 1);
}

TEST(CaseFile, ThatIsCutOffIsMalformedWhereverItEnds) {
  const std::string whole = case_file();
  for (std::size_t length = 0; length + 1 < whole.size(); length += 17) {
    write("cut.case", whole.substr(0, length));
    const Ran ran = orrery("replay cut.case");
    EXPECT_EQ(ran.status, 2) << length;
    EXPECT_THAT(ran.err, HasSubstr("The case file cut.case"));
  }
}

TEST(CaseFile, ThatIsNoneIsMalformed) {
  const std::string whole = case_file();
  expect_malformed("", "is empty");
  expect_malformed("To whom it may concern\n", "is no case file");
  expect_malformed(std::string("orrery-case 1\n\0\1\2", 17), "binary data");
  expect_malformed("\x7f\x45LF\2\1\1", "binary data");
  expect_malformed(std::string(2 << 20, 'x'), "larger than 1 MiB");
  expect_malformed(replaced(whole, "orrery-case 1", "orrery-case 2"), "version \"2\"");
  expect_malformed(replaced(whole, "kind ", "mind "), "line 4");
  expect_malformed(replaced(whole, "trace ", "kind "), "twice");
  expect_malformed(replaced(whole, "message    \"", "message    "), "no readable message");
  expect_malformed("orrery-case 1\nend\n", "has no line \"scenario\"");
}

TEST(CaseFile, ThatIsNoFileIsRefused) {
  EXPECT_EQ(orrery("replay .").status, 2);
  EXPECT_EQ(orrery("replay /dev/null").status, 2);
  EXPECT_EQ(orrery("replay /dev/zero").status, 2);
  EXPECT_EQ(shell("ln -s loop loop; \"$ORRERY\" replay ./loop").status, 2);
}

TEST(CaseFile, WithATokenThatWasTypedIsMalformed) {
  write("typed.case", replaced(case_file(), "token      o1", "token      o7"));
  const Ran ran = orrery("replay typed.case");
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("this is not a token"));
}

TEST(CaseFile, ThatDoesNotFitIsStale) {
  const std::string whole = case_file();
  write("other.case", replaced(whole, "scenario   fails_sometimes", "scenario   passes"));
  write("kind.case", replaced(whole, "kind       check", "kind       deadlock"));
  write("gone.case", replaced(whole, "scenario   fails_sometimes", "scenario   was_renamed"));
  for (const char* name : {"other.case", "kind.case", "gone.case"}) {
    const Ran ran = orrery(std::string("replay ") + name);
    EXPECT_EQ(ran.status, 3) << name;
    EXPECT_THAT(ran.err, HasSubstr("STALE  "));
  }
}

}  // namespace
}  // namespace tool_test
