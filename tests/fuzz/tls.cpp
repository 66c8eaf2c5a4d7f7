// tls.cpp: a TLS connection over a network that does with the records what the input says.
//
// tests/reference/tls_records.hpp has the network, and the promises that are checked. Keys and certificates are new in
// each process.
#include <cstdint>

#include "tests/fuzz/targets.hpp"
#include "tests/reference/tls_records.hpp"

namespace asyncio::fuzz {

void tls(std::string_view input) {
  const std::string problem = drive_tls_records({reinterpret_cast<const std::uint8_t*>(input.data()), input.size()});
  expect(problem.empty(), problem);
}

}  // namespace asyncio::fuzz
