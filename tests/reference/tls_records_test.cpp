// tls_records_test.cpp: records in pieces, late, cut off and forged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asyncio/asyncio.hpp>

#include "tests/reference/tls_pair.hpp"
#include "tests/reference/tls_records.hpp"

namespace asyncio {
namespace {

std::span<const std::uint8_t> as_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// J2
TEST(TlsRecords, MayComeByteByByte) {
  ScriptedLoop loop;
  TlsPair pair(loop);
  const auto trickle = [&](const TlsEnd& from, const TlsEnd& to) {
    for (const char byte : from.take_sent()) to.arrive(std::string(1, byte));
  };
  for (int i = 0; i < 4; ++i) {
    loop.turn(4);
    trickle(pair.client, pair.server);
    trickle(pair.server, pair.client);
  }
  pair.client.above->write("hello");
  trickle(pair.client, pair.server);
  EXPECT_THAT(pair.server.app->told, testing::ElementsAre("made", "data hello"));
}

// O2: whatever an honest network does with the pieces, each side gets everything.
TEST(TlsRecords, AreTheSameHoweverTheyAreCut) {
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    const std::string script = tls_record_script(seed, 150, false);
    ASSERT_EQ(drive_tls_records(as_bytes(script)), "") << "seed " << seed;
  }
}

// Whatever a hostile one does, nothing is made up, and everything ends.
TEST(TlsRecords, AreNeverTakenForOthersWhereTheyAreForged) {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    const std::string script = tls_record_script(seed, 80, true);
    ASSERT_EQ(drive_tls_records(as_bytes(script)), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace asyncio
