#include "tutorials/examples/counter/file_storage.hpp"
#include "tutorials/examples/counter/lines.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace counter {

namespace {

/// An open file or folder.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : path_(path), number_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
    check(number_ >= 0, "open");
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { ::close(number_); }

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t count = ::write(number_, text.data(), text.size());
      check(count >= 0, "write");
      text.remove_prefix(static_cast<std::size_t>(count));
    }
  }
  void sync() const { check(::fsync(number_) == 0, "fsync"); }

 private:
  void check(bool fine, const char* call) const {
    if (!fine) throw std::system_error(errno, std::generic_category(), call + (" " + path_));
  }

  std::string path_;
  int number_;
};

class FileStorage final : public Storage {
 public:
  explicit FileStorage(std::string path) : path_(std::move(path)) {}

  Totals load() override {
    if (!std::filesystem::exists(path_)) return {};
    std::ifstream file(path_);
    if (!file) throw std::system_error(errno, std::generic_category(), "open " + path_);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto parts = words(text);
    auto totals = parse_totals(parts, 1);
    if (parts[0] != "totals" || !totals) throw std::runtime_error(path_ + " is not the file of a node");
    return *std::move(totals);
  }

  void save(const Totals& totals) override {
    const std::string fresh = path_ + ".new";
    {
      const Descriptor file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
      file.write("totals" + format_totals(totals));
      file.sync();  // before the rename: else the new name might outlive a crash that the content does not
    }
    std::filesystem::rename(fresh, path_);
    const auto folder = std::filesystem::absolute(path_).parent_path();
    Descriptor(folder, O_RDONLY | O_DIRECTORY).sync();  // the rename itself
  }

 private:
  std::string path_;
};

}  // namespace

std::shared_ptr<Storage> file_storage(std::string path) { return std::make_shared<FileStorage>(std::move(path)); }

}  // namespace counter
