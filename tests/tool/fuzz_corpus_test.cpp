// fuzz_corpus_test.cpp: what fuzzing has begun with, and what it has found. See tests/fuzz/targets.hpp.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

#include "tests/fuzz/targets.hpp"

namespace asyncio::fuzz {

void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }  // without addresses

namespace {

class FuzzCorpus : public testing::TestWithParam<Target> {};

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_P(FuzzCorpus, BreaksNothing) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(ORRERY_FUZZ_CORPUS) / GetParam().name)) {
    SCOPED_TRACE(entry.path());
    EXPECT_NO_THROW(GetParam().run(content_of(entry.path())));
    ++files;
  }
  EXPECT_GT(files, 0);
}

// A target that would let everything pass is no target.
TEST(AFuzzTarget, SaysWhatIsWrong) { EXPECT_THROW(expect(false, "this"), Wrong); }

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpus, testing::ValuesIn(TARGETS),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace asyncio::fuzz
