// left_open.hpp: what a test has left behind in the process: descriptors and children.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>

#include <sys/wait.h>

/// How many descriptors this process has open.
inline std::size_t open_descriptors() {
  using Folder = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Folder("/proc/self/fd"), Folder()));
}

/// Whether this process has children, zombies included.
inline bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}
