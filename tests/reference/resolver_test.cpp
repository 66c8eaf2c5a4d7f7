// resolver_test.cpp: literals, names, and the order in which addresses are tried. Rules: semantics.md S230 to S232.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netdb.h>
#include <netinet/in.h>

#include "reference/src/idna/idna.hpp"
#include "reference/src/resolver.hpp"
#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr AddressInfoOptions STREAM{.type = SOCK_STREAM};

/// "6a 4b": family and host of each, as the measurement of S232 writes them.
std::string order_of(std::vector<std::string> names, int count) {
  std::vector<AddressInfo> addresses;
  for (const std::string& name : names) {
    addresses.emplace_back();
    addresses.back().family = name[0] == '6' ? AF_INET6 : AF_INET;
    addresses.back().address = Address(name, 80);
  }
  std::string order;
  for (const auto& info : interleave_addrinfos(addresses, count))
    order += (order.empty() ? "" : " ") + info.address.host();
  return order;
}

// S232: the two measured orders.
TEST(InterleavedAddresses, AlternateByFamily) {
  EXPECT_EQ(order_of({"6a", "6b", "4a", "4b", "6c"}, 1), "6a 4a 6b 4b 6c");
  EXPECT_EQ(order_of({"6a", "6b", "4a", "4b", "6c"}, 2), "6a 6b 4a 6c 4b");
}

// S232: more than there are, or none.
TEST(InterleavedAddresses, LoseNone) {
  EXPECT_EQ(order_of({"4a", "6a"}, 9), "4a 6a");
  EXPECT_EQ(order_of({}, 1), "");
  EXPECT_EQ(order_of({"4a", "4b"}, 1), "4a 4b");
}

// S230.
TEST(ALiteralAddress, NeedsNoResolver) {
  const auto v4 = ipaddr_info({"127.0.0.1", 80}, STREAM);
  const auto v6 = ipaddr_info({"::1", 80, 5, 6}, STREAM);

  ASSERT_TRUE(v4 && v6);
  EXPECT_EQ(v4->family, AF_INET);
  EXPECT_EQ(v4->proto, IPPROTO_TCP);
  EXPECT_EQ(v6->family, AF_INET6);
  EXPECT_EQ(v6->address, Address("::1", 80, 5, 6));
}

// S230: a zone index, a name, a family that it is not of.
// In C, a name ends at a zero byte: "127.0.0.1\0.example.org" would be 127.0.0.1.
TEST(AName, HasNoZeroByteInIt) {
  const std::string name("127.0.0.1\0.example.org", 22);
  EXPECT_FALSE(ipaddr_info(Address(name, 80), {.type = SOCK_STREAM}));
  EXPECT_THROW(lookup_addresses(name, "80", {}), std::invalid_argument);
  EXPECT_THROW(lookup_addresses("localhost", std::string("80\0", 3), {}), std::invalid_argument);
  EXPECT_THROW(to_system(Address(name, 80), AF_INET), std::invalid_argument);
}

TEST(ALiteralAddress, IsNotEverythingThatLooksLikeOne) {
  EXPECT_FALSE(ipaddr_info({"fe80::1%lo", 80}, STREAM));
  EXPECT_FALSE(ipaddr_info({"localhost", 80}, STREAM));
  EXPECT_FALSE(ipaddr_info({"127.0.0.1", 80}, {.family = AF_INET6, .type = SOCK_STREAM}));
  EXPECT_FALSE(ipaddr_info({"127.1", 80}, STREAM));
  EXPECT_FALSE(ipaddr_info({"127.0.0.1", 80}, {}));
  EXPECT_FALSE(ipaddr_info({"", 80}, STREAM));
}

class TheResolver : public OnARealLoop {};

TEST_F(TheResolver, KnowsThisMachine) {
  run([] {
    const auto found = get_running_loop().getaddrinfo("localhost", "80", {.family = AF_INET, .type = SOCK_STREAM});
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().address, Address("127.0.0.1", 80));
  });
}

// As in Python, a port may be a number.
TEST_F(TheResolver, TakesANumberForAPort) {
  run([] {
    const auto found = get_running_loop().getaddrinfo("127.0.0.1", 443, {.type = SOCK_STREAM});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found.front().address, Address("127.0.0.1", 443));
  });
}

TEST_F(TheResolver, KnowsServicesAndNumbers) {
  run([] {
    const auto [host, service] = get_running_loop().getnameinfo({"127.0.0.1", 80}, NI_NUMERICHOST | NI_NUMERICSERV);
    EXPECT_EQ(host, "127.0.0.1");
    EXPECT_EQ(service, "80");
  });
}

// Python's socket.gaierror. A label of more than 63 letters is refused without asking anybody.
TEST_F(TheResolver, SaysWhichNameThereIsNot) {
  run([] {
    try {
      get_running_loop().getaddrinfo(std::string(70, 'x') + ".invalid", "80");
      FAIL();
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().category(), gaierror_category());
      EXPECT_THAT(error.what(), HasSubstr("xxx.invalid"));
    }
  });
}

// In any script, as Python: fullwidth digits are digits, and so this one needs nobody who answers.
TEST_F(TheResolver, EncodesANameInAnotherScript) {
  if (!knows_idna()) GTEST_SKIP() << "built without libidn2";
  run([] {
    const auto found = get_running_loop().getaddrinfo("\uff11\uff12\uff17.0.0.1", "80", {.type = SOCK_STREAM});
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().address, Address("127.0.0.1", 80));
  });
}

// CPython's codec "idna" says the same of all but what stands in brackets. What it knows not is asked for as it is.
TEST(AName, IsEncodedAsPythonDoes) {
  if (!knows_idna()) GTEST_SKIP() << "built without libidn2";
  EXPECT_EQ(encode_idna("A.Example"), "A.Example");
  EXPECT_EQ(encode_idna("::1"), "::1");
  EXPECT_EQ(encode_idna("b\u00fccher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(encode_idna("B\u00dcCHER\u3002example"), "xn--bcher-kva.example");
  EXPECT_EQ(encode_idna("stra\u00dfe.example"), "strasse.example");
  EXPECT_EQ(encode_idna("\u2603.example"), "xn--n3h.example");
  EXPECT_EQ(encode_idna("\u00fc."), "xn--tda.");
}

TEST(AName, IsRefusedWhereItCannotBeEncoded) {
  const auto refusal = [](const std::string& name) {
    return text_of<std::invalid_argument>([&] { encode_idna(name); });
  };
  if (!knows_idna()) {
    EXPECT_THAT(refusal("\u00fc.example"), HasSubstr("was built without libidn2"));
    return;
  }
  EXPECT_EQ(refusal("a..\u00fc"), "encoding with 'idna' codec failed: 'a..\u00fc' (label empty or too long)");
  EXPECT_EQ(refusal(".\u00fc"), "encoding with 'idna' codec failed: '.\u00fc' (label empty or too long)");
  EXPECT_THAT(refusal(std::string(70, 'x') + "\u00fc"), HasSubstr("'idna' codec failed"));
  EXPECT_THAT(refusal("\xff\xfe"), HasSubstr("string encoding error"));
  EXPECT_THAT(refusal(std::string("\u00fc\0x", 4)), HasSubstr("embedded null character"));
}

}  // namespace
}  // namespace asyncio
