// excerpt.hpp: what a trace shows of the bytes that are sent.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace asyncio::sim {

/// The beginning of some data for the trace: what is no printable ASCII becomes a dot.
class Excerpt {
 public:
  explicit Excerpt(std::string_view data) noexcept : size_(std::min(data.size(), text_.size())) {
    std::transform(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size_), text_.begin(),
                   [](char c) { return c >= ' ' && c <= '~' ? c : '.'; });
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 40> text_;
  std::size_t size_;
};

}  // namespace asyncio::sim
