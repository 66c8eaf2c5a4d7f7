// output.hpp: where results go.
//
// Standard output belongs to results: text for people, or with --json one object a line and nothing else.
// A scenario may print too, and would break that; so with --json everything but our own lines goes to
// standard error from the first moment on.
//
//   O1  Every line is written at once and whole: what was found is there even where the next execution
//       kills the process.
#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "options.hpp"

namespace asyncio::sim::tool {

/// Standard output.
class Output {
 public:
  explicit Output(const Options& options);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  /// Text for people, as it stands. With --json nothing.
  void text(std::string_view text);
  /// The same, left out with --quiet as well: what is only worth saying where somebody looks on.
  void remark(std::string_view text);
  /// An object, on a line of its own. Without --json nothing.
  void object(const nlohmann::ordered_json& object);
  /// What has a format of its own, whatever the options say: a trace.
  ///
  /// \throws std::system_error  where it cannot be written
  void raw(std::string_view bytes);

  bool json() const noexcept { return json_; }
  /// Whether FAIL may be red.
  bool coloured() const noexcept { return coloured_; }

 private:
  int results_ = 1;  // a descriptor
  bool json_ = false;
  bool quiet_ = false;
  bool coloured_ = false;
};

/// One line on standard error.
void complain(std::string_view line);

/// Whether a descriptor is a terminal that can move its cursor: not where TERM is dumb, nor under CI.
bool is_lively_terminal(int descriptor);

}  // namespace asyncio::sim::tool
