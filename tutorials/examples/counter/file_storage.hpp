// file_storage.hpp: the storage of a node on a real machine. A world has its own, in scenarios.cpp.
#pragma once

#include "tutorials/examples/counter/storage.hpp"

#include <memory>
#include <string>

namespace counter {

/// Keeps the totals in a file, which is replaced as a whole: after a crash it is the old one or the new one.
///
/// \param path  need not exist yet; PATH.new is used beside it
/// \return      load() and save() throw std::system_error where the file cannot be read or written, and
///              std::runtime_error where it is not one of ours
std::shared_ptr<Storage> file_storage(std::string path);

}  // namespace counter
