// case_file.hpp: an execution in a file, to be kept beside the scenario or sent to somebody.
//
//     orrery-case 1
//     scenario   a2_wrong_users_data_buggy
//     token      o1-random-fifo-s42-x3f9a0c12de77-8c1f00aa
//     kind       invariant
//     message    "bob was shown the titles of alice"
//     trace      3f9a0c12de7701b5
//     # 214 choices, 2 of them not in plain order:
//     #   17  latency: store to pool  way 3 of 0-7
//     end
//
// The token brings the execution back; kind and trace say whether it is still the same; the comments are for
// readers. The last line is there so that a file of which the end was lost does not pass for a whole one.
//
// A case file comes from anywhere: a chat, a build's artefacts, a disk that was full. Reading one trusts
// nothing, and each thing that can be wrong with it is one sentence.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "finding.hpp"

namespace asyncio::sim::tool {

/// What a case file says.
struct CaseFile {
  std::string scenario = {};     ///< its name
  std::string token = {};        ///< brings the execution back
  std::string kind = {};         ///< of failure; "none" where it passed
  std::string message = {};      ///< of the failure
  std::uint64_t trace_hash = 0;  ///< of the whole trace
};

/// A case file as text.
///
/// \param deviations  for the comments
std::string case_file_text(const std::string& scenario, const RunResult& result,
                           const std::vector<Deviation>& deviations);

/// Writes it.
///
/// \throws UsageError  where the file cannot be written
void write_file(const std::string& path, const std::string& text);

/// Whether write_file() is likely to succeed: asked before a long search, not after it.
///
/// \throws UsageError  where the folder is not there or may not be written to
void check_writable(const std::string& path);

/// Reads a case file.
///
/// \throws MalformedToken  says in one sentence what is wrong with it
CaseFile read_case_file(const std::string& path);
/// The same for a text that was read already.
///
/// \param path  for the messages
CaseFile parse_case_file(const std::string& path, std::string_view text);

}  // namespace asyncio::sim::tool
