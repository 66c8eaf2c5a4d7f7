// process_test.hpp: what the tests of real programs share.
#pragma once

#include <asyncio/asyncio.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "tests/reference/left_open.hpp"

namespace asyncio {

/// Each test leaves no descriptor and no child behind, zombies included.
class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(has_children());
    before_ = open_descriptors();
  }
  void TearDown() override {
    EXPECT_EQ(open_descriptors(), before_);
    EXPECT_FALSE(has_children());
  }

 private:
  std::size_t before_ = 0;
};

/// What a shell command writes to its stdout.
inline std::string output_of(const std::string& command, CreateSubprocessOptions options = {}) {
  options.stdout_ = subprocess::PIPE;
  return create_subprocess_shell(command, std::move(options)).communicate().first;
}

/// The errno with which `start` fails, and the sentence.
inline std::pair<int, std::string> error_of(const std::function<void()>& start) {
  try {
    start();
  } catch (const std::system_error& error) {
    return {error.code().value(), error.what()};
  }
  return {0, "nothing"};
}

/// A pipe that no transport owns.
struct RawPipe {
  RawPipe() { EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0); }
  ~RawPipe() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  std::string read() const {
    char bytes[100];
    const ssize_t count = ::read(ends[0], bytes, sizeof bytes);
    return {bytes, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
  }
  int ends[2];
};

}  // namespace asyncio
