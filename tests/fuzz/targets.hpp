// targets.hpp: what is fuzzed: code that reads what somebody else has written.
//
// A target is a function of any bytes at all. It returns where our code has done right by them, and throws or crashes
// where it has not. libFuzzer looks for bytes that make it (`make fuzz`); what it has found, and some beginnings for it
// to build on, lie in corpus/, a folder a target. The tests run every target over its folder, so that nothing that was
// found once comes back, and without a second compiler.
//
//     tests/fuzz/corpus/tokens/* ──┬─ orrery_fuzz tokens ──► changes them, as long as it is let
//                                  └─ tool_tests ──────────► each as it is
#pragma once

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>

namespace asyncio::fuzz {

/// What a target throws.
class Wrong : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// \throws Wrong  with `what`, unless `right`
inline void expect(bool right, const std::string& what) {
  if (!right) throw Wrong(what);
}

void framing(std::string_view input);     ///< a StreamReader against a model of it, fed piece by piece
void addresses(std::string_view input);   ///< literals, socket addresses and paths, there and back
void tokens(std::string_view input);      ///< what people paste after --token
void case_files(std::string_view input);  ///< what people are sent
void tls(std::string_view input);         ///< records that a network cuts, keeps back, forges and cuts off

/// By name.
struct Target {
  std::string_view name;
  void (*run)(std::string_view input);
};
inline constexpr std::array<Target, 5> TARGETS{
    {{"framing", framing}, {"addresses", addresses}, {"tokens", tokens}, {"case_files", case_files}, {"tls", tls}}};

}  // namespace asyncio::fuzz
