// sockets_test.cpp: addresses as values, and socket handles of the operating system.
#include <asyncio/sockets.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <stdexcept>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "reference/src/system_socket.hpp"
#include "tests/reference/real_network.hpp"
#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

/// What an address is after the system had it.
Address there_and_back(const Address& address, int family) { return from_system(to_system(address, family)); }

TEST(AnAddress, IsShownAsUrlsShowIt) {
  EXPECT_EQ(Address("127.0.0.1", 80).to_string(), "127.0.0.1:80");
  EXPECT_EQ(Address("::1", 80).to_string(), "[::1]:80");
  EXPECT_EQ(Address("fe80::1", 80, 0, 2).to_string(), "[fe80::1%2]:80");
  EXPECT_EQ(Address::unix_path("/run/a").to_string(), "/run/a");
  EXPECT_EQ(Address::unix_path(std::string("\0name", 5)).to_string(), "@name");
}

TEST(AnAddress, RefusesAPortOrAFlowThatThereIsNot) {
  EXPECT_THROW(Address("h", -1), std::invalid_argument);
  EXPECT_THROW(Address("h", 65536), std::invalid_argument);
  EXPECT_THROW(Address("::1", 80, 1 << 20), std::invalid_argument);
}

// As a Python dict has them.
TEST(AnAddress, CanBeTheKeyOfAMap) {
  const std::map<Address, int> clients{{{"10.0.0.2", 1}, 2}, {{"10.0.0.1", 9}, 1}, {Address::unix_path("/a"), 3}};
  EXPECT_EQ(clients.at({"10.0.0.1", 9}), 1);
  EXPECT_EQ(clients.at(Address::unix_path("/a")), 3);
}

// What a call returns is gone at the end of its line. Its host may be needed for longer.
TEST(AnAddress, GivesAwayItsHostWhereItIsATemporary) {
  const auto& host = Address("a-name-that-is-too-long-for-a-string-without-memory", 80).host();
  const auto& path = Address::unix_path("/a/path/that/is/too/long/for/a/string/without/memory").path();
  EXPECT_EQ(host, "a-name-that-is-too-long-for-a-string-without-memory");
  EXPECT_EQ(path, "/a/path/that/is/too/long/for/a/string/without/memory");
}

TEST(AnAddress, ComesBackFromTheSystemAsItWas) {
  const Address abstract = Address::unix_path(std::string("\0a\0b", 4));
  EXPECT_EQ(there_and_back({"10.1.2.3", 65535}, AF_INET), Address("10.1.2.3", 65535));
  EXPECT_EQ(there_and_back({"fe80::1", 1, 77, 3}, AF_INET6), Address("fe80::1", 1, 77, 3));
  EXPECT_EQ(there_and_back(Address::unix_path("/run/a"), AF_UNIX), Address::unix_path("/run/a"));
  EXPECT_EQ(there_and_back(abstract, AF_UNIX), abstract);
  EXPECT_EQ(there_and_back(Address(), AF_UNIX), Address());  // no name, and not one of one zero byte
}

TEST(AnAddress, WithoutAHostIsEveryInterface) {
  EXPECT_EQ(there_and_back({"", 80}, AF_INET), Address("0.0.0.0", 80));
  EXPECT_EQ(there_and_back({"", 80}, AF_INET6), Address("::", 80));
}

TEST(AnAddress, OfTheLongestPathIsPossible) {
  const std::string longest(107, 'p');
  EXPECT_EQ(there_and_back(Address::unix_path(longest), AF_UNIX).path(), longest);
  EXPECT_EQ(text_of<std::system_error>([&] { to_system(Address::unix_path(longest + "p"), AF_UNIX); }).substr(0, 35),
            "AF_UNIX path too long: 108 bytes, w");
}

// A path that the system would cut off at its zero byte would be another file.
TEST(AnAddress, RefusesAPathWithAZeroByte) {
  EXPECT_THROW(to_system(Address::unix_path(std::string("/a\0b", 4)), AF_UNIX), std::invalid_argument);
}

TEST(ASocket, ClosesItsDescriptorOnce) {
  const std::size_t before = open_descriptors();
  {
    const Socket socket = open_socket(AF_INET, SOCK_STREAM, 0);
    const Socket copy = socket;
    EXPECT_EQ(open_descriptors(), before + 1);
    socket.close();
    copy.close();
    EXPECT_EQ(copy.fileno(), -1);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(ASocket, KnowsWhatItIs) {
  const Socket socket = open_socket(AF_INET, SOCK_STREAM, 0);

  EXPECT_EQ(socket.family(), AF_INET);
  EXPECT_EQ(socket.type(), SOCK_STREAM);
  EXPECT_EQ(socket.proto(), IPPROTO_TCP);
  socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
  EXPECT_NE(socket.getsockopt(IPPROTO_TCP, TCP_NODELAY), 0);
  EXPECT_EQ(errno_of([&] { socket.getpeername(); }), ENOTCONN);
}

TEST(ASocket, RefusesWhatIsNone) {
  EXPECT_EQ(errno_of([] { Socket::from_descriptor(-1); }), EBADF);
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(errno_of([&] { Socket::from_descriptor(file); }), ENOTSOCK);
  ::close(file);
  EXPECT_EQ(errno_of([] { Socket{}.family(); }), EBADF);
}

// S277.
TEST(AViewOfASocket, CannotCloseIt) {
  const Socket socket = open_socket(AF_INET, SOCK_STREAM, 0);
  const Socket view = view_of(socket);

  view.close();

  EXPECT_EQ(view.fileno(), socket.fileno());
  EXPECT_EQ(view.family(), AF_INET);
}

}  // namespace
}  // namespace asyncio
