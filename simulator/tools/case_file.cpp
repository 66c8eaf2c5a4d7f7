// case_file.cpp: reads and writes case files. A file is somebody else's text: every line is checked, and what is wrong
// is said with its number. See case_file.hpp for the format.
#include "case_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "choice_words.hpp"
#include "exit_status.hpp"
#include "quantities.hpp"

namespace asyncio::sim::tool {
namespace {

constexpr std::string_view FIRST_WORD = "orrery-case ";
constexpr std::string_view VERSION = "1";
constexpr std::size_t MOST_BYTES = 1 << 20;

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

[[noreturn]] void malformed(const std::string& path, const std::string& what) {
  throw MalformedToken(fmt::format("The case file {} {}.", path, what));
}

std::string read_text(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) malformed(path, fmt::format("cannot be opened: {}", std::strerror(errno)));
  std::string text(MOST_BYTES + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) malformed(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  return text;
}

void check_text(const std::string& path, std::string_view text) {
  if (text.empty()) malformed(path, "is empty");
  if (text.size() > MOST_BYTES) malformed(path, "is larger than 1 MiB, which no case file is");
  const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\n' && c != '\t' && c != '\r') || c == 0x7f; };
  if (std::ranges::any_of(text, is_control)) malformed(path, "holds binary data: it is no case file");
}

/// What comes before the next end of line; takes both off the front of `text`.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  while (line.ends_with('\r')) line.remove_suffix(1);  // it was mailed by way of Windows, once or more often
  return line;
}

std::optional<std::string> read_message(std::string_view quoted) {
  const auto message = nlohmann::json::parse(quoted, nullptr, false);
  if (!message.is_string()) return std::nullopt;
  return message.get<std::string>();
}

std::optional<std::uint64_t> read_hash(std::string_view digits) {
  const std::string number = fmt::format("0x{}", digits);
  if (digits.size() != 16 || !looks_like_seed(number)) return std::nullopt;
  return parse_seed("trace", number);
}

/// Puts the value of a line where it belongs; false where it is not what the key needs.
bool take_value(CaseFile& file, std::string_view key, std::string_view value) {
  if (key == "scenario") file.scenario = value;
  if (key == "token") file.token = value;
  if (key == "kind") file.kind = value;
  if (key == "message") {
    const auto message = read_message(value);
    file.message = message.value_or("");
    return message.has_value();
  }
  if (key == "trace") {
    const auto hash = read_hash(value);
    file.trace_hash = hash.value_or(0);
    return hash.has_value();
  }
  return !value.empty();
}

}  // namespace

std::string case_file_text(const std::string& scenario, const RunResult& result,
                           const std::vector<Deviation>& deviations) {
  std::string text = fmt::format("{}{}\nscenario   {}\ntoken      {}\n", FIRST_WORD, VERSION, scenario, result.token);
  text += fmt::format("kind       {}\n", result.failure ? to_string(result.failure->kind) : "none");
  const std::string message = result.failure ? result.failure->message : "";
  text += fmt::format("message    {}\n",
                      nlohmann::json(message).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  text += fmt::format("trace      {}\n", hash_text(result.trace_hash));
  text +=
      fmt::format("# {}, {} of them not in plain order\n", counted(result.tape.size(), "choice"), deviations.size());
  for (const Deviation& deviation : deviations) {
    std::string words = in_words(deviation.choice);
    std::ranges::replace(words, '\n', ' ');
    text += fmt::format("#   {}  {}\n", deviation.index, words);
  }
  return text + "end\n";
}

void check_writable(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  const std::string place = folder.empty() ? "." : folder.string();
  if (::access(place.c_str(), W_OK | X_OK) != 0) {
    throw UsageError(fmt::format("-o {}: the folder {} cannot be written to: {}", path, place, std::strerror(errno)));
  }
  if (std::filesystem::is_directory(path)) throw UsageError(fmt::format("-o {}: that is a folder.", path));
}

void write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const bool closed = file != nullptr && std::fclose(file) == 0;
  if (!written || !closed) throw UsageError(fmt::format("-o {}: it cannot be written: {}", path, std::strerror(errno)));
}

CaseFile read_case_file(const std::string& path) { return parse_case_file(path, read_text(path)); }

CaseFile parse_case_file(const std::string& path, std::string_view text) {
  check_text(path, text);
  std::string_view rest = text;
  const std::string_view first = take_line(rest);
  if (!first.starts_with(FIRST_WORD)) malformed(path, "is no case file: its first line is not \"orrery-case 1\"");
  if (first.substr(FIRST_WORD.size()) != VERSION) {
    malformed(path, fmt::format("is of version \"{}\", and this program reads version {}",
                                first.substr(FIRST_WORD.size()), VERSION));
  }

  constexpr std::array<std::string_view, 5> KEYS{"scenario", "token", "kind", "message", "trace"};
  std::array<bool, KEYS.size()> seen{};
  CaseFile file;
  bool ended = false;
  for (int number = 2; !rest.empty() && !ended; ++number) {
    const std::string_view line = take_line(rest);
    if (line.empty() || line.starts_with('#')) continue;
    if ((ended = line == "end")) continue;
    const std::string_view key = line.substr(0, line.find(' '));
    const auto known = std::ranges::find(KEYS, key);
    if (known == KEYS.end())
      malformed(path, fmt::format("has a line {} that begins with no word of a case file", number));
    if (std::exchange(seen[static_cast<std::size_t>(known - KEYS.begin())], true)) {
      malformed(path, fmt::format("says \"{}\" twice, again in line {}", key, number));
    }
    const std::size_t value = line.find_first_not_of(' ', key.size());
    if (!take_value(file, key, value == line.npos ? "" : line.substr(value))) {
      malformed(path, fmt::format("has no readable {} in line {}", key, number));
    }
  }
  if (!ended) malformed(path, "is cut off: its last line is not \"end\"");
  for (std::size_t i = 0; i != KEYS.size(); ++i) {
    if (!seen[i]) malformed(path, fmt::format("has no line \"{}\"", KEYS[i]));
  }
  return file;
}

}  // namespace asyncio::sim::tool
