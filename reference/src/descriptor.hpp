// descriptor.hpp: a file descriptor that is closed by whoever lets go of it.
#pragma once

#include <utility>

#include <unistd.h>

namespace asyncio {

/// Owns one descriptor of the operating system, or none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = other.release();
    }
    return *this;
  }
  ~Descriptor() { close(); }

  int number() const noexcept { return number_; }  // -1: none
  explicit operator bool() const noexcept { return number_ >= 0; }

  /// Gives it away without closing it.
  int release() noexcept { return std::exchange(number_, -1); }
  /// Closes it now. Linux frees the number whatever close() answers, so there is nothing to try again.
  void close() noexcept {
    if (number_ >= 0) ::close(release());
  }

 private:
  int number_ = -1;
};

}  // namespace asyncio
