// case_files.cpp: case files, as text.
#include <string>

#include <nlohmann/json.hpp>

#include "simulator/tools/case_file.hpp"
#include "simulator/tools/quantities.hpp"
#include "tests/fuzz/targets.hpp"

namespace asyncio::fuzz {
namespace {

using namespace asyncio::sim;
using namespace asyncio::sim::tool;

std::string print(const CaseFile& file) {
  return "orrery-case 1\nscenario   " + file.scenario + "\ntoken      " + file.token + "\nkind       " + file.kind +
         "\nmessage    " + nlohmann::json(file.message).dump() + "\ntrace      " + hash_text(file.trace_hash) +
         "\nend\n";
}

}  // namespace

void case_files(std::string_view input) {
  CaseFile file;
  try {
    file = parse_case_file("f", std::string(input));
  } catch (const MalformedToken&) {
    return;
  }
  const std::string printed = print(file);
  expect(print(parse_case_file("f", printed)) == printed, "what was read is written as it can be read:\n" + printed);
}

}  // namespace asyncio::fuzz
